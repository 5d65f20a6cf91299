//! A late answer: its sender already counted as dead, and could no longer write the answer to its message.

use std::sync::atomic::Ordering;

use recado_core::{message::State, reason::Reason, transition::BatchMove};
use recado_ledger::BatchChange;
use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::{faults::Faults, liguelead::Options};

use super::Bench;
use crate::support::fault;

const RULES: &str = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }\n";

fn refusal() -> Reason {
    Reason::Refused { status: 400, why: "no such phone".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_given_up_for_unknown_follows_its_batch_that_was_refused() {
    let options = Options { faults: Faults::of([fault("before-500@first=1@/sms")]), ..Options::default() };
    let bench = Bench::start(RULES, options).await;
    let written = bench.messages([1]);
    bench.write(&written).await;
    bench.sender.send_new(&[written[0].id], NO_DEADLINE_MS).await.unwrap();
    let unknown = bench.in_state(State::Unknown).await.remove(0);
    let change = BatchChange {
        why: Some(refusal()),
        ..BatchChange::new(unknown.batch.unwrap(), BatchMove::Refuse, bench.now_ms())
    };
    assert!(bench.ledger.move_batch(&change, "of the late one").await.unwrap());

    let wait_ms = i64::try_from(bench.config.send.unknown_after_ms).unwrap();
    bench.ahead_ms.fetch_add(wait_ms + 1, Ordering::Relaxed);
    bench.sweeper().sweep(0, NO_DEADLINE_MS).await.unwrap();
    let refused = bench.in_state(State::Refused).await.remove(0);
    assert_eq!(refused.why, Some(refusal()));
    assert_eq!((refused.due_ms, refused.history.no_callback_ms), (None, None), "nothing more is waited for");
}
