//! Rules that need more of a lead's fields than the webhook carried.

use recado_core::message::{Message, State};
use recado_pipeline::{
    LeadCache,
    enrich::{EnrichReport, Enricher},
};
use recado_simulators::{faults::Faults, leadsquared::Options};
use serde_json::{Value, json};

use super::{Installation, virtually};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard, opt_out: { sms: mx_SMS_Opt_Out } }
rules:
  - { id: city, on: lead.created, when: 'lead.mx_City == \"Recife\"', sms: 'Oi {{ lead.FirstName }}' }
  - { id: plain, on: lead.changed, field: ProspectStage, sms: 'Oi {{ lead.FirstName }}' }
";
const AT: &str = "2026-11-23 11:59:50";

fn created(lead: &str) -> Value {
    json!({ "ProspectID": lead, "FirstName": "Ana", "Phone": "+55-11987654321", "CreatedOn": AT })
}

async fn installation(faults: Faults) -> Installation {
    let mx_fields = ["mx_City", "mx_SMS_Opt_Out"].map(str::to_owned).to_vec();
    Installation::new(CONFIG, Options { mx_fields, faults, ..Options::default() }).await
}

fn enricher(installation: &Installation) -> Enricher {
    let process = installation.process();
    Enricher {
        ledger: process.ledger,
        crm: process.crm,
        intake: installation.intake(),
        world: process.world,
        leads: LeadCache::default(),
    }
}

async fn complete(installation: &Installation, enricher: &Enricher) -> EnrichReport {
    enricher.run(installation.time.now_ms() + 60_000).await.unwrap()
}

async fn messages(installation: &Installation) -> Vec<Message> {
    installation.messages().await.into_values().collect()
}

#[test]
fn the_leads_of_all_that_wait_are_read_by_one_call() {
    virtually(async {
        let installation = installation(Faults::default()).await;
        for number in 0..40 {
            let (lead, city) = (format!("l{number}"), if number % 2 == 0 { "Recife" } else { "Natal" });
            installation.put_lead(&lead, &[("mx_City", city), ("FirstName", "Bia")]);
            installation.post(&created(&lead)).await;
        }
        assert_eq!(messages(&installation).await.len(), 0, "they wait");
        let enricher = enricher(&installation);
        let report = complete(&installation, &enricher).await;
        assert_eq!(report, EnrichReport { calls: 1, events: 40, messages: 20 });
        let text = |message: &Message| message.content.text().unwrap().expose().to_owned();
        assert!(
            messages(&installation).await.iter().all(|message| text(message) == "Oi Ana"),
            "what was delivered stays"
        );
        assert_eq!(complete(&installation, &enricher).await, EnrichReport::default(), "nothing waits any more");
    });
}

#[test]
fn a_redelivery_meets_its_own_row_whatever_the_lead_is_like_by_then() {
    virtually(async {
        let installation = installation(Faults::default()).await;
        let enricher = enricher(&installation);
        installation.put_lead("l", &[("mx_City", "Natal")]);
        // Without an instant, all fields in the delivery identify a change.
        let body = json!({
            "Before": { "ProspectID": "l", "ProspectStage": "New", "FirstName": "Ana" },
            "After": { "ProspectID": "l", "ProspectStage": "Open", "FirstName": "Ana" },
        });
        installation.put_lead("l", &[("Phone", "+55-11987654321")]);
        installation.post(&body).await;
        assert_eq!(complete(&installation, &enricher).await.messages, 1, "its phone was missing");
        installation.put_lead("l", &[("Phone", "+55-11987650000")]);
        installation.post(&body).await;
        assert_eq!(complete(&installation, &enricher).await, EnrichReport::default(), "it was decided on");
        installation.post(&created("l")).await;
        assert_eq!(complete(&installation, &enricher).await.messages, 0);
        installation.put_lead("l", &[("mx_City", "Recife")]);
        installation.post(&created("l")).await;
        complete(&installation, &enricher).await;
        assert_eq!(messages(&installation).await.len(), 1);
    });
}

#[test]
fn an_opt_out_is_read_anew_for_each_event() {
    virtually(async {
        let installation = installation(Faults::default()).await;
        let enricher = enricher(&installation);
        installation.put_lead("l", &[("mx_City", "Recife"), ("mx_SMS_Opt_Out", "0")]);
        installation.post(&created("l")).await;
        complete(&installation, &enricher).await;
        assert_eq!(messages(&installation).await[0].state, State::Pending);
        // A second later the lead has opted out. The webhook of another lead's creation still says otherwise.
        installation.put_lead("m", &[("mx_City", "Recife"), ("mx_SMS_Opt_Out", "1")]);
        let mut body = created("m");
        body["mx_SMS_Opt_Out"] = "0".into();
        installation.post(&body).await;
        complete(&installation, &enricher).await;
        let all = messages(&installation).await;
        let of_m = all.iter().find(|message| message.lead_id() == "m").unwrap();
        assert_eq!(of_m.state, State::Skipped);
        assert!(of_m.why.as_ref().unwrap().to_string().contains("mx_SMS_Opt_Out"));
    });
}

#[test]
fn what_cannot_be_read_waits_and_a_lead_that_is_not_there_does_not() {
    virtually(async {
        let faults = Faults::of(["before-503@first=2@ByIds".parse().unwrap()]);
        let installation = installation(faults).await;
        let enricher = enricher(&installation);
        installation.put_lead("l", &[("mx_City", "Recife")]);
        installation.post(&created("l")).await;
        installation.post(&created("nobody")).await;
        assert_eq!(complete(&installation, &enricher).await, EnrichReport { calls: 1, events: 0, messages: 0 });
        assert_eq!(complete(&installation, &enricher).await.calls, 0, "not before half a minute is over");
        for expected in [(1, 0, 0), (1, 2, 1)] {
            tokio::time::sleep(std::time::Duration::from_secs(31)).await;
            let report = complete(&installation, &enricher).await;
            assert_eq!((report.calls, report.events, report.messages), expected);
        }
        let events = installation.ledger.events().await.unwrap();
        assert_eq!(events.len(), 1, "the one without a lead says why");
        assert_eq!(events[0].lead_id.as_deref(), Some("nobody"));
    });
}
