//! What happens in a simulated fleet, in order of time, and what is left of it.

use super::oracle::{Excess, Rule, judge};
use crate::{
    item::{Item, Write},
    lease::Reading,
};

/// What a run left behind.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// When each call reached the vendor, and when the store sold its permit, in µs since the run began.
    pub(super) calls: Vec<(i64, i64)>,
    /// The limits that had to hold, and when; whether each was a cut for others' use.
    pub(super) rules: Vec<(bool, Rule)>,
    pub(super) writes: u64,
    pub(super) refused_writes: u64,
    pub(super) reads: u64,
    /// Headers judged; those by which functions took themselves for others; those by which they saw others.
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
    /// A call that was made at this reading reaches the vendor, which counts.
    Count(Reading),
    /// Its answer comes back, and says how many calls the vendor had counted.
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
    /// The first rule that the calls break.
    ///
    /// A stricter limit cannot take back permits that were sold before it: where these alone are more than it allows,
    /// they are what it allows.
    pub(super) fn judged(self) -> Option<Excess> {
        let outstanding =
            |from: i64| self.calls.iter().filter(|(at, sold)| *at >= from && *sold <= from).count() as u32;
        let allowed = |rule: &Rule| Rule { limit: rule.limit.max(outstanding(rule.from)), ..*rule };
        let rules: Vec<Rule> = self.rules.iter().map(|(_, rule)| allowed(rule)).collect();
        judge(self.calls.into_iter().map(|(at, _)| at).collect(), &rules)
    }
}
