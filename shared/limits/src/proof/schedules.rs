//! Random schedules of leasing fleets, many of them.

use super::{chance::Chance, fleet::Fleet, fleet_world::World, oracle::judge};

/// Schedules in a normal run of the tests.
const SCHEDULES: u64 = 100_000;

/// Runs `schedule` for the seed that the environment names, or for as many as it asks for, on all cores.
pub(super) fn for_each_seed(normally: u64, schedule: impl Fn(u64) -> Result<(), String> + Sync) {
    let asked = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = asked("RECADO_PROOF_SEED") {
        schedule(seed).unwrap();
        return;
    }
    let seeds = asked("RECADO_PROOF_SCHEDULES").unwrap_or(normally);
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    if let Err(found) = schedule(seed) {
                        panic!("{found}; to see it alone: RECADO_PROOF_SEED={seed}");
                    }
                }
            });
        }
    });
}

/// One schedule: what is wrong with it, if anything is.
pub(super) fn schedule(seed: u64) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let world = World::of(&mut chance);
    let outcome = Fleet::run(&world, chance);
    match judge(outcome.calls, &outcome.rules) {
        None => Ok(()),
        Some(excess) => Err(format!("{excess:?} in {world:?}")),
    }
}

#[test]
fn no_fleet_exceeds_its_limit_in_any_window() {
    for_each_seed(SCHEDULES, schedule);
}
