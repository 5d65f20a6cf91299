//! How long a message that certainly was not sent waits before the next attempt. Pure.
//!
//! LigueLead's API limits page recommends 1 s, doubled with each attempt, and 10 to 30 % more by chance. Requests that
//! failed together then do not come back together. A wait that LigueLead names itself is used instead.

/// The first wait, in ms. Source: LigueLead API limits page.
const BASE_MS: i64 = 1_000;
/// The longest wait before jitter, in ms. When LigueLead is back, it is noticed within this time.
const MAX_MS: i64 = 600_000;
/// Jitter, in per mille of the wait. Source: LigueLead API limits page.
const JITTER_PER_MILLE: std::ops::RangeInclusive<i64> = 100..=300;

/// The wait after the `attempts`-th attempt (from 1) that sent nothing, in ms: 1.1 to 1.3 s after the first, at most 13
/// minutes. `chance` is any random number.
#[must_use]
pub fn wait_ms(attempts: u32, chance: u64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(30);
    let wait_ms = (BASE_MS << doublings).min(MAX_MS);
    let (least, most) = (*JITTER_PER_MILLE.start(), *JITTER_PER_MILLE.end());
    let span = u64::try_from(most - least).unwrap_or_default() + 1;
    let jitter = least + i64::try_from(chance % span).unwrap_or_default();
    wait_ms + wait_ms * jitter / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_minutes_and_are_never_exact() {
        for (attempts, base_ms) in [(0, 1_000), (1, 1_000), (2, 2_000), (5, 16_000), (10, 512_000), (11, 600_000)] {
            let waits: Vec<i64> = (0..1_000).map(|chance| wait_ms(attempts, chance)).collect();
            assert_eq!(waits.iter().min(), Some(&(base_ms * 11 / 10)), "{attempts}");
            assert_eq!(waits.iter().max(), Some(&(base_ms * 13 / 10)), "{attempts}");
        }
        assert_eq!(wait_ms(u32::MAX, u64::MAX), wait_ms(11, u64::MAX));
    }
}
