//! How soon the next run of the write-back may begin, so that the day's requests last for the day.

use super::DAY_MS;

/// The part of the day's requests that runs may use at once: one in so many.
const AT_ONCE: i64 = 10;
/// The part of the day's requests that is left to everything else: one in so many.
const OTHERS: i64 = 2;

/// Spreads the requests of the write-back over the day. A tenth of its share may be made at once, and the rest as time
/// passes. With the limits of LeadSquared's plans no run ever waits for it. It is for accounts that leave Recado few
/// requests.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The day's share of the write-back, in requests.
    share: i64,
    /// Requests that may be made now, times [`DAY_MS`]; below zero once more were made.
    left: i64,
    at_ms: i64,
}

impl Pace {
    /// A pace for an account with this many requests a day for Recado, beginning at `now_ms`, in ms since the epoch.
    #[must_use]
    pub fn new(calls_per_day: u64, now_ms: i64) -> Self {
        let share = i64::try_from(calls_per_day).unwrap_or(i64::MAX).clamp(OTHERS, 1_000_000_000) / OTHERS;
        Self { share, left: Self::most(share), at_ms: now_ms }
    }

    const fn most(share: i64) -> i64 {
        (share * DAY_MS) / AT_ONCE
    }

    /// Records the requests of a run that ended at `now_ms`, in ms since the epoch.
    pub fn spent(&mut self, calls: u64, now_ms: i64) {
        self.pass(now_ms);
        self.left = self.left.saturating_sub(i64::try_from(calls).unwrap_or(i64::MAX).saturating_mul(DAY_MS));
    }

    /// How long the next run waits, in ms.
    pub fn wait_ms(&mut self, now_ms: i64) -> i64 {
        self.pass(now_ms);
        if self.left >= 0 { 0 } else { -self.left / self.share + 1 }
    }

    fn pass(&mut self, now_ms: i64) {
        let passed_ms = (now_ms - self.at_ms).clamp(0, DAY_MS);
        self.at_ms = self.at_ms.max(now_ms);
        self.left = (self.left + passed_ms * self.share).min(Self::most(self.share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes runs of `calls` requests whenever one may begin, for a day: how many requests that makes, and the longest
    /// wait in ms.
    fn a_day(calls_per_day: u64, calls: u64) -> (u64, i64) {
        let (mut pace, mut now_ms, mut made, mut longest_ms) = (Pace::new(calls_per_day, 0), 0, 0, 0);
        loop {
            let wait_ms = pace.wait_ms(now_ms);
            if now_ms + wait_ms >= DAY_MS {
                break;
            }
            longest_ms = longest_ms.max(wait_ms);
            // Each run takes as long as a request lingers.
            now_ms += wait_ms + super::super::LINGER_MS;
            made += calls;
            pace.spent(calls, now_ms);
        }
        (made, longest_ms)
    }

    #[test]
    fn the_calls_of_a_plan_never_make_a_run_wait() {
        let (made, longest_ms) = a_day(207_360, 2);
        assert_eq!((made, longest_ms), (86_400, 0));
    }

    #[test]
    fn few_calls_last_for_the_day() {
        let (made, longest_ms) = a_day(10_000, 2);
        assert!((5_000..=5_600).contains(&made), "{made}: half of them, and a tenth of that at once");
        assert!((30_000..40_000).contains(&longest_ms), "{longest_ms}");
        let (made, _) = a_day(1, 1);
        assert!(made <= 2, "{made}");
    }
}
