//! An event that comes again, late, or by another way makes no second message.

use serde_json::json;

use super::WELCOME;
use crate::support::{AUTHOR, Installation, Lead, Setup, wait_until};

const QUALIFIED: &str = "  - { id: qualified, on: lead.stage, to: Qualified, sms: \"A sua proposta está pronta.\" }
  - { id: customer, on: lead.stage, to: Customer, sms: \"O seu cadastro foi aprovado.\" }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_event_makes_no_second_message() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let lead = Lead::new(1);
    let body = lead.created();
    // At the same time, as when LeadSquared times out and tries again.
    futures::future::join_all((0..8).map(|_| installation.take(&body))).await;
    installation.comes_to(&lead.id, "delivered").await;
    // Long afterwards, in a list, as text, and with the lead's id in capitals.
    installation.take(&json!([body, body])).await;
    let (status, said) = installation.post_bytes("event=3", "text/plain", body.to_string()).await;
    assert_eq!((status, said["Status"].as_str()), (200, Some("Success")));
    installation.told().await;

    let report = installation.messages().await;
    assert_eq!(report.total, 1, "{report:?}");
    assert_eq!(installation.liguelead.received().messages().into_values().collect::<Vec<_>>(), [1]);
    assert_eq!(installation.leadsquared.activities().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_under_a_new_name_does_not_answer_again_what_it_answered_under_the_old_one() {
    let config =
        |names: &str| Setup::new(&format!("  - {{ {names}, on: lead.created, sms: \"Boas-vindas.\" }}\n")).config;
    let setup = Setup { config: config("id: welcome"), ..Setup::new("") };
    let mut installation = Installation::start(setup).await;
    let [known, new] = [1, 2].map(Lead::new);
    installation.take(&known.created()).await;
    installation.comes_to(&known.id, "delivered").await;

    installation.stop().await;
    installation.configure(&config("id: hello, was: welcome")).await;
    installation.take(&known.created()).await;
    installation.take(&new.created()).await;
    assert_eq!(installation.comes_to(&new.id, "delivered").await.rule, "hello");
    assert_eq!(installation.comes_to(&known.id, "delivered").await.rule, "welcome", "the only one, as it was sent");
    assert_eq!(installation.liguelead.received().messages().into_values().collect::<Vec<_>>(), [1, 1]);

    // Without `was` it is another rule with messages of its own.
    installation.stop().await;
    installation.configure(&config("id: hello")).await;
    installation.take(&known.created()).await;
    wait_until("it is sent again", async || (installation.messages().await.of(&known.id).len() == 2).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_edit_that_comes_by_three_kinds_of_webhook_makes_one_message() {
    let installation = Installation::start(Setup::new(QUALIFIED)).await;
    let lead = Lead::new(1);
    let body = lead.staged("Prospect", "Qualified", "2026-11-20 12:05:30").to_string();
    for query in ["event=lead.stage", "event=6", "eventType=Lead_Field_Change", ""] {
        let (status, said) = installation.post_bytes(query, "application/json", body.clone()).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{query}");
    }
    installation.comes_to(&lead.id, "delivered").await;
    assert_eq!(installation.messages().await.total, 1);
    assert_eq!(installation.liguelead.received().campaigns.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_that_come_in_the_wrong_order_make_one_message_each() {
    let installation = Installation::start(Setup::new(QUALIFIED)).await;
    let lead = Lead::new(1);
    let first = lead.staged("Prospect", "Qualified", "2026-11-20 12:05:30");
    let second = lead.staged("Qualified", "Customer", "2026-11-20 12:09:00");
    for body in [&second, &first, &second, &first] {
        installation.take(body).await;
    }
    let report = wait_until("both are delivered", async || {
        let report = installation.messages().await;
        (report.in_state("delivered") == 2).then_some(report)
    })
    .await;
    assert_eq!(report.total, 2);
    let received = installation.liguelead.received();
    let messages = received.messages();
    assert_eq!(messages.len(), 2);
    assert!(messages.into_values().all(|times| times == 1));

    // The same change, made again later, is another change.
    installation.take(&lead.staged("Prospect", "Qualified", "2026-11-23 08:00:00")).await;
    wait_until("it is delivered", async || (installation.messages().await.in_state("delivered") == 3).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_edits_and_edits_of_nothing_make_no_message() {
    let rules = "  - { id: any, on: lead.changed, sms: \"O seu cadastro mudou.\" }\n";
    let installation = Installation::start(Setup::new(rules)).await;
    let mut own = Lead::new(1).staged("Prospect", "Qualified", "2026-11-20 12:05:30");
    own["After"]["ModifiedBy"] = json!(AUTHOR);
    let mut nothing = Lead::new(2).staged("Prospect", "Prospect", "2026-11-20 12:05:30");
    nothing["Before"]["City"] = json!(null);
    nothing["After"]["City"] = json!("");
    for body in [&own, &nothing] {
        installation.take(body).await;
    }
    let report = installation.messages().await;
    assert_eq!(report.total, 0, "{report:?}");
    let ignored: Vec<_> = report.events.iter().filter(|event| event.outcome == "ignored").collect();
    assert_eq!(ignored.len(), 2, "{report:?}");
    // Another user's edit of the same lead is not ignored.
    let lead = Lead::new(1);
    installation.take(&lead.staged("Prospect", "Qualified", "2026-11-20 12:07:00")).await;
    installation.comes_to(&lead.id, "delivered").await;
}
