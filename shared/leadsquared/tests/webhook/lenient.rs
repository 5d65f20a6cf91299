//! Bodies that break a rule but have one reading, and bodies with two readings, which are refused.

use leadsquared::webhook::{self, ActivityChange, BelongsTo, Change, TaskChange};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{NOW_MS, created, one, parse};

const ID: &str = "00000000-0000-4000-8000-00000000002a";
const OTHER: &str = "00000000-0000-4000-8000-00000000002b";
const NEW: &[(&str, &str)] = &[("event", "3")];

#[test]
fn half_an_emoji_in_one_lead_loses_no_other() {
    let body = r#"[{"ProspectID":"a","FirstName":"ANA"},{"ProspectID":"b","FirstName":"BIA\ud83d"},
        {"ProspectID":"c","FirstName":"CAIO"}]"#;
    let leads: Vec<_> = parse(NEW, body).into_iter().map(|change| created(change.unwrap())).collect();
    let names: Vec<_> = leads.iter().map(|lead| lead.fields.get("FirstName").unwrap()).collect();
    assert_eq!(names, ["ANA", "BIA\u{fffd}", "CAIO"]);
    let nested = json!({ "Lead": r#"{"ProspectID":"a","FirstName":"\ude00ANA"}"# }).to_string();
    assert_eq!(created(one(NEW, &nested)).fields.get("FirstName"), Some("\u{fffd}ANA"));
}

#[test]
fn raw_control_characters_inside_strings_are_taken() {
    for sign in ["\n", "\r\n", "\t", "\u{1}", "\u{1f}"] {
        let body = format!("{{\"ProspectID\":\"a\",\n\t\"Notes\":\"a{sign}b\"}}");
        assert_eq!(created(one(NEW, &body)).fields.get("Notes"), Some(format!("a{sign}b").as_str()));
    }
}

#[test]
fn entities_are_decoded_and_accents_composed_in_every_field() {
    let lead =
        json!({"ProspectID": "a", "FirstName": "D&#039;A\u{301}VILA", "mx_Set": {"mx_CustomObject_1": "R&amp;D"}});
    let pairs: Value =
        lead.as_object().unwrap().iter().map(|(name, value)| json!({"Attribute": name, "Value": value})).collect();
    for body in [lead.clone(), pairs, json!({ "Data": lead })] {
        let lead = created(one(NEW, &body.to_string()));
        assert_eq!(lead.fields.get("FirstName"), Some("D'ÁVILA"), "{body}");
        assert_eq!(lead.fields.get("mx_Set"), Some(r#"{"mx_CustomObject_1":"R&D"}"#), "{body}");
    }
    let activity =
        json!({"ProspectActivityId": "1", "RelatedProspectId": "a", "Data": {"Status": "N&atilde;o atendida"}});
    let Change::Activity { activity, .. } = one(&[], &activity.to_string()) else { panic!() };
    assert_eq!(activity.data.get("Status"), Some("Não atendida"));
}

#[test]
fn the_querys_entity_is_the_last_resort_for_the_leads_id() {
    let query = |id| [("event", "3"), ("entityId", id)];
    let anonymous = json!({"FirstName": "ANA", "Phone": "+55-11970000000"}).to_string();
    assert_eq!(created(one(&query(ID), &anonymous)).id.as_deref(), Some(ID));
    assert_eq!(created(one(&query("77"), &anonymous)).id, None, "it does not look like a lead's id");
    let named = json!({"ProspectID": OTHER}).to_string();
    assert_eq!(created(one(&query(ID), &named)).id.as_deref(), Some(OTHER));
    let activity = [("event", "2"), ("EntityID", ID)];
    let Change::Activity { activity, .. } = one(&activity, r#"{"ActivityName":"Visita"}"#) else { panic!() };
    assert_eq!(activity.lead_id.as_deref(), Some(ID));
    let two = format!("[{anonymous},{anonymous}]");
    assert!(parse(&query(ID), &two).into_iter().all(|change| created(change.unwrap()).id.is_none()), "whose is it?");
    let Change::Task { item, .. } = one(&[("event", "7"), ("entityId", ID)], r#"{"UserTaskId":"t"}"#) else { panic!() };
    assert_eq!(item.lead_id, None, "it may be the task's own");
}

#[test]
fn an_activitys_own_fields_are_found_in_each_place() {
    let own = json!({"mx_Custom_1": "A-77", "Status": "Active"});
    let pairs = json!([{"SchemaName": "mx_Custom_1", "Value": "A-77"}, {"Key": "Status", "Value": "Active"}]);
    let current = json!({"ProspectID": ID, "FirstName": "ANA", "mx_Custom_1": "A-77", "Status": "Active",
        "ActivityEvent": "212", "mx_Custom_Field": "the lead's"});
    let head = |more: Value| {
        let mut body = json!({"ProspectActivityId": "1", "RelatedProspectId": ID});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for body in [
        head(json!({"ActivityEvent": "212", "Data": own})),
        head(json!({"ActivityEvent": 212, "Fields": own})),
        head(json!({"ActivityEvent": "212", "Fields": pairs})),
        head(json!({"ActivityEvent": "212", "CustomFields": own})),
        head(json!({"ActivityEvent": "212.0", "Data": "", "mx_Custom_1": "A-77", "Status": "Active"})),
        head(json!({"Current": current})),
        head(json!({"Current": current.to_string(), "Data": {}, "Fields": []})),
        head(json!({"Data": {"Status": "Active"}, "Fields": {"Status": "other"}, "Current": current})),
    ] {
        let Change::Activity { activity, kind } = one(&[], &body.to_string()) else { panic!("{body}") };
        assert_eq!((kind, activity.code), (ActivityChange::Created, Some(212)), "{body}");
        let fields = (activity.data.get("mx_Custom_1"), activity.data.get("Status"));
        assert_eq!(fields, (Some("A-77"), Some("Active")), "{body}");
        assert!(!activity.data.contains("FirstName") && !activity.data.contains("mx_Custom_Field"), "{body}");
    }
}

#[test]
fn only_a_leads_task_names_a_lead() {
    let task = |related: Value| {
        let mut body = json!({"UserTaskId": "t", "RelatedEntityId": ID});
        if !related.is_null() {
            body["RelatedEntity"] = related;
        }
        match one(&[("event", "7")], &body.to_string()) {
            Change::Task { kind: TaskChange::Created, item } => (item.belongs_to, item.lead_id),
            other => panic!("{other:?}"),
        }
    };
    let lead = Some(ID.to_owned());
    for (related, belongs_to, lead_id) in [
        (json!(1), BelongsTo::Lead, &lead),
        (json!("1"), BelongsTo::Lead, &lead),
        (json!("Lead"), BelongsTo::Lead, &lead),
        (json!(null), BelongsTo::Unstated, &lead),
        (json!(5), BelongsTo::Opportunity, &None),
        (json!("5"), BelongsTo::Opportunity, &None),
        (json!("Opportunity"), BelongsTo::Opportunity, &None),
        (json!(0), BelongsTo::Nobody, &None),
        (json!(7), BelongsTo::Other, &None),
        (json!({"Id": 1}), BelongsTo::Other, &None),
    ] {
        assert_eq!(task(related.clone()), (belongs_to, lead_id.clone()), "{related}");
    }
    let told = json!({"UserTaskId": "t", "RelatedEntity": 5, "RelatedEntityId": OTHER, "RelatedProspectId": ID});
    let Change::Task { item, .. } = one(&[("event", "7")], &told.to_string()) else { panic!() };
    assert_eq!(item.lead_id.as_deref(), Some(ID), "the body itself names the lead");
}

#[test]
fn a_body_that_names_two_leads_is_of_neither() {
    for body in [
        json!({"ProspectActivityId": "1", "RelatedProspectId": ID, "Current": {"ProspectID": OTHER, "Phone": "11"}}),
        json!({"ProspectID": ID, "Lead": {"ProspectID": OTHER}}),
        json!({"Before": {"ProspectID": ID}, "After": {"ProspectID": OTHER}}),
    ] {
        let changes = parse(NEW, &body.to_string());
        assert_eq!(changes[0].as_ref().unwrap_err().problem, "names two leads", "{body}");
    }
    let same = json!({"ProspectID": ID.to_uppercase(), "Lead": {"ProspectID": ID}}).to_string();
    assert_eq!(created(one(NEW, &same)).id.as_deref(), Some(ID));
}

#[test]
fn what_cannot_be_read_names_its_lead() {
    let body = json!([{"Data": 7, "ProspectActivityId": "1", "RelatedProspectId": ID}, 5, [ID]]).to_string();
    let leads: Vec<_> = parse(&[], &body).into_iter().map(|change| change.unwrap_err().lead_id).collect();
    assert_eq!(leads, [Some(ID.to_owned()), None, None]);
    let cut = format!(r#"{{"FirstName":"Ana","ProspectID":"{ID}","Pho"#);
    assert!(webhook::parse(None, &[], cut.as_bytes(), NOW_MS).is_err());
    assert_eq!(webhook::lead_id_in(cut.as_bytes()).as_deref(), Some(ID));
}

proptest! {
    /// A name that went through any mixture of encodings gets one form, wherever it is in the body.
    #[test]
    fn one_name_has_one_form(name in "[A-ZÁÉÍÓÚÃÕÇÂÊÔ]{1,6}'[A-ZÁÉÍÓÚÃÕÇ]{1,6}", ways in prop::collection::vec(0..5_u8, 16)) {
        let written: String = name
            .chars()
            .zip(ways.iter().cycle())
            .map(|(sign, way)| match way {
                0 => format!("&#{};", u32::from(sign)),
                1 => format!("&#x{:x};", u32::from(sign)),
                2 => format!("&amp;#{:03};", u32::from(sign)),
                3 => decomposed(sign),
                _ => sign.to_string(),
            })
            .collect();
        let lead = created(one(NEW, &json!({"ProspectID": "a", "FirstName": written}).to_string()));
        prop_assert_eq!(lead.fields.get("FirstName"), Some(name.as_str()));
    }

    /// Half a pair or a control character at any place of any text changes nothing else.
    #[test]
    fn a_broken_sign_anywhere_changes_nothing_else(
        names in prop::collection::vec("[a-zçã ]{0,10}", 1..6),
        at in 0..6_usize,
        broken in prop::sample::select(vec!["\\ud83d", "\\udc00", "\n", "\t", "\u{b}"]),
    ) {
        let at = at % names.len();
        let leads: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(place, name)| {
                let sign = if place == at { broken } else { "" };
                format!("{{\"ProspectID\":\"{place}\",\"FirstName\":\"{name}{sign}\",\"Phone\":\"11\"}}")
            })
            .collect();
        let read: Vec<_> =
            parse(NEW, &format!("[{}]", leads.join(","))).into_iter().map(|change| created(change.unwrap())).collect();
        prop_assert_eq!(read.len(), names.len());
        for (lead, name) in read.iter().zip(&names) {
            let first = lead.fields.get("FirstName").unwrap();
            prop_assert!(first.starts_with(name.as_str()) && first.chars().count() <= name.chars().count() + 1);
            prop_assert_eq!(lead.fields.get("Phone"), Some("11"));
        }
    }
}

/// A letter and its accent as two characters.
fn decomposed(sign: char) -> String {
    const ACCENTS: [(char, &str); 12] = [
        ('Á', "A\u{301}"),
        ('É', "E\u{301}"),
        ('Í', "I\u{301}"),
        ('Ó', "O\u{301}"),
        ('Ú', "U\u{301}"),
        ('Ã', "A\u{303}"),
        ('Õ', "O\u{303}"),
        ('Ç', "C\u{327}"),
        ('Â', "A\u{302}"),
        ('Ê', "E\u{302}"),
        ('Ô', "O\u{302}"),
        ('Ü', "U\u{308}"),
    ];
    ACCENTS
        .iter()
        .find(|(composed, _)| *composed == sign)
        .map_or_else(|| sign.to_string(), |(_, two)| (*two).to_owned())
}
