//! Others' use of the account, as the vendor's headers show it. Pure.

use crate::{
    item::{Item, Stated},
    rate::Plan,
};

/// A cut for others' use is written only if it differs from the one in force by more than this part of the limit.
const PARTS: u32 = 20;
/// The least that a cut leaves, as a part of the limit. It is enough to learn from answers that the others have
/// stopped.
const LEAST_PART: u32 = 100;
/// A cut is over after so many windows, unless the headers still show others' use.
const WINDOWS: i64 = 2;

/// The vendor's rate headers on one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateHeaders {
    /// Requests allowed in a window.
    pub limit: u64,
    /// Requests left in this window, over all users of the account.
    pub remaining: u64,
    /// When the window ends, in seconds since 1970.
    pub reset_epoch_s: u64,
}

/// The consequence of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing new.
    Nothing,
    /// A stricter limit, for a while.
    Cut(Stated),
    /// No request before this instant, in ms since 1970, and then the stricter limit.
    Close(i64, Stated),
}

/// An answer to one of Recado's requests. It holds the item as this function saw it, and when. It also holds when the
/// request was made and when its answer came. All in µs since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) item: &'a Item,
    pub(crate) seen_us: i64,
    pub(crate) called_us: i64,
    pub(crate) now_us: i64,
}

impl Answered<'_> {
    /// The most requests of Recado that the vendor can have counted in a window that ends between the request and its
    /// answer.
    ///
    /// Their leases begin at `called − W − life − ε` or later and end at `now + tau + ε` or before. Leases that other
    /// functions bought after the item was seen lie after its end, and not before that moment.
    fn ours_at_most(&self, plan: &Plan, in_force: &Plan) -> u64 {
        let Self { item, seen_us, called_us, now_us } = *self;
        let first_us = called_us - plan.window_us - plan.life_us - plan.error_us;
        let last_us = now_us + plan.tau_us.max(in_force.tau_us) + plan.error_us;
        let unseen_us = last_us - item.tat_us.max(seen_us - plan.error_us);
        let unseen = u64::try_from(plan.permits_in(unseen_us)).unwrap_or(0);
        // Permits reserved for later are not spent yet.
        let axis_us = last_us.min(item.tat_us) - first_us;
        let most = u64::try_from(plan.permits_in(axis_us)).unwrap_or(0).saturating_add(1);
        let sold = item.leased - item.sold_before(plan, first_us).min(item.leased);
        sold.min(most).saturating_add(unseen)
    }
}

/// Judges `headers` of an answer, under the configured `plan` and the one in force.
///
/// If the vendor counted more than the most that can be Recado's, others used the rest. How much they use is computed
/// from the permits that Recado sold, as far as is known.
pub(crate) fn judge(plan: &Plan, in_force: &Plan, answered: &Answered<'_>, headers: RateHeaders) -> Verdict {
    let Answered { item, now_us, .. } = *answered;
    let of_vendor = u32::try_from(headers.limit.max(1)).unwrap_or(u32::MAX);
    let counted = headers.limit.saturating_sub(headers.remaining);
    let is_others = counted > answered.ours_at_most(plan, in_force);
    let ours = item.sold_since(plan, now_us, plan.window_us);
    let others = if is_others { counted.saturating_sub(ours).max(1) } else { 0 };
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

    /// Recado sold `leased` permits in the last half minute.
    fn item(leased: u64) -> Item {
        Item { rev: 1, tat_us: NOW_US, leased, marks: vec![(NOW_US - 30_000_000, 0)], ..Item::ABSENT }
    }

    fn headers(remaining: u64) -> RateHeaders {
        RateHeaders { limit: 600_000, remaining, reset_epoch_s: 1_790_000_020 }
    }

    fn judged(plan: &Plan, item: &Item, headers: RateHeaders, now_us: i64) -> Verdict {
        judge(plan, plan, &Answered { item, seen_us: now_us, called_us: now_us, now_us }, headers)
    }

    #[test]
    fn our_own_calls_are_not_others() {
        let (plan, item) = (plan(600_000), item(290_000));
        // Other functions may have bought 0.6 s of the axis meanwhile.
        for remaining in [600_000, 400_000, 310_000, 305_000] {
            assert_eq!(judged(&plan, &item, headers(remaining), NOW_US), Verdict::Nothing);
        }
        assert!(matches!(judged(&plan, &item, headers(304_000), NOW_US), Verdict::Cut(_)));
        // Or 10 s of it, if the item was seen so long ago.
        let now_us = NOW_US + 10_000_000;
        let answered = Answered { item: &item, seen_us: NOW_US, called_us: now_us, now_us };
        assert_eq!(judge(&plan, &plan, &answered, headers(210_000)), Verdict::Nothing);
    }

    #[test]
    fn a_late_answer_tells_of_an_earlier_window() {
        let plan = plan(600_000);
        let (called_us, now_us) = (NOW_US + 1_000_000, NOW_US + 41_000_000);
        // Nothing was sold in the last 40 s, and much in the window before the request.
        let item = Item { tat_us: called_us, marks: vec![(called_us - 45_000_000, 0)], ..item(400_000) };
        let answered = Answered { item: &item, seen_us: called_us, called_us, now_us };
        assert_eq!(judge(&plan, &plan, &answered, headers(200_000)), Verdict::Nothing);
    }

    #[test]
    fn what_others_use_is_taken_off_for_two_windows() {
        let verdict = judged(&plan(600_000), &item(290_000), headers(210_000), NOW_US);
        assert_eq!(verdict, Verdict::Cut(Stated { limit: 500_000, until_ms: NOW_US / 1_000 + 120_000 }));
    }

    #[test]
    fn the_same_is_not_said_twice_but_more_is() {
        let cut = Some(Stated { limit: 500_000, until_ms: NOW_US / 1_000 + 100_000 });
        let item = Item { cut, ..item(290_000) };
        assert_eq!(judged(&plan(600_000), &item, headers(200_000), NOW_US), Verdict::Nothing);
        assert!(matches!(judged(&plan(600_000), &item, headers(110_000), NOW_US), Verdict::Cut(_)));
        let later_us = NOW_US + 45_000_000;
        let item = Item { tat_us: later_us, marks: vec![(later_us - 30_000_000, 0)], ..item };
        let renewed = judged(&plan(600_000), &item, headers(200_000), later_us);
        assert!(matches!(renewed, Verdict::Cut(stated) if stated.limit == 490_000), "{renewed:?}");
    }

    #[test]
    fn nothing_left_closes_until_the_reset() {
        let verdict = judged(&plan(600_000), &item(290_000), headers(0), NOW_US);
        assert!(matches!(verdict, Verdict::Close(1_790_000_020_000, Stated { limit: 290_000, .. })), "{verdict:?}");
    }

    #[test]
    fn a_vendor_that_allows_less_is_believed_and_one_that_allows_more_is_not_asked() {
        let stricter = RateHeaders { limit: 1_000, remaining: 999, reset_epoch_s: 0 };
        let verdict = judged(&plan(600_000), &item(1), stricter, NOW_US);
        assert!(matches!(verdict, Verdict::Cut(Stated { limit: 1_000, .. })), "{verdict:?}");
        let looser = RateHeaders { limit: 600_000, remaining: 599_000, reset_epoch_s: 0 };
        assert_eq!(judged(&plan(1_000), &item(1_000), looser, NOW_US), Verdict::Nothing);
    }
}
