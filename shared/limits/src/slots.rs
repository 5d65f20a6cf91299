//! The arithmetic of a small rate, kept exactly. Pure.

/// A LeadSquared account's limits, after the reserve for its other users.
///
/// Source: LeadSquared rate-limits page. The bulk rate and the day differ between its versions, so all are settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrmLimits {
    /// Requests in any window, at least 1.
    pub calls: u32,
    /// Bulk requests in any window, at least 1.
    pub bulk_calls: u32,
    /// Whether a bulk request uses up the standard window as well.
    pub bulk_counts_in_window: bool,
    /// The window, in ms.
    pub window_ms: i64,
    /// Requests in one day (UTC), if there is such a limit.
    pub calls_per_day: Option<u64>,
    /// The day's requests are counted and shown, but limit nothing.
    pub day_in_shadow: bool,
    /// The share of the account's other users, in per mille. It is already subtracted from `calls` and `calls_per_day`,
    /// and is also subtracted from a limit learnt from a refusal.
    pub reserve_per_mille: u16,
}

/// The rate that a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallClass {
    /// Any request that is not named as bulk.
    Standard,
    /// One of the six bulk requests, or `UpdateV2`.
    Bulk,
}

/// The answer to a request that is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It may start at this instant, in ms since the epoch, not before; the slot is reserved for it.
    At(i64),
    /// No slot is free by the caller's latest instant; the first free slot is at this instant.
    NotBefore(i64),
}

impl Slot {
    /// Whether a request may still start at `now_ms` on the slot granted for `at_ms`. A function that was delayed for
    /// too long has lost its slot.
    #[must_use]
    pub fn holds(at_ms: i64, now_ms: i64) -> bool {
        (at_ms..=at_ms + LATE_MS).contains(&now_ms)
    }
}

/// A limit learnt from a refusal: so many requests in any window of so many ms, for the account as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Requests.
    pub calls: u32,
    /// ms.
    pub window_ms: i64,
}

/// How far a function's clock may be from the true time, in ms, either way.
pub(crate) const CLOCK_MS: i64 = 25;
/// How much later than its slot a request may start, in ms.
pub(crate) const LATE_MS: i64 = 100;
/// How much longer than another a request may be under way, in ms; less than this.
pub(crate) const WAY_MS: i64 = 100;

/// The present state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrmState {
    /// Requests granted in the window that ends now.
    pub calls: u32,
    /// Requests that any window may hold now, as configured or as learnt.
    pub calls_limit: u32,
    /// The window of `calls_limit`, in ms.
    pub window_ms: i64,
    /// Bulk requests granted in the bulk window that ends now.
    pub bulk_calls: u32,
    /// Bulk requests that any bulk window may hold now.
    pub bulk_limit: u32,
    /// The window of `bulk_limit`, in ms.
    pub bulk_window_ms: i64,
    /// Requests granted on this UTC day.
    pub day_calls: u64,
    /// How long after its grant a request's place is free again, in ms: the window, and the margin that keeps it exact.
    pub free_after_ms: i64,
    /// No request starts before this instant, in ms since the epoch; none if the account is open.
    pub closed_until_ms: Option<i64>,
    /// The limit of requests learnt from a refusal.
    pub learnt: Option<Seen>,
    /// The limit of bulk requests learnt from a refusal.
    pub learnt_bulk: Option<Seen>,
}

/// The most by which two requests may come closer together at the vendor than they were granted here, in ms. Two
/// requests granted one window apart must still arrive one window apart, even if only the first is slow on its way.
const CALL_DELAY_MS: i64 = 2 * CLOCK_MS + LATE_MS + WAY_MS;
/// How long after its slot a request's refusal has come back and is recorded, in ms.
const ANSWERED_MS: i64 = 10_000;
/// One day, in ms.
const DAY_MS: i64 = 86_400_000;

/// The grants that still matter, and the limits learnt from refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    /// Instants of grants that count in the standard window, ascending, in ms since the epoch.
    pub(crate) calls: Vec<i64>,
    /// Instants of bulk grants, ascending, in ms since the epoch.
    pub(crate) bulk: Vec<i64>,
    /// No request starts before this instant, because the vendor refused one.
    pub(crate) closed_until_ms: i64,
    /// The day that `day_calls` counts, in days since the epoch.
    pub(crate) day: i64,
    /// Requests granted on that day.
    pub(crate) day_calls: u64,
    /// The limit of requests learnt from a refusal.
    pub(crate) learnt: Option<Seen>,
    /// The limit of bulk requests learnt from a refusal.
    pub(crate) learnt_bulk: Option<Seen>,
    /// When all requests granted before `learnt_bulk` was learnt have been answered, in ms since the epoch.
    pub(crate) settled_ms: i64,
}

impl Grants {
    /// The earliest instant from `now_ms` on at which a request of `class` may start.
    pub(crate) fn next_slot(&self, class: CallClass, limits: &CrmLimits, now_ms: i64) -> i64 {
        let (calls, window_ms) = self.in_force(limits);
        let mut at = now_ms.max(self.closed_until_ms);
        if class == CallClass::Standard || limits.bulk_counts_in_window {
            at = at.max(free_at(&self.calls, calls, window_ms));
        }
        if class == CallClass::Bulk {
            let (bulk_calls, window_ms) = self.bulk_in_force(limits);
            at = at.max(free_at(&self.bulk, bulk_calls, window_ms));
        }
        let enforced = limits.calls_per_day.filter(|_| !limits.day_in_shadow);
        enforced.map_or(at, |most| self.on_a_day_with_room(at, most))
    }

    /// The first instant from `at_ms` on whose day has room for one more of `most` requests.
    fn on_a_day_with_room(&self, at_ms: i64, most: u64) -> i64 {
        // Once a request of tomorrow is granted, today is over: one number counts one day.
        let at_ms = at_ms.max(self.day * DAY_MS);
        // It is not known on which day the vendor counts a request that starts around midnight.
        let (day, into_ms) = (at_ms.div_euclid(DAY_MS), at_ms.rem_euclid(DAY_MS));
        let full = day == self.day && self.day_calls >= most;
        if full || into_ms >= DAY_MS - CALL_DELAY_MS {
            (day + 1) * DAY_MS + CLOCK_MS
        } else {
            at_ms.max(day * DAY_MS + CLOCK_MS)
        }
    }

    /// Adds a grant for a request of `class` at `at_ms`, and drops what no longer matters at `now_ms`.
    pub(crate) fn with(mut self, class: CallClass, limits: &CrmLimits, now_ms: i64, at_ms: i64) -> Self {
        let ((calls, window_ms), (bulk_calls, bulk_window_ms)) = (self.in_force(limits), self.bulk_in_force(limits));
        let old_ms = |window_ms: i64| now_ms - window_ms - 2 * CALL_DELAY_MS;
        if class == CallClass::Standard || limits.bulk_counts_in_window {
            keep(&mut self.calls, at_ms, calls.max(limits.calls), old_ms(window_ms));
        }
        if class == CallClass::Bulk {
            keep(&mut self.bulk, at_ms, bulk_calls.max(limits.bulk_calls), old_ms(bulk_window_ms));
        }
        let day = at_ms.div_euclid(DAY_MS);
        self.day_calls = if day == self.day { self.day_calls + 1 } else { 1 };
        self.day = day;
        self
    }

    pub(crate) fn state(&self, limits: &CrmLimits, now_ms: i64) -> CrmState {
        let ((calls_limit, window_ms), (bulk_limit, bulk_window_ms)) =
            (self.in_force(limits), self.bulk_in_force(limits));
        CrmState {
            calls: granted_in(&self.calls, now_ms - window_ms, now_ms),
            calls_limit,
            window_ms,
            bulk_calls: granted_in(&self.bulk, now_ms - bulk_window_ms, now_ms),
            bulk_limit,
            bulk_window_ms,
            day_calls: if self.day == now_ms.div_euclid(DAY_MS) { self.day_calls } else { 0 },
            free_after_ms: window_ms + CALL_DELAY_MS,
            closed_until_ms: Some(self.closed_until_ms).filter(|until_ms| *until_ms > now_ms),
            learnt: self.learnt,
            learnt_bulk: self.learnt_bulk,
        }
    }

    /// Requests, and their window in ms, with which both the configured and the learnt limit hold.
    pub(crate) fn in_force(&self, limits: &CrmLimits) -> (u32, i64) {
        let kept = |seen: Seen| (own(seen.calls, limits.reserve_per_mille), seen.window_ms);
        both((limits.calls, limits.window_ms), self.learnt.map(kept))
    }

    /// The same for bulk requests, which are not shared with others.
    pub(crate) fn bulk_in_force(&self, limits: &CrmLimits) -> (u32, i64) {
        both((limits.bulk_calls, limits.window_ms), self.learnt_bulk.map(|seen| (seen.calls, seen.window_ms)))
    }

    /// Records that the vendor refused a request of `class`, until `until_ms`, and possibly named a limit. Returns the
    /// class of the learnt limit, if one was learnt.
    ///
    /// The refusal of a bulk request does not say which of its two windows was full. A limit below the bulk limit is
    /// taken for the bulk limit. If it is really the limit of all requests, it holds for bulk requests as well, and a
    /// later refusal shows it.
    ///
    /// A limit that is not below the bulk limit cannot be the bulk limit. That is certain once all requests granted
    /// before the bulk limit was known have been answered. So it is the limit of all requests, if Recado made that many
    /// within the window. If it did not, other users' requests of either kind have a part in it, and nothing is learnt.
    pub(crate) fn refused(
        &mut self,
        class: CallClass,
        limits: &CrmLimits,
        now_ms: i64,
        until_ms: i64,
        named: Option<Seen>,
    ) -> Option<CallClass> {
        self.closed_until_ms = self.closed_until_ms.max(until_ms);
        let seen = named.filter(|seen| seen.calls > 0 && seen.window_ms > 0)?;
        let mut taught = self.clone();
        if class == CallClass::Standard {
            taught.learnt = Some(seen);
            return self.taught(taught, CallClass::Standard);
        }
        taught.learnt_bulk = Some(seen);
        if stricter(taught.bulk_in_force(limits), self.bulk_in_force(limits)) {
            let last_ms = self.calls.iter().chain(&self.bulk).copied().fold(until_ms, i64::max);
            taught.settled_ms = last_ms + ANSWERED_MS;
            return self.taught(taught, CallClass::Bulk);
        }
        let mut taught = self.clone();
        taught.learnt = Some(seen);
        let close = 2 * (seen.window_ms + CALL_DELAY_MS);
        let ours = usize::try_from(seen.calls).is_ok_and(|calls| {
            let later = self.calls.iter().skip(calls);
            self.calls.iter().zip(later).any(|(first_ms, last_ms)| last_ms - first_ms <= close)
        });
        let can_be = limits.bulk_counts_in_window && ours && now_ms > self.settled_ms;
        if can_be && stricter(taught.in_force(limits), self.in_force(limits)) {
            return self.taught(taught, CallClass::Standard);
        }
        None
    }

    /// Replaces the grants by `taught`; `None` if they are equal.
    fn taught(&mut self, taught: Self, class: CallClass) -> Option<CallClass> {
        let news = *self != taught;
        *self = taught;
        news.then_some(class)
    }
}

/// Recado's share of `calls`: at least one.
fn own(calls: u32, reserve_per_mille: u16) -> u32 {
    let ours = u64::from(calls) * u64::from(1_000_u16.saturating_sub(reserve_per_mille)) / 1_000;
    u32::try_from(ours).unwrap_or(u32::MAX).max(1)
}

/// One window with which two limits hold. For the smaller number in a window of w, a longer window of k × w holds at
/// most k times as many. So w is at least the k-th part of each limit's window, where k is how often the number fits
/// into that limit.
fn both((calls, window_ms): (u32, i64), learnt: Option<(u32, i64)>) -> (u32, i64) {
    let Some((learnt, learnt_ms)) = learnt else { return (calls, window_ms) };
    let least = calls.min(learnt).max(1);
    let part_ms = |calls: u32, window_ms: i64| {
        let times = i64::from(calls / least).max(1);
        (window_ms + times - 1) / times
    };
    (least, part_ms(calls, window_ms).max(part_ms(learnt, learnt_ms)))
}

/// Whether the first limit allows less than the second in the long run or at once.
fn stricter((calls, window_ms): (u32, i64), (than, than_ms): (u32, i64)) -> bool {
    calls < than || window_ms > than_ms
}

/// Grants after `from_ms`, up to `to_ms`.
fn granted_in(granted: &[i64], from_ms: i64, to_ms: i64) -> u32 {
    let count = granted.iter().filter(|at_ms| (from_ms..=to_ms).contains(*at_ms)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// When the `most`-th last grant is a window old.
fn free_at(granted: &[i64], most: u32, window_ms: i64) -> i64 {
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    granted
        .len()
        .checked_sub(most)
        .and_then(|oldest| granted.get(oldest))
        .map_or(i64::MIN, |granted_ms| granted_ms + window_ms + CALL_DELAY_MS)
}

/// Adds a grant, and drops the oldest beyond the last `most`. While grants are young, only one is dropped. The limit
/// may just be changing, and a process with the looser limit needs more grants.
fn keep(granted: &mut Vec<i64>, at_ms: i64, most: u32, old_ms: i64) {
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    granted.push(at_ms);
    granted.sort_unstable();
    let surplus = granted.len().saturating_sub(most);
    let old = granted.partition_point(|granted_ms| *granted_ms <= old_ms);
    granted.drain(..surplus.min(old.max(1)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(calls: u32, bulk_calls: u32) -> CrmLimits {
        CrmLimits {
            calls,
            bulk_calls,
            bulk_counts_in_window: true,
            window_ms: 5000,
            calls_per_day: None,
            day_in_shadow: false,
            reserve_per_mille: 0,
        }
    }

    fn grant(grants: Grants, class: CallClass, limits: &CrmLimits, now_ms: i64) -> (Grants, i64) {
        let at = grants.next_slot(class, limits, now_ms);
        (grants.with(class, limits, now_ms, at), at)
    }

    #[test]
    fn a_full_burst_then_one_window_later() {
        let limits = limits(3, 1);
        let mut grants = Grants::default();
        let mut at = Vec::new();
        for _ in 0..7 {
            let (next, slot) = grant(grants, CallClass::Standard, &limits, 1_000_000);
            grants = next;
            at.push(slot - 1_000_000);
        }
        assert_eq!(at, [0, 0, 0, 5250, 5250, 5250, 10_500]);
    }

    #[test]
    fn the_day_ends_at_midnight_utc() {
        let limits = CrmLimits { calls_per_day: Some(2), ..limits(100, 1) };
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        let (grants, _) = grant(Grants::default(), CallClass::Standard, &limits, noon);
        let (grants, second) = grant(grants, CallClass::Standard, &limits, noon);
        let (_, third) = grant(grants, CallClass::Standard, &limits, noon);
        assert_eq!((second, third), (noon, 20_001 * DAY_MS + CLOCK_MS));
    }

    #[test]
    fn no_call_starts_on_the_edge_of_a_day() {
        let limits = CrmLimits { calls_per_day: Some(2), ..limits(100, 1) };
        let midnight = 20_001 * DAY_MS;
        for (now, expected) in
            [(midnight - 251, midnight - 251), (midnight - 250, midnight + 25), (midnight, midnight + 25)]
        {
            assert_eq!(grant(Grants::default(), CallClass::Standard, &limits, now).1, expected);
        }
        let (grants, _) = grant(Grants::default(), CallClass::Standard, &limits, midnight);
        assert_eq!(grant(grants, CallClass::Standard, &limits, midnight - 900).1, midnight + 25, "the day has begun");
    }

    #[test]
    fn a_process_with_a_stricter_limit_does_not_forget_for_the_others() {
        let (ten, three) = (limits(10, 1), limits(3, 1));
        let mut grants = Grants::default();
        for _ in 0..10 {
            (grants, _) = grant(grants, CallClass::Standard, &ten, 1_000_000);
        }
        let (grants, at) = grant(grants, CallClass::Standard, &three, 1_000_000);
        assert_eq!(at, 1_005_250);
        let (grants, at) = grant(grants, CallClass::Standard, &ten, 1_000_001);
        assert_eq!(at, 1_005_250, "ten are still in the window");
        let (grants, _) = grant(grants, CallClass::Standard, &three, 1_009_000);
        assert_eq!(grants.calls.len(), 3, "what is old is dropped");
    }

    fn seen(calls: u32, seconds: i64) -> Seen {
        Seen { calls, window_ms: 1_000 * seconds }
    }

    #[test]
    fn two_windows_hold_by_one() {
        for (learnt, expected) in [
            (seen(25, 5), (10, 5_000)),
            (seen(4, 5), (4, 5_000)),
            (seen(10, 10), (10, 10_000)),
            (seen(100, 60), (10, 6_000)),
            (seen(2, 1), (2, 1_000)),
            (seen(8, 1), (8, 5_000)),
            (seen(10_000, 86_400), (10, 86_400)),
        ] {
            let grants = Grants { learnt: Some(learnt), ..Grants::default() };
            assert_eq!(grants.in_force(&limits(10, 1)), expected, "{learnt:?}");
        }
        let reserved = CrmLimits { calls: 8, reserve_per_mille: 200, ..limits(10, 1) };
        for (learnt, calls) in [(10, 8), (9, 7), (5, 4), (1, 1)] {
            let grants = Grants { learnt: Some(seen(learnt, 5)), ..Grants::default() };
            assert_eq!(grants.in_force(&reserved), (calls, 5_000), "others keep their part of what was learnt");
        }
    }

    #[test]
    fn a_day_in_shadow_is_counted_and_holds_nothing() {
        let limits = CrmLimits { calls_per_day: Some(2), day_in_shadow: true, ..limits(100, 1) };
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        let mut grants = Grants::default();
        for _ in 0..5 {
            let (next, at) = grant(grants, CallClass::Standard, &limits, noon);
            assert_eq!(at, noon);
            grants = next;
        }
        assert_eq!(grants.state(&limits, noon).day_calls, 5);
    }

    /// Grants for `bulk` bulk requests and `others` standard ones, at the instant 1,000,000.
    fn made(limits: &CrmLimits, bulk: usize, others: usize) -> Grants {
        let classes =
            std::iter::repeat_n(CallClass::Bulk, bulk).chain(std::iter::repeat_n(CallClass::Standard, others));
        classes.fold(Grants::default(), |grants, class| grants.with(class, limits, 1_000_000, 1_000_000))
    }

    #[test]
    fn a_refusal_teaches_the_limit_that_it_can_only_mean() {
        use CallClass::{Bulk, Standard};
        for (class, bulk, others, named, learnt) in [
            // A request that is not bulk meets only the standard window.
            (Standard, 0, 6, 5, Some(Standard)),
            (Standard, 1, 0, 1, Some(Standard)),
            // Below the bulk limit of 3: it is the bulk window's limit.
            (Bulk, 3, 0, 1, Some(Bulk)),
            (Bulk, 3, 8, 2, Some(Bulk)),
            // Not below it, and Recado made more requests than that: it is the standard window's limit.
            (Bulk, 3, 3, 5, Some(Standard)),
            (Bulk, 3, 1, 3, Some(Standard)),
            // Not below it, and Recado made fewer: other users' requests, of either kind.
            (Bulk, 1, 0, 5, None),
            // Nothing that is not kept already.
            (Bulk, 3, 12, 15, None),
        ] {
            let limits = limits(15, 3);
            let mut grants = made(&limits, bulk, others);
            let news = grants.refused(class, &limits, 1_000_300, 1_005_300, Some(seen(named, 5)));
            assert_eq!(news, learnt, "{class:?} {bulk} {others} {named}");
            assert_eq!(grants.closed_until_ms, 1_005_300);
            assert_eq!(grants.learnt.is_some(), learnt == Some(Standard));
            assert_eq!(grants.learnt_bulk.is_some(), learnt == Some(Bulk));
        }
    }

    #[test]
    fn what_was_under_way_at_a_refusal_teaches_nothing_more() {
        let limits = limits(15, 4);
        let mut grants = made(&limits, 4, 0);
        let refused = |grants: &mut Grants, now_ms| {
            grants.refused(CallClass::Bulk, &limits, now_ms, now_ms + 5_200, Some(seen(2, 5)))
        };
        assert_eq!(refused(&mut grants, 1_000_100), Some(CallClass::Bulk));
        assert_eq!(refused(&mut grants, 1_000_110), None, "it was not the standard window for all that");
        assert_eq!((grants.in_force(&limits), grants.bulk_in_force(&limits)), ((15, 5_000), (2, 5_000)));
        for at_ms in [1_005_400, 1_005_400, 1_005_500] {
            assert_eq!(refused(&mut grants.clone(), at_ms), None, "nor are calls that were granted before");
            grants = grants.with(CallClass::Standard, &limits, at_ms, at_ms);
        }
        assert_eq!(refused(&mut grants, 1_016_000), Some(CallClass::Standard), "now it was");
    }

    #[test]
    fn a_refusal_closes_and_a_learnt_limit_is_kept() {
        let limits = limits(10, 1);
        let grants = Grants { closed_until_ms: 7000, learnt: Some(seen(1, 5)), ..Grants::default() };
        let (grants, first) = grant(grants, CallClass::Standard, &limits, 0);
        let (_, second) = grant(grants, CallClass::Standard, &limits, 0);
        assert_eq!((first, second), (7000, 12_250));
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_allowed(
            calls in 1_u32..30,
            bulk_calls in 1_u32..4,
            steps in prop::collection::vec((0_i64..3000, any::<bool>()), 1..200),
        ) {
            let limits = limits(calls, bulk_calls.min(calls));
            let (mut now_ms, mut grants) = (0, Grants::default());
            let mut all = Vec::new();
            for (pause_ms, bulk) in steps {
                now_ms += pause_ms;
                let class = if bulk { CallClass::Bulk } else { CallClass::Standard };
                let (next, at) = grant(grants, class, &limits, now_ms);
                prop_assert!(at >= now_ms);
                grants = next;
                all.push((at, bulk));
            }
            for &(from, _) in &all {
                let inside = all.iter().filter(|(at, _)| (from..from + 5000).contains(at));
                prop_assert!(inside.clone().count() <= calls as usize);
                prop_assert!(inside.filter(|(_, bulk)| *bulk).count() <= limits.bulk_calls as usize);
            }
        }
    }
}
