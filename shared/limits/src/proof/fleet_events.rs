//! The events of a simulated fleet, in order of time, and their result.

use super::oracle::{Excess, Rule, judge};
use crate::{
    item::{Item, Write},
    lease::Reading,
};

/// The result of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// When each request reached the vendor, and when the store sold its permit, in µs since the run began.
    pub(super) calls: Vec<(i64, i64)>,
    /// The limits that had to hold, and when; and whether each was a cut for others' use.
    pub(super) rules: Vec<(bool, Rule)>,
    pub(super) writes: u64,
    pub(super) refused_writes: u64,
    pub(super) reads: u64,
    /// Headers judged; headers by which functions took themselves for others; headers by which they noticed others.
    pub(super) judged: u64,
    pub(super) accused: u64,
    pub(super) noticed: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Act,
    /// A request reaches the store; `answered`: its answer will come back.
    Arrive {
        request: Option<Write>,
        asked: Reading,
        life: u32,
        answered: bool,
    },
    Answer {
        request: Option<Write>,
        asked: Reading,
        life: u32,
        /// When the store acted, and until when the account was closed before that.
        sold: (i64, i64),
        answer: Result<Item, Item>,
    },
    /// A request that was made at this reading reaches the vendor, which counts it.
    Count(Reading),
    /// The answer comes back, and says how many requests the vendor had counted.
    Headers {
        called: Reading,
        counted: u64,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) order: u64,
    pub(super) function: usize,
    pub(super) step: Step,
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Outcome {
    /// The first rule that the requests break.
    ///
    /// A stricter limit cannot take back permits that were sold before it. If these alone are more than it allows, that
    /// many are allowed.
    pub(super) fn judged(self) -> Option<Excess> {
        let outstanding =
            |from: i64| self.calls.iter().filter(|(at, sold)| *at >= from && *sold <= from).count() as u32;
        let allowed = |rule: &Rule| Rule { limit: rule.limit.max(outstanding(rule.from)), ..*rule };
        let rules: Vec<Rule> = self.rules.iter().map(|(_, rule)| allowed(rule)).collect();
        judge(self.calls.into_iter().map(|(at, _)| at).collect(), &rules)
    }
}
