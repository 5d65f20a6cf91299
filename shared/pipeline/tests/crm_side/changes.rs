//! Changes of watched fields whose webhooks did not come.

use std::time::Duration;

use recado_core::{message::Message, writeback::crm_time};
use recado_pipeline::reconcile::{ReconcileReport, Reconciler};
use recado_simulators::leadsquared::Options;
use serde_json::{Value, json};

use super::{
    Installation,
    reconciling::{look, reconciler},
    shared, virtually,
};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard, integration_user: robot }
rules:
  - { id: qualified, on: lead.stage, to: Qualified, sms: 'Oi {{ lead.FirstName }}, de {{ before.ProspectStage }}' }
  - { id: customer, on: lead.stage, from: Qualified, to: Customer, when: 'lead.City == \"Recife\"', sms: 'Boas-vindas' }
";
/// The time that webhooks have to come: two minutes.
const LAG: Duration = Duration::from_secs(125);

/// An installation whose reconciler has made its first run.
async fn begun(config: &str) -> (Installation, Reconciler) {
    let installation = Installation::new(config, Options::default()).await;
    let reconciler = reconciler(&installation);
    look(&installation, &reconciler).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    (installation, reconciler)
}

/// Edits a lead in LeadSquared without a webhook, and returns its `ModifiedOn`.
fn edit(installation: &Installation, lead: &str, fields: &[(&str, &str)]) -> String {
    let contact = [("Phone", "+55-11987654321"), ("FirstName", "Ana")];
    installation.put_lead(lead, &[&contact, fields].concat());
    crm_time(installation.time.now_ms())
}

fn webhook(lead: &str, (before, after): (&str, &str), at: &str) -> Value {
    let side = |stage: &str| {
        let mut side = json!({ "ProspectID": lead, "ProspectStage": stage, "ModifiedOn": at });
        for (name, value) in [("Phone", "+55-11987654321"), ("FirstName", "Ana"), ("City", "Recife")] {
            side[name] = json!(value);
        }
        side
    };
    json!({ "Before": side(before), "After": side(after) })
}

async fn messages(installation: &Installation) -> Vec<Message> {
    installation.messages().await.into_values().collect()
}

#[test]
fn a_change_whose_webhook_did_not_come_is_answered_once_also_if_it_comes_after_all() {
    virtually(async {
        let (installation, reconciler) = begun(CONFIG).await;
        edit(&installation, "old", &[("ProspectStage", "Qualified")]);
        edit(&installation, "new", &[("ProspectStage", "Fresh")]);
        tokio::time::sleep(LAG).await;
        let seen = look(&installation, &reconciler).await;
        assert_eq!(
            seen,
            ReconcileReport { calls: 1, leads: 2, ..ReconcileReport::default() },
            "nobody knows since when"
        );

        let changed_at = edit(&installation, "new", &[("ProspectStage", "Qualified")]);
        edit(&installation, "old", &[("City", "Olinda")]);
        tokio::time::sleep(Duration::from_secs(20)).await;
        // A second edit hides the instant of the first.
        edit(&installation, "new", &[("City", "Recife")]);
        tokio::time::sleep(LAG).await;
        let noticed = look(&installation, &reconciler).await;
        assert_eq!((noticed.changed, noticed.messages), (1, 1));
        let made = messages(&installation).await;
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].content.text().map(|text| text.expose()), Some("Oi Ana, de Fresh"));

        // The lead is listed again, in the period's overlap and after another edit. Its webhook comes as well.
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(look(&installation, &reconciler).await.messages, 0);
        installation.post(&webhook("new", ("Fresh", "Qualified"), &changed_at)).await;
        edit(&installation, "new", &[("City", "Olinda")]);
        tokio::time::sleep(LAG).await;
        let later = look(&installation, &reconciler).await;
        assert_eq!((later.changed, later.messages), (0, 0));
        assert_eq!(messages(&installation).await.len(), 1);
    });
}

#[test]
fn what_a_webhook_told_of_is_not_told_again_and_the_next_change_is_compared_with_it() {
    virtually(async {
        let (installation, reconciler) = begun(CONFIG).await;
        let at = edit(&installation, "a", &[("ProspectStage", "Qualified"), ("City", "Recife")]);
        installation.post(&webhook("a", ("Fresh", "Qualified"), &at)).await;
        tokio::time::sleep(LAG).await;
        assert_eq!(look(&installation, &reconciler).await.changed, 0);
        assert_eq!(messages(&installation).await.len(), 1);
        // No webhook announces the next change, which starts from the value in the first webhook.
        edit(&installation, "a", &[("ProspectStage", "Customer")]);
        tokio::time::sleep(LAG).await;
        let noticed = look(&installation, &reconciler).await;
        assert_eq!((noticed.changed, noticed.messages), (1, 1));
        let rules: Vec<String> = messages(&installation).await.into_iter().map(|message| message.rule).collect();
        assert!(rules.contains(&"customer".to_owned()), "{rules:?}");
    });
}

/// Why a change of stage without a webhook became no message, at this look and at the next one.
async fn why_not(config: &str, stage: &str) -> String {
    let (installation, reconciler) = begun(config).await;
    edit(&installation, "a", &[("ProspectStage", "Fresh")]);
    tokio::time::sleep(LAG).await;
    look(&installation, &reconciler).await;
    edit(&installation, "a", &[("ProspectStage", stage)]);
    tokio::time::sleep(LAG).await;
    let noticed = look(&installation, &reconciler).await;
    assert_eq!((noticed.changed, noticed.messages), (1, 0));
    edit(&installation, "a", &[("City", "Recife")]);
    tokio::time::sleep(LAG).await;
    let later = look(&installation, &reconciler).await;
    assert_eq!((later.changed, later.messages), (0, 0));
    let mut events = installation.ledger.events().await.unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0).why
}

#[test]
fn a_change_that_no_rule_wants_becomes_no_message_and_is_not_noticed_again() {
    virtually(async {
        let why = why_not(CONFIG, "Lost").await;
        assert_eq!(why.matches("changed from or to another value").count(), 2, "{why}");
    });
}

#[test]
fn a_change_that_the_integration_user_made_last_becomes_no_message() {
    virtually(async {
        let ours = CONFIG.replace("robot", &Options::default().user_id);
        assert_eq!(why_not(&ours, "Qualified").await, "made by the integration user");
    });
}

#[test]
fn two_looks_and_a_webhook_at_once_make_one_message() {
    virtually(async {
        let (installation, first) = begun(CONFIG).await;
        let second = reconciler(&installation);
        let leads: Vec<String> = (0..20).map(|number| format!("lead-{number}")).collect();
        for lead in &leads {
            edit(&installation, lead, &[("ProspectStage", "Fresh")]);
        }
        tokio::time::sleep(LAG).await;
        look(&installation, &first).await;
        let mut changed_at = String::new();
        for lead in &leads {
            changed_at = edit(&installation, lead, &[("ProspectStage", "Qualified")]);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        for lead in &leads {
            edit(&installation, lead, &[("City", "Recife")]);
        }
        tokio::time::sleep(LAG).await;
        let installation = shared(installation);
        let webhooks = async {
            for lead in &leads {
                let body = webhook(lead, ("Fresh", "Qualified"), &changed_at);
                // Three webhooks of one edit at once.
                tokio::join!(installation.post(&body), installation.post(&body), installation.post(&body));
            }
        };
        tokio::join!(look(&installation, &first), look(&installation, &second), webhooks);
        let made = messages(&installation).await;
        assert_eq!(made.len(), leads.len());
    });
}

#[test]
fn several_changes_of_one_lead_in_one_delivery_are_all_taken() {
    virtually(async {
        let (installation, reconciler) = begun(CONFIG).await;
        let first = edit(&installation, "a", &[("ProspectStage", "Qualified"), ("City", "Recife")]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = edit(&installation, "a", &[("ProspectStage", "Customer")]);
        // The case of an id means nothing, to LeadSquared and to its clients.
        let both = [webhook("a", ("Fresh", "Qualified"), &first), webhook("A", ("Qualified", "Customer"), &second)];
        installation.post(&json!(both)).await;
        let mut rules: Vec<String> = messages(&installation).await.into_iter().map(|message| message.rule).collect();
        rules.sort();
        assert_eq!(rules, ["customer", "qualified"]);
        tokio::time::sleep(LAG).await;
        assert_eq!(look(&installation, &reconciler).await.changed, 0, "the later one was seen last");
    });
}

#[test]
fn a_webhook_of_a_watched_field_costs_one_read_and_one_write_more_and_others_a_read() {
    virtually(async {
        let (installation, _) = begun(CONFIG).await;
        let count = || {
            let requests = installation.requests.lock().unwrap();
            let of = |operation: &str| requests.get(operation).copied().unwrap_or_default();
            (of("BatchGetItem"), of("BatchExecuteStatement"))
        };
        let at = edit(&installation, "a", &[("ProspectStage", "Qualified")]);
        let before = count();
        installation.post(&webhook("a", ("Fresh", "Qualified"), &at)).await;
        let first = count();
        assert_eq!((first.0 - before.0, first.1 - before.1), (1, 2), "what was seen, and the message");
        installation.post(&webhook("a", ("Fresh", "Qualified"), &at)).await;
        let again = count();
        assert_eq!((again.0 - first.0, again.1 - first.1), (1, 1), "nothing new was seen");
    });
}
