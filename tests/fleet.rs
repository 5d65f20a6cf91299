//! Two processes on one table, one account at each vendor, and far more work than the vendors' limits allow.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, shows its figures, and counts in small numbers"
)]

use std::{sync::Arc, time::Duration};

use recado_simulators::{leadsquared, record::Call};
use recado_table::EmbeddedTable;
use serde_json::Value;

use crate::support::{Installation, Lead, Setup, wait_for, wait_until};

const OWN_TEXTS: &str = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }\n";

/// Two processes that share a table, and both vendors of the first process.
async fn two(setup: Setup, table: Arc<EmbeddedTable>) -> (Installation, Installation) {
    let setup = setup.on_table(table, "fleet").await;
    let first = Installation::start(setup.clone()).await;
    let second = setup
        .variable("LIGUELEAD_BASE_URL", &first.liguelead.base_url())
        .variable("LEADSQUARED_BASE_URL", &first.leadsquared.base_url());
    let second = Installation::start(second).await;
    (first, second)
}

async fn post_all(installations: [&Installation; 2], leads: &[Lead]) {
    let bodies: Vec<Value> = leads.chunks(50).map(|leads| leads.iter().map(Lead::created).collect()).collect();
    let posts = bodies.iter().enumerate().map(|(place, body)| installations[place % 2].take(body));
    futures::future::join_all(posts).await;
}

fn throttled(calls: &[Call]) -> Vec<u64> {
    calls.iter().filter(|call| call.is_throttled()).map(|call| call.at_ms).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_the_allowed_requests_never_pass_ligueleads_rate() {
    const PER_MINUTE: usize = 240;
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let mut setup = Setup::new(OWN_TEXTS).and(&format!("liguelead: {{ requests_per_minute: {PER_MINUTE} }}\n"));
    setup.liguelead.requests_per_minute = PER_MINUTE as u64;
    let (first, second) = two(setup, table).await;
    let leads: Vec<Lead> = (1..=10 * PER_MINUTE as u32).map(Lead::new).collect();
    post_all([&first, &second], &leads).await;
    let enough = wait_for("a minute's requests and more", Duration::from_secs(150), async || {
        let received = first.liguelead.received();
        (received.campaigns.len() > PER_MINUTE + PER_MINUTE / 4).then_some(received)
    });
    let received = enough.await;
    assert_eq!(throttled(&received.calls), [] as [u64; 0], "no call was made that the vendor refused");
    assert!(received.most_calls_in_a_minute() <= PER_MINUTE);
    assert!(received.messages().values().all(|times| *times == 1));
    let full = received.most_calls_in_a_minute();
    println!("{full} of {PER_MINUTE} requests in the fullest minute, {} in all", received.campaigns.len());
    let usage = second.usage().await;
    let line = usage["limits"].as_array().unwrap().iter().find(|line| line["name"] == "LigueLead calls in 60 s");
    assert_eq!(line.unwrap()["limit"], PER_MINUTE, "nobody was taken for somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_leadsquared_teaches_one_process_is_kept_by_both() {
    const TRUE_LIMIT: u64 = 4;
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let mut setup = Setup::new(OWN_TEXTS);
    // Both processes are configured for far more than the account allows.
    setup.leadsquared = leadsquared::Options {
        calls_per_5s: Some(TRUE_LIMIT),
        bulk_calls_per_5s: 400,
        throttle: leadsquared::Throttle::Rotate,
        ..leadsquared::Options::default()
    };
    let (first, second) = two(setup, table).await;
    let leads: Vec<Lead> = (1..=200).map(Lead::new).collect();
    // The lead's own fields are written as well, and the vendor refuses the fields of an unknown lead.
    for lead in &leads {
        first.leadsquared.put_lead(&lead.id, [("FirstName", "x")]);
    }
    post_all([&first, &second], &leads).await;
    let told = wait_for("LeadSquared knows of all", Duration::from_mins(3), async || {
        let report = first.messages().await;
        (report.total == 200 && report.messages.iter().all(|message| message.crm_activity.is_some())).then_some(())
    });
    told.await;
    let received = first.leadsquared.received();
    let refusals = throttled(&received.calls);
    println!("{} calls, refused: {}", received.calls.len(), refusals.len());
    assert!(!refusals.is_empty(), "the limit was learnt somehow");
    let first_ms = refusals[0];
    // Requests that both processes had open at the first refusal are refused as well, and none after that.
    assert!(refusals.iter().all(|at_ms| *at_ms < first_ms + 1_000), "{refusals:?}");
    assert!(received.most_calls_in_5s() <= TRUE_LIMIT as usize);
    assert_eq!(first.leadsquared.activities().len(), 200, "each message has one activity");
    let usage = second.usage().await;
    // A refused bulk request does not say which of its windows was full, so either limit may have been learnt.
    let lines = usage["limits"].as_array().unwrap();
    let learnt: Vec<&Value> = lines.iter().filter(|line| line["learnt"]["calls"] == TRUE_LIMIT).collect();
    assert!(!learnt.is_empty(), "{lines:?}");
    for line in learnt {
        assert_eq!(line["limit"], TRUE_LIMIT);
        assert_eq!(line["notes"][0], format!("learnt: {TRUE_LIMIT} in 5 s"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_over_all_rules_and_both_processes() {
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let rules = "  - { id: one, on: lead.created, sms: \"Um, {{ lead.FirstName }}.\" }
  - { id: two, on: lead.created, sms: \"Dois, {{ lead.FirstName }}.\" }
  - { id: three, on: lead.created, sms: \"Três, {{ lead.FirstName }}.\" }
  - { id: shadow, on: lead.created, sms: \"Quatro.\", shadow: true }
  - { id: budget, on: lead.changed, field: ProspectStage, sms: \"Cinco.\", quota: { messages_per_day: 5 } }
";
    let caps = "caps: [ { max: 2, every: 24h }, { max: 1, every: 1h, shadow: true } ]\n";
    let (first, second) = two(Setup::new(rules).and(caps), table).await;
    let leads: Vec<Lead> = (1..=60).map(Lead::new).collect();
    post_all([&first, &second], &leads).await;
    let report = wait_until("two of three are delivered", async || {
        let report = first.messages().await;
        (report.in_state("delivered") == 120 && report.in_state("held") == 60).then_some(report)
    })
    .await;
    assert_eq!(report.in_state("skipped"), 60, "the rule in shadow was decided and not sent");
    for lead in &leads {
        let of_lead = report.of(&lead.id);
        assert_eq!(of_lead.iter().filter(|message| message.state == "delivered").count(), 2);
        let held = of_lead.iter().find(|message| message.state == "held").unwrap();
        assert!(held.why.as_ref().is_some_and(|why| why.contains("caps")), "{held:?}");
    }
    // A rule's own budget, for leads without messages so far.
    let others: Vec<Lead> = (101..=112).map(Lead::new).collect();
    for lead in &others {
        second.take(&lead.staged("New", "Won", "2026-11-20 13:00:00")).await;
    }
    wait_until("five of twelve are delivered", async || {
        let report = second.messages().await;
        let of_rule = |state: &str| {
            report.messages.iter().filter(|message| message.rule == "budget" && message.state == state).count()
        };
        (of_rule("delivered") == 5 && of_rule("held") == 7).then_some(())
    })
    .await;
}
