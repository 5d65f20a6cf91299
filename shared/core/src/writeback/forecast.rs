//! How many requests a backlog takes, and when its last row is written: the plan itself, simulated to its end.

use super::{Allowance, Backlog, DAY_MS, LINGER_MS};

/// The cost of a backlog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Rows that wait.
    pub rows: u64,
    /// Bulk requests.
    pub bulk_calls: u64,
    /// Single requests, look-ups included.
    pub single_calls: u64,
    /// How long until the last request starts, in ms.
    pub lasts_ms: i64,
}

/// Simulates `backlog` to its end, starting at `now_ms`, as if no rows were added and every request succeeded.
#[must_use]
pub fn forecast(mut backlog: Backlog, mut allowance: Allowance, now_ms: i64) -> Forecast {
    let mut told = Forecast { rows: backlog.rows() as u64, ..Forecast::default() };
    let (mut at_ms, mut day) = (now_ms, now_ms.div_euclid(DAY_MS));
    while !backlog.is_empty() {
        if at_ms.div_euclid(DAY_MS) > day {
            (day, allowance.day_calls) = (at_ms.div_euclid(DAY_MS), 0);
        }
        if allowance.calls_per_day.is_some_and(|most| allowance.day_calls >= most) {
            at_ms = (day + 1) * DAY_MS;
            continue;
        }
        let before = at_ms;
        let calls = backlog.next_calls(at_ms, &allowance);
        if calls.is_empty() {
            at_ms = backlog.ready_ms().unwrap_or(at_ms).max(at_ms + LINGER_MS);
            continue;
        }
        let bulk = calls.iter().filter(|call| call.is_bulk()).count() as u64;
        told.bulk_calls += bulk;
        told.single_calls += calls.len() as u64 - bulk;
        told.lasts_ms = before - now_ms;
        allowance.day_calls += calls.len() as u64;
        at_ms += allowance.window_ms.max(1);
    }
    told
}
