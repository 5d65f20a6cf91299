//! Random schedules of leasing fleets, many of them.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    chance::Chance,
    fleet::Fleet,
    fleet_events::Outcome,
    fleet_world::World,
    oracle::{Rule, excess},
};

/// Schedules in a normal run of the tests; `just prove` runs more.
const SCHEDULES: u64 = 20_000;
/// Schedules in which functions judge the vendor's headers.
const HEADERS_SCHEDULES: u64 = 2_000;

/// A long run reports its progress after so many schedules.
const PROGRESS: u64 = 100_000;

/// Runs `schedule` for the seed that the environment names, or for the number of seeds that it names. Seeds start at 0
/// or at the named one, on the named number of threads or on all cores.
///
/// It prints its progress: a run that is ended early has still run that many.
pub(super) fn for_each_seed(what: &str, normally: u64, schedule: impl Fn(u64) -> Result<(), String> + Sync) {
    let asked = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    if let Some(seed) = asked("RECADO_PROOF_SEED") {
        schedule(seed).unwrap();
        return;
    }
    let first = asked("RECADO_PROOF_FROM").unwrap_or(0);
    let end = first + asked("RECADO_PROOF_SCHEDULES").unwrap_or(normally);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let threads = asked("RECADO_PROOF_THREADS").unwrap_or_else(cores).max(1);
    let (next, passed) = (AtomicU64::new(first), AtomicU64::new(0));
    let began = std::time::Instant::now();
    let say = |passed: u64, seeds: &str| {
        println!("{what}: {passed} schedules ({seeds}) hold, {:.0} s", began.elapsed().as_secs_f64());
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let found = panic::catch_unwind(AssertUnwindSafe(|| schedule(seed)));
                    assert!(matches!(found, Ok(Ok(()))), "{found:?}; to see it alone: RECADO_PROOF_SEED={seed}");
                    let so_far = passed.fetch_add(1, Ordering::Relaxed) + 1;
                    if so_far.is_multiple_of(PROGRESS) {
                        say(so_far, &format!("of seeds from {first} on"));
                    }
                }
            });
        }
    });
    assert_eq!(passed.load(Ordering::Relaxed), end - first);
    say(end - first, &format!("seeds {first} to {}", end - 1));
}

/// One schedule. The error is what is wrong with it.
pub(super) fn schedule(seed: u64) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let world = World::of(&mut chance);
    match Fleet::run(&world, chance).judged() {
        None => Ok(()),
        Some(excess) => Err(format!("{excess:?} in {world:?}")),
    }
}

#[test]
fn no_fleet_exceeds_its_limit_in_any_window() {
    for_each_seed("leases", SCHEDULES, schedule);
}

/// Schedules in which little happens would prove nothing.
#[test]
fn the_schedules_press_against_the_limit() {
    let (mut calls, mut full, mut over_one_window) = (0, 0, 0);
    for seed in 0..2_000 {
        let mut chance = Chance::new(seed);
        // Functions that may use only a share, or nothing, leave the rest unused.
        let world = World { low: 0, suspensions: 0, ..World::of(&mut chance) };
        let mut starts: Vec<i64> = Fleet::run(&world, chance).calls.into_iter().map(|(at, _)| at).collect();
        starts.sort_unstable();
        calls += starts.len();
        over_one_window += usize::from(starts.last().is_some_and(|last| last - starts[0] > world.plan.window_us));
        let nearly = Rule::always((world.plan.limit * 9).div_ceil(10) - 1, world.plan.window_us);
        full += usize::from(excess(&starts, nearly).is_some());
    }
    println!(
        "{} calls a schedule; of 2,000, {full} fill a window to 90 % and {over_one_window} outlast one",
        calls / 2_000
    );
    assert!(full > 900 && over_one_window > 1_500, "{full} {over_one_window}");
}

/// Recado's own requests in the vendor's headers are never taken for others', whatever is late or lost.
#[test]
fn no_fleet_takes_itself_for_somebody_else() {
    let (judged, noticed) = (AtomicU64::new(0), AtomicU64::new(0));
    for_each_seed("headers", HEADERS_SCHEDULES, |seed| {
        let mut chance = Chance::new(seed);
        let world = World { headers: true, changes: 0, cuts: 0, calls_max: 1_000, ..World::of(&mut chance) };
        let outcome = Fleet::run(&world, chance);
        judged.fetch_add(outcome.judged, Ordering::Relaxed);
        noticed.fetch_add(outcome.noticed, Ordering::Relaxed);
        let Outcome { accused, judged, .. } = outcome;
        if accused > 0 { Err(format!("{accused} of {judged} in {world:?}")) } else { Ok(()) }
    });
    let (judged, noticed) = (judged.into_inner(), noticed.into_inner());
    println!("{judged} headers judged; half the limit used by others would have been noticed by {noticed}");
    assert!(noticed > judged / 4, "{noticed} of {judged}");
}
