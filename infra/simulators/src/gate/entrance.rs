//! Decides which requests enter: limits and faults together, under one lock.

use axum::http::request::Parts;

use super::Vendor;
use crate::{
    answer::Answer,
    faults::{Choice, Decider, FaultKind, Faults},
    record::{Call, Entry},
    window::Window,
};

/// The windows, the number of requests inside, and the faults.
#[derive(Debug)]
pub(crate) struct Entrance {
    windows: Vec<Window>,
    inside: usize,
    inside_max: usize,
    decider: Decider,
}

/// The limit that refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// All `limit` starts in `length_ms` are taken.
    Window { limit: u64, length_ms: u64 },
    /// Too many requests at once.
    Concurrency,
}

/// The decision about a request.
pub(crate) enum Verdict {
    Refused { answer: Answer, entry: Entry, fault: Option<FaultKind> },
    Admitted(Choice),
}

impl Entrance {
    pub(crate) fn new(windows: Vec<Window>, inside_max: usize, faults: Faults) -> Self {
        Self { windows, inside: 0, inside_max, decider: Decider::new(faults) }
    }

    /// Admits a request to `path` into the windows at `places`. Otherwise returns the limit that refused it, and
    /// whether a fault did.
    ///
    /// A refused request takes no place in any window, and no fault rule counts it.
    pub(super) fn admit(
        &mut self,
        path: &str,
        places: &[usize],
        now_ms: u64,
    ) -> Result<Choice, (Refusal, Option<FaultKind>)> {
        for place in places {
            if let Some(window) = self.windows.get_mut(*place)
                && window.remaining(now_ms) == 0
            {
                return Err((refusal(window), None));
            }
        }
        if self.inside >= self.inside_max {
            return Err((Refusal::Concurrency, None));
        }
        let choice = self.decider.choose(path);
        if choice.fault == Some(FaultKind::Throttle) {
            // The last place is the narrowest class of the request.
            let narrowest = places.last().and_then(|place| self.windows.get(*place));
            return Err((narrowest.map_or(Refusal::Concurrency, refusal), choice.fault));
        }
        for place in places {
            if let Some(window) = self.windows.get_mut(*place) {
                window.record(now_ms);
            }
        }
        self.inside += 1;
        Ok(choice)
    }

    pub(crate) fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    pub(super) fn windows(&mut self) -> &mut [Window] {
        &mut self.windows
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.decider = Decider::new(faults);
    }

    pub(super) fn faults(&self) -> &Faults {
        self.decider.faults()
    }
}

fn refusal(window: &Window) -> Refusal {
    Refusal::Window { limit: window.limit(), length_ms: window.length_ms() }
}

impl Verdict {
    /// Judges a request that arrives at `now_ms`. An admitted request is inside until [`Entrance::leave`].
    pub(crate) fn of<V: Vendor>(vendor: &V, entrance: &mut Entrance, head: &Parts, now_ms: u64) -> Self {
        let path = head.uri.path();
        match vendor.unauthorized(head) {
            Some(answer) => Self::Refused { answer, entry: Entry::Unauthorized, fault: None },
            None => match entrance.admit(path, vendor.windows(path), now_ms) {
                Ok(choice) => Self::Admitted(choice),
                Err((refusal, fault)) => {
                    Self::Refused { answer: vendor.throttled(refusal), entry: Entry::Throttled, fault }
                }
            },
        }
    }

    /// The record of the request at this point.
    pub(crate) fn record(&self, id: u64, at_ms: u64, head: &Parts) -> Call {
        let (entry, fault) = match self {
            Self::Refused { entry, fault, .. } => (*entry, *fault),
            Self::Admitted(choice) => (Entry::Admitted, choice.fault),
        };
        Call {
            id,
            at_ms,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            bulk: false,
            items: 0,
            status: None,
            entry,
            answer_lost: false,
            fault: fault.map(|kind| kind.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entrance, Refusal};
    use crate::{
        faults::{FaultKind, FaultRule, Faults, When},
        window::Window,
    };

    fn entrance(faults: Faults) -> Entrance {
        Entrance::new(vec![Window::new(3, 5_000), Window::new(1, 5_000)], 2, faults)
    }

    #[test]
    fn a_call_counts_in_each_of_its_windows() {
        let mut entrance = entrance(Faults::default());
        assert!(entrance.admit("/bulk", &[0, 1], 0).is_ok());
        entrance.leave();
        let refused = entrance.admit("/bulk", &[0, 1], 4_999);
        assert_eq!(refused, Err((Refusal::Window { limit: 1, length_ms: 5_000 }, None)));
        // The refusal took no place in the wider window: two of its three places are free.
        assert_eq!(entrance.windows()[0].remaining(4_999), 2);
        assert!(entrance.admit("/bulk", &[0, 1], 5_000).is_ok());
    }

    #[test]
    fn calls_at_once_are_limited_until_one_leaves() {
        let mut entrance = entrance(Faults::default());
        assert!(entrance.admit("/", &[0], 0).is_ok());
        assert!(entrance.admit("/", &[0], 0).is_ok());
        assert_eq!(entrance.admit("/", &[0], 0), Err((Refusal::Concurrency, None)));
        entrance.leave();
        assert!(entrance.admit("/", &[0], 0).is_ok());
    }

    #[test]
    fn a_simulated_throttle_takes_no_place() {
        let mut entrance = entrance(Faults::of([FaultRule::new(FaultKind::Throttle, When::First(1))]));
        let refused = entrance.admit("/bulk", &[0, 1], 0);
        assert_eq!(refused, Err((Refusal::Window { limit: 1, length_ms: 5_000 }, Some(FaultKind::Throttle))));
        assert_eq!(entrance.windows()[1].remaining(0), 1);
    }
}
