//! What goes wrong in a schedule, and how often.

use fastrand::Rng;

use super::scenario::{one_in, pick};

/// The probabilities of each trouble, per step, request or delivery.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    pub(super) crash: f64,
    pub(super) stall: f64,
    pub(super) store_refuses: f64,
    pub(super) store_loses_answer: f64,
    pub(super) store_applies_late: f64,
    pub(super) store_takes_part: f64,
    pub(super) store_slow: f64,
    pub(super) index_lags: f64,
    pub(super) vendor_not_reached: f64,
    pub(super) vendor_turns_away: f64,
    pub(super) vendor_refuses: f64,
    pub(super) vendor_loses_answer: f64,
    pub(super) vendor_fails_after: f64,
    pub(super) vendor_slow: f64,
    pub(super) wake_up_lost: f64,
    pub(super) twice: f64,
    pub(super) report_lost: f64,
    /// Periods in which the store's answers are nearly always lost, in ms since the beginning.
    pub(super) outages: Vec<(i64, i64)>,
}

impl Weather {
    pub(super) fn draw(rng: &mut Rng, storm_ms: i64) -> Self {
        if one_in(rng, 10) {
            return Self::default();
        }
        // Each kind of trouble is absent, rare or common, so that schedules differ in their subjects.
        let mut some = |rare: f64, common: f64| pick(rng, &[0.0, rare, rare, common]);
        let mut weather = Self {
            crash: some(0.003, 0.02),
            stall: some(0.002, 0.02),
            store_refuses: some(0.01, 0.08),
            store_loses_answer: some(0.01, 0.08),
            store_applies_late: some(0.005, 0.03),
            store_takes_part: some(0.05, 0.3),
            store_slow: some(0.01, 0.05),
            index_lags: some(0.02, 0.3),
            vendor_not_reached: some(0.05, 0.3),
            vendor_turns_away: some(0.05, 0.3),
            vendor_refuses: some(0.02, 0.1),
            vendor_loses_answer: some(0.1, 0.4),
            vendor_fails_after: some(0.05, 0.3),
            vendor_slow: some(0.05, 0.3),
            wake_up_lost: some(0.1, 0.5),
            twice: some(0.1, 0.4),
            report_lost: some(0.1, 0.5),
            outages: Vec::new(),
        };
        for _ in 0..rng.usize(0..=2) {
            // Half of them begin when many messages are under way.
            let from_ms = if one_in(rng, 2) { storm_ms / 4 + rng.i64(0..5_000) } else { rng.i64(0..storm_ms) };
            weather.outages.push((from_ms, from_ms + pick(rng, &[2_000, 20_000, 200_000])));
        }
        weather
    }
}
