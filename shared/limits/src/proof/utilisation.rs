//! How much of the limit is used when demand exceeds it, and what that costs the store.

use std::num::NonZeroU32;

use super::{
    chance::Chance,
    fleet::Fleet,
    fleet_world::World,
    oracle::{Rule, emptiest, excess},
};
use crate::rate::Plan;

fn plan(limit: u32) -> Plan {
    Plan::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(60_000).unwrap())
}

/// The used part of the limit in a minute, in percent, on average and in the emptiest minute. Then the requests to the
/// store for 1,000 requests to the vendor.
fn measured(world: &World) -> (f64, f64, f64) {
    let outcome = Fleet::run(world, Chance::new(1));
    let requests = (outcome.writes + outcome.reads) as f64;
    let mut starts: Vec<i64> = outcome.calls.iter().map(|(at, _)| *at).collect();
    let per_1000 = 1_000.0 * requests / starts.len() as f64;
    let window = world.plan.window_us;
    let least = emptiest(&mut starts, window, window).unwrap();
    assert_eq!(excess(&starts, Rule::always(world.plan.limit, window)), None);
    let minutes = (world.horizon / window - 1) as f64;
    let after_the_first = starts.iter().filter(|at| **at >= window).count() as f64 / minutes;
    let part = |calls: f64| 100.0 * calls / f64::from(world.plan.limit);
    (part(after_the_first), part(least as f64), per_1000)
}

#[test]
fn of_600_000_a_minute_at_least_97_percent_are_used() {
    for functions in [1, 2, 20, 200] {
        let world = World::smooth(plan(600_000), functions, 4);
        let (average, emptiest, per_1000) = measured(&world);
        println!("{functions} functions: {average:.2} %, emptiest {emptiest:.2} %, {per_1000:.2} requests for 1,000");
        assert!(average >= 97.0 && emptiest >= 97.0, "{functions} functions: {average:.2} %, {emptiest:.2} %");
        assert!(per_1000 <= 2.0, "{functions} functions: {per_1000:.2} requests for 1,000 calls");
    }
}
