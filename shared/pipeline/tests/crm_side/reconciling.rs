//! Leads whose webhooks did not come.

use std::time::Duration;

use leadsquared::{NewWebhook, WebhookEvent};
use recado_pipeline::reconcile::{ReconcileReport, Reconciler, WebhookHealth};
use recado_simulators::leadsquared::Options;
use serde_json::json;

use super::{Installation, virtually};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard }
rules:
  - { id: welcome, on: lead.created, when: 'lead.Source == \"Site\"', sms: 'Oi' }
";

pub(crate) fn reconciler(installation: &Installation) -> Reconciler {
    let process = installation.process();
    Reconciler { ledger: process.ledger, crm: process.crm, intake: installation.intake(), world: process.world }
}

pub(crate) async fn look(installation: &Installation, reconciler: &Reconciler) -> ReconcileReport {
    reconciler.run(installation.time.now_ms() + 60_000).await.unwrap()
}

fn put(installation: &Installation, lead: &str, source: &str) {
    installation.put_lead(lead, &[("Source", source), ("Phone", "+55-11987654321")]);
}

#[test]
fn a_lead_whose_webhook_did_not_come_is_answered_once_and_others_are_not_answered_again() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let reconciler = reconciler(&installation);
        put(&installation, "before", "Site");
        tokio::time::sleep(Duration::from_mins(10)).await;
        let first = look(&installation, &reconciler).await;
        assert_eq!(
            first,
            ReconcileReport { calls: 1, ..ReconcileReport::default() },
            "it begins now, with the webhooks"
        );
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        put(&installation, "missed", "Site");
        put(&installation, "other", "Fair");
        put(&installation, "came", "Site");
        put(&installation, "ignored", "Fair");
        installation.put_lead("before", &[("City", "Recife")]);
        for (lead, source) in [("came", "Site"), ("ignored", "Fair")] {
            let created_on = installation.crm.vendor().leads().iter().find(|l| l.id == lead).unwrap().modified_ms;
            let body = json!({
                "ProspectID": lead, "Source": source, "Phone": "+55-11987654321",
                "CreatedOn": recado_core::writeback::crm_time(i64::try_from(created_on).unwrap()),
            });
            installation.post(&body).await;
        }
        // The lead's source changes later. The rule did not match the lead when it was created.
        put(&installation, "ignored", "Site");
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(look(&installation, &reconciler).await.calls, 0, "webhooks have two minutes to come");
        tokio::time::sleep(Duration::from_mins(2)).await;
        let report = look(&installation, &reconciler).await;
        assert_eq!(report, ReconcileReport { calls: 1, leads: 5, created: 4, missed: 2, changed: 0, messages: 1 });
        // The periods overlap: the same leads are seen again.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let again = look(&installation, &reconciler).await;
        assert_eq!((again.missed, again.messages), (0, 0));
        let leads: Vec<String> =
            installation.messages().await.into_values().map(|message| message.lead_id().to_owned()).collect();
        assert_eq!(leads.len(), 2);
        assert!(leads.contains(&"missed".to_owned()) && leads.contains(&"came".to_owned()));
        // Its webhook comes after all.
        let body = json!({ "ProspectID": "missed", "Source": "Site", "Phone": "+55-11987654321" });
        installation.post(&body).await;
        assert_eq!(installation.messages().await.len(), 2);
    });
}

#[test]
fn a_period_of_many_pages_is_read_to_its_end_and_again_where_it_failed() {
    virtually(async {
        let faults = recado_simulators::faults::Faults::of(["before-503@nth=2@RecentlyModified".parse().unwrap()]);
        let installation = Installation::new(CONFIG, Options { faults, ..Options::default() }).await;
        let reconciler = reconciler(&installation);
        look(&installation, &reconciler).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for number in 0..5_003 {
            put(&installation, &format!("l{number}"), if number % 1_000 == 0 { "Site" } else { "Fair" });
        }
        tokio::time::sleep(Duration::from_mins(5)).await;
        let until_ms = installation.time.now_ms() + 60_000;
        assert!(reconciler.run(until_ms).await.is_err(), "the second page");
        let report = look(&installation, &reconciler).await;
        assert_eq!((report.calls, report.created, report.messages), (2, 5_003, 6));
    });
}

#[test]
fn an_import_is_looked_at_in_periods_that_fit_into_memory() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let reconciler = reconciler(&installation);
        look(&installation, &reconciler).await;
        // Four hours, and 26,000 leads in the middle of them.
        tokio::time::sleep(Duration::from_mins(110)).await;
        for number in 0..26_000 {
            if number % 2_000 == 0 {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            put(&installation, &format!("l{number}"), if number % 1_000 == 0 { "Site" } else { "Fair" });
        }
        tokio::time::sleep(Duration::from_mins(110)).await;
        let (mut most, mut calls, mut messages) = (0, 0, 0);
        for _ in 0..12 {
            let report = look(&installation, &reconciler).await;
            (most, calls, messages) = (report.leads.max(most), calls + report.calls, messages + report.messages);
        }
        assert!((5_000..=25_000).contains(&most), "at most {most} leads at once");
        assert!(calls <= 20, "{calls} calls, where 6 would read it all at once");
        assert_eq!(messages, 26);
    });
}

#[test]
fn a_webhook_that_leadsquared_switched_off_is_known_within_the_hour() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let reconciler = reconciler(&installation);
        let make = async |event: WebhookEvent, url: &str, description: &str| {
            let crm = installation.process().crm;
            let permit = crm.permit(installation.time.now_ms() + 60_000).await.unwrap().unwrap();
            let (url, description) = (url.to_owned(), description.to_owned());
            let new = NewWebhook { event, url, description, headers: Vec::new(), activity_code: None };
            crm.with(permit).create_webhook(&new).await.unwrap()
        };
        make(WebhookEvent::LEAD_CREATED, "https://a.example/x/webhooks/leadsquared?event=3", "by hand").await;
        make(WebhookEvent::LEAD_UPDATED, "https://b.example/moved", "Recado: Lead_Post_Update").await;
        make(WebhookEvent::LEAD_CREATED, "https://c.example/hook", "somebody else's").await;
        let health = async || WebhookHealth::load(&installation.ledger).await.unwrap();
        assert_eq!(health().await, None);
        look(&installation, &reconciler).await;
        let begun = health().await.unwrap();
        assert_eq!(begun.switched_off, []);

        installation.crm.vendor().switch_off_webhooks();
        tokio::time::sleep(Duration::from_mins(59)).await;
        look(&installation, &reconciler).await;
        assert_eq!(health().await.as_ref(), Some(&begun), "at most once an hour");
        tokio::time::sleep(Duration::from_mins(2)).await;
        look(&installation, &reconciler).await;
        let events: Vec<String> = health().await.unwrap().switched_off.into_iter().map(|one| one.event).collect();
        assert_eq!(events, ["Lead_Post_Create", "Lead_Post_Update"]);
        assert_eq!(installation.calls_to("Webhook.svc/Retrieve"), 2);
    });
}
