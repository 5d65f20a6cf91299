//! Chooses the fault of a request. The choice depends only on a count per rule, the seed and the number of requests.

use super::{FaultKind, Faults, When};
use crate::chance;

/// The decision for one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    pub(crate) fault: Option<FaultKind>,
    pub(crate) delay_ms: u64,
}

/// The faults, and how many requests each rule has counted.
#[derive(Debug)]
pub(crate) struct Decider {
    faults: Faults,
    seen: Vec<u64>,
    calls: u64,
}

impl Decider {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { seen: vec![0; faults.rules.len()], faults, calls: 0 }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Decides for the next request, which goes to `path`.
    pub(crate) fn choose(&mut self, path: &str) -> Choice {
        let jitter_ms = chance::up_to(self.faults.jitter_ms, self.faults.seed, self.calls);
        self.calls += 1;
        let path = path.to_ascii_lowercase();
        let seed = self.faults.seed;
        let mut rules = self.faults.rules.iter().zip(&mut self.seen).zip(1_u64..);
        let fault = rules.find_map(|((rule, seen), place)| {
            if rule.path.as_ref().is_some_and(|part| !path.contains(&part.to_ascii_lowercase())) {
                return None;
            }
            *seen += 1;
            // Each rule has its own random stream, so a new rule does not change the choices of another.
            takes(rule.when, *seen, seed.wrapping_add(place.wrapping_mul(0x1_0000_0001))).then_some(rule.kind)
        });
        Choice { fault, delay_ms: self.faults.latency_ms.saturating_add(jitter_ms) }
    }
}

/// Whether a rule takes the `count`-th request that reaches it, counted from 1.
fn takes(when: When, count: u64, seed: u64) -> bool {
    match when {
        When::First(n) => count <= n,
        When::Nth(n) => count == n,
        When::Every(n) => n > 0 && count.is_multiple_of(n),
        When::Share(share) => chance::unit(seed, count) < share,
    }
}

#[cfg(test)]
mod tests {
    use super::Decider;
    use crate::faults::{FaultKind, FaultRule, Faults, When};

    fn taken(decider: &mut Decider, calls: usize) -> Vec<Option<FaultKind>> {
        (0..calls).map(|_| decider.choose("/v1/sms").fault).collect()
    }

    #[test]
    fn rules_follow_one_another() {
        let mut decider = Decider::new(Faults::of([
            FaultRule::new(FaultKind::LoseAnswer, When::First(2)),
            FaultRule::new(FaultKind::Reset, When::First(1)),
        ]));
        let expected = [Some(FaultKind::LoseAnswer), Some(FaultKind::LoseAnswer), Some(FaultKind::Reset), None];
        assert_eq!(taken(&mut decider, 4), expected);
    }

    #[test]
    fn a_rule_counts_only_the_calls_on_its_path() {
        let mut decider = Decider::new(Faults::of([FaultRule::new(FaultKind::Hang, When::Nth(2)).on("/SMS")]));
        assert_eq!(decider.choose("/v1/health").fault, None);
        assert_eq!(taken(&mut decider, 3), [None, Some(FaultKind::Hang), None]);
    }

    #[test]
    fn each_so_manieth_and_never() {
        let mut decider = Decider::new(Faults::of([
            FaultRule::new(FaultKind::Reset, When::Every(0)),
            FaultRule::new(FaultKind::Throttle, When::Every(3)),
        ]));
        let hits = taken(&mut decider, 9).iter().filter(|fault| fault.is_some()).count();
        assert_eq!(hits, 3);
    }

    #[test]
    fn a_share_repeats_with_its_seed_and_changes_with_another() {
        let faults = |seed| Faults { seed, ..Faults::of([FaultRule::new(FaultKind::Reset, When::Share(0.5))]) };
        let once = taken(&mut Decider::new(faults(1)), 200);
        assert_eq!(once, taken(&mut Decider::new(faults(1)), 200));
        assert_ne!(once, taken(&mut Decider::new(faults(2)), 200));
        let hits = once.iter().filter(|fault| fault.is_some()).count();
        assert!((70..130).contains(&hits), "{hits}");
    }

    #[test]
    fn latency_is_a_floor_and_jitter_comes_on_top() {
        let mut decider = Decider::new(Faults { latency_ms: 10, jitter_ms: 5, ..Faults::default() });
        let delays: Vec<u64> = (0..100).map(|_| decider.choose("/").delay_ms).collect();
        assert!(delays.iter().all(|ms| (10..=15).contains(ms)));
        assert!(delays.iter().any(|ms| *ms != delays[0]));
    }
}
