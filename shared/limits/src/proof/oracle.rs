//! The judge of every simulation: a log of all request starts, as the vendor counts them, checked over every window.
//!
//! It knows nothing of leases, items or clocks. Both ends of a window count.

/// A limit, and the time in which it must hold: for every window that lies wholly within that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) limit: u32,
    pub(super) window: i64,
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Rule {
    /// A limit that holds always.
    pub(super) fn always(limit: u32, window: i64) -> Self {
        Self { limit, window, from: i64::MIN, until: i64::MAX }
    }
}

/// A window that holds more requests than its rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Excess {
    pub(super) rule: Rule,
    pub(super) start: i64,
    pub(super) calls: usize,
}

/// The fullest window against `rule`, if it is too full. `calls` ascend.
///
/// A window that is too full can be moved so that it begins with a request. It is then no less full, unless it ends
/// after the rule does. So it is enough to check windows that begin with a request, cut off where the rule ends.
pub(super) fn excess(calls: &[i64], rule: Rule) -> Option<Excess> {
    let mut worst: Option<Excess> = None;
    let mut end = calls.partition_point(|at| *at < rule.from);
    for (first, &start) in calls.iter().enumerate().skip(end) {
        if start > rule.until {
            break;
        }
        let last = start.saturating_add(rule.window).min(rule.until);
        while calls.get(end).is_some_and(|at| *at <= last) {
            end += 1;
        }
        let count = end - first;
        if count > rule.limit as usize && worst.is_none_or(|known| count > known.calls) {
            worst = Some(Excess { rule, start, calls: count });
        }
    }
    worst
}

/// The first rule that `calls` break, in any order.
pub(super) fn judge(mut calls: Vec<i64>, rules: &[Rule]) -> Option<Excess> {
    calls.sort_unstable();
    rules.iter().find_map(|rule| excess(&calls, *rule))
}

/// The number of requests in the emptiest window that begins with a request. Windows count from the first request at or
/// after `from`, as long as they end before the last request.
pub(super) fn emptiest(calls: &mut [i64], window: i64, from: i64) -> Option<usize> {
    calls.sort_unstable();
    let last = *calls.last()?;
    let mut end = 0;
    let mut least = None;
    for (first, &start) in calls.iter().enumerate() {
        if start + window > last {
            break;
        }
        while calls.get(end).is_some_and(|at| *at < start + window) {
            end += 1;
        }
        if start >= from {
            least = Some(least.map_or(end - first, |known: usize| known.min(end - first)));
        }
    }
    least
}

#[test]
fn the_oracle_counts_both_ends() {
    let calls = vec![0, 10, 3, 11];
    assert_eq!(judge(calls.clone(), &[Rule::always(3, 10)]), None);
    let found = judge(calls.clone(), &[Rule::always(4, 10), Rule::always(2, 10)]).unwrap();
    assert_eq!((found.start, found.calls), (0, 3));
    assert_eq!(judge(calls.clone(), &[Rule { from: 1, ..Rule::always(2, 7) }]), None);
    assert_eq!(judge(calls.clone(), &[Rule { from: 1, ..Rule::always(2, 8) }]).unwrap().calls, 3);
    assert_eq!(judge(calls, &[Rule { from: 1, until: 10, ..Rule::always(2, 8) }]), None);
}

#[test]
fn the_oracle_agrees_with_counting_by_hand() {
    let mut chance = super::chance::Chance::new(7);
    for _ in 0..2_000 {
        let calls: Vec<i64> = (0..chance.to(30)).map(|_| chance.to(60)).collect();
        let rule = Rule { limit: 5, window: chance.to(20), from: chance.to(30), until: 30 + chance.to(30) };
        let too_full = (rule.from..=rule.until).any(|start| {
            let end = (start + rule.window).min(rule.until);
            calls.iter().filter(|at| (start..=end).contains(*at)).count() > 5
        });
        assert_eq!(judge(calls, &[rule]).is_some(), too_full, "{rule:?}");
    }
}
