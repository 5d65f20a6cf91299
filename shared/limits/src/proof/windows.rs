//! Processes that share LeadSquared's small windows, in virtual time. They use the production's [`Grants`], one
//! versioned item, and a log of the requests that reached the vendor. Times are in ms.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use super::{
    chance::Chance,
    oracle::{Rule, judge},
    schedules::for_each_seed,
};
use crate::slots::{CLOCK_MS, CallClass, CrmLimits, Grants, LATE_MS, Seen, Slot, WAY_MS};

const DAY_MS: i64 = 86_400_000;
/// The window in which the vendor counts.
const WINDOW_MS: i64 = 5_000;
/// Schedules in a normal run of the tests.
const SCHEDULES: u64 = 12_000;

/// By how much this limiter is wrong, to test that the oracle notices it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) calls: u32,
    pub(super) bulk_calls: u32,
    pub(super) day: u64,
    pub(super) window: i64,
    pub(super) late: i64,
    pub(super) unversioned: bool,
    /// Every refusal is taken for a refusal of the standard window.
    pub(super) guesses: bool,
}

#[derive(Debug)]
struct World {
    limits: CrmLimits,
    /// The limits that each process switches to when it picks up the new configuration.
    changed: CrmLimits,
    processes: usize,
    /// The account's true limits, if they are lower than configured: requests, bulk requests.
    truth: Option<(u32, u32)>,
    /// Whether a request that the vendor refused counts in its windows.
    refused_count: bool,
    calls_max: usize,
    patience: i64,
    way: i64,
    pauses: i64,
    lost: i64,
    twice: i64,
    learns: i64,
    bulk: i64,
    idle: i64,
    begin: i64,
}

impl World {
    fn of(chance: &mut Chance) -> Self {
        let calls = chance.within(1, 12) as u32;
        let limits = CrmLimits {
            calls,
            bulk_calls: chance.within(1, i64::from(calls.min(3))) as u32,
            bulk_counts_in_window: chance.percent(70),
            window_ms: WINDOW_MS,
            calls_per_day: chance.percent(30).then(|| 2 + chance.to(60) as u64),
            day_in_shadow: false,
            reserve_per_mille: 0,
        };
        let truth = chance.percent(40).then(|| {
            let true_calls = chance.within(1, i64::from(calls));
            (true_calls as u32, chance.within(1, true_calls.min(i64::from(limits.bulk_calls))) as u32)
        });
        let mut changed = limits;
        if chance.percent(40) && truth.is_none() {
            changed.calls = chance.within(1, 12) as u32;
            changed.bulk_calls = chance.within(1, i64::from(changed.calls.min(3))) as u32;
        }
        let few = |chance: &mut Chance| if chance.percent(70) { 0 } else { chance.to(20) };
        Self {
            limits,
            changed,
            processes: chance.within(1, 8) as usize,
            truth,
            refused_count: chance.percent(50),
            calls_max: 100,
            patience: chance.edgy(0, 20_000),
            way: chance.edgy(0, 400),
            pauses: few(chance),
            lost: few(chance),
            twice: few(chance),
            learns: if truth.is_some() || chance.percent(70) { 0 } else { 3 },
            bulk: chance.pick(&[0, 30, 100]),
            idle: chance.pick(&[0, 0, 700, 3_000]),
            // Some runs are around a midnight.
            begin: 20_000 * DAY_MS + if chance.percent(40) { DAY_MS - chance.to(30_000) } else { DAY_MS / 2 },
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Act,
    /// A write reaches the store: the slot that it grants, the number of requests allowed, and whether its answer comes
    /// back.
    Arrive {
        slot: i64,
        answered: bool,
    },
    Granted(i64),
    Start(i64),
    /// A request of this class reaches the vendor, on a slot of this version of the item.
    Reach {
        bulk: bool,
        granted: u64,
    },
    /// The vendor's refusal comes back, and the limit that it names.
    Refused {
        bulk: bool,
        granted: u64,
        calls: u32,
    },
}

#[derive(Debug, Default)]
struct Process {
    seen: Option<(u64, Grants)>,
    write: Option<(u64, Grants)>,
    class: Option<CallClass>,
    /// The item's version that granted the slot in hand.
    granted: u64,
    skew: i64,
    changed: bool,
}

/// The result of a run.
#[derive(Debug, Default)]
struct Log {
    calls: Vec<i64>,
    bulk: Vec<i64>,
    /// Granted slots that count in the standard window, and the limit under which each was granted.
    slots: Vec<(i64, (u32, i64))>,
    /// The same for the bulk window.
    bulk_slots: Vec<(i64, (u32, i64))>,
    /// Requests that the vendor's windows count: when, and whether it was a bulk request.
    counted: Vec<(i64, bool)>,
    /// The item's version after the last refusal that taught something.
    refused: u64,
    /// Such refusals, and refusals that taught nothing although their request was granted after the last that did.
    taught: usize,
    in_vain: usize,
    learnt: [Option<u32>; 2],
}

impl Log {
    /// The limit that the vendor says a request exceeds, if it does.
    fn judged(&mut self, world: &World, at: i64, bulk: bool, either: bool) -> Option<u32> {
        let (calls, bulk_calls) = world.truth?;
        let in_window = self.counted.iter().filter(|(call, _)| (at - world.limits.window_ms..=at).contains(call));
        let both = world.limits.bulk_counts_in_window;
        let of_calls = in_window.clone().filter(|(_, of_bulk)| both || !of_bulk).count();
        let of_bulk = in_window.filter(|(_, of_bulk)| *of_bulk).count();
        let standard = (of_calls >= calls as usize && (both || !bulk)).then_some(calls);
        let of_bulk = (of_bulk >= bulk_calls as usize && bulk).then_some(bulk_calls);
        let named = if either { standard.or(of_bulk) } else { of_bulk.or(standard) };
        if named.is_none() || world.refused_count {
            self.counted.push((at, bulk));
        }
        named
    }

    /// Handles a refusal that names so many requests, for a request that was granted by this version of the item.
    fn refused(
        &mut self,
        item: &mut (u64, Grants),
        limits: &CrmLimits,
        (class, granted): (CallClass, u64),
        now: i64,
        calls: u32,
    ) {
        let named = Some(Seen { calls, window_ms: WINDOW_MS });
        let taught = item.1.refused(class, limits, now, now + WINDOW_MS + 200, named);
        item.0 += 1;
        self.taught += usize::from(taught.is_some());
        self.in_vain += usize::from(taught.is_none() && granted > self.refused && now > item.1.settled_ms);
        if taught.is_some() {
            self.refused = item.0;
        }
        self.learnt = [item.1.learnt, item.1.learnt_bulk].map(|seen| seen.map(|seen| seen.calls));
    }

    /// A learnt limit that is wrong, or refusals that should have taught and did not. One such refusal is allowed:
    /// Recado's own requests may be forgotten already.
    fn mislearnt(&self, world: &World) -> Option<String> {
        let (calls, bulk_calls) = world.truth?;
        let [learnt, learnt_bulk] = self.learnt;
        let wrong = learnt.is_some_and(|learnt| learnt != calls)
            // A limit of all requests holds for bulk requests as well.
            || learnt_bulk.is_some_and(|learnt| learnt != bulk_calls && learnt != calls);
        (wrong || self.in_vain > 1 || self.taught > 3)
            .then(|| format!("learnt {:?}, {} in vain, {} taught", self.learnt, self.in_vain, self.taught))
    }
}

fn limits_of(world: &World, process: &Process, wrong: Wrong) -> CrmLimits {
    let limits = if process.changed { world.changed } else { world.limits };
    CrmLimits {
        calls: limits.calls + wrong.calls,
        bulk_calls: limits.bulk_calls + wrong.bulk_calls,
        window_ms: limits.window_ms - wrong.window,
        calls_per_day: limits.calls_per_day.map(|most| most + wrong.day),
        ..limits
    }
}

fn run(world: &World, chance: &mut Chance, wrong: Wrong) -> Log {
    let mut processes: Vec<Process> = (0..world.processes)
        .map(|_| Process { skew: chance.edgy(-CLOCK_MS, CLOCK_MS), ..Process::default() })
        .collect();
    let mut item = (0_u64, Grants::default());
    let mut log = Log::default();
    let mut events: BinaryHeap<Reverse<(i64, usize, Step)>> =
        (0..world.processes).map(|number| Reverse((world.begin, number, Step::Act))).collect();
    for _ in 0..12 * world.calls_max {
        let Some(Reverse((at, number, step))) = events.pop() else { break };
        if log.calls.len() >= world.calls_max {
            break;
        }
        let process = &mut processes[number];
        process.changed |= step == Step::Act && chance.percent(3);
        let limits = limits_of(world, process, wrong);
        let now = at + process.skew;
        let pause = if chance.percent(world.pauses) { chance.edgy(0, 6_000) } else { 0 };
        let mut push = |at: i64, step: Step| events.push(Reverse((at, number, step)));
        match step {
            Step::Act => {
                let bulk = chance.percent(world.bulk);
                let class = *process.class.get_or_insert(if bulk { CallClass::Bulk } else { CallClass::Standard });
                let (version, mut grants) = process.seen.take().unwrap_or_else(|| item.clone());
                if chance.percent(world.learns) {
                    let seen = Seen { calls: chance.within(1, 12) as u32, window_ms: 5_000 + 5_000 * chance.to(1) };
                    if chance.percent(30) {
                        grants.learnt_bulk = Some(seen);
                    } else {
                        grants.learnt = Some(seen);
                    }
                    grants.closed_until_ms = grants.closed_until_ms.max(now + chance.to(5_000));
                }
                let slot = grants.next_slot(class, &limits, now);
                if slot > now + world.patience {
                    process.seen = Some((version, grants));
                    push(at + (slot - now).max(1), Step::Act);
                    continue;
                }
                process.write = Some((version, grants.with(class, &limits, now, slot)));
                let lost = chance.percent(world.lost);
                if chance.percent(world.twice) {
                    push(at + chance.to(world.way) + pause, Step::Arrive { slot, answered: false });
                }
                push(at + chance.to(world.way) + pause, Step::Arrive { slot, answered: !lost });
                if lost {
                    push(at + 2 * world.way + pause + 1, Step::Act);
                }
            }
            Step::Arrive { slot, answered } => {
                let Some((version, grants)) = process.write.clone() else { continue };
                let made = item.0 == version || wrong.unversioned;
                if made {
                    if process.class == Some(CallClass::Standard) || limits.bulk_counts_in_window {
                        log.slots.push((slot, grants.in_force(&limits)));
                    }
                    if process.class == Some(CallClass::Bulk) {
                        log.bulk_slots.push((slot, grants.bulk_in_force(&limits)));
                    }
                    item = (version + 1, grants);
                }
                if answered && made {
                    process.granted = item.0;
                    process.seen = Some(item.clone());
                    push(at + chance.to(world.way) + pause, Step::Granted(slot));
                } else if answered {
                    push(at + chance.to(world.way) + pause, Step::Act);
                }
            }
            Step::Granted(slot) => {
                // A process that wakes up late, by as much as allowed or more.
                let late = if chance.percent(40) { chance.edgy(0, LATE_MS + wrong.late) } else { 0 };
                push(at.max(slot - process.skew + late) + pause, Step::Start(slot));
            }
            Step::Start(slot) => {
                if Slot::holds(slot, now - wrong.late) || Slot::holds(slot, now) {
                    let call = at + chance.edgy(0, WAY_MS - 1);
                    if process.class == Some(CallClass::Standard) || limits.bulk_counts_in_window {
                        log.calls.push(call);
                    }
                    let bulk = process.class == Some(CallClass::Bulk);
                    if bulk {
                        log.bulk.push(call);
                    }
                    push(call, Step::Reach { bulk, granted: process.granted });
                }
                process.class = None;
                push(at + chance.to(world.idle), Step::Act);
            }
            Step::Reach { bulk, granted } => {
                if let Some(calls) = log.judged(world, at, bulk, chance.percent(50)) {
                    push(at + chance.to(400), Step::Refused { bulk, granted, calls });
                }
            }
            Step::Refused { bulk, granted, calls } => {
                let class = if bulk && !wrong.guesses { CallClass::Bulk } else { CallClass::Standard };
                log.refused(&mut item, &limits, (class, granted), now, calls);
            }
        }
    }
    log
}

/// After the last slot that was granted under another limit, only the last limit holds.
fn last_rule(slots: &[(i64, (u32, i64))], more: u32, shorter: i64) -> Option<Rule> {
    let (_, last) = slots.last().copied()?;
    let other = slots.iter().filter(|(_, limit)| *limit != last).map(|(slot, _)| *slot).max();
    let from = other.map_or(i64::MIN, |slot| slot + LATE_MS + WAY_MS + CLOCK_MS);
    Some(Rule { from, ..Rule::always(last.0 - more.min(last.0 - 1), last.1 + shorter) })
}

/// One schedule. The error is what is wrong with it.
pub(super) fn schedule(seed: u64, wrong: Wrong) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let world = World::of(&mut chance);
    let log = run(&world, &mut chance, wrong);
    // A limiter that is wrong in another way is left to the oracle.
    if (wrong == Wrong::default() || wrong.guesses)
        && let Some(mislearnt) = log.mislearnt(&world)
    {
        return Err(format!("{mislearnt} in {world:?}"));
    }
    let Log { calls, bulk, slots, bulk_slots, .. } = log;
    let window = world.limits.window_ms;
    let mut rules = vec![Rule::always(world.limits.calls.max(world.changed.calls), window)];
    rules.extend(last_rule(&slots, wrong.calls, wrong.window));
    let mut of_bulk = vec![Rule::always(world.limits.bulk_calls.max(world.changed.bulk_calls), window)];
    of_bulk.extend(last_rule(&bulk_slots, wrong.bulk_calls, wrong.window));
    if let Some(most) = world.limits.calls_per_day {
        let days: BTreeSet<i64> = calls.iter().map(|at| at.div_euclid(DAY_MS)).collect();
        rules.extend(days.iter().map(|day| Rule {
            limit: most as u32,
            window: DAY_MS,
            from: day * DAY_MS,
            until: (day + 1) * DAY_MS - 1,
        }));
    }
    match judge(calls, &rules).or_else(|| judge(bulk, &of_bulk)) {
        None => Ok(()),
        Some(excess) => Err(format!("{excess:?} in {world:?}")),
    }
}

#[test]
fn no_small_window_holds_more_than_allowed() {
    for_each_seed("small windows", SCHEDULES, |seed| schedule(seed, Wrong::default()));
}

/// 100 % of a small limit. If there is always a process that wants a slot, each window of W + D holds exactly N slots,
/// from the first on. D is the margin for clocks, lateness and ways.
#[test]
fn every_small_window_is_full() {
    for (calls, processes) in [(1, 3), (2, 5), (10, 24), (72, 160)] {
        let limits = CrmLimits {
            calls,
            bulk_calls: 1,
            bulk_counts_in_window: true,
            window_ms: 5_000,
            calls_per_day: None,
            day_in_shadow: false,
            reserve_per_mille: 0,
        };
        let (begin, way) = (20_000 * DAY_MS + DAY_MS / 2, 0);
        let world = World {
            limits,
            changed: limits,
            processes,
            truth: None,
            refused_count: true,
            calls_max: 40 * calls as usize,
            patience: 20_000,
            way,
            pauses: 0,
            lost: 0,
            twice: 0,
            learns: 0,
            bulk: 0,
            idle: 0,
            begin,
        };
        let mut chance = Chance::new(u64::from(calls));
        let mut slots: Vec<i64> = run(&world, &mut chance, Wrong::default()).slots.iter().map(|(at, _)| *at).collect();
        slots.sort_unstable();
        let calls = calls as usize;
        // Clocks differ, so the first slots are not all at the same instant.
        assert!(slots.len() > 30 * calls, "{} slots", slots.len());
        for pair in slots.windows(calls + 1) {
            assert_eq!(pair[calls] - pair[0], 5_000 + 250, "the slot is granted for the first free instant");
        }
    }
}
