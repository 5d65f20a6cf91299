//! The one item that all functions share, and the writes that change it: pure data.

use crate::rate::Plan;

/// A limit stricter than another function's configured one, and until when it is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    /// Requests in any window, at least 1.
    pub(crate) limit: u32,
    /// ms since 1970.
    pub(crate) until_ms: i64,
}

impl Stated {
    /// Replaces a cut that is over.
    pub(crate) const NO_CUT: Self = Self { limit: u32::MAX, until_ms: 0 };
}

/// The content of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Rises with every change of a limit, so that no lease is bought at a price that is not in force; 0: no item.
    pub(crate) rev: u64,
    /// The end of the last lease on the axis, in µs since 1970.
    pub(crate) tat_us: i64,
    /// Permits sold since the beginning.
    pub(crate) leased: u64,
    /// The value of `leased` when the axis ended at certain places (µs since 1970), oldest first.
    pub(crate) marks: Vec<(i64, u64)>,
    /// The strictest limit configured anywhere.
    pub(crate) limit: Stated,
    /// The limit that others leave, as the vendor's headers showed.
    pub(crate) cut: Option<Stated>,
    /// The vendor refused a request until then, in ms since 1970. For display, and for leases that wait.
    pub(crate) closed_until_ms: i64,
    /// Why the vendor refuses the account itself. Nobody makes a request until `closed_until_ms`; then one request
    /// tries.
    pub(crate) suspended: Option<String>,
}

impl Item {
    /// The value if no item exists yet.
    pub(crate) const ABSENT: Self = Self {
        rev: 0,
        tat_us: 0,
        leased: 0,
        marks: Vec::new(),
        limit: Stated { limit: u32::MAX, until_ms: 0 },
        cut: None,
        closed_until_ms: 0,
        suspended: None,
    };

    /// The least number of permits whose leases begin before this place of the axis, if a permit costs `plan`'s price
    /// or more. Between two marks, sold permits are assumed to lie as far back as possible.
    pub(crate) fn sold_before(&self, plan: &Plan, at_us: i64) -> u64 {
        let end = (self.tat_us, self.leased);
        let after = self.marks.partition_point(|(mark_us, _)| *mark_us <= at_us);
        let before = after.checked_sub(1).and_then(|last| self.marks.get(last)).map_or(0, |(_, sold)| *sold);
        let (next_us, next) = self.marks.get(after).copied().unwrap_or(end);
        if next_us <= at_us {
            return self.leased;
        }
        let between = u64::try_from(plan.permits_in(next_us - at_us)).unwrap_or(0);
        before.max(next.saturating_sub(between))
    }

    /// Permits sold in the `window_us` before `now_us`, including permits to be spent later.
    pub(crate) fn sold_since(&self, plan: &Plan, now_us: i64, window_us: i64) -> u64 {
        self.leased - self.sold_before(plan, now_us - window_us).min(self.leased)
    }
}

/// The change to the end of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The axis moves on by this many µs, wherever it ends.
    On(i64),
    /// The axis ends here.
    To(i64),
}

/// The change to a suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suspension {
    /// It begins, or goes on, for this reason.
    Begins(String),
    /// It is over.
    Ends,
}

/// One conditional write. It is made as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// The item must have this `rev`; 0: it must not exist.
    pub(crate) rev: u64,
    /// The axis must end within this range, both ends included.
    pub(crate) tat_within: (i64, i64),
    pub(crate) tat: Move,
    /// Permits that the write sells.
    pub(crate) leased: u32,
    pub(crate) marks: Option<Vec<(i64, u64)>>,
    pub(crate) limit: Option<Stated>,
    pub(crate) cut: Option<Stated>,
    pub(crate) closed_until_ms: Option<i64>,
    /// A suspension that begins or ends.
    pub(crate) suspension: Option<Suspension>,
    /// The extra charge on the lease above its cost, in µs, so that others get a share; not stored.
    pub(crate) padding_us: i64,
    /// The price changes: functions that do not know it yet must read the item again.
    pub(crate) next_rev: bool,
}

impl Write {
    /// A write that moves the axis and nothing else.
    pub(crate) fn new(rev: u64, tat_within: (i64, i64), tat: Move) -> Self {
        Self {
            rev,
            tat_within,
            tat,
            leased: 0,
            marks: None,
            limit: None,
            cut: None,
            closed_until_ms: None,
            suspension: None,
            padding_us: 0,
            next_rev: false,
        }
    }

    /// The effect of the write at the store: the item after it, or `None` if its condition does not hold.
    ///
    /// In production the store itself does this. The function exists so that proofs need no store, and a test compares
    /// the two.
    #[cfg(test)]
    pub(crate) fn applied_to(&self, item: &Item) -> Option<Item> {
        let (from_us, to_us) = self.tat_within;
        if self.rev != item.rev || (self.rev > 0 && !(from_us..=to_us).contains(&item.tat_us)) {
            return None;
        }
        Some(Item {
            rev: item.rev + u64::from(self.next_rev || self.rev == 0),
            tat_us: match self.tat {
                Move::On(us) => item.tat_us + us,
                Move::To(us) => us,
            },
            leased: item.leased + u64::from(self.leased),
            marks: self.marks.clone().unwrap_or_else(|| item.marks.clone()),
            limit: self.limit.unwrap_or(item.limit),
            cut: self.cut.or(item.cut),
            closed_until_ms: self.closed_until_ms.unwrap_or(item.closed_until_ms),
            suspended: match &self.suspension {
                Some(Suspension::Begins(why)) => Some(why.clone()),
                Some(Suspension::Ends) => None,
                None => item.suspended.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sold_in_a_window_is_read_between_marks() {
        // A permit costs 10 µs and a little.
        let plan = Plan::with(100, 1_000, 0, 0, 0);
        let item =
            Item { tat_us: 30_000, leased: 1_000, marks: vec![(0, 0), (5_000, 400), (10_000, 900)], ..Item::ABSENT };
        for (at_us, before) in [
            (-1, 0),
            (0, 0),
            (1_000, 0),
            (3_000, 200),
            (5_000, 400),
            (6_000, 500),
            (10_000, 900),
            (29_000, 900),
            (29_500, 950),
            (30_000, 1_000),
            (99_999, 1_000),
        ] {
            assert_eq!(item.sold_before(&plan, at_us), before, "{at_us}");
        }
        assert_eq!(item.sold_since(&plan, 31_000, 25_000), 500);
        assert_eq!(Item::ABSENT.sold_since(&plan, 31_000, 25_000), 0);
    }
}
