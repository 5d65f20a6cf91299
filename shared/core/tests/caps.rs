//! Caps against an oracle that counts every window.

#![allow(clippy::expect_used, reason = "a test's helpers fail by panicking, as the test does")]

use proptest::prelude::*;
use recado_core::{
    caps::{Sent, Verdict, ask, with},
    config::{Cap, Config},
    identity::MessageId,
};

const HOUR_MS: i64 = 3_600_000;

fn caps(yaml: &str) -> Vec<Cap> {
    Config::parse(&format!("version: 1\nleadsquared: {{ plan: pro }}\ncaps: {yaml}\n")).expect("good").config.caps
}

fn id(number: i64) -> MessageId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(id)
}

#[test]
fn the_strictest_cap_says_when() {
    let caps = caps("[ { max: 1, every: 24h }, { max: 3, every: 7d } ]");
    let day_ms = 24 * HOUR_MS;
    let sent: Vec<Sent> = (0..3).map(|day| Sent { at_ms: day * day_ms, id: id(day) }).collect();
    assert_eq!(ask(&caps, &[], id(9), 5), Verdict::Pass { shadow: false });
    assert_eq!(ask(&caps, &sent[..1], id(9), day_ms - 1), Verdict::Hold(day_ms));
    assert_eq!(ask(&caps, &sent[..1], id(9), day_ms), Verdict::Pass { shadow: false });
    assert_eq!(ask(&caps, &sent, id(9), 3 * day_ms), Verdict::Hold(7 * day_ms));
}

#[test]
fn a_message_that_passes_again_counts_once_and_from_then() {
    let caps = caps("[ { max: 1, every: 24h } ]");
    let first = with(&caps, &[], Sent { at_ms: 0, id: id(0) });
    // Its request did not go out, and it comes again hours later.
    assert_eq!(ask(&caps, &first, id(0), 20 * HOUR_MS), Verdict::Pass { shadow: false });
    let again = with(&caps, &first, Sent { at_ms: 20 * HOUR_MS, id: id(0) });
    assert_eq!(again, [Sent { at_ms: 20 * HOUR_MS, id: id(0) }]);
    assert_eq!(ask(&caps, &again, id(1), 24 * HOUR_MS), Verdict::Hold(44 * HOUR_MS));
}

#[test]
fn a_cap_in_shadow_holds_nothing_and_says_so() {
    let caps = caps("[ { max: 1, every: 24h, shadow: true } ]");
    let sent = [Sent { at_ms: 0, id: id(0) }];
    assert_eq!(ask(&caps, &sent, id(1), 1), Verdict::Pass { shadow: true });
    assert_eq!(ask(&caps, &sent, id(1), 24 * HOUR_MS), Verdict::Pass { shadow: false });
}

proptest! {
    #[test]
    fn no_window_holds_more_than_any_cap_allows_and_none_is_wasted(
        max in (1_u32..5, 1_u32..8),
        hours in (1_u32..30, 30_u32..200),
        pauses_min in prop::collection::vec(0_i64..600, 1..150),
    ) {
        let caps = caps(&format!(
            "[ {{ max: {}, every: {}h }}, {{ max: {}, every: {}h }} ]", max.0, hours.0, max.1, hours.1
        ));
        let (mut now_ms, mut recent, mut all) = (0, Vec::new(), Vec::new());
        for (number, pause) in (0_i64..).zip(pauses_min) {
            now_ms += pause * 60_000;
            match ask(&caps, &recent, id(number), now_ms) {
                Verdict::Hold(until_ms) => {
                    prop_assert!(until_ms > now_ms);
                    // The stated instant is the first that would do.
                    prop_assert_eq!(ask(&caps, &recent, id(number), until_ms), Verdict::Pass { shadow: false });
                    prop_assert!(matches!(ask(&caps, &recent, id(number), until_ms - 1), Verdict::Hold(_)));
                }
                Verdict::Pass { .. } => {
                    recent = with(&caps, &recent, Sent { at_ms: now_ms, id: id(number) });
                    all.push(now_ms);
                }
            }
        }
        for cap in &caps {
            let every_ms = i64::try_from(cap.every_ms).expect("at most a year");
            for &from in &all {
                let inside = all.iter().filter(|at| (from..from + every_ms).contains(*at)).count();
                prop_assert!(inside <= cap.max as usize);
            }
        }
    }
}
