//! The bodies LeadSquared posts by itself.

use leadsquared::webhook::{ActivityChange, Change, ChangeKind, OpportunityChange, TaskChange};

use crate::samples::{ACTIVITY, CHANGED, CREATED, created, one};

#[test]
fn a_flat_lead_is_a_new_one() {
    let lead = created(one(&[], CREATED));
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
    assert_eq!(deleted, Change::Other { what: "event LeadActivity_Post_Delete".into() });
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
    let expected = |kind| Change::Opportunity { kind, lead_id: Some("a".into()) };
    assert_eq!(one(&[], opportunity), expected(OpportunityChange::Unstated));
    assert_eq!(one(&[("event", "34")], opportunity), expected(OpportunityChange::Stage));
    let nested = r#"{"Before":{},"After":{"RelatedProspectId":"a","mx_Custom_2":"Won"}}"#;
    assert_eq!(one(&[("eventType", "Opportunity_Post_Update")], nested), expected(OpportunityChange::Updated));
    let task = one(&[("event", "Task_Reminder")], r#"{"UserTaskId":"t","RelatedEntityId":"a"}"#);
    assert_eq!(task, Change::Task { kind: TaskChange::Reminder, lead_id: Some("a".into()) });
    let landing = one(&[("event", "1")], r#"{"Lead":{"ProspectID":"a"},"Page":"p"}"#);
    let Change::LandingPage { lead_id, fields } = landing else { panic!("{landing:?}") };
    assert_eq!((lead_id.as_deref(), fields.get("Page")), (Some("a"), Some("p")));
    assert!(matches!(one(&[], r#"{"a":1}"#), Change::Other { .. }));
}
