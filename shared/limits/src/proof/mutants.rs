//! Wrong limiters, each wrong by as little as possible. The oracle must notice every one of them, and no correct
//! limiter.
//!
//! Random schedules find an error of about one permit. An error of one tick, or of one permit in thousands, is found by
//! the worst possible schedule, which is known. It consists of the leases of one stretch of the axis. The first lease
//! is spent at the last moment, by the function with the slowest clock and the slowest request. All others are spent as
//! early as possible, by functions with the fastest clocks.

use std::num::NonZeroU32;

use super::{
    chance::Chance,
    fleet::Fleet,
    fleet_world::{Mutant, World},
    oracle::{Rule, judge},
    windows,
};
use crate::{lease::Reading, rate::Plan, taker::term};

/// The requests of the worst schedule, from leases with so many permits each.
fn worst(plan: Plan, mutant: Mutant, clock: i64, delay: i64, leases: &[u32]) -> Vec<i64> {
    let sold = sold(plan, mutant);
    let asked = Reading { wall_us: 0, mono_us: 0 };
    let mut calls = Vec::new();
    let (mut end, mut start) = (0, None);
    for permits in leases.iter().filter(|permits| **permits > 0) {
        let cost = sold.cost_us(*permits) - mutant.cost;
        end += cost;
        let term = term(&sold, end, cost, asked);
        let (from, until) = (term.from_us - mutant.from - clock, term.until_us + mutant.until + clock + delay);
        let start = *start.get_or_insert(until);
        // A lease that is too large is over before it begins.
        if from <= until {
            calls.extend((0..permits + mutant.permits).map(|_| from.max(start)));
        }
    }
    calls
}

fn sold(plan: Plan, mutant: Mutant) -> Plan {
    let sold = if mutant.limit > 0 { plan.of_limit(plan.limit + mutant.limit) } else { plan };
    Plan { tau_us: sold.tau_us + mutant.tau, life_us: sold.life_us + mutant.life, ..sold }
}

/// Leases that fill one window's stretch of the axis, in many ways. Either `total` permits in equal parts, or a stretch
/// of time in equal parts, with as many permits in each as it pays for.
fn fillings(plan: Plan, mutant: Mutant) -> impl Iterator<Item = Vec<u32>> {
    let sold = sold(plan, mutant);
    let span = sold.window_us + sold.life_us + plan.error_us + sold.tau_us;
    let least = span / (sold.life_us + sold.tau_us);
    let parts = [least, least + 1, least + 2, span / sold.tau_us.max(1) + 1, i64::from(plan.limit)];
    let split = |whole: i64, parts: i64| (0..parts).map(move |part| whole * (part + 1) / parts - whole * part / parts);
    parts.into_iter().filter(|parts| *parts > 0).flat_map(move |parts| {
        let of_permits = [0, 1]
            .map(|more| split(i64::from(plan.limit) + more, parts).map(|permits| permits as u32).collect::<Vec<u32>>());
        let of_time = [0, 1, 2, parts].map(|more| {
            let most = |time: i64| {
                let permits = sold.permits_in(time + mutant.cost) as u32 + 1;
                (0..3).map(|less| permits.saturating_sub(less)).find(|n| sold.cost_us(*n) <= time + mutant.cost)
            };
            split(span + more, parts).map(|time| most(time).unwrap_or(0)).collect()
        });
        of_permits.into_iter().chain(of_time)
    })
}

/// The fullest window of the worst schedules.
fn fullest(plan: Plan, mutant: Mutant, clock: i64, delay: i64) -> usize {
    let none_at_all = Rule::always(0, plan.window_us);
    let calls = |leases: Vec<u32>| judge(worst(plan, mutant, clock, delay, &leases), &[none_at_all]);
    fillings(plan, mutant).filter_map(calls).map(|excess| excess.calls).max().unwrap_or(0)
}

/// A window of 100 ticks, and ten permits to a tick: one tick too much is ten requests too many.
fn fine() -> Plan {
    let plan = Plan::with(2_999, 100, 100, 90, 10);
    assert_eq!((plan.price_num, plan.price_den), (300, 3_000));
    plan
}

fn real(limit: u32) -> Plan {
    Plan::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(60_000).unwrap())
}

#[test]
fn the_worst_schedule_uses_the_limit_up_and_keeps_it() {
    for limit in [1, 2, 3, 5, 100, 204, 205, 206, 1_000, 60_000] {
        assert_eq!(fullest(real(limit), Mutant::default(), 100_000, 200_000), limit as usize);
    }
    let full = fullest(real(600_000), Mutant::default(), 100_000, 200_000);
    assert!((599_990..=600_000).contains(&full), "each lease is rounded up by a µs: {full}");
    assert!((2_990..=2_999).contains(&fullest(fine(), Mutant::default(), 3, 4)));
}

#[test]
fn one_tick_or_one_permit_too_many_is_noticed() {
    let none = Mutant::default();
    let mutants = [
        ("b's time one tick longer", Mutant { tau: 1, ..none }),
        ("a lease lives one tick longer", Mutant { life: 1, ..none }),
        ("a lease costs one tick less", Mutant { cost: 1, ..none }),
        ("< for <= at a lease's begin", Mutant { from: 1, ..none }),
        ("< for <= at a lease's end", Mutant { until: 1, ..none }),
        ("one permit more in a lease", Mutant { permits: 1, ..none }),
        ("the price of one call more", Mutant { limit: 1, ..none }),
    ];
    for (name, mutant) in mutants {
        let full = fullest(fine(), mutant, 3, 4);
        println!("{name}: {full} calls for 2,999");
        assert!(full > 2_999, "{name}: {full}");
    }
    assert!(fullest(fine(), none, 4, 4) > 2_999, "clocks off by one tick more than the plan allows for");
    assert!(fullest(fine(), none, 3, 5) > 2_999, "a call one tick longer on its way");
}

#[test]
fn a_burst_of_one_permit_more_is_noticed_at_real_limits() {
    for limit in [1, 5, 100, 1_000, 60_000] {
        let plan = real(limit);
        let burst = Mutant { tau: plan.cost_us(1), ..Mutant::default() };
        assert!(fullest(plan, burst, 100_000, 200_000) > limit as usize, "{plan:?}");
        let price = Mutant { limit: 1, ..Mutant::default() };
        assert!(fullest(plan, price, 100_000, 200_000) > limit as usize, "{plan:?}");
    }
}

/// How many random schedules it takes to notice a wrong limiter.
fn seeds_until_noticed(mutate: impl Fn(&mut World)) -> u64 {
    let noticed = (0..20_000).find(|seed| {
        let mut chance = Chance::new(*seed);
        let mut world = World::of(&mut chance);
        mutate(&mut world);
        Fleet::run(&world, chance).judged().is_some()
    });
    noticed.expect("no schedule noticed it") + 1
}

#[test]
fn random_schedules_notice_what_the_worst_schedule_has_not() {
    type Mutation = (&'static str, fn(&mut World));
    let mutations: [Mutation; 7] = [
        ("writes that do not mind their guard", |world| world.mutant.unguarded = true),
        ("a stricter limit without a surcharge", |world| world.mutant.no_surcharge = true),
        ("a lease measured from the answer on", |world| world.mutant.from_answer = true),
        ("one permit more in each lease", |world| world.mutant.permits = 1),
        ("a burst of one permit more", |world| world.mutant.tau = world.plan.cost_us(1)),
        ("a lease that lives a tenth of the window longer", |world| world.mutant.life = world.plan.window_us / 10),
        ("the price of one call more", |world| world.mutant.limit = 1),
    ];
    for (name, mutate) in mutations {
        println!("{name}: noticed after {} schedules", seeds_until_noticed(mutate));
    }
}

#[test]
fn small_windows_wrong_by_one_are_noticed() {
    type Mutation = (&'static str, fn(&mut windows::Wrong));
    let mutations: [Mutation; 7] = [
        ("one call more in the window", |wrong| wrong.calls = 1),
        ("one bulk call more in the window", |wrong| wrong.bulk_calls = 1),
        ("one call more in the day", |wrong| wrong.day = 1),
        ("a window shorter by 1 ms", |wrong| wrong.window = 1),
        ("a slot that may be used 1 ms later", |wrong| wrong.late = 1),
        ("writes that do not mind the version", |wrong| wrong.unversioned = true),
        ("every refusal taken for the standard window's", |wrong| wrong.guesses = true),
    ];
    for (name, mutate) in mutations {
        let mut wrong = windows::Wrong::default();
        mutate(&mut wrong);
        let noticed = (0..50_000).find(|seed| windows::schedule(*seed, wrong).is_err());
        println!("{name}: noticed after {} schedules", noticed.expect(name) + 1);
    }
}
