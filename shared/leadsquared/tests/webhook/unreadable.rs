//! Broken bodies: short errors, no panic, no value in the words.

use leadsquared::webhook::{self, WebhookError};
use proptest::prelude::*;

use super::samples::{ACTIVITY, CHANGED, CREATED, NOW_MS, one, parse};

#[test]
fn unreadable_bodies_give_short_errors_without_their_values() {
    let error = |body: &[u8]| webhook::parse(None, &[], body, NOW_MS).unwrap_err();
    assert_eq!(error(b" \r\n"), WebhookError::Empty);
    assert_eq!(error(b"{\"a\":\"\xff\"}"), WebhookError::NotUtf8 { at: 6 });
    let cut = error(br#"{"Phone":"11988887777","Fir"#);
    assert!(matches!(cut, WebhookError::NotJson { problem: "ends too early", line: 1, .. }), "{cut}");
    assert!(!cut.to_string().contains("8888"), "{cut}");
    let deep = error(format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    assert!(matches!(deep, WebhookError::NotJson { problem: "is nested too deeply", .. }), "{deep}");
    assert!(matches!(error(br#"{"a":1,}"#), WebhookError::NotJson { problem: "has a mistake", .. }));
    assert_eq!(error(b"42"), WebhookError::NotAnObject);
    assert_eq!(error(b"hello"), WebhookError::NotUnderstood);
}

#[test]
fn one_bad_element_loses_no_other() {
    let body = r#"[{"ProspectActivityId":"1","ActivityEvent":"x"},5,{"ProspectActivityId":"2","Data":7},null,
        {"After":3},{"ProspectActivityId":"3"}]"#;
    let changes = parse(&[], body);
    let seen: Vec<_> = changes.iter().map(|change| change.as_ref().map(|_| ()).map_err(|e| e.index)).collect();
    assert_eq!(seen, [Ok(()), Err(1), Err(2), Err(3), Err(4), Ok(())]);
    assert_eq!(changes[1].as_ref().unwrap_err().to_string(), "element 1 of the body is not an object");
    assert_eq!(parse(&[], "[]"), []);
}

#[test]
fn debug_prints_no_value_of_a_lead() {
    let printed = format!("{:?} {:?} {:?}", one(&[], CREATED), one(&[], ACTIVITY), one(&[], CHANGED));
    for value in ["Sachin", "11988887777", "Answered", "Engaged"] {
        assert!(!printed.contains(value), "{printed}");
    }
}

/// JSON made of words that have a meaning here, so that random bodies reach the readers.
fn body() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9{}\\[\\]\":]{0,12}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "Before",
        "After",
        "Current",
        "Lead",
        "Data",
        "ProspectID",
        "leadid",
        "ProspectActivityId",
        "ActivityEvent",
        "Attribute",
        "Key",
        "Value",
        "TaskId",
        "OpportunityEvent",
        "FirstName",
        "Event",
        "Fields",
        "LeadPropertyList",
        "RelatedProspectId",
        "RelatedEntity",
        "ActivityName",
        "ModifiedOn",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner.clone()), 0..5)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

fn query() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![(0..40_u8).prop_map(|n| n.to_string()), "[A-Za-z_.]{0,20}"];
    prop::collection::vec((prop::sample::select(vec!["event", "eventType", "x"]), value), 0..3)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), query in query()) {
        let _ = webhook::parse(Some("application/x-www-form-urlencoded"), &query, &bytes, NOW_MS);
    }

    #[test]
    fn no_text_panics(text in "[{}\\[\\]\",:=&%0-9a-zA-Z ]{0,120}", query in query()) {
        let _ = webhook::parse(None, &query, text.as_bytes(), NOW_MS);
    }

    #[test]
    fn no_shape_panics_and_a_list_keeps_its_length(value in body(), query in query()) {
        let parsed = webhook::parse(None, &query, value.to_string().as_bytes(), NOW_MS);
        if let (Some(list), Ok(changes)) = (value.as_array(), parsed) {
            prop_assert!(changes.len() == list.len() || changes.len() == 1);
        }
    }
}
