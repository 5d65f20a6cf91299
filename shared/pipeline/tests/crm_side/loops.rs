//! Recado's own changes, which come back as webhooks.

use leadsquared::LeadUpdate;
use recado_ledger::EventOutcome;
use recado_simulators::leadsquared::Options;
use serde_json::{Value, json};

use super::{Installation, virtually};

const CONFIG: &str = "version: 1
leadsquared:
  plan: standard
  integration_user: our-user
  activity: Our message
  write_back: { status: mx_Message_Status, at: mx_Message_At }
rules:
  - { id: any, on: lead.changed, sms: 'Oi' }
  - { id: activity, on: activity.created, sms: 'Oi' }
  - { id: edited, on: activity.updated, sms: 'Oi' }
";

fn changed(by: &str, field: &str) -> Value {
    let lead = |value: &str| {
        json!({
            "ProspectID": "l", "Phone": "+55-11987654321", "ModifiedBy": by, "ModifiedOn": "2026-11-23 11:59:00",
            field: value,
        })
    };
    json!({ "Before": lead("a"), "After": lead("b") })
}

fn activity(by: &str, name: &str) -> Value {
    json!([{
        "ProspectActivityId": "a", "RelatedProspectId": "l", "ActivityEvent": "206", "ActivityEventName": name,
        "CreatedBy": by, "CreatedOn": "2026-11-23 11:59:00", "Data": {}, "Current": { "Phone": "+55-11987654321" },
    }])
}

/// Posts a body, and returns why it became no message; `None` if it became one.
async fn why_not(body: Value) -> Option<String> {
    let installation = Installation::new(CONFIG, Options::default()).await;
    installation.post(&body).await;
    let events = installation.ledger.events().await.unwrap();
    assert_eq!(events.len() + installation.messages().await.len(), 1);
    events.into_iter().next().map(|event| {
        assert_eq!(event.outcome, EventOutcome::Ignored);
        event.why
    })
}

#[test]
fn echoes_are_known_by_their_user_by_their_activity_and_by_what_changed() {
    virtually(async {
        assert_eq!(why_not(changed("somebody", "City")).await, None);
        assert_eq!(why_not(activity("somebody", "Call")).await, None);
        let by_us = Some("made by the integration user".to_owned());
        assert_eq!(why_not(changed("our-user", "City")).await, by_us);
        assert_eq!(why_not(activity("our-user", "Call")).await, by_us);
        let ours = Some("the activity that Recado writes itself".to_owned());
        assert_eq!(why_not(activity("another-key", "Our message")).await, ours);
        let fields = Some("only fields changed that Recado writes itself".to_owned());
        for field in ["mx_Message_Status", "mx_Message_At"] {
            assert_eq!(why_not(changed("another-key", field)).await, fields);
        }
        // Opening and closing a lead changes its modification time, and nothing else.
        assert_eq!(why_not(changed("somebody", "NotableEvent")).await, Some("no field changed".to_owned()));
    });
}

#[test]
fn a_lead_is_written_without_starting_webhooks_or_automations() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        installation.put_lead("l", &[("FirstName", "Ana")]);
        let crm = installation.process().crm;
        let permit = crm.permit(installation.time.now_ms() + 10_000).await.unwrap().unwrap();
        let set = vec![("mx_Message_Status".to_owned(), "delivered".to_owned())];
        crm.with(permit).update_lead(&LeadUpdate { lead_id: "l".to_owned(), fields: set }).await.unwrap();
        let asked = installation.crm.queries();
        assert_eq!(asked, ["leadId=l&postUpdatedLead=false"]);
    });
}
