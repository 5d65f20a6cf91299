//! A sender that dies while it splits a refused request, again and again.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use recado_core::message::State;
use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::liguelead::Options;

use super::Bench;
use crate::support::{Lead, Random};

const RULES: &str = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }\n";
const PHONES: u32 = 120;
const BAD: [u32; 5] = [1, 2, 40, 77, 120];
/// Longer than every due time of a sender that may have died.
const STALE_MS: i64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dies_while_it_splits_a_request_sends_nothing_twice_and_fails_no_good_phone() {
    let mut random = Random::for_test("split");
    let mut options = Options::default();
    options.faults.latency_ms = 300;
    options.reject_phones = BAD.map(|number| Lead::new(number).phone).into();
    let bench = Bench::start(RULES, options).await;
    bench.write(&bench.messages(1..=PHONES)).await;
    let mut deaths = 0;
    for life in 0.. {
        bench.ahead_ms.fetch_add(STALE_MS, Ordering::Relaxed);
        let sweeper = bench.sweeper();
        let sweep = tokio::spawn(async move { sweeper.sweep(0, NO_DEADLINE_MS).await });
        if life < 12 {
            // At first before the first answer can have come, then later and later.
            tokio::time::sleep(Duration::from_millis(random.between(20, 150 + 100 * life))).await;
            deaths += u32::from(!sweep.is_finished());
            sweep.abort();
        }
        // The error means that the sweep was aborted.
        let _ = sweep.await;
        let mut open = 0;
        for state in [State::Pending, State::Held, State::Sending] {
            open += bench.in_state(state).await.len();
        }
        if open == 0 {
            break;
        }
        assert!(life < 40, "{open} messages come to no end");
    }
    let received = bench.vendor.received();
    assert!(received.messages().into_values().all(|times| times == 1), "nothing twice");
    let bad: BTreeSet<String> = BAD.map(|number| Lead::new(number).id).into();
    let refused = bench.in_state(State::Refused).await;
    assert!(refused.iter().all(|message| bad.contains(message.lead_id())), "no good phone is refused");
    let (accepted, unknown) = (bench.in_state(State::Accepted).await.len(), bench.in_state(State::Unknown).await.len());
    assert_eq!(accepted + unknown + refused.len(), PHONES as usize);
    let calls = received.calls.len();
    println!(
        "{deaths} deaths, {calls} calls: {accepted} accepted, {} of {} refused, {unknown} unknown",
        refused.len(),
        BAD.len()
    );
    assert!(deaths > 0, "it never died in its work");
}
