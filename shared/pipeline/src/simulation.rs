//! The proof that a message is sent at most once, by deterministic simulation.
//!
//! The real use cases run over the real ledger, limits and clients of the store and of LigueLead, in virtual time and
//! without a socket. Below the clients stand the embedded engine and LigueLead's simulator. Everything that can go
//! wrong happens between them. Each schedule follows from one seed, and a failure prints its seed. To replay one
//! schedule, or to run others and more of them:
//!
//! ```text
//! RECADO_SIMULATION_SEED=123 cargo test -p recado-pipeline --lib simulation::clean -- --nocapture
//! RECADO_SIMULATION_SEEDS=1000000 cargo test --release -p recado-pipeline --lib simulation::clean
//! RECADO_SIMULATION_FAULT=CapsNotAsked cargo test -p recado-pipeline --lib simulation::every -- --nocapture
//! ```
#![allow(clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "it is a test")]

mod begin;
mod blocks;
mod books;
mod campaign;
mod crm;
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
mod states;
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

use self::{
    process::{Clients, clients},
    run::run,
    scenario::{About, is_about},
    universe::Invariant,
};
use crate::planted::{Fault, plant};

/// Schedules in a plain run.
const SEEDS: u64 = 60;
/// The number of broken schedules after which a run stops.
const MOST_BROKEN: usize = 10;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn clean_code_keeps_every_invariant() {
    if let Some(seed) = number("RECADO_SIMULATION_SEED") {
        let outcome = run(seed, &clients(), true);
        println!("{outcome:?}");
        assert_eq!(outcome.broken, None, "seed {seed}");
        return;
    }
    let seeds = number("RECADO_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let first = number("RECADO_SIMULATION_FIRST").unwrap_or(0);
    let (next, sent, requests) = (AtomicU64::new(first), AtomicUsize::new(0), AtomicUsize::new(0));
    let broken = Mutex::new(Vec::new());
    on_each_core(|clients| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let seen = || broken.lock().unwrap_or_else(PoisonError::into_inner);
            if seed >= first + seeds || seen().len() >= MOST_BROKEN {
                break;
            }
            let outcome = run(seed, clients, false);
            if let Some(what) = outcome.broken {
                println!("RECADO_SIMULATION_SEED={seed} replays {what:?}");
                seen().push(seed);
            }
            sent.fetch_add(outcome.sent, Ordering::Relaxed);
            requests.fetch_add(outcome.requests, Ordering::Relaxed);
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
    let clients = clients();
    for seed in 0..30 {
        assert_eq!(run(seed, &clients, false), run(seed, &clients, false), "seed {seed}");
    }
}

/// Each mistake, its schedules, and the invariants: one of them must notice the mistake.
const FAULTS: [(Fault, About, &[Invariant]); 37] = [
    (Fault::SuppressionsNotAsked, About::Anything, &[Invariant::Heeded]),
    (Fault::PausesNotAsked, About::Anything, &[Invariant::Heeded]),
    (Fault::DeliveriesNotRecognised, About::Anything, &[Invariant::SentOnce]),
    (Fault::AnsweredBeforeStored, About::Anything, &[Invariant::NothingLost]),
    (Fault::HoursNotAskedAgain, About::Anything, &[Invariant::Limits]),
    (Fault::CapsNotAsked, About::Anything, &[Invariant::Limits]),
    (Fault::CapsByLeadAlone, About::Anything, &[Invariant::Limits]),
    (Fault::CapsByPhoneAlone, About::Anything, &[Invariant::Limits]),
    (Fault::BudgetNotEnforced, About::Anything, &[Invariant::Limits]),
    (Fault::ClaimNotChecked, About::Anything, &[Invariant::SentOnce, Invariant::Forward, Invariant::NothingLost]),
    (Fault::SurplusKept, About::Anything, &[Invariant::Books]),
    (Fault::CalledBeforeWritten, About::Anything, &[Invariant::SentOnce, Invariant::Forward, Invariant::Books]),
    (Fault::MembersNotListed, About::Anything, &[Invariant::SentOnce, Invariant::Forward, Invariant::NothingLost]),
    (Fault::PermitNotSpent, About::Anything, &[Invariant::Limits]),
    (
        Fault::UnknownTakenForNotSent,
        About::Anything,
        &[Invariant::SentOnce, Invariant::Forward, Invariant::NothingLost],
    ),
    (Fault::RefundOnUnknown, About::Anything, &[Invariant::Books]),
    (Fault::HeldForEver, About::Anything, &[Invariant::Ends]),
    (Fault::StaleCallGivenBack, About::Anything, &[Invariant::SentOnce, Invariant::Forward]),
    (Fault::DeadBatchKeepsBudget, About::Anything, &[Invariant::Books]),
    (Fault::ReportsMoveBack, About::Anything, &[Invariant::Forward]),
    (Fault::ReportNotStored, About::Anything, &[Invariant::NothingLost]),
    (Fault::ResentForEver, About::Anything, &[Invariant::SentOnce]),
    (Fault::RetryTakesTheRisk, About::Anything, &[Invariant::SentOnce]),
    (Fault::CallsAtAnyHour, About::Calls, &[Invariant::Limits]),
    (Fault::FirstEstimateKept, About::Calls, &[Invariant::Books]),
    (Fault::FollowedWhateverIsHeard, About::Following, &[Invariant::Followed]),
    (Fault::FollowedAgain, About::Following, &[Invariant::SentOnce]),
    (Fault::OverBeforeFollowed, About::Following, &[Invariant::NothingLost]),
    (Fault::BlockOptOutsNotAsked, About::Blocks, &[Invariant::Heeded]),
    (Fault::BlockClaimedTwice, About::Blocks, &[Invariant::SentOnce, Invariant::Forward, Invariant::Books]),
    (Fault::DividedAndWhole, About::Blocks, &[Invariant::SentOnce]),
    (Fault::HoursOfTheFirst, About::Blocks, &[Invariant::Limits]),
    (Fault::LeftBeforeWritten, About::Blocks, &[Invariant::NothingLost]),
    (Fault::BlockOfOne, About::Blocks, &[Invariant::NothingLost]),
    (Fault::CancelledRunsNotAsked, About::Campaigns, &[Invariant::Heeded]),
    (Fault::OptOutsNotAskedAgain, About::OptOuts, &[Invariant::Heeded]),
    (Fault::OwnOptOutsNotAsked, About::OptOuts, &[Invariant::Heeded]),
];
/// Mistakes that few schedules show. The search begins shortly before a seed that showed the mistake.
const RARE: [(Fault, u64); 9] = [
    (Fault::BlockClaimedTwice, 1_009),
    (Fault::CancelledRunsNotAsked, 59),
    (Fault::FollowedAgain, 156),
    (Fault::HoursOfTheFirst, 144),
    (Fault::LeftBeforeWritten, 1_663),
    (Fault::OverBeforeFollowed, 3_373),
    (Fault::ResentForEver, 224),
    (Fault::StaleCallGivenBack, 59),
    (Fault::SurplusKept, 1_644),
];
/// A mistake must be noticed within this number of its schedules.
const NOTICED_WITHIN: usize = 3_000;

#[test]
fn every_planted_fault_is_noticed() {
    let only = env::var("RECADO_SIMULATION_FAULT").ok();
    let wanted = |fault: Fault| only.as_ref().is_none_or(|only| *only == format!("{fault:?}"));
    let faults: Vec<_> = FAULTS.into_iter().filter(|(fault, ..)| wanted(*fault)).collect();
    assert!(!faults.is_empty(), "there is no fault of this name: {only:?}");
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    on_each_core(|clients| {
        while let Some((fault, about, by)) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            plant(Some(*fault));
            let broken = |seed| Some((seed, run(seed, clients, false).broken?));
            let first = RARE.iter().find(|(rare, _)| rare == fault).map_or(0, |(_, seed)| *seed);
            let seeds = (first..).filter(|seed| is_about(*seed, *about)).take(NOTICED_WITHIN);
            let noticed = seeds.into_iter().find_map(broken);
            println!("{fault:?}: {noticed:?}");
            if !noticed.is_some_and(|(_, (invariant, _))| by.contains(&invariant)) {
                missed.lock().unwrap_or_else(PoisonError::into_inner).push(*fault);
            }
        }
    });
    let missed = missed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(missed.is_empty(), "not noticed, or not by the invariant that they break: {missed:?}");
}

/// Runs `work` on one thread for each core, each with clients of its own.
fn on_each_core(work: impl Fn(&Clients) + Sync) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| work(&clients()));
        }
    });
}
