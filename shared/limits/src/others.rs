//! What others use of the account, as the vendor's headers tell: pure.

use crate::{
    item::{Item, Stated},
    rate::Plan,
};

/// A cut that others' use asks for differs from the one in force by more than this part of the limit, or it is not
/// written.
const PARTS: u32 = 20;
/// The least that a cut leaves, as a part of the limit: enough to learn from answers that the others have gone.
const LEAST_PART: u32 = 100;
/// A cut is over after so many windows, unless the headers still say so.
const WINDOWS: i64 = 2;

/// The vendor's rate headers on one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateHeaders {
    /// Calls allowed in a window.
    pub limit: u64,
    /// Calls left in this window, over everybody who uses the account.
    pub remaining: u64,
    /// When the window ends, in seconds since 1970.
    pub reset_epoch_s: u64,
}

/// What headers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing that is not known already.
    Nothing,
    /// A stricter limit, for a while.
    Cut(Stated),
    /// No call before this instant, in ms since 1970, and then the stricter limit.
    Close(i64, Stated),
}

/// Judges `headers` that came at `now_us`, by the item as seen at `seen_us`, under the configured `plan`.
///
/// What the vendor has counted and we have not sold was used by others. We know our own count as it was when the
/// item was last seen; since then others of us may have bought what the axis sells in that time, which is allowed
/// for, so that we do not mistake ourselves for somebody else.
pub(crate) fn judge(plan: &Plan, item: &Item, seen_us: i64, headers: RateHeaders, now_us: i64) -> Verdict {
    let of_vendor = u32::try_from(headers.limit.max(1)).unwrap_or(u32::MAX);
    let counted = headers.limit.saturating_sub(headers.remaining);
    let ours = item.leased_since(seen_us, plan.window_us);
    let unseen = plan.permits_in(now_us - seen_us + plan.life_us + plan.error_us) + i64::from(plan.burst());
    let others = counted.saturating_sub(ours);
    let others = if others > u64::try_from(unseen).unwrap_or(0) { others } else { 0 };
    let left = of_vendor.saturating_sub(u32::try_from(others).unwrap_or(u32::MAX));
    let left = left.max(plan.limit.min(of_vendor) / LEAST_PART).max(1);
    if left >= plan.limit {
        return Verdict::Nothing;
    }
    let stated = Stated { limit: left, until_ms: (now_us + WINDOWS * plan.window_us) / 1_000 };
    let reset_us = i64::try_from(headers.reset_epoch_s).unwrap_or(0).saturating_mul(1_000_000);
    if headers.remaining == 0 && others > 0 && reset_us > now_us {
        return Verdict::Close(reset_us.min(now_us + plan.window_us) / 1_000, stated);
    }
    let known = item.cut.is_some_and(|cut| {
        let fresh = cut.until_ms * 1_000 > now_us + (WINDOWS - 1) * plan.window_us;
        fresh && left >= cut.limit.saturating_sub(plan.limit / PARTS)
    });
    if known { Verdict::Nothing } else { Verdict::Cut(stated) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    const NOW_US: i64 = 1_790_000_000_000_000;

    fn plan(limit: u32) -> Plan {
        Plan::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(60_000).unwrap())
    }

    /// We have sold `leased` in the last half minute.
    fn item(leased: u64) -> Item {
        Item { rev: 1, tat_us: NOW_US, leased, marks: vec![(NOW_US - 30_000_000, 0)], ..Item::ABSENT }
    }

    fn headers(remaining: u64) -> RateHeaders {
        RateHeaders { limit: 600_000, remaining, reset_epoch_s: 1_790_000_020 }
    }

    #[test]
    fn our_own_calls_are_not_others() {
        let (plan, item) = (plan(600_000), item(300_000));
        for remaining in [600_000, 400_000, 300_000, 290_000] {
            assert_eq!(judge(&plan, &item, NOW_US, headers(remaining), NOW_US), Verdict::Nothing);
        }
        let long_ago_us = NOW_US - 10_000_000;
        assert_eq!(judge(&plan, &item, long_ago_us, headers(200_000), NOW_US), Verdict::Nothing);
    }

    #[test]
    fn what_others_use_is_taken_off_for_two_windows() {
        let verdict = judge(&plan(600_000), &item(300_000), NOW_US, headers(200_000), NOW_US);
        assert_eq!(verdict, Verdict::Cut(Stated { limit: 500_000, until_ms: NOW_US / 1_000 + 120_000 }));
    }

    #[test]
    fn the_same_is_not_said_twice_but_more_is() {
        let cut = Some(Stated { limit: 500_000, until_ms: NOW_US / 1_000 + 100_000 });
        let item = Item { cut, ..item(300_000) };
        assert_eq!(judge(&plan(600_000), &item, NOW_US, headers(190_000), NOW_US), Verdict::Nothing);
        assert!(matches!(judge(&plan(600_000), &item, NOW_US, headers(100_000), NOW_US), Verdict::Cut(_)));
        let later_us = NOW_US + 45_000_000;
        let item = Item { tat_us: later_us, marks: vec![(later_us - 30_000_000, 0)], ..item };
        let renewed = judge(&plan(600_000), &item, later_us, headers(190_000), later_us);
        assert!(matches!(renewed, Verdict::Cut(stated) if stated.limit == 490_000), "{renewed:?}");
    }

    #[test]
    fn nothing_left_closes_until_the_reset() {
        let verdict = judge(&plan(600_000), &item(300_000), NOW_US, headers(0), NOW_US);
        assert!(matches!(verdict, Verdict::Close(1_790_000_020_000, Stated { limit: 300_000, .. })), "{verdict:?}");
    }

    #[test]
    fn a_vendor_that_allows_less_is_believed_and_one_that_allows_more_is_not_asked() {
        let stricter = RateHeaders { limit: 1_000, remaining: 999, reset_epoch_s: 0 };
        let verdict = judge(&plan(600_000), &item(1), NOW_US, stricter, NOW_US);
        assert!(matches!(verdict, Verdict::Cut(Stated { limit: 1_000, .. })), "{verdict:?}");
        let looser = RateHeaders { limit: 600_000, remaining: 599_000, reset_epoch_s: 0 };
        assert_eq!(judge(&plan(1_000), &item(1_000), NOW_US, looser, NOW_US), Verdict::Nothing);
    }
}
