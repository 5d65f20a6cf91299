//! The proof that a message is sent at most once, by deterministic simulation.
//!
//! The real use cases run over the real ledger, the real limits and the real clients of the store and of LigueLead, in
//! virtual time and without a socket. Below the clients stand the embedded engine and the vendor's simulator, and in
//! between all that can go wrong. Each schedule follows from one seed. A failure prints it; to see that schedule alone, or
//! to run other and more of them:
//!
//! ```text
//! RECADO_SIMULATION_SEED=123 cargo test -p recado-pipeline --lib simulation::clean -- --nocapture
//! RECADO_SIMULATION_SEEDS=1000000 cargo test --release -p recado-pipeline --lib simulation::clean
//! ```
#![allow(clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "it is a test")]

mod begin;
mod books;
mod limits;
mod log;
mod operator;
mod oracle;
mod process;
mod recording;
mod rows;
mod run;
mod scenario;
mod sketch;
mod store;
mod universe;
mod vendor;
mod weather;

use std::{
    env,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use self::{process::liguelead, run::run, universe::Invariant};
use crate::planted::{Fault, plant};

/// Schedules of a plain run. CI runs 250.
const SEEDS: u64 = 60;
/// Schedules that do not hold, after which a run is given up.
const MOST_BROKEN: usize = 10;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn clean_code_keeps_every_invariant() {
    if let Some(seed) = number("RECADO_SIMULATION_SEED") {
        let outcome = run(seed, &liguelead(), true);
        println!("{outcome:?}");
        assert_eq!(outcome.broken, None, "seed {seed}");
        return;
    }
    let seeds = number("RECADO_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let first = number("RECADO_SIMULATION_FIRST").unwrap_or(0);
    let (next, sent, requests) = (AtomicU64::new(first), AtomicUsize::new(0), AtomicUsize::new(0));
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let liguelead = liguelead();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let seen = || broken.lock().unwrap_or_else(PoisonError::into_inner);
                    if seed >= first + seeds || seen().len() >= MOST_BROKEN {
                        break;
                    }
                    let outcome = run(seed, &liguelead, false);
                    if let Some(what) = outcome.broken {
                        println!("RECADO_SIMULATION_SEED={seed} replays {what:?}");
                        seen().push(seed);
                    }
                    sent.fetch_add(outcome.sent, Ordering::Relaxed);
                    requests.fetch_add(outcome.requests, Ordering::Relaxed);
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(broken.is_empty(), "an invariant did not hold with these seeds: {broken:?}");
    let sent = sent.into_inner();
    println!("{seeds} schedules, {sent} messages sent, {} requests to the store", requests.into_inner());
    assert!(sent as u64 >= seeds, "schedules in which nothing is sent prove nothing");
}

#[test]
fn one_seed_is_one_schedule() {
    let liguelead = liguelead();
    for seed in 0..30 {
        assert_eq!(run(seed, &liguelead, false), run(seed, &liguelead, false), "seed {seed}");
    }
}

/// Each mistake, and the invariants one of which notices it.
const FAULTS: [(Fault, &[Invariant]); 26] = [
    (Fault::SuppressionsNotAsked, &[Invariant::Heeded]),
    (Fault::PausesNotAsked, &[Invariant::Heeded]),
    (Fault::DeliveriesNotRecognised, &[Invariant::SentOnce]),
    (Fault::AnsweredBeforeStored, &[Invariant::NothingLost]),
    (Fault::HoursNotAskedAgain, &[Invariant::Limits]),
    (Fault::CapsNotAsked, &[Invariant::Limits]),
    (Fault::BudgetNotEnforced, &[Invariant::Limits]),
    (Fault::ClaimNotChecked, &[Invariant::SentOnce, Invariant::Forward, Invariant::NothingLost]),
    (Fault::SurplusKept, &[Invariant::Books]),
    (Fault::CalledBeforeWritten, &[Invariant::SentOnce, Invariant::Forward, Invariant::Books]),
    (Fault::MembersNotListed, &[Invariant::SentOnce, Invariant::Forward, Invariant::Books]),
    (Fault::PermitNotSpent, &[Invariant::Limits]),
    (Fault::UnknownTakenForNotSent, &[Invariant::SentOnce, Invariant::Forward, Invariant::NothingLost]),
    (Fault::RefundOnUnknown, &[Invariant::Books]),
    (Fault::HeldForEver, &[Invariant::Ends]),
    (Fault::StaleCallGivenBack, &[Invariant::SentOnce, Invariant::Forward]),
    (Fault::DeadBatchKeepsBudget, &[Invariant::Books]),
    (Fault::ReportsMoveBack, &[Invariant::Forward]),
    (Fault::ReportNotStored, &[Invariant::NothingLost]),
    (Fault::ResentForEver, &[Invariant::SentOnce]),
    (Fault::RetryTakesTheRisk, &[Invariant::SentOnce]),
    (Fault::CallsAtAnyHour, &[Invariant::Limits]),
    (Fault::FirstEstimateKept, &[Invariant::Books]),
    (Fault::FollowedWhateverIsHeard, &[Invariant::Followed]),
    (Fault::FollowedAgain, &[Invariant::SentOnce]),
    (Fault::OverBeforeFollowed, &[Invariant::NothingLost]),
];
/// Schedules within which a mistake must have been noticed.
const NOTICED_WITHIN: u64 = 3_000;

#[test]
fn every_planted_fault_is_noticed() {
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let liguelead = liguelead();
                while let Some((fault, by)) = FAULTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    plant(Some(*fault));
                    let broken = |seed| Some((seed, run(seed, &liguelead, false).broken?));
                    let noticed = (0..NOTICED_WITHIN).find_map(broken);
                    println!("{fault:?}: {noticed:?}");
                    if !noticed.is_some_and(|(_, (invariant, _))| by.contains(&invariant)) {
                        missed.lock().unwrap_or_else(PoisonError::into_inner).push(*fault);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(missed.is_empty(), "not noticed, or not by the invariant that they break: {missed:?}");
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
