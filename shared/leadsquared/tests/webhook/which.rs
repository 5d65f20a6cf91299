//! The event of a body: by the address, by its own words, by its times; and never by a guess.

use leadsquared::webhook::{ActivityChange, Change, ChangeKind, OpportunityChange, TaskChange};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{created, one};

const ID: &str = "00000000-0000-4000-8000-00000000002a";

/// A lead without any sign of what happened to it.
fn lead() -> Value {
    json!({"ProspectID": ID, "FirstName": "ANA", "Phone": "+55-11970000000", "ProspectStage": "Qualified"})
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn pairs(body: &Value) -> Value {
    body.as_object().unwrap().iter().map(|(name, value)| json!({"Attribute": name, "Value": value})).collect()
}

/// The same lead in the places where bodies hold it, with an event's name if one is given.
fn places(lead: &Value, event: Option<(&str, &str)>) -> Vec<Value> {
    let beside = |mut body: Value| {
        if let Some((name, word)) = event {
            body[name] = word.into();
        }
        body
    };
    let within = beside(lead.clone());
    vec![
        within.clone(),
        json!([within]),
        pairs(&within),
        json!([pairs(&within)]),
        json!(within.to_string()),
        json!({ "Lead": within }),
        json!({ "Data": within }),
        json!({ "LeadPropertyList": pairs(&within) }),
        beside(json!({ "Data": lead })),
        beside(json!({ "data": { "Lead": lead } })),
        beside(json!({ "Data": lead.to_string() })),
        beside(json!({ "Data": [lead] })),
        beside(json!({ "Data": { "LeadPropertyList": pairs(lead) } })),
        beside(json!({ "Lead": lead })),
        beside(json!({ "Lead": [lead] })),
        beside(json!({ "LeadFields": pairs(lead) })),
        beside(json!({ "LeadFields": lead })),
        beside(json!({ "LeadPropertyList": pairs(lead) })),
        beside(json!({ "Current": lead })),
        beside(json!({ "ProspectID": ID, "LeadFields": pairs(lead) })),
    ]
}

#[test]
fn a_lead_is_found_wherever_it_stands() {
    for body in places(&lead(), None) {
        let lead = created(one(&[("event", "3")], &body.to_string()));
        let found = (lead.id.as_deref(), lead.fields.get("FirstName"), lead.fields.get("Phone"));
        assert_eq!(found, (Some(ID), Some("ANA"), Some("+55-11970000000")), "{body}");
        assert!(
            matches!(one(&[], &body.to_string()), Change::Untold { lead_id: Some(id), is_named: false } if id == ID),
            "{body}"
        );
    }
}

#[test]
fn a_body_that_names_its_event_is_of_that_event_wherever_the_lead_stands() {
    for name in ["Event", "EventName", "event", "eventType", "event_type"] {
        for body in places(&lead(), Some((name, "StageChange"))) {
            let Change::LeadChanged { before, after, kind } = one(&[], &body.to_string()) else { panic!("{body}") };
            assert_eq!((before, kind), (None, ChangeKind::Stage), "{body}");
            assert_eq!(
                (after.id.as_deref(), after.fields.get("ProspectStage")),
                (Some(ID), Some("Qualified")),
                "{body}"
            );
        }
        for body in places(&lead(), Some((name, "Lead Created"))) {
            assert_eq!(created(one(&[], &body.to_string())).id.as_deref(), Some(ID), "{body}");
        }
        for body in places(&lead(), Some((name, "Webinar 2026"))) {
            let change = one(&[], &body.to_string());
            assert!(
                matches!(&change, Change::Untold { lead_id: Some(id), is_named: true } if id == ID),
                "{body}: {change:?}"
            );
        }
        for body in places(&lead(), Some((name, "Lead_Post_Delete"))) {
            let change = one(&[], &body.to_string());
            assert!(matches!(&change, Change::Other { lead_id: Some(id), .. } if id == ID), "{body}: {change:?}");
        }
    }
}

#[test]
fn the_address_comes_before_the_body_own_words() {
    let body = with(lead(), "Event", "StageChange").to_string();
    assert_eq!(created(one(&[("event", "lead.created")], &body)).id.as_deref(), Some(ID));
    let Change::LeadChanged { kind, .. } = one(&[("eventType", "Lead_Owner_Change")], &body) else { panic!() };
    assert_eq!(kind, ChangeKind::Owner);
}

#[test]
fn a_flat_lead_is_new_only_if_its_own_times_say_so() {
    let timed = |made: Value, edited: Value| with(with(lead(), "CreatedOn", made), "ModifiedOn", edited).to_string();
    // It comes at 2026-11-20 12:00:30.
    for (made, edited) in [
        ("2026-11-20 12:00:00", "2026-11-20 12:00:00"),
        ("2026-11-20 12:00:00", "2026-11-20 12:00:01"),
        ("2026-11-20 12:00:00.000", "2026-11-20 12:00:00"),
        ("2026-11-20T09:00:00-03:00", "2026-11-20T09:00:00-03:00"),
        ("11/20/2026 12:00:00 PM", "2026-11-20 12:00:00"),
        ("2026-11-20 11:00:30", "2026-11-20 11:00:30"),
        ("2026-11-20 12:05:30", "2026-11-20 12:05:30"),
    ] {
        assert_eq!(created(one(&[], &timed(made.into(), edited.into()))).id.as_deref(), Some(ID), "{made} {edited}");
    }
    for (made, edited) in [
        (json!("2026-11-20 12:00:00"), json!("2026-11-20 12:00:02")),
        (json!("2026-11-20 11:00:29"), json!("2026-11-20 11:00:29")),
        (json!("2026-11-20 12:05:31"), json!("2026-11-20 12:05:31")),
        (json!("2026-11-19 12:00:00"), json!("2026-11-20 12:00:00")),
        (json!("2025-11-20 12:00:00"), json!("2025-11-20 12:00:00")),
        (json!("2026-11-20 12:00:00"), json!(null)),
        (json!(null), json!("2026-11-20 12:00:00")),
        (json!("20/11/2026 12:00:00"), json!("20/11/2026 12:00:00")),
        (json!("today"), json!("today")),
        (json!(1_795_176_000), json!(1_795_176_000)),
    ] {
        let change = one(&[], &timed(made.clone(), edited.clone()));
        assert!(matches!(change, Change::Untold { .. }), "{made} {edited}: {change:?}");
    }
}

#[test]
fn what_belongs_to_a_lead_or_has_an_activitys_name_is_an_activity() {
    let related = json!({"RelatedProspectId": ID, "CampaignId": "77", "EmailAddress": "ana@exemplo.example"});
    let named = with(lead(), "ActivityName", "Visita");
    for (body, name) in [(&related, None), (&named, Some("Visita"))] {
        for body in [body.clone(), pairs(body), json!([body]), json!({ "Data": body }), json!(body.to_string())] {
            let Change::Activity { activity, kind } = one(&[], &body.to_string()) else { panic!("{body}") };
            assert_eq!((kind, activity.lead_id.as_deref()), (ActivityChange::Created, Some(ID)), "{body}");
            assert_eq!((activity.name.as_deref(), activity.code), (name, None), "{body}");
        }
    }
    let Change::Activity { activity, .. } = one(&[], &named.to_string()) else { panic!() };
    assert_eq!(activity.current.unwrap().fields.get("FirstName"), Some("ANA"));
    // The address says otherwise.
    assert_eq!(created(one(&[("event", "3")], &related.to_string())).id.as_deref(), Some(ID));
    let deleted = with(related, "Event", "Activity deleted");
    assert!(matches!(one(&[], &deleted.to_string()), Change::Other { .. }));
}

#[test]
fn tasks_and_opportunities_are_told_by_their_own_words_too() {
    let task = json!({"UserTaskId": "t", "Name": "Visita", "RelatedEntity": 1, "RelatedEntityId": ID});
    for (word, expected) in [
        ("Task Created", TaskChange::Created),
        ("TaskComplete", TaskChange::Completed),
        ("task.reminder", TaskChange::Reminder),
        ("Task updated", TaskChange::Updated),
    ] {
        for body in [with(task.clone(), "Event", word), json!({"eventType": word, "Data": task})] {
            let Change::Task { kind, item } = one(&[], &body.to_string()) else { panic!("{body}") };
            assert_eq!((kind, item.lead_id.as_deref(), item.id.as_deref()), (expected, Some(ID), Some("t")), "{body}");
        }
    }
    assert!(matches!(one(&[], &task.to_string()), Change::Task { kind: TaskChange::Unstated, .. }));
    let opportunity = json!({"ProspectOpportunityId": "o", "RelatedProspectId": ID, "Status": "Won"});
    let body = with(opportunity, "EventName", "Opportunity Stage Change");
    let Change::Opportunity { kind, item } = one(&[], &body.to_string()) else { panic!() };
    assert_eq!((kind, item.lead_id.as_deref()), (OpportunityChange::Stage, Some(ID)));
}

#[test]
fn a_change_without_before_is_no_creation_unless_the_address_says_so() {
    for before in [json!(null), json!(""), json!({})] {
        let body = json!({"Before": before, "After": lead()}).to_string();
        let Change::LeadChanged { before: told, after, .. } = one(&[("event", "6")], &body) else { panic!("{body}") };
        assert!(told.is_none_or(|before| before.fields.is_empty()), "{body}");
        assert_eq!(after.id.as_deref(), Some(ID));
    }
    let new = json!({"Before": null, "After": lead()}).to_string();
    assert_eq!(created(one(&[("event", "3")], &new)).id.as_deref(), Some(ID));
    let by_before = json!({"Before": {"ProspectID": ID}, "After": {"ProspectStage": "x"}}).to_string();
    let Change::LeadChanged { after, .. } = one(&[], &by_before) else { panic!() };
    assert_eq!(after.id.as_deref(), Some(ID));
}

/// Words of events' names, and some words that are in no name.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Lead",
        "Stage",
        "Activity",
        "Task",
        "Opportunity",
        "Change",
        "Changed",
        "Update",
        "Deleted",
        "Owner",
        "Field",
        "Webinar",
        "Form",
        "or",
        "Completed",
        "",
        "Score",
        "Reminder",
    ]);
    let separator = prop::sample::select(vec!["", " ", "_", ".", "-", " - ", "_Post_"]);
    prop::collection::vec((word, separator), 1..5)
        .prop_map(|words| words.into_iter().flat_map(|(word, separator)| [word, separator]).collect())
}

proptest! {
    /// For any event name in a body, and any place of the lead: if no word says that something is new, no lead is new.
    #[test]
    fn no_other_word_makes_a_lead_new(
        word in words(),
        name in prop::sample::select(vec!["Event", "EventName", "event", "eventType", "EVENT", "event_name"]),
        place in 0..20_usize,
        upper in any::<bool>(),
    ) {
        let word = if upper { word.to_uppercase() } else { word };
        let body = places(&lead(), Some((name, &word))).remove(place);
        let change = one(&[], &body.to_string());
        prop_assert!(!matches!(change, Change::LeadCreated { .. }), "{}: {:?}", body, change);
    }

    /// A lead whose times are not those of a write just now is never new by its times.
    #[test]
    fn no_old_lead_is_new(made in -400_000_000_000..400_000_000_000_i64, edited in -10_000..10_000_i64, place in 0..20_usize) {
        let now = super::samples::NOW_MS;
        let (made, edited) = (now - made, now - made + edited);
        let times = |ms| json!(leadsquared::format_time(ms));
        let lead = with(with(lead(), "CreatedOn", times(made)), "ModifiedOn", times(edited));
        let change = one(&[], &places(&lead, None).remove(place).to_string());
        let is_now = (now - made).abs() < 3_602_000 && (edited - made).abs() < 3_000;
        prop_assert!(is_now || matches!(change, Change::Untold { .. }), "{:?}", change);
    }
}
