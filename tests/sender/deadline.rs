//! No request begins that could last past the deadline of its function.

use recado_core::message::State;
use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::liguelead::Options;

use super::Bench;

/// More messages than 2.5 s allow, at 50 requests at once of 0.4 s each.
const MESSAGES: u32 = 600;
const RULES: &str = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn with_less_time_left_than_a_call_may_take_nothing_begins_and_the_next_wake_up_goes_on() {
    let mut options = Options::default();
    options.faults.latency_ms = 400;
    let bench = Bench::start(RULES, options).await;
    let written = bench.messages(1..=MESSAGES);
    bench.write(&written).await;
    let ids: Vec<_> = written.iter().map(|message| message.id).collect();

    // A request may take 5 s.
    let report = bench.sender.send_new(&ids, bench.now_ms() + 4_900).await.unwrap();
    assert_eq!((report.requests, report.left), (0, u64::from(MESSAGES)));
    assert!(bench.vendor.received().calls.is_empty());
    assert_eq!(bench.in_state(State::Pending).await.len(), MESSAGES as usize, "as they were");

    // Time for some: 50 at once, 0.4 s each, and no new one in the last 5 s.
    let report = bench.sender.send_new(&ids, bench.now_ms() + 7_500).await.unwrap();
    assert!(report.requests >= 1 && report.left >= 1, "{report:?}");
    assert_eq!(report.accepted + report.left, u64::from(MESSAGES), "{report:?}");
    let report = bench.sender.send_new(&ids, NO_DEADLINE_MS).await.unwrap();
    assert_eq!(report.left, 0);
    let received = bench.vendor.received();
    assert_eq!(received.messages().len(), MESSAGES as usize);
    assert!(received.messages().into_values().all(|times| times == 1));
}
