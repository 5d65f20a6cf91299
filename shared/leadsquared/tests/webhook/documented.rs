//! The bodies LeadSquared posts by itself.

use leadsquared::webhook::{ActivityChange, Change, ChangeKind, OpportunityChange, TaskChange};

use super::samples::{ACTIVITY, CHANGED, CREATED, created, one};

#[test]
fn a_flat_lead_under_a_creations_event_is_a_new_one() {
    let lead = created(one(&[("event", "3")], CREATED));
    assert_eq!(lead.id.as_deref(), Some("a311"));
    assert_eq!(lead.fields.get("mx_City"), Some(""));
    assert!(lead.fields.contains("Phone") && lead.fields.get("Phone").is_none());
}

#[test]
fn before_and_after_are_a_change_whatever_the_address_says() {
    for (query, expected) in [
        (vec![], ChangeKind::Unstated),
        (vec![("event", "5")], ChangeKind::Stage),
        (vec![("eventType", "Lead_Field_Change"), ("secret", "x")], ChangeKind::Field),
        (vec![("event", "lead.created")], ChangeKind::Unstated),
        (vec![("eventType", "Lead_Post_Merge")], ChangeKind::Unstated),
    ] {
        for body in [CHANGED.to_owned(), format!("[{CHANGED}]")] {
            let Change::LeadChanged { before, after, kind } = one(&query, &body) else { panic!("{query:?}") };
            assert_eq!(kind, expected);
            assert_eq!(before.unwrap().fields.get("ProspectStage"), Some("Fresh"));
            assert_eq!(after.id.as_deref(), Some("a1"));
            assert_eq!(after.fields.get("ProspectStage"), Some("Engaged"));
        }
    }
}

#[test]
fn a_flat_lead_under_a_changes_event_has_no_before() {
    let Change::LeadChanged { before, after, kind } = one(&[("event", "lead.stage")], CREATED) else { panic!() };
    assert_eq!((before, kind), (None, ChangeKind::Stage));
    assert_eq!(after.id.as_deref(), Some("a311"));
}

#[test]
fn a_deleted_lead_does_not_pass_for_a_new_one() {
    for (query, body) in [("eventType", CREATED), ("event", CREATED), ("event", r#"{"Before":{"ProspectID":"a"}}"#)] {
        let change = one(&[(query, "Lead_Post_Delete")], body);
        assert!(matches!(change, Change::Other { .. }), "{change:?}");
    }
    let user = r#"{"Before":{"Name":"a"},"After":{"Name":"b"}}"#;
    assert!(matches!(one(&[("eventType", "User_Post_Update")], user), Change::Other { .. }));
    let deleted = one(&[("eventType", "LeadActivity_Post_Delete")], ACTIVITY);
    let lead_id = Some("48ad".to_owned());
    assert_eq!(deleted, Change::Other { what: "event LeadActivity_Post_Delete".into(), lead_id });
}

#[test]
fn activities_come_as_a_list_with_or_without_the_lead() {
    let Change::Activity { activity, kind } = one(&[], ACTIVITY) else { panic!() };
    assert_eq!(kind, ActivityChange::Created);
    assert_eq!(activity.id.as_deref(), Some("292b"));
    assert_eq!(activity.lead_id.as_deref(), Some("48ad"));
    assert_eq!(activity.code, Some(22));
    assert_eq!(activity.name.as_deref(), Some("Outbound Phone Call Activity"));
    assert_eq!(activity.created_by.as_deref(), Some("7fb8"));
    assert_eq!(activity.data.get("mx_Custom_3"), Some("73"));
    assert_eq!(activity.current.unwrap().fields.get("FirstName"), Some("Ana"));

    let bare = r#"{"prospectactivityid":7,"ActivityEvent":206,"Data":[{"Key":"Status","Value":true}],
        "Current":{"ProspectID":"c"}}"#;
    let Change::Activity { activity, kind } = one(&[("eventType", "SalesActivity_Post_Update")], bare) else {
        panic!()
    };
    assert_eq!(kind, ActivityChange::Updated);
    assert_eq!((activity.id.as_deref(), activity.code), (Some("7"), Some(206)));
    assert_eq!(activity.lead_id.as_deref(), Some("c"), "from Current");
    assert_eq!(activity.data.get("Status"), Some("true"));

    let only_lead = one(&[("event", "activity.created")], r#"{"ProspectID":"a","FirstName":"Ana"}"#);
    let Change::Activity { activity, .. } = only_lead else { panic!() };
    assert_eq!(activity.current.unwrap().fields.get("FirstName"), Some("Ana"));
}

#[test]
fn opportunities_tasks_and_landing_pages_are_recognised() {
    let opportunity = r#"{"ProspectOpportunityId":"o","RelatedProspectId":"a","OpportunityEvent":12000}"#;
    let of = |query: &[(&str, &str)], body| match one(query, body) {
        Change::Opportunity { kind, item } => (kind, item),
        other => panic!("{other:?}"),
    };
    let (kind, item) = of(&[], opportunity);
    assert_eq!(
        (kind, item.id.as_deref(), item.lead_id.as_deref()),
        (OpportunityChange::Unstated, Some("o"), Some("a"))
    );
    assert_eq!(item.fields.get("OpportunityEvent"), Some("12000"));
    assert_eq!(of(&[("event", "34")], opportunity).0, OpportunityChange::Stage);
    let nested =
        r#"{"Before":{},"After":{"RelatedProspectId":"a","mx_Custom_2":"Won","ModifiedOn":"2026-11-22 10:00:00"}}"#;
    let (kind, item) = of(&[("eventType", "Opportunity_Post_Update")], nested);
    assert_eq!((kind, item.lead_id.as_deref()), (OpportunityChange::Updated, Some("a")));
    assert_eq!(
        (item.fields.get("mx_Custom_2"), item.modified_on.as_deref()),
        (Some("Won"), Some("2026-11-22 10:00:00"))
    );
    let apart = r#"{"ProspectOpportunityId":"o","Data":{"Status":"Open"},"Fields":[{"SchemaName":"mx_Custom_1","Value":"x"}],
        "Current":{"ProspectID":"a","Phone":"11"}}"#;
    let (_, item) = of(&[("event", "31")], apart);
    assert_eq!((item.fields.get("Status"), item.fields.get("mx_Custom_1")), (Some("Open"), Some("x")));
    assert_eq!((item.fields.contains("Current"), item.fields.contains("Data")), (false, false));
    assert_eq!(item.lead.unwrap().fields.get("Phone"), Some("11"));
    let task = r#"{"UserTaskId":"t","RelatedEntityId":"a","Name":"Ligar","CompletedOn":"2026-11-22 10:00:00"}"#;
    let Change::Task { kind, item } = one(&[("event", "Task_Complete")], task) else { panic!() };
    assert_eq!((kind, item.id.as_deref(), item.lead_id.as_deref()), (TaskChange::Completed, Some("t"), Some("a")));
    assert_eq!((item.fields.get("Name"), item.modified_on.as_deref()), (Some("Ligar"), Some("2026-11-22 10:00:00")));
    let landing = one(&[("event", "1")], r#"{"Lead":{"ProspectID":"a"},"Page":"p"}"#);
    let Change::LandingPage { item } = landing else { panic!("{landing:?}") };
    assert_eq!((item.lead_id.as_deref(), item.fields.get("Page")), (Some("a"), Some("p")));
    let form = one(&[("event", "1")], r#"{"ProspectID":"a","FirstName":"Ana"}"#);
    let Change::LandingPage { item } = form else { panic!("{form:?}") };
    assert_eq!(item.lead.unwrap().fields.get("FirstName"), Some("Ana"));
    assert!(matches!(one(&[], r#"{"a":1}"#), Change::Untold { .. }));
}
