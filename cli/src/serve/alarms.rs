//! Instants at which due work must be looked at.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::installation::world;

/// Instants this close together count as one, in ms, so there are at most ten looks a second.
const STEP_MS: i64 = 100;
/// The most instants that are kept. Later ones are left to the schedule.
const MOST: usize = 10_000;

/// Future instants. If the process ends, the schedule of the next process finds the work.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    /// In steps since the epoch.
    steps: Mutex<BTreeSet<i64>>,
    sooner: Notify,
}

impl Alarms {
    /// Rings at `at_ms`, in ms since the epoch, or within a tenth of a second after it.
    pub(super) fn set(&self, at_ms: i64) {
        let step = at_ms.saturating_add(STEP_MS - 1).div_euclid(STEP_MS);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.first().is_none_or(|first| step < *first) {
            self.sooner.notify_one();
        }
        steps.insert(step);
        if steps.len() > MOST {
            steps.pop_last();
        }
    }

    /// Waits for the next instant, and removes all that have passed. If the wait is cancelled, nothing is removed.
    pub(super) async fn ring(&self) {
        loop {
            let first = self.steps.lock().unwrap_or_else(PoisonError::into_inner).first().copied();
            let Some(step) = first else {
                self.sooner.notified().await;
                continue;
            };
            let wait_ms = step.saturating_mul(STEP_MS).saturating_sub(world().now_ms());
            tokio::select! {
                () = self.sooner.notified() => {}
                () = sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or_default())) => {
                    let now = world().now_ms().div_euclid(STEP_MS).max(step);
                    let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
                    *steps = steps.split_off(&(now + 1));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_first_instant_and_once_for_all_that_have_come() {
        let (alarms, begun) = (Alarms::default(), Instant::now());
        // On a step, so that the two near instants are one whenever the test begins.
        let now_ms = world().now_ms().div_euclid(STEP_MS) * STEP_MS;
        for at_ms in [now_ms + 900, now_ms + 310, now_ms + 390] {
            alarms.set(at_ms);
        }
        let left = || alarms.steps.lock().unwrap().len();
        alarms.ring().await;
        assert!(begun.elapsed() >= Duration::from_millis(300) && left() <= 1, "{:?}", begun.elapsed());
        if left() == 1 {
            alarms.ring().await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(800) && left() == 0, "{:?}", begun.elapsed());
        let none_left = tokio::time::timeout(Duration::from_millis(300), alarms.ring()).await;
        assert!(none_left.is_err());
        alarms.set(now_ms);
        alarms.ring().await;
    }

    #[tokio::test]
    async fn a_sooner_instant_is_heard_during_the_wait_for_a_later_one() {
        let alarms = Alarms::default();
        let begun = Instant::now();
        alarms.set(world().now_ms() + 60_000);
        let sooner = async {
            sleep(Duration::from_millis(50)).await;
            alarms.set(world().now_ms() + 100);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = alarms.ring() => {}
            () = sooner => {}
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
