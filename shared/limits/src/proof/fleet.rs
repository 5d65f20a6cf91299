//! A fleet of functions that lease permits, in virtual time. Each function is the production's own [`Taker`] and
//! [`Lease`]; the store is one item; the vendor is a log.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    chance::Chance,
    fleet_events::{Event, Outcome, Step},
    fleet_world::{Habit, World},
    oracle::Rule,
};
use crate::{
    item::{Item, Move, Stated, Write},
    lease::{Lease, NotNow, Reading},
    others::{Answered, RateHeaders, Verdict, judge},
    rate::Plan,
    taker::{Next, Taker},
};

/// What the wall clock shows when a run begins, in µs.
const EPOCH: i64 = 1_790_000_000_000_000;

#[derive(Debug)]
struct Function {
    taker: Taker,
    lease: Option<Lease>,
    /// When the store sold the lease.
    sold: i64,
    habit: Habit,
    skew: i64,
    wants: u32,
    /// Rises with each crash: answers from before a crash belong to nobody.
    life: u32,
}

/// A run.
pub(super) struct Fleet<'a> {
    world: &'a World,
    chance: Chance,
    functions: Vec<Function>,
    item: Item,
    events: BinaryHeap<Reverse<Event>>,
    order: u64,
    outcome: Outcome,
    loosest: u32,
}

impl<'a> Fleet<'a> {
    pub(super) fn run(world: &'a World, chance: Chance) -> Outcome {
        let mut fleet = Self {
            world,
            chance,
            functions: Vec::new(),
            item: Item::ABSENT,
            events: BinaryHeap::new(),
            order: 0,
            outcome: Outcome::default(),
            loosest: world.plan.limit,
        };
        for number in 0..world.functions {
            let habit = if world.greedy {
                Habit::Eager
            } else {
                fleet.chance.pick(&[Habit::Eager, Habit::Eager, Habit::Hoarder, Habit::Mixed])
            };
            let skew = fleet.chance.edgy(-world.clock, world.clock);
            let mut taker = Taker::new(mutated(world, world.plan));
            if world.low > 0 && fleet.chance.percent(world.low) {
                taker.share_per_mille = fleet.chance.within(1, 1_000) as u16;
            }
            fleet.functions.push(Function { taker, lease: None, sold: 0, habit, skew, wants: 0, life: 0 });
            let at = if world.idle == 0 { 0 } else { fleet.chance.to(world.idle) };
            fleet.push(at, number, Step::Act);
        }
        for _ in 0..world.steps_max {
            let Some(Reverse(event)) = fleet.events.pop() else { break };
            if event.at > world.horizon || fleet.outcome.calls.len() >= world.calls_max {
                break;
            }
            fleet.step(event);
        }
        fleet.outcome.rules.push((false, Rule::always(fleet.loosest, world.plan.window_us)));
        fleet.outcome
    }

    fn push(&mut self, at: i64, function: usize, step: Step) {
        self.order += 1;
        self.events.push(Reverse(Event { at, order: self.order, function, step }));
    }

    /// Schedules the same function's next step, sometimes after a pause.
    fn later(&mut self, at: i64, function: usize) {
        let paused = self.world.pauses > 0 && self.chance.percent(self.world.pauses);
        let pause = if paused { self.chance.edgy(0, self.world.pause) } else { 0 };
        self.push(at + pause, function, Step::Act);
    }

    fn reading(&self, function: usize, at: i64) -> Reading {
        Reading { wall_us: EPOCH + at + self.functions[function].skew, mono_us: at }
    }

    fn step(&mut self, event: Event) {
        let Event { at, function, step, .. } = event;
        match step {
            Step::Act => self.act(at, function),
            Step::Arrive { request, asked, life, answered } => {
                // Leases must respect this closing time. A lease that tries a suspended account closes the account for
                // all others.
                let closed_until_us = self.item.closed_until_ms * 1_000;
                let answer = self.store(at, request.as_ref());
                if answered {
                    let back = at + self.chance.to(self.world.way);
                    self.push(
                        back,
                        function,
                        Step::Answer { request, asked, life, sold: (at, closed_until_us), answer },
                    );
                }
            }
            Step::Answer { life, .. } if life != self.functions[function].life => {}
            Step::Answer { request, asked, sold, answer, .. } => {
                self.functions[function].sold = sold.0;
                match request {
                    None => self.functions[function].taker.learn(answer.unwrap_or_else(|item| item), asked),
                    Some(write) => self.wrote((at, sold.1), function, &write, answer, asked),
                }
                self.later(at, function);
            }
            Step::Count(called) => {
                let window = (at - self.world.plan.window_us)..=at;
                let counted = self.outcome.calls.iter().filter(|(call, _)| window.contains(call)).count() as u64;
                let back = self.chance.edgy(0, self.world.plan.window_us / 2);
                self.push(at + back, function, Step::Headers { called, counted });
            }
            Step::Headers { called, counted } => self.judge(at, function, called, counted),
        }
    }

    /// A function judges headers twice: as they are, and as if others had made half as many requests again.
    fn judge(&mut self, at: i64, function: usize, called: Reading, counted: u64) {
        let now_us = self.reading(function, at).wall_us;
        let limit = u64::from(self.world.plan.limit);
        let taker = &self.functions[function].taker;
        let Some((item, seen_us)) = taker.seen() else { return };
        let answered = Answered { item, seen_us: *seen_us, called_us: called.wall_us, now_us };
        let others = |counted: u64| {
            let headers = RateHeaders { limit, remaining: limit.saturating_sub(counted), reset_epoch_s: 0 };
            judge(&taker.plan, &taker.in_force(item, now_us), &answered, headers) != Verdict::Nothing
        };
        self.outcome.judged += 1;
        self.outcome.accused += u64::from(others(counted));
        self.outcome.noticed += u64::from(others(counted + limit / 2));
    }

    /// The store makes a write, or refuses it.
    fn store(&mut self, at: i64, request: Option<&Write>) -> Result<Item, Item> {
        let Some(write) = request else {
            self.outcome.reads += 1;
            return Ok(self.item.clone());
        };
        self.outcome.writes += 1;
        let Some(item) = write.applied_to(&self.item) else {
            self.outcome.refused_writes += 1;
            return Err(self.item.clone());
        };
        assert!(
            self.item.suspended.is_none() || write.leased <= 1,
            "more than one call tries an account that is refused"
        );
        self.rules(at, write);
        self.item = item.clone();
        Ok(item)
    }

    /// From a write that states a limit on, that limit must hold.
    fn rules(&mut self, at: i64, write: &Write) {
        let window = self.world.plan.window_us;
        if let Some(stated) = write.limit
            && stated.limit != self.item.limit.limit
        {
            self.replace(false, Rule { from: at, ..Rule::always(stated.limit, window) });
        }
        if let Some(stated) = write.cut {
            let until = stated.until_ms * 1_000 - EPOCH;
            self.replace(true, Rule { from: at, until, ..Rule::always(stated.limit, window) });
        }
    }

    /// Adds a rule that replaces the rules of its kind: a looser rule ends them, a stricter one carries them on.
    fn replace(&mut self, cut: bool, new: Rule) {
        for (_, rule) in self.outcome.rules.iter_mut().filter(|(of_cut, _)| *of_cut == cut) {
            let until = if new.limit > rule.limit { new.from - 1 } else { new.until };
            rule.until = rule.until.min(until);
        }
        self.outcome.rules.push((cut, new));
    }

    fn wrote(
        &mut self,
        (at, closed_until_us): (i64, i64),
        function: usize,
        write: &Write,
        answer: Result<Item, Item>,
        asked: Reading,
    ) {
        let Some(lease) = self.functions[function].taker.wrote(write, answer, asked) else { return };
        assert!(lease.term.from_us >= closed_until_us, "a lease begins while the account is closed");
        let mutant = self.world.mutant;
        let mut term = lease.term;
        term.from_us -= mutant.from;
        term.until_us += mutant.until;
        if mutant.from_answer {
            term.until_us += at - asked.mono_us;
            term.asked.mono_us = at;
        }
        let lease = Lease::new(lease.total + mutant.permits, term, i64::MAX / 2);
        self.functions[function].lease = Some(lease);
    }

    fn act(&mut self, at: i64, function: usize) {
        if self.chance.percent(10) {
            self.functions[function].skew = self.chance.edgy(-self.world.clock, self.world.clock);
        }
        if self.functions[function].lease.is_some() && self.spend(at, function) {
            return;
        }
        if self.functions[function].wants == 0 {
            let most = self.world.burst;
            self.functions[function].wants = if self.world.greedy { most } else { self.chance.size(most) };
            if self.world.idle > 0 {
                let idle = self.chance.to(self.world.idle);
                return self.later(at + idle, function);
            }
        }
        self.disturb(function);
        let now = self.reading(function, at);
        let next = self.wish(function, now);
        match next {
            Next::Read => self.ask(at, function, None, now),
            Next::Write(write) => self.ask(at, function, Some(write), now),
            Next::Refused(until_us) => {
                let wait = (until_us - now.wall_us).max(1) + self.chance.to(self.world.way);
                self.later(at + wait, function);
            }
        }
    }

    /// Crashes, and changes of the configuration.
    fn disturb(&mut self, function: usize) {
        let world = self.world;
        if world.crashes > 0 && self.chance.percent(world.crashes) {
            let Function { taker, lease, life, .. } = &mut self.functions[function];
            let share_per_mille = taker.share_per_mille;
            *taker = Taker::new(taker.plan);
            taker.share_per_mille = share_per_mille;
            *lease = None;
            *life += 1;
        }
        if world.changes > 0 && self.chance.percent(world.changes) {
            let limit = self.chance.size(world.plan.limit.saturating_mul(2));
            self.loosest = self.loosest.max(limit);
            self.functions[function].taker.plan = mutated(world, world.plan.of_limit(limit));
        }
    }

    /// The function's request to the store: a lease, most of the time.
    fn wish(&mut self, function: usize, now: Reading) -> Next {
        let world = self.world;
        let patience = self.chance.to(world.patience);
        let close = world.refusals > 0 && self.chance.percent(world.refusals);
        let cut = world.cuts > 0 && self.chance.percent(world.cuts);
        let suspend = world.suspensions > 0 && self.chance.percent(world.suspensions);
        let resume = world.suspensions > 0 && self.chance.percent(30);
        let (limit, time) = (self.chance.size(world.plan.limit), self.chance.to(2 * world.plan.window_us));
        let Function { taker, wants, .. } = &mut self.functions[function];
        let until_ms = (now.wall_us + time) / 1_000;
        if close {
            taker.closed_until_us = until_ms * 1_000;
            return taker.close(until_ms, now.wall_us);
        }
        if suspend {
            return taker.suspend(until_ms, "no credit", now.wall_us);
        }
        if resume && let Some(write) = taker.resume() {
            return Next::Write(write);
        }
        if cut && let Some(write) = taker.cut(Stated { limit, until_ms: until_ms + 1 }, now.wall_us) {
            return Next::Write(write);
        }
        taker.next(*wants, now, now.wall_us + patience)
    }

    /// Sends a request to the store, with the faults that it may meet on the way.
    fn ask(&mut self, at: i64, function: usize, request: Option<Write>, asked: Reading) {
        let world = self.world;
        let request = request.map(|write| self.mutated_write(write));
        let life = self.functions[function].life;
        let arrives = at + self.chance.to(world.way);
        let lost = world.lost > 0 && self.chance.percent(world.lost);
        let late = world.late > 0 && self.chance.percent(world.late);
        let twice = world.twice > 0 && self.chance.percent(world.twice);
        if twice {
            // The first answer is lost, and the client's retry brings the second.
            let request = request.clone();
            self.push(arrives, function, Step::Arrive { request, asked, life, answered: false });
        }
        let delay = if late { self.chance.to(world.plan.window_us) } else { 0 };
        let again = if twice { self.chance.to(2 * world.way) } else { 0 };
        let answered = !lost && !late;
        self.push(arrives + again + delay, function, Step::Arrive { request, asked, life, answered });
        if !answered {
            self.later(arrives + 2 * world.way + 1, function);
        }
    }

    /// Spends permits of the lease in hand. `false`: there is no lease, and another one is needed.
    fn spend(&mut self, at: i64, function: usize) -> bool {
        let now = self.reading(function, at);
        let Function { taker, lease: held, sold, habit, wants, .. } = &mut self.functions[function];
        let Some(lease) = held else { return false };
        let left = lease.left();
        let elapsed_us = lease.term.asked.wall_us + now.mono_us - lease.term.asked.mono_us;
        match lease.check(now) {
            Err(NotNow::Early(us)) => {
                self.later(at + us, function);
                return true;
            }
            _ if left == 0 => {
                taker.ended(lease);
                *held = None;
                return false;
            }
            Err(NotNow::Over | NotNow::Unconfirmed) => {
                taker.ended(lease);
                *held = None;
                return false;
            }
            Ok(()) => {}
        }
        let last_us = lease.term.until_us - now.wall_us.max(elapsed_us);
        let spent = match habit {
            Habit::Hoarder if last_us > 0 => {
                self.push(at + last_us, function, Step::Act);
                return true;
            }
            Habit::Mixed => self.chance.size(left),
            Habit::Eager | Habit::Hoarder => left,
        };
        let (spent, sold) = (lease.take(spent), *sold);
        *wants = wants.saturating_sub(spent);
        for _ in 0..spent {
            let call = at + self.chance.edgy(0, self.world.delay);
            self.outcome.calls.push((call, sold));
            if self.world.headers {
                self.push(call, function, Step::Count(now));
            }
        }
        let pause = self.chance.to(self.world.plan.life_us / 2 + 1);
        self.later(at + if spent == left { 0 } else { pause }, function);
        true
    }

    fn mutated_write(&self, mut write: Write) -> Write {
        let mutant = self.world.mutant;
        if write.leased > 0 {
            write.tat = match write.tat {
                Move::On(us) => Move::On(us - mutant.cost),
                Move::To(us) => Move::To(us - mutant.cost),
            };
        }
        if mutant.no_surcharge && write.next_rev {
            write.tat = Move::On(0);
        }
        if mutant.unguarded {
            write.tat_within = (i64::MIN, i64::MAX);
        }
        write
    }
}

fn mutated(world: &World, plan: Plan) -> Plan {
    let mutant = world.mutant;
    let mut plan = plan;
    if mutant.limit > 0 {
        plan = plan.of_limit(plan.limit + mutant.limit);
    }
    plan.tau_us += mutant.tau;
    plan.life_us += mutant.life;
    plan
}
