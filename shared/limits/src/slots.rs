//! The arithmetic of a small rate, kept exactly: pure.

/// What a LeadSquared account allows, after the reserve for its other users.
///
/// Source: LeadSquared rate-limits page; the bulk rate and the day differ between its versions, so all are settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrmLimits {
    /// Calls in any window, at least 1.
    pub calls: u32,
    /// Bulk calls in any window, at least 1.
    pub bulk_calls: u32,
    /// Whether a bulk call uses up the standard window as well.
    pub bulk_counts_in_window: bool,
    /// The window, in ms.
    pub window_ms: i64,
    /// Calls in one day (UTC), if there is such a limit.
    pub calls_per_day: Option<u64>,
}

/// Which rate a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallClass {
    /// Any call that is not named as bulk.
    Standard,
    /// One of the six bulk calls, or `UpdateV2`.
    Bulk,
}

/// The answer to a call that wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It may start at this instant, in ms since the epoch, not before; the slot is its own.
    At(i64),
    /// No slot is free by the latest instant that the caller named; the first one is at this instant.
    NotBefore(i64),
}

impl Slot {
    /// Whether a call may still start at `now_ms` on the slot granted for `at_ms`: a function that was held up longer
    /// than it may be has lost its slot.
    #[must_use]
    pub fn holds(at_ms: i64, now_ms: i64) -> bool {
        (at_ms..=at_ms + LATE_MS).contains(&now_ms)
    }
}

/// How far a function's clock may be from the true time, in ms, either way.
pub(crate) const CLOCK_MS: i64 = 25;
/// How much later than its slot a call may start, in ms.
pub(crate) const LATE_MS: i64 = 100;
/// How much longer than another a call may be on its way, in ms; less than this.
pub(crate) const WAY_MS: i64 = 100;

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrmState {
    /// Calls granted in the window that ends now.
    pub calls: u32,
    /// Calls that any window may hold now: as configured, or as learnt.
    pub calls_limit: u32,
    /// Bulk calls granted in the window that ends now.
    pub bulk_calls: u32,
    /// Calls granted on this UTC day.
    pub day_calls: u64,
    /// How long after its grant a call's place is free again, in ms: the window, and the margin that keeps it exact.
    pub free_after_ms: i64,
    /// No call starts before this instant, in ms since the epoch, if it lies ahead.
    pub closed_until_ms: Option<i64>,
    /// The limit that a refusal taught: calls, and in how many ms.
    pub learnt: Option<(u32, i64)>,
}

/// How much later than the other a call may reach the vendor than it was granted here, in ms: two calls granted one
/// window apart must still arrive one window apart when the first is slow on its way and the second is not.
const CALL_DELAY_MS: i64 = 2 * CLOCK_MS + LATE_MS + WAY_MS;
/// One day, in ms.
const DAY_MS: i64 = 86_400_000;

/// The grants that still matter, and what was learnt from refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    /// Instants of grants that count in the standard window, ascending, in ms since the epoch.
    pub(crate) calls: Vec<i64>,
    /// Instants of bulk grants, ascending, in ms since the epoch.
    pub(crate) bulk: Vec<i64>,
    /// No call starts before this instant: the vendor refused one.
    pub(crate) closed_until_ms: i64,
    /// The day that `day_calls` counts, in days since the epoch.
    pub(crate) day: i64,
    /// Calls granted on that day.
    pub(crate) day_calls: u64,
    /// The limit that a refusal taught: calls, and in how many ms.
    pub(crate) learnt: Option<(u32, i64)>,
}

impl Grants {
    /// The earliest instant from `now_ms` on at which a call of `class` may start.
    pub(crate) fn next_slot(&self, class: CallClass, limits: &CrmLimits, now_ms: i64) -> i64 {
        let (calls, window_ms) = self.in_force(limits);
        let mut at = now_ms.max(self.closed_until_ms);
        if class == CallClass::Standard || limits.bulk_counts_in_window {
            at = at.max(free_at(&self.calls, calls, window_ms));
        }
        if class == CallClass::Bulk {
            at = at.max(free_at(&self.bulk, limits.bulk_calls, limits.window_ms));
        }
        limits.calls_per_day.map_or(at, |most| self.on_a_day_with_room(at, most))
    }

    /// The first instant from `at_ms` on whose day has room for one more of `most` calls.
    fn on_a_day_with_room(&self, at_ms: i64, most: u64) -> i64 {
        // Once a call of tomorrow is granted, today is over: one number counts one day.
        let at_ms = at_ms.max(self.day * DAY_MS);
        // On which day a call is counted that starts around midnight is not for us to say.
        let (day, into_ms) = (at_ms.div_euclid(DAY_MS), at_ms.rem_euclid(DAY_MS));
        let full = day == self.day && self.day_calls >= most;
        if full || into_ms >= DAY_MS - CALL_DELAY_MS {
            (day + 1) * DAY_MS + CLOCK_MS
        } else {
            at_ms.max(day * DAY_MS + CLOCK_MS)
        }
    }

    /// The same with a call of `class` granted for `at_ms`, and what no longer matters at `now_ms` dropped.
    pub(crate) fn with(mut self, class: CallClass, limits: &CrmLimits, now_ms: i64, at_ms: i64) -> Self {
        let (calls, window_ms) = self.in_force(limits);
        let old_ms = now_ms - window_ms - 2 * CALL_DELAY_MS;
        if class == CallClass::Standard || limits.bulk_counts_in_window {
            keep(&mut self.calls, at_ms, calls.max(limits.calls), old_ms);
        }
        if class == CallClass::Bulk {
            keep(&mut self.bulk, at_ms, limits.bulk_calls, old_ms);
        }
        let day = at_ms.div_euclid(DAY_MS);
        self.day_calls = if day == self.day { self.day_calls + 1 } else { 1 };
        self.day = day;
        self
    }

    pub(crate) fn state(&self, limits: &CrmLimits, now_ms: i64) -> CrmState {
        let (calls_limit, window_ms) = self.in_force(limits);
        let in_window = |granted: &[i64]| {
            let recent = granted.iter().filter(|at| (now_ms - window_ms..=now_ms).contains(*at)).count();
            u32::try_from(recent).unwrap_or(u32::MAX)
        };
        CrmState {
            calls: in_window(&self.calls),
            calls_limit,
            bulk_calls: in_window(&self.bulk),
            day_calls: if self.day == now_ms.div_euclid(DAY_MS) { self.day_calls } else { 0 },
            free_after_ms: window_ms + CALL_DELAY_MS,
            closed_until_ms: Some(self.closed_until_ms).filter(|until_ms| *until_ms > now_ms),
            learnt: self.learnt,
        }
    }

    /// The stricter of what is configured and what was learnt.
    pub(crate) fn in_force(&self, limits: &CrmLimits) -> (u32, i64) {
        match self.learnt {
            Some((calls, window_ms)) => (calls.clamp(1, limits.calls), window_ms.max(limits.window_ms)),
            None => (limits.calls, limits.window_ms),
        }
    }
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

/// Adds a grant, and drops the oldest beyond the last `most`, but no more than this one while they are young: another
/// process may know a limit that is not so strict (it is just being changed), and needs more of them.
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
        CrmLimits { calls, bulk_calls, bulk_counts_in_window: true, window_ms: 5000, calls_per_day: None }
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

    #[test]
    fn a_refusal_closes_and_a_learnt_limit_is_kept() {
        let limits = limits(10, 1);
        let grants = Grants { closed_until_ms: 7000, learnt: Some((1, 5000)), ..Grants::default() };
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
