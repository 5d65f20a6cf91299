//! The one item that all functions share, and the writes that change it: pure data.

/// A limit stricter than somebody's configured one, and until when it is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    /// Calls in any window, at least 1.
    pub(crate) limit: u32,
    /// ms since 1970.
    pub(crate) until_ms: i64,
}

/// What the item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Rises with every change of a limit, so that no lease is bought at a price that is not in force; 0: no item.
    pub(crate) rev: u64,
    /// The end of the last lease on the axis, in µs since 1970.
    pub(crate) tat_us: i64,
    /// Permits ever sold.
    pub(crate) leased: u64,
    /// `leased` as it was at some moments (µs since 1970), oldest first: what was sold in the last window.
    pub(crate) marks: Vec<(i64, u64)>,
    /// The strictest limit that is configured anywhere.
    pub(crate) limit: Stated,
    /// What others leave of the limit, as the vendor's headers told.
    pub(crate) cut: Option<Stated>,
    /// For display, and for leases that wait: the vendor refused a call until then, in ms since 1970.
    pub(crate) closed_until_ms: i64,
    /// The vendor refuses the account itself, and why: until `closed_until_ms` nobody calls, then one call tries.
    pub(crate) suspended: Option<String>,
}

impl Item {
    /// There is no item yet.
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

    /// Permits sold in the `window_us` before `now_us`, between two marks by proportion.
    pub(crate) fn leased_since(&self, now_us: i64, window_us: i64) -> u64 {
        let since_us = now_us - window_us;
        // A lease ends on the axis after it was taken, so an axis that ended before the window has sold nothing in it.
        if self.tat_us < since_us {
            return 0;
        }
        let after = self.marks.partition_point(|(at_us, _)| *at_us <= since_us);
        let Some(&(low_us, low)) = after.checked_sub(1).and_then(|before| self.marks.get(before)) else {
            // All marks are younger than the window, so all that was ever sold is.
            return self.leased;
        };
        let (high_us, high) = self.marks.get(after).copied().unwrap_or((now_us.max(low_us + 1), self.leased));
        let part = i128::from(high.saturating_sub(low)) * i128::from(since_us - low_us) / i128::from(high_us - low_us);
        self.leased.saturating_sub(low + u64::try_from(part).unwrap_or(0))
    }
}

/// What becomes of the end of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// It moves on by this many µs, wherever it is.
    On(i64),
    /// It becomes this.
    To(i64),
}

/// What a write says of the vendor's refusals of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suspension {
    /// They begin, or go on, for this reason.
    Begins(String),
    /// They are over.
    Ends,
}

/// One conditional write. It is made as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// The item must have this `rev`; 0: it must not exist.
    pub(crate) rev: u64,
    /// The axis must end within these, both included.
    pub(crate) tat_within: (i64, i64),
    pub(crate) tat: Move,
    /// Permits sold by it.
    pub(crate) leased: u32,
    pub(crate) marks: Option<Vec<(i64, u64)>>,
    pub(crate) limit: Option<Stated>,
    pub(crate) cut: Option<Stated>,
    pub(crate) closed_until_ms: Option<i64>,
    /// The vendor begins to refuse the account, or ends it.
    pub(crate) suspension: Option<Suspension>,
    /// What the lease is charged above its cost, in µs, so that others are left a share; not stored.
    pub(crate) padding_us: i64,
    /// The price changes: whoever does not know it yet must look again.
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

    /// What the store makes of it: the item after it, or `None` if its condition does not hold.
    ///
    /// The store itself does this in production; it stands here so that proofs need no store, and a test compares
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
    fn what_was_sold_in_the_last_window_is_read_between_marks() {
        let item = Item { tat_us: 130, leased: 1_000, marks: vec![(0, 0), (50, 400), (100, 900)], ..Item::ABSENT };
        assert_eq!(item.leased_since(120, 100), 1_000 - 160);
        assert_eq!(item.leased_since(120, 60), 1_000 - 500);
        assert_eq!(item.leased_since(120, 5), 1_000 - 975);
        assert_eq!(item.leased_since(90, 100), 1_000, "before the first mark nothing was sold");
        assert_eq!(item.leased_since(1_000, 100), 0, "the last lease is older than the window");
    }
}
