//! A lease in a function's memory: permits, and the time in which they may be spent.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
};

/// One reading of both clocks of a function, in µs.
///
/// A lease is measured on both clocks. Functions share the wall clock, but it can be set. The monotonic clock never
/// goes back, but may stand still while the machine sleeps. A permit is good only if neither clock says that it is too
/// early or too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// µs since 1970.
    pub wall_us: i64,
    /// µs since some moment of this process.
    pub mono_us: i64,
}

/// The two clocks of one function: the system's, or simulated ones.
#[derive(Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// The system's clocks, with the moment from which the monotonic one counts.
    System(std::time::Instant),
    Given(Arc<dyn Fn() -> Reading + Send + Sync>),
}

impl Clock {
    /// The system's clocks, from now on.
    #[must_use]
    pub fn new() -> Self {
        Self { source: Source::System(std::time::Instant::now()) }
    }

    /// Clocks read by `read`, for a simulation.
    #[must_use]
    pub fn given(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { source: Source::Given(Arc::new(read)) }
    }

    /// Both clocks now.
    #[must_use]
    pub fn read(&self) -> Reading {
        let us = |time: std::time::Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        match &self.source {
            Source::System(since) => {
                let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Reading { wall_us: us(wall), mono_us: us(since.elapsed()) }
            }
            Source::Given(read) => read(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a permit cannot be spent now. No request may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// Its time comes in this many µs.
    Early(i64),
    /// It was taken long before its time. Check first whether the account was closed in between.
    Unconfirmed,
    /// It is spent, or its time is over: take another one.
    Over,
}

/// The time in which a lease may be spent, measured from the clock reading before its request. Times are in µs of the
/// wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// The reading from before the request to the store.
    pub(crate) asked: Reading,
    pub(crate) from_us: i64,
    /// The last µs in which a permit may be spent.
    pub(crate) until_us: i64,
}

impl Term {
    /// Whether a permit may be spent at `now`.
    pub(crate) fn check(&self, now: Reading) -> Result<(), NotNow> {
        // The same moments on the monotonic clock.
        let elapsed_us = self.asked.wall_us + (now.mono_us - self.asked.mono_us);
        let (earliest_us, latest_us) = (now.wall_us.min(elapsed_us), now.wall_us.max(elapsed_us));
        if latest_us > self.until_us {
            Err(NotNow::Over)
        } else if earliest_us < self.from_us {
            Err(NotNow::Early(self.from_us - earliest_us))
        } else {
            Ok(())
        }
    }
}

/// A block of permits with their term, shared by the tasks of one process.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) term: Term,
    pub(crate) total: u32,
    left: AtomicU32,
    state: AtomicU8,
}

/// The lease may be spent in its term.
const GOOD: u8 = 0;
/// The lease begins so long after it was taken that the account must be checked before it is spent.
const UNCONFIRMED: u8 = 1;
/// The lease must not be spent any more.
const VOID: u8 = 2;

impl Lease {
    pub(crate) fn new(total: u32, term: Term, life_us: i64) -> Self {
        let waits = term.from_us - term.asked.wall_us > life_us;
        let state = AtomicU8::new(if waits { UNCONFIRMED } else { GOOD });
        Self { term, total, left: AtomicU32::new(total), state }
    }

    /// No permits at all.
    pub(crate) fn none() -> Self {
        let asked = Reading { wall_us: 0, mono_us: 0 };
        Self::new(0, Term { asked, from_us: 0, until_us: -1 }, 0)
    }

    /// Takes up to `wanted` permits out of the lease; 0 if none is left.
    pub(crate) fn take(&self, wanted: u32) -> u32 {
        let taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| (left > 0).then(|| left.saturating_sub(wanted)));
        taken.map_or(0, |before| before.min(wanted))
    }

    pub(crate) fn left(&self) -> u32 {
        self.left.load(Ordering::Acquire)
    }

    /// Ends the lease and its permits that are already in hand.
    pub(crate) fn void(&self) {
        self.state.store(VOID, Ordering::Release);
        self.left.store(0, Ordering::Release);
    }

    /// Allows spending after the account was checked, unless the lease was ended meanwhile.
    pub(crate) fn confirm(&self) {
        // A failure means that the lease is good or void already, and it stays so.
        let _ = self.state.compare_exchange(UNCONFIRMED, GOOD, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether a permit of the lease may be spent at `now`.
    pub(crate) fn check(&self, now: Reading) -> Result<(), NotNow> {
        match self.state.load(Ordering::Acquire) {
            VOID => Err(NotNow::Over),
            state => self.term.check(now).and(if state == GOOD { Ok(()) } else { Err(NotNow::Unconfirmed) }),
        }
    }
}

/// Permits in hand, to be spent one by one, each right before its request. Dropping this gives the unspent permits
/// back, for other tasks of this process.
#[derive(Debug)]
pub struct Permits {
    pub(crate) lease: Arc<Lease>,
    left: AtomicU32,
}

impl Permits {
    /// Up to `wanted` of the lease's permits, if it has any.
    pub(crate) fn of(lease: &Arc<Lease>, wanted: u32) -> Option<Self> {
        let taken = lease.take(wanted);
        (taken > 0).then(|| Self { lease: Arc::clone(lease), left: AtomicU32::new(taken) })
    }

    /// How many permits are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::Acquire)
    }

    /// From when the permits may be spent, in ms since 1970.
    #[must_use]
    pub fn from_ms(&self) -> i64 {
        self.lease.term.from_us.div_euclid(1_000) + 1
    }

    /// Spends one permit: the request must start now. The store is not asked.
    ///
    /// # Errors
    ///
    /// [`NotNow`]: the request must not be made.
    pub fn spend(&self, now: Reading) -> Result<(), NotNow> {
        self.lease.check(now)?;
        let spent = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        spent.map(|_| ()).map_err(|_| NotNow::Over)
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        let left = *self.left.get_mut();
        self.lease.left.fetch_add(left, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: i64) -> Reading {
        Reading { wall_us: us, mono_us: us - 50 }
    }

    fn lease(total: u32, from_us: i64) -> Arc<Lease> {
        Arc::new(Lease::new(total, Term { asked: at(100), from_us, until_us: 200 }, 40))
    }

    #[test]
    fn a_permit_is_good_in_its_term_on_both_clocks() {
        let permits = Permits::of(&lease(9, 110), 9).unwrap();
        assert_eq!(permits.spend(at(109)), Err(NotNow::Early(1)));
        assert_eq!((permits.spend(at(110)), permits.spend(at(200))), (Ok(()), Ok(())));
        assert_eq!(permits.spend(at(201)), Err(NotNow::Over));
        let set_back = Reading { wall_us: 120, mono_us: 151 };
        assert_eq!(permits.spend(set_back), Err(NotNow::Over), "the wall clock was set back");
        let slept = Reading { wall_us: 5_000, mono_us: 60 };
        assert_eq!(permits.spend(slept), Err(NotNow::Over), "the machine slept");
        assert_eq!(permits.left(), 7, "a permit that was not good was not spent");
    }

    #[test]
    fn what_is_not_spent_goes_back_and_nothing_is_given_twice() {
        let lease = lease(5, 100);
        let (first, second) = (Permits::of(&lease, 3).unwrap(), Permits::of(&lease, 3).unwrap());
        assert_eq!((first.left(), second.left()), (3, 2));
        assert!(Permits::of(&lease, 1).is_none());
        first.spend(at(100)).unwrap();
        drop(first);
        assert_eq!(lease.left(), 2);
        second.spend(at(100)).unwrap();
        second.spend(at(100)).unwrap();
        assert_eq!(second.spend(at(100)), Err(NotNow::Over));
    }

    #[test]
    fn a_lease_far_ahead_must_be_confirmed_and_a_voided_one_cannot_be_spent() {
        let far = lease(5, 150);
        let permits = Permits::of(&far, 5).unwrap();
        assert_eq!(permits.spend(at(160)), Err(NotNow::Unconfirmed));
        far.confirm();
        assert_eq!(permits.spend(at(160)), Ok(()));
        far.void();
        far.confirm();
        assert_eq!(permits.spend(at(160)), Err(NotNow::Over));
        drop(permits);
        assert_eq!(Permits::of(&far, 9).unwrap().spend(at(160)), Err(NotNow::Over));
    }
}
