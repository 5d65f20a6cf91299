//! The arithmetic of a large rate that is leased. Pure.
//!
//! All leases lie one after another on a line of time, the *axis*. A lease of n permits takes up `cost(n)` µs of it,
//! from `begin` to `end`. The next lease begins where it ended, or now if that is later. The end of the last lease is
//! the only number that functions must share.
//!
//! A permit may be spent from `end − tau` until `begin + life` of its lease, on its function's own clock. It is never
//! spent before it was taken. That clock may be off by e, and the request reaches the vendor up to δ later. Consider
//! the requests that reach the vendor between T and T + W. Their leases lie between `T − δ − e − life` and `T + W + e +
//! tau`, so
//!
//! ```text
//! Σ cost  ≤  W + life + ε + tau,   ε = 2e + δ
//! ```
//!
//! Each permit costs at least `(W + life + ε + tau) / (L + 1)`, and a lease a fraction of a µs more. So these leases
//! have fewer than L + 1 permits: at most L. With `b = tau / price` this is the usual `r = (L + 1 − b) / (W + life +
//! ε)`. Both ends of the window count, which is the strictest way in which a vendor can count.
//!
//! The tolerance is kept as a time and not as a number of permits, and `life` is the same for every limit. So leases of
//! different prices can be mixed on one axis, and no window holds more than the loosest of them allows. That makes a
//! change of the limit safe; see [`Plan::surcharge_us`].

use std::num::NonZeroU32;

/// The longest life of a lease, in ms: the cost of a function's pause, and 1.6 % of the limit.
const LIFE_MS: i64 = 1_000;
/// How far before its place on the axis a lease may be spent, in ms: an idle account's burst, and 0.3 % of the limit.
const TAU_MS: i64 = 200;
/// How far a function's clock may be from the true time, in ms, either way.
pub const CLOCK_ERROR_MS: i64 = 100;
/// How much longer one request may take than another from the check of its permit to the vendor's count, in ms.
pub const CALL_DELAY_MS: i64 = 200;
/// A lease's life and burst are at most this part of the window, so that they do not use up a short window.
const PARTS_OF_WINDOW: i64 = 20;

/// One limit, expressed for leases. Times are in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub(crate) limit: u32,
    pub(crate) window_us: i64,
    pub(crate) life_us: i64,
    pub(crate) tau_us: i64,
    pub(crate) error_us: i64,
    /// The configured `tau_us`. It is in force unless one permit costs more than that.
    pub(crate) base_tau_us: i64,
    /// The price of one permit is `price_num / price_den` µs of the axis.
    pub(crate) price_num: i64,
    pub(crate) price_den: i64,
}

impl Plan {
    /// The plan for `limit` requests in any window of `window_ms`.
    ///
    /// LigueLead's limit is 600,000 in 60,000 ms; source: LigueLead API limits page. Any limit from 1 on works. Below
    /// about 300 a minute a lease is one permit, and requests are spread evenly.
    #[must_use]
    pub fn new(limit: NonZeroU32, window_ms: NonZeroU32) -> Self {
        let window_us = i64::from(window_ms.get()) * 1_000;
        let life_us = (LIFE_MS * 1_000).min(window_us / PARTS_OF_WINDOW);
        let tau_us = (TAU_MS * 1_000).min(window_us / PARTS_OF_WINDOW);
        Self::with(limit.get(), window_us, life_us, tau_us, (2 * CLOCK_ERROR_MS + CALL_DELAY_MS) * 1_000)
    }

    /// A plan of other times, for [`Self::new`] and for proofs.
    pub(crate) fn with(limit: u32, window_us: i64, life_us: i64, tau_us: i64, error_us: i64) -> Self {
        let limit = limit.max(1);
        let calls = i64::from(limit);
        let reach = window_us + life_us + error_us;
        // If one permit costs more than tau, a burst is one permit: `tau = price` and `price = reach / L`.
        let (price_num, price_den, own_tau_us) = if calls.saturating_mul(tau_us) >= reach {
            (reach + tau_us, calls + 1, tau_us)
        } else {
            (reach, calls, reach / calls)
        };
        Self { limit, window_us, life_us, tau_us: own_tau_us, error_us, base_tau_us: tau_us, price_num, price_den }
    }

    /// The same account under another limit.
    pub(crate) fn of_limit(&self, limit: u32) -> Self {
        if limit == self.limit {
            return *self;
        }
        Self::with(limit, self.window_us, self.life_us, self.base_tau_us, self.error_us)
    }

    /// Requests allowed in any window.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The window, in ms.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_us / 1_000
    }

    /// How long a lease can be spent that was taken while no other function asked, in ms. A lease that was taken while
    /// others asked lives up to the burst's time longer.
    #[must_use]
    pub fn life_ms(&self) -> i64 {
        self.life_us / 1_000
    }

    /// Permits that an idle account gives at once, and the most in one lease: at least 1.
    #[must_use]
    pub fn burst(&self) -> u32 {
        u32::try_from(self.permits_in(self.tau_us)).unwrap_or(u32::MAX).clamp(1, self.limit)
    }

    /// Permits that the axis sells in one window if demand never ends.
    #[must_use]
    pub fn per_window(&self) -> u32 {
        u32::try_from(self.permits_in(self.window_us)).unwrap_or(u32::MAX)
    }

    /// The cost of `permits` on the axis, in µs: strictly more than their price.
    pub(crate) fn cost_us(&self, permits: u32) -> i64 {
        i64::from(permits).saturating_mul(self.price_num) / self.price_den + 1
    }

    /// Permits whose price is within `time_us`, rounded down.
    pub(crate) fn permits_in(&self, time_us: i64) -> i64 {
        let permits = i128::from(time_us.max(0)) * i128::from(self.price_den) / i128::from(self.price_num.max(1));
        i64::try_from(permits).unwrap_or(i64::MAX)
    }

    /// How far the axis moves on when the limit becomes `stricter` at `now_us` and leases are sold up to `end_us`, in
    /// µs. Outstanding permits were bought at the old price and are charged again at the new one. So each window from
    /// this moment on keeps the stricter limit.
    ///
    /// The surcharge is never more than a whole window between the last request of these leases and the first of the
    /// next ones. If the axis was moved on before, that part is not charged many times over.
    pub(crate) fn surcharge_us(&self, stricter: &Self, now_us: i64, end_us: i64) -> i64 {
        let outstanding_us = i128::from((end_us - now_us + self.life_us + self.error_us).max(0));
        let old = i128::from(self.price_num) * i128::from(stricter.price_den);
        let new = i128::from(stricter.price_num) * i128::from(self.price_den);
        let surcharge = (outstanding_us * (new - old).max(0)).div_euclid(old.max(1)) + 1;
        let apart_us = self.window_us + self.life_us + self.error_us + self.tau_us.max(stricter.tau_us) + 1;
        i64::try_from(surcharge.min(i128::from(apart_us))).unwrap_or(apart_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(limit: u32, window_ms: u32) -> Plan {
        Plan::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(window_ms).unwrap())
    }

    #[test]
    fn the_vendors_limit_is_sold_to_more_than_97_percent() {
        let plan = plan(600_000, 60_000);
        assert_eq!((plan.burst(), plan.per_window()), (1_948, 584_416));
        assert!(f64::from(plan.per_window()) >= 0.97 * 600_000.0);
    }

    #[test]
    fn the_inequality_holds_for_every_limit() {
        for limit in (1..3_000).chain([9_999, 60_000, 599_999, 600_000, u32::MAX]) {
            let plan = plan(limit, 60_000);
            let room = plan.window_us + plan.life_us + plan.error_us + plan.tau_us;
            // L + 1 permits, in however few leases, do not fit.
            let too_many = i128::from(plan.price_num) * (i128::from(limit) + 1);
            assert!(too_many >= i128::from(room) * i128::from(plan.price_den), "{plan:?}");
            assert!(plan.burst() >= 1 && plan.cost_us(1) <= plan.tau_us + plan.life_us, "{plan:?}");
        }
    }

    #[test]
    fn one_call_a_minute_can_be_made() {
        let plan = plan(1, 60_000);
        assert_eq!((plan.burst(), plan.cost_us(1)), (1, 61_400_001));
    }

    #[test]
    fn only_a_stricter_limit_is_charged_for() {
        let (loose, strict) = (plan(600_000, 60_000), plan(300_000, 60_000));
        assert_eq!(strict.surcharge_us(&loose, 0, 300_000), 1);
        // Twice the price for 0.2 s sold ahead, a life of 1 s and 0.4 s of errors.
        let surcharge = loose.surcharge_us(&strict, 0, 200_000);
        assert!((1_599_990..=1_600_010).contains(&surcharge), "{surcharge}");
        // However strict, and however far ahead the axis is: a window apart is enough.
        for (stricter, end_us) in [(1, 200_000), (300_000, 3_600_000_000)] {
            let stricter = plan(stricter, 60_000);
            let apart = 61_400_001 + stricter.tau_us.max(loose.tau_us);
            assert_eq!(loose.surcharge_us(&stricter, 0, end_us), apart);
        }
    }
}
