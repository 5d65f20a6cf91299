//! What waits by the hundred thousand holds up nothing that is urgent.

// Always true here; it tells the lints that the helpers are test code too.
#![cfg(test)]

#[path = "support/mod.rs"]
mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use recado_core::config::Config;
use recado_ledger::{Ledger, embedded_client};
use recado_table::EmbeddedTable;
use support::{Installation, Lead, Setup, messages_of, wait_for};

const MESSAGES: u32 = 100_000;
/// Messages that are written together.
const AT_ONCE: u32 = 2_500;
/// How long each part of it may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(10);

fn setup(rules: &str) -> Setup {
    let mut setup = Setup::new(rules);
    // The opt-out field is another test's matter, and so is the write-back, which goes at the smallest plan's pace.
    setup.config = setup.config.replace("  opt_out: { sms: mx_SMS_Opt_Out }\n", "");
    setup.config = setup
        .config
        .replace("calls_per_5s: 200", "calls_per_5s: 2")
        .replace("bulk_calls_per_5s: 2\n", "bulk_calls_per_5s: 1\n");
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_message_passes_a_backlog_of_a_hundred_thousand_low_ones() {
    const URGENT: &str = "Responda agora.";
    // Each low message has a text of its own, so that they take long.
    let rules = "  - { id: news, on: lead.created, sms: \"Novidades, {{ lead.FirstName }}.\", priority: low }
  - { id: alarm, on: lead.stage, sms: \"Responda agora.\", priority: urgent }
liguelead: { in_flight: 4, environments: 4 }
";
    let table = Arc::new(EmbeddedTable::scratch().await.unwrap());
    let mut setup = setup(rules).on_table(Arc::clone(&table), "backlog");
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    setup.liguelead.faults.latency_ms = 100;
    setup.schedule_s = 60;
    let config = Config::parse(&setup.config).unwrap().config;
    let ledger = Ledger::new(embedded_client(&table.endpoint_url()), "backlog", config.retention_ms);
    ledger.create_if_missing().await.unwrap();
    let begun = Instant::now();
    for first in (1..=MESSAGES).step_by(AT_ONCE as usize) {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let low = messages_of(&config, first..first + AT_ONCE, now_ms);
        assert_eq!(ledger.insert_messages(&low).await.unwrap().len(), AT_ONCE as usize);
    }
    let written = begun.elapsed();

    let started = Instant::now();
    let installation = Installation::start(setup).await;
    let taken = || installation.liguelead.received().campaigns.len();
    wait_for("the backlog is on its way", PATIENCE, async || (taken() > 10).then_some(())).await;
    let on_its_way = started.elapsed();
    let (before, posted) = (taken(), Instant::now());
    let lead = Lead::new(MESSAGES + 1);
    installation.take(&lead.staged("Prospect", "Customer", "2026-11-20 12:00:05")).await;
    let received = wait_for("the urgent one is taken", PATIENCE, async || {
        let received = installation.liguelead.received();
        received.campaigns.iter().any(|one| one.message == URGENT).then_some(received)
    })
    .await;
    let took = posted.elapsed();
    let at_ms = received.campaigns.iter().find(|one| one.message == URGENT).unwrap().at_ms;
    let passed = received.campaigns.iter().filter(|one| one.at_ms < at_ms).count() - before;
    println!(
        "{MESSAGES} low messages written in {written:.1?}, the first of them taken {on_its_way:.1?} after the start; an \
         urgent one was taken {took:.1?} after its webhook, after {passed} of them"
    );
    // Its wake-up gathers for a second, in which three requests at a time of 0.1 s go on.
    assert!(passed < 300, "{passed} went before it");
}
