//! Bodies composed in an automation, and forms.

use leadsquared::webhook::{self, Change};

use super::samples::{ACTIVITY, CREATED, NOW_MS, created, one};

#[test]
fn bodies_composed_in_an_automation_are_read() {
    for body in [
        r#"{"ProspectId":"a","FirstName":"Ana"}"#,
        r#"{"leadId":"a","FirstName":"Ana"}"#,
        r#"{"RelatedProspectId":"a","FirstName":"Ana"}"#,
        r#"[{"Attribute":"ProspectID","Value":"a"},{"Attribute":"FirstName","Value":"Ana"}]"#,
        r#"[[{"attribute":"leadid","value":"a"},{"attribute":"FirstName","value":"Ana"}]]"#,
        r#"{"Lead":{"ProspectID":"a","FirstName":"Ana"}}"#,
        r#"{"lead":[{"Attribute":"ProspectID","Value":"a"},{"Attribute":"FirstName","Value":"Ana"}]}"#,
        r#"{"Current":{"FirstName":"Ana"},"LeadId":"a"}"#,
        r#"{"Lead":"{\"ProspectID\":\"a\",\"FirstName\":\"Ana\"}"}"#,
        r#""{\"ProspectID\":\"a\",\"FirstName\":\"Ana\"}""#,
    ] {
        let lead = created(one(NEW, body));
        assert_eq!((lead.id.as_deref(), lead.fields.get("FirstName")), (Some("a"), Some("Ana")), "{body}");
    }
}

/// The query of the address that new leads are posted to.
const NEW: &[(&str, &str)] = &[("event", "3")];

#[test]
fn forms_are_read_by_content() {
    let encode = |fields: &[(&str, &str)]| -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    };
    let flat = created(one(NEW, &encode(&[("ProspectID", "a"), ("FirstName", "José & Ana=1"), ("Phone", "+55-11")])));
    assert_eq!(flat.fields.get("FirstName"), Some("José & Ana=1"));
    assert_eq!(flat.fields.get("Phone"), Some("+55-11"));
    for name in ["payload", "data-json", ""] {
        assert_eq!(created(one(NEW, &encode(&[(name, CREATED)]))).id.as_deref(), Some("a311"), "{name}");
    }
    let as_name: String = url::form_urlencoded::byte_serialize(CREATED.as_bytes()).collect();
    assert_eq!(created(one(NEW, &as_name)).id.as_deref(), Some("a311"));
    let list = one(&[], &encode(&[("payload", ACTIVITY)]));
    assert!(matches!(list, Change::Activity { .. }), "{list:?}");
    let parts =
        encode(&[("Before", r#"{"ProspectID":"a","Score":"1"}"#), ("After", r#"{"ProspectID":"a","Score":"2"}"#)]);
    let Change::LeadChanged { before, after, .. } = one(&[], &parts) else { panic!() };
    assert_eq!(before.unwrap().fields.get("Score"), Some("1"));
    assert_eq!(after.fields.get("Score"), Some("2"));
    let lead = encode(&[("Lead", r#"{"ProspectID":"a"}"#)]);
    assert_eq!(created(one(NEW, &lead)).id.as_deref(), Some("a"));
    let activity = encode(&[("ProspectActivityId", "1"), ("ActivityEvent", "206"), ("Data", r#"{"Status":"x"}"#)]);
    let Change::Activity { activity, .. } = one(&[], &activity) else { panic!() };
    assert_eq!((activity.code, activity.data.get("Status")), (Some(206), Some("x")));
}

#[test]
fn json_is_read_under_any_content_type() {
    let query = [("event".to_owned(), "lead.created".to_owned())];
    for kind in ["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "x"] {
        let body = format!("\u{feff} {CREATED}\n");
        let changes = webhook::parse(Some(kind), &query, body.as_bytes(), NOW_MS).unwrap();
        assert!(matches!(changes[..], [Ok(Change::LeadCreated { .. })]), "{kind}: {changes:?}");
    }
}
