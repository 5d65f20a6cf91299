//! What a webhook says about a lead before its change, and the last seen values where it says nothing.

use std::time::Duration;

use recado_ledger::{EventOutcome, EventRow};
use recado_simulators::leadsquared::Options;
use serde_json::{Value, json};

use super::{
    BEGIN_MS, Installation,
    reconciling::{look, reconciler},
    virtually,
};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard, integration_user: robot }
rules:
  - { id: proposal, on: lead.stage, to: Qualified, sms: 'Proposta' }
  - { id: from, on: lead.stage, from: Lost, to: Qualified, sms: 'Proposta de {{ before.ProspectStage }}' }
  - { id: price, on: lead.changed, field: mx_Price, sms: 'Valor {{ lead.mx_Price }}' }
";

fn lead(id: &str, stage: &str, second: i64) -> Value {
    json!({
        "ProspectID": id, "FirstName": "Ana", "Phone": "+55-11987654321", "ProspectStage": stage, "Score": second.to_string(),
        "ModifiedOn": recado_core::writeback::crm_time(BEGIN_MS + second * 1_000),
    })
}

/// The form of a body with an edited lead.
type Form = fn(Value) -> Value;

async fn texts(installation: &Installation) -> Vec<String> {
    let messages = installation.messages().await.into_values();
    let mut texts: Vec<String> = messages.map(|message| message.content.text().unwrap().expose().to_owned()).collect();
    texts.sort();
    texts
}

async fn rows(installation: &Installation) -> Vec<EventRow> {
    installation.ledger.events().await.unwrap()
}

#[test]
fn edits_of_something_else_are_no_change_of_a_stage_whose_earlier_value_is_not_known() {
    let forms: [(&str, Form); 6] = [
        ("6", |lead| lead),
        ("6", |lead| json!({ "Before": null, "After": lead })),
        ("6", |lead| json!({ "Before": { "ProspectID": lead["ProspectID"], "Score": "0" }, "After": lead })),
        ("26", |lead| json!({ "Data": lead })),
        ("Lead_Post_Update", |lead| json!([lead])),
        ("", |mut lead| {
            lead["Event"] = json!("Lead Updated");
            lead
        }),
    ];
    virtually(async {
        for (event, form) in forms {
            let installation = Installation::new(CONFIG, Options::default()).await;
            for second in [10, 20, 30] {
                installation.post_of(event, &form(lead("l", "Qualified", second))).await;
            }
            assert_eq!(texts(&installation).await, [""; 0], "{event}");
            let rows = rows(&installation).await;
            assert!(rows.iter().all(|row| row.outcome == EventOutcome::NoRule), "{rows:?}");
            assert!(rows.iter().any(|row| row.why.contains("does not say what ProspectStage was before")), "{rows:?}");
            assert!(rows.iter().any(|row| row.why.contains("ProspectStage did not change")), "{rows:?}");
            // The earlier value is known by now.
            installation.post_of(event, &form(lead("l", "Lost", 40))).await;
            for second in [50, 50, 60] {
                installation.post_of(event, &form(lead("l", "Qualified", second))).await;
            }
            assert_eq!(texts(&installation).await, ["Proposta", "Proposta de Lost"], "{event}: once");
        }
    });
}

#[test]
fn a_stages_own_event_tells_that_it_changed_and_is_believed_once() {
    virtually(async {
        for event in ["5", "lead.stage", ""] {
            let installation = Installation::new(CONFIG, Options::default()).await;
            for second in [10, 10, 20, 30] {
                let mut lead = lead("l", "Qualified", second);
                lead["Event"] = json!("StageChange");
                installation.post_of(event, &lead).await;
            }
            assert_eq!(texts(&installation).await, ["Proposta"], "{event}");
        }
    });
}

#[test]
fn a_creation_teaches_what_the_lead_was_and_the_list_agrees() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let reconciler = reconciler(&installation);
        look(&installation, &reconciler).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let mut new = lead("l", "New", 1);
        new["CreatedOn"] = new["ModifiedOn"].clone();
        installation.post_of("3", &new).await;
        installation.put_lead("l", &[("Phone", "+55-11987654321"), ("ProspectStage", "Qualified")]);
        let at = recado_core::writeback::crm_time(installation.time.now_ms());
        let mut changed = lead("l", "Qualified", 0);
        changed["ModifiedOn"] = json!(at);
        installation.post_of("6", &changed).await;
        assert_eq!(texts(&installation).await, ["Proposta"]);
        tokio::time::sleep(Duration::from_secs(125)).await;
        let looked = look(&installation, &reconciler).await;
        assert_eq!((looked.leads, looked.changed, looked.messages), (1, 0, 0), "{looked:?}");
        installation.post_of("6", &changed).await;
        assert_eq!(texts(&installation).await, ["Proposta"]);
    });
}

#[test]
fn what_says_too_little_or_cannot_be_read_is_kept_with_its_lead_and_the_address_to_use() {
    const ID: &str = "00000000-0000-4000-8000-00000000002a";
    virtually(async {
        for (event, body, lead_id, said) in [
            ("", json!({ "ProspectID": ID, "FirstName": "Ana" }), Some(ID), "?event=3"),
            ("", json!({ "Event": "Webinar", "ProspectID": ID }), Some(ID), "its own word"),
            ("", json!({ "UserTaskId": "t", "RelatedEntity": 1, "RelatedEntityId": ID }), Some(ID), "?event=7"),
            ("", json!({ "ProspectOpportunityId": "o", "RelatedProspectId": ID }), Some(ID), "?event=31"),
            ("", json!({ "a": 1 }), None, "?event=3"),
            ("3", json!({ "FirstName": "Ana" }), None, "it names no lead"),
            ("2", json!({ "ProspectActivityId": "a", "RelatedProspectId": ID, "Data": 7 }), Some(ID), "element 0"),
        ] {
            let installation = Installation::new(CONFIG, Options::default()).await;
            let answer = installation.answer_to(event, body.to_string().into_bytes()).await;
            assert!(answer.contains("1 of 1 not understood"), "{body}: {answer}");
            let rows = rows(&installation).await;
            assert_eq!(rows.len(), 1);
            assert_eq!((rows[0].outcome, rows[0].lead_id.as_deref()), (EventOutcome::NotUnderstood, lead_id), "{body}");
            assert!(rows[0].why.contains(said), "{body}: {}", rows[0].why);
            let counted = installation.ledger.not_understood(BEGIN_MS).await.unwrap();
            assert_eq!(counted.values().sum::<u64>(), 1);
        }
        let installation = Installation::new(CONFIG, Options::default()).await;
        installation.answer_to("3", format!("{{\"ProspectID\":\"{ID}\",\"FirstNa").into_bytes()).await;
        assert_eq!(rows(&installation).await[0].lead_id.as_deref(), Some(ID));
    });
}

#[test]
fn a_task_is_a_leads_an_opportunitys_or_nobodys() {
    const RULE: &str = "version: 1
leadsquared: { plan: standard }
rules:
  - { id: visit, on: task.created, sms: 'Visita, sala {{ task.mx_Custom_1 }}' }
";
    virtually(async {
        for (related, expected) in [(json!(1), None), (json!(5), Some("opportunity")), (json!(0), Some("nobody"))] {
            let installation = Installation::new(RULE, Options::default()).await;
            let task = json!({
                "UserTaskId": "t", "Name": "Visita", "RelatedEntity": related, "RelatedEntityId": "l",
                "CreatedOn": "2026-11-23 11:59:50", "CustomFields": { "mx_Custom_1": "Sala 2" },
                "Lead": { "Phone": "+55-11987654321" },
            });
            installation.post_of("7", &task).await;
            let rows = rows(&installation).await;
            match expected {
                None => assert_eq!(texts(&installation).await, ["Visita, sala Sala 2"]),
                Some(word) => assert!(rows.len() == 1 && rows[0].why.contains(word), "{rows:?}"),
            }
        }
    });
}

#[test]
fn a_body_that_is_too_large_leaves_a_row() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let large =
            format!("[{}{}]", "{\"ProspectID\":\"00000000-0000-4000-8000-00000000002a\"},", " ".repeat(7 << 20));
        let answer = installation.answer_to("2", large.into_bytes()).await;
        assert!(answer.contains("larger than 6291456 bytes"), "{answer}");
        let rows = rows(&installation).await;
        assert_eq!((rows.len(), rows[0].outcome), (1, EventOutcome::NotUnderstood));
        assert!(rows[0].lead_id.is_some());
    });
}
