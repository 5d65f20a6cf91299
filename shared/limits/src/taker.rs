//! One function's side of the shared rate: which write to make next, and what its answer means. Pure.
//!
//! A lease is one write that only its guard can refuse. The write moves the axis on by the lease's cost, wherever the
//! axis ends. The end must not be before now, because then the account was idle and the lease begins now. It must also
//! not be so far ahead that the lease would begin too late. A refused write brings the item with it, so that the next
//! write fits.

use std::collections::VecDeque;

use crate::{
    item::{Item, Move, Stated, Suspension, Write},
    lease::{Lease, Reading, Term},
    rate::Plan,
};

/// How long a function's stricter configured limit stays in force for the others after it was last stated, in ms. It is
/// twice the time in which all functions pick up a new configuration.
const STATED_MS: i64 = 120_000;
/// A change of price is charged as if the axis ended so much later than it was seen, in µs. Others may move it until
/// the change is written.
const SLACK_US: i64 = 100_000;
/// The share of a taker that may use the whole limit, in per mille.
pub(crate) const ALL: u16 = 1_000;
/// Marks kept in one window.
const MARKS: i64 = 12;
/// Windows for which marks are kept.
const MARKED_WINDOWS: i64 = 2;
/// Leases remembered, to learn how many permits a lease needs.
const LEASES_REMEMBERED: usize = 32;
/// A lease has at least this part of the largest lease's permits, or the number wanted. Smaller leases are not worth a
/// write.
const SMALLEST_PART: u32 = 16;
/// Demand is measured over at least this part of a lease's life. Over less, one request would look like a flood. Over a
/// whole life, the first leases of a flood would be small.
const SHORTEST_PART: i64 = 8;

/// How long one function may try a suspended account, in ms: longer than a request may take.
const PROBE_MS: i64 = 60_000;
/// While the account is suspended, the item is read no more often than this, in µs: an operator may open the account.
const LOOK_AGAIN_US: i64 = 5_000_000;

/// The next step to get permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// The item is not known: read it.
    Read,
    /// Make this write and pass its answer to [`Taker::wrote`].
    Write(Write),
    /// No lease begins in time. The first lease may begin at this instant, in µs since 1970.
    Refused(i64),
}

/// The knowledge of one function.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    /// The configured limit.
    pub(crate) plan: Plan,
    /// The item as last seen, and when it was seen: µs since 1970.
    seen: Option<(Item, i64)>,
    /// The last lease began where another one ended, so the next one probably will too. By the time of a lease, the
    /// axis as last seen is out of date: it looks idle although others are busy.
    busy: bool,
    /// The vendor refused a request of this function until then, in µs since 1970.
    pub(crate) closed_until_us: i64,
    /// The share of the limit that this taker may use, in per mille. A taker with less than the whole also reserves
    /// nothing ahead: takers of the whole limit go first.
    pub(crate) share_per_mille: u16,
    /// When each of the last leases could first be spent (µs, monotonic), and how many of its permits were spent.
    spent: VecDeque<(i64, u32)>,
}

impl Taker {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, seen: None, busy: false, closed_until_us: i64::MIN, share_per_mille: ALL, spent: VecDeque::new() }
    }

    /// Why the account is suspended, if it is.
    pub(crate) fn suspended(&self) -> Option<&str> {
        self.seen.as_ref().and_then(|(item, _)| item.suspended.as_deref())
    }

    /// The extra charge on a lease of this cost, in µs, so that this taker uses no more than its share.
    fn padding_us(&self, cost_us: i64) -> i64 {
        let share = i64::from(self.share_per_mille.clamp(1, ALL));
        (i128::from(cost_us) * i128::from(i64::from(ALL) - share) / i128::from(share)).try_into().unwrap_or(0)
    }

    /// The item as last seen, and when it was seen.
    pub(crate) fn seen(&self) -> Option<&(Item, i64)> {
        self.seen.as_ref()
    }

    /// Stores the item, read by a request that began at `asked`.
    pub(crate) fn learn(&mut self, item: Item, asked: Reading) {
        self.seen = Some((item, asked.wall_us));
    }

    /// Records that a lease ended: its use decides the size of the next lease.
    pub(crate) fn ended(&mut self, lease: &Lease) {
        if lease.total > 0 {
            let from_us = lease.term.asked.mono_us + (lease.term.from_us - lease.term.asked.wall_us);
            self.spent.push_back((from_us, lease.total.saturating_sub(lease.left())));
            if self.spent.len() > LEASES_REMEMBERED {
                self.spent.pop_front();
            }
        }
    }

    /// The plan whose price leases have now: the strictest of the limit configured here, the limit configured
    /// elsewhere, and the limit that others leave.
    pub(crate) fn in_force(&self, item: &Item, now_us: i64) -> Plan {
        // Clocks differ: a stated limit is over only when it is over for everybody.
        let live = |stated: &Stated| now_us <= stated.until_ms * 1_000 + self.plan.error_us;
        let others = Some(item.limit).filter(live).map_or(u32::MAX, |stated| stated.limit);
        let cut = item.cut.filter(live).map_or(u32::MAX, |stated| stated.limit);
        self.plan.of_limit(self.plan.limit.min(others).min(cut).max(1))
    }

    /// The plan with the lowest price at which any function bought a lease since the last change of a limit. A cut that
    /// is over stays in force until it is removed.
    fn cheapest(&self, item: &Item) -> Plan {
        self.plan.of_limit(item.limit.limit.min(item.cut.map_or(u32::MAX, |cut| cut.limit)).max(1))
    }

    /// The next step to get `wanted` permits (at least 1) that can be spent at `latest_us` (µs since 1970) or before.
    pub(crate) fn next(&mut self, wanted: u32, now: Reading, latest_us: i64) -> Next {
        let now_us = now.wall_us;
        if self.closed_until_us > now_us {
            // This also applies to callers that can wait: the store may not know the refusal yet.
            return Next::Refused(self.closed_until_us);
        }
        self.forget(now.mono_us);
        let Some((item, seen_us)) = &self.seen else { return Next::Read };
        let is_suspended = item.suspended.is_some();
        if is_suspended && item.closed_until_ms * 1_000 > now_us {
            let is_old = now_us - seen_us > LOOK_AGAIN_US;
            return if is_old { Next::Read } else { Next::Refused(item.closed_until_ms * 1_000) };
        }
        if item.rev > 0
            && let Some(write) = self.restate(item, now_us)
        {
            return Next::Write(write);
        }
        let plan = self.in_force(item, now_us);
        let end_us = item.tat_us.max(now_us);
        let latest_us = if self.share_per_mille < ALL { now_us } else { latest_us };
        let latest_end_us = latest_us.max(now_us).saturating_add(plan.tau_us);
        // Only one request tries a suspended account.
        let size = if is_suspended { 1 } else { self.size(wanted, &plan, now, end_us - now_us) };
        let smallest = size.min((plan.burst() / SMALLEST_PART).max(1));
        let starts = |permits: u32| end_us + plan.cost_us(permits) - plan.tau_us;
        if starts(smallest) > latest_us.max(now_us + 1) {
            return Next::Refused(starts(smallest));
        }
        let fit = u32::try_from(plan.permits_in(latest_end_us - end_us - 1)).unwrap_or(u32::MAX);
        let size = size.min(fit.max(smallest));
        let padding_us = self.padding_us(plan.cost_us(size));
        let cost_us = plan.cost_us(size) + padding_us;
        let (within, tat) = if item.rev == 0 || (item.tat_us < now_us && !self.busy) {
            ((i64::MIN, now_us - 1), Move::To(now_us + cost_us))
        } else {
            ((now_us, (latest_end_us - cost_us).max(end_us)), Move::On(cost_us))
        };
        // The function with the strictest limit states it with each lease; the others let it run out.
        let states = item.rev == 0 || self.plan.limit == item.limit.limit;
        Next::Write(Write {
            leased: size,
            marks: self.marks(item),
            limit: states.then(|| self.stated(now_us)),
            closed_until_ms: is_suspended.then_some(now_us / 1_000 + PROBE_MS),
            next_rev: is_suspended,
            padding_us,
            ..Write::new(item.rev, within, tat)
        })
    }

    /// Takes the answer to a write that was decided at `asked`: the item after it, or the item that refused it. Returns
    /// a lease, if the write was for one.
    pub(crate) fn wrote(&mut self, write: &Write, answer: Result<Item, Item>, asked: Reading) -> Option<Lease> {
        let (item, made) = match answer {
            Ok(item) => (item, true),
            Err(item) => (item, false),
        };
        let plan = self.in_force(&item, asked.wall_us);
        let end_us = item.tat_us;
        if !made || write.leased > 0 {
            self.busy = if made { matches!(write.tat, Move::On(_)) } else { end_us >= asked.wall_us };
        }
        self.learn(item, asked);
        if !made || write.leased == 0 {
            return None;
        }
        let moved_us = match write.tat {
            Move::On(us) => us,
            Move::To(us) => us - asked.wall_us,
        };
        // The extra charge lies after the lease and belongs to nobody.
        let (end_us, cost_us) = (end_us - write.padding_us, moved_us - write.padding_us);
        Some(Lease::new(write.leased, term(&plan, end_us, cost_us, asked), plan.life_us))
    }

    /// A write that cuts the limit to `limit` until `until_ms`, because others use the account.
    pub(crate) fn cut(&self, stated: Stated, now_us: i64) -> Option<Write> {
        let (item, _) = self.seen.as_ref().filter(|(item, _)| item.rev > 0)?;
        let write = self.reprice(item, &self.cheapest(item), stated.limit, now_us);
        Some(Write { cut: Some(stated), ..write })
    }

    /// A write after which no lease begins before `until_ms`.
    pub(crate) fn close(&self, until_ms: i64, now_us: i64) -> Next {
        let Some((item, _)) = &self.seen else { return Next::Read };
        let plan = self.in_force(item, now_us);
        let end_us = until_ms * 1_000 + plan.tau_us.max(self.plan.tau_us);
        let write = if item.rev == 0 {
            Write { limit: Some(self.stated(now_us)), ..Write::new(0, (0, 0), Move::To(end_us)) }
        } else if item.tat_us < end_us {
            Write::new(item.rev, (i64::MIN, end_us - 1), Move::To(end_us))
        } else {
            Write::new(item.rev, (end_us, i64::MAX), Move::On(0))
        };
        Next::Write(Write { closed_until_ms: Some(until_ms.max(item.closed_until_ms)), ..write })
    }

    /// A write that suspends the account. Nobody buys a lease before `until_ms`, and after that only one function does.
    /// Functions that do not know it yet are stopped by the price's revision, which every lease names.
    pub(crate) fn suspend(&self, until_ms: i64, why: &str, now_us: i64) -> Next {
        let Some((item, _)) = &self.seen else { return Next::Read };
        let write = if item.rev == 0 {
            Write { limit: Some(self.stated(now_us)), ..Write::new(0, (0, 0), Move::To(now_us)) }
        } else {
            Write { next_rev: true, ..Write::new(item.rev, (i64::MIN, i64::MAX), Move::On(0)) }
        };
        let closed_until_ms = Some(until_ms.max(item.closed_until_ms));
        Next::Write(Write { closed_until_ms, suspension: Some(Suspension::Begins(why.to_owned())), ..write })
    }

    /// A write that opens the account again, if it is suspended.
    ///
    /// The closing time is erased instead of set to now: "now" would be later on a slower clock.
    pub(crate) fn resume(&self) -> Option<Write> {
        let (item, _) = self.seen.as_ref().filter(|(item, _)| item.suspended.is_some())?;
        let write = Write::new(item.rev, (i64::MIN, i64::MAX), Move::On(0));
        Some(Write { next_rev: true, closed_until_ms: Some(0), suspension: Some(Suspension::Ends), ..write })
    }

    /// A write that makes the configured limit the shared one. A stricter limit is written at once. A looser limit is
    /// written once nobody has stated the stricter one for a while. A cut that is over is removed in the same way, so
    /// that a late write that was decided under its price is refused.
    fn restate(&self, item: &Item, now_us: i64) -> Option<Write> {
        let over = |stated: &Stated| now_us > stated.until_ms * 1_000 + self.plan.error_us;
        if item.cut.is_some_and(|cut| cut != Stated::NO_CUT && over(&cut)) {
            let write = Write::new(item.rev, (i64::MIN, i64::MAX), Move::On(0));
            return Some(Write { cut: Some(Stated::NO_CUT), next_rev: true, ..write });
        }
        let over = over(&item.limit);
        if self.plan.limit == item.limit.limit || (self.plan.limit > item.limit.limit && !over) {
            return None;
        }
        let write = self.reprice(item, &self.plan.of_limit(item.limit.limit), self.plan.limit, now_us);
        Some(Write { limit: Some(self.stated(now_us)), ..write })
    }

    /// A write that changes the price to that of `limit`, and charges outstanding permits again.
    fn reprice(&self, item: &Item, from: &Plan, limit: u32, now_us: i64) -> Write {
        let bound_us = item.tat_us.max(now_us).saturating_add(SLACK_US.min(self.plan.window_us));
        let surcharge_us = from.surcharge_us(&self.plan.of_limit(limit), now_us, bound_us);
        let tat = if limit < from.limit { Move::On(surcharge_us) } else { Move::On(0) };
        Write { next_rev: true, ..Write::new(item.rev, (i64::MIN, bound_us), tat) }
    }

    fn stated(&self, now_us: i64) -> Stated {
        Stated { limit: self.plan.limit, until_ms: now_us / 1_000 + STATED_MS }
    }

    /// How many permits to take: the number wanted, or the number expected within the lease's time if demand stays as
    /// it was.
    fn size(&self, wanted: u32, plan: &Plan, now: Reading, ahead_us: i64) -> u32 {
        // A lease that was taken ahead of its place lives longer; half of that time is left for demand that varies.
        let time_us = plan.life_us + ahead_us.min(plan.tau_us) / 2;
        let since_us = self.spent.front().map_or(0, |(from_us, _)| now.mono_us - from_us);
        let since_us = since_us.max(plan.life_us / SHORTEST_PART);
        let spent: i64 = self.spent.iter().map(|(_, spent)| i64::from(*spent)).sum();
        // A pause in demand is not demand.
        let spent = if since_us > 4 * plan.life_us { 0 } else { spent };
        let expected = (spent * time_us).div_euclid(since_us.max(1)) + i64::from(spent > 0);
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        wanted.max(expected).clamp(1, plan.burst())
    }

    /// Drops leases that say nothing about the last lease's time; one that began before it is kept.
    fn forget(&mut self, mono_us: i64) {
        while self.spent.get(1).is_some_and(|(from_us, _)| mono_us - from_us >= self.plan.life_us) {
            self.spent.pop_front();
        }
    }

    /// The marks to keep, if a new mark is due. They go as far back as a late answer may reach.
    fn marks(&self, item: &Item) -> Option<Vec<(i64, u64)>> {
        let newest_us = item.marks.last().map_or(i64::MIN, |(at_us, _)| *at_us);
        let window_us = self.plan.window_us;
        if item.tat_us < newest_us.saturating_add((window_us / MARKS).max(1)) {
            return None;
        }
        let since_us = item.tat_us - MARKED_WINDOWS * window_us;
        let old = item.marks.partition_point(|(at_us, _)| *at_us <= since_us).saturating_sub(1);
        let mut marks = item.marks.get(old..).unwrap_or_default().to_vec();
        marks.push((item.tat_us, item.leased));
        Some(marks)
    }
}

/// When a lease may be spent whose cost is the last `cost_us` of an axis that ends at `end_us`.
pub(crate) fn term(plan: &Plan, end_us: i64, cost_us: i64, asked: Reading) -> Term {
    Term { asked, from_us: (end_us - plan.tau_us).max(asked.wall_us), until_us: end_us - cost_us + plan.life_us }
}
