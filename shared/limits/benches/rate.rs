//! What LigueLead's rate costs: requests to the store, and time in memory; beside two other ways of doing it, on the
//! same embedded table in the same run.
//!
//! ```text
//! cargo bench -p recado-limits
//! RECADO_ZAE_PYTHON=VENV/bin/python …            with zae-limiter, if it is installed there
//! ```
#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a benchmark that cannot run fails")]
#![allow(clippy::cast_precision_loss, reason = "figures are rounded when they are printed")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use recado_limits::{Clock, NoPermit, NotNow, Reading};
use support::{Asked, NOW_MS, Store, at, plan};

/// Functions that ask, and permits that each wants in a second.
const FUNCTIONS: u64 = 20;
const WANTED_EACH: u64 = 500;
const TIME: Duration = Duration::from_secs(20);
/// Until leases have found their size, which is counted apart.
const START: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let store = Store::start().await;
    println!("| way | callers | permits | permits/s | writes for 1,000 | reads for 1,000 | capacity units for 1,000 |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    leased(&store).await;
    naive(&store).await;
    zae(&store).await;
    in_memory().await;
    closed().await;
}

fn row(way: &str, callers: u64, permits: u64, time: Duration, asked: Asked) {
    let per_1000 = |count: f64| 1_000.0 * count / permits as f64;
    println!(
        "| {way} | {callers} | {permits} | {:.0} | {:.2} | {:.2} | {:.2} |",
        permits as f64 / time.as_secs_f64(),
        per_1000(f64::from(asked.writes)),
        per_1000(f64::from(asked.reads)),
        per_1000(asked.units + f64::from(asked.refused)),
    );
}

fn add(sum: Asked, asked: Asked) -> Asked {
    Asked {
        reads: sum.reads + asked.reads,
        writes: sum.writes + asked.writes,
        refused: sum.refused + asked.refused,
        units: sum.units + asked.units,
    }
}

/// Twenty functions that want 10,000 permits a second together, which is more than there are.
async fn leased(store: &Store) {
    let (first, spent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..FUNCTIONS {
        let (first, spent) = (Arc::clone(&first), Arc::clone(&spent));
        let (account, counter) = store.account(plan(600_000, 60_000));
        tasks.push(tokio::spawn(async move {
            let (clock, began, mut made) = (Clock::new(), Instant::now(), 0);
            let (mut at_start, mut of_start) = (None, Asked::default());
            while began.elapsed() < TIME {
                let due = u64::try_from(began.elapsed().as_millis()).unwrap() * WANTED_EACH / 1_000;
                let Some(wanted) = u32::try_from(due - made).ok().filter(|wanted| *wanted > 0) else {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                };
                if at_start.is_none() && began.elapsed() > START {
                    of_start = counter.take();
                    at_start = Some(made);
                }
                let now = clock.read();
                match account.permits(wanted, now, now.wall_us / 1_000 + 2_000).await {
                    Ok(permits) => loop {
                        match permits.spend(clock.read()) {
                            Ok(()) => made += 1,
                            Err(NotNow::Early(us)) => {
                                tokio::time::sleep(Duration::from_micros(us.unsigned_abs())).await;
                            }
                            Err(NotNow::Unconfirmed) => account.confirm(&permits, clock.read()).await.unwrap(),
                            Err(NotNow::Over) => break,
                        }
                    },
                    Err(NoPermit::Refused { until_ms }) => {
                        let wait_ms = until_ms - clock.read().wall_us / 1_000;
                        tokio::time::sleep(Duration::from_millis(wait_ms.max(1).unsigned_abs())).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            let at_start = at_start.unwrap_or(0);
            first.fetch_add(at_start, Ordering::Relaxed);
            spent.fetch_add(made - at_start, Ordering::Relaxed);
            (of_start, counter.asked())
        }));
    }
    let (mut of_start, mut asked) = (Asked::default(), Asked::default());
    for task in tasks {
        let (of_one_at_start, of_one) = task.await.unwrap();
        (of_start, asked) = (add(of_start, of_one_at_start), add(asked, of_one));
    }
    row("leases, from nothing", FUNCTIONS, first.load(Ordering::Relaxed), START, of_start);
    row("leases, after that", FUNCTIONS, spent.load(Ordering::Relaxed), TIME.saturating_sub(START), asked);
}

/// One conditional write for each permit.
async fn naive(store: &Store) {
    let (mut tasks, began, time) = (Vec::new(), Instant::now(), TIME / 4);
    let number = |value: u32| AttributeValue::N(value.to_string());
    for _ in 0..FUNCTIONS {
        let (client, counter) = store.client();
        tasks.push(tokio::spawn(async move {
            let mut made = 0_u64;
            while began.elapsed() < time {
                let update = client
                    .update_item()
                    .table_name("recado")
                    .key("pk", AttributeValue::S("naive".to_owned()))
                    .key("sk", AttributeValue::S("minute".to_owned()))
                    .condition_expression("attribute_not_exists(used) OR used < :most")
                    .update_expression("ADD used :one")
                    .expression_attribute_values(":most", number(600_000))
                    .expression_attribute_values(":one", number(1));
                made += u64::from(update.send().await.is_ok());
            }
            (made, counter.asked())
        }));
    }
    let (mut made, mut asked) = (0, Asked::default());
    for task in tasks {
        let (of_one, asked_by_one) = task.await.unwrap();
        (made, asked) = (made + of_one, add(asked, asked_by_one));
    }
    row("a counter, one write each", FUNCTIONS, made, began.elapsed(), asked);
}

/// The Python package, with the limit handed to each call as its own guide does.
async fn zae(store: &Store) {
    let Some(python) = std::env::var_os("RECADO_ZAE_PYTHON") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/zae_peer.py");
    let run = std::process::Command::new(python).args([script, &store.listen().await, "5"]).output().unwrap();
    println!("zae-limiter, 1 caller: {}", String::from_utf8_lossy(&run.stdout).trim());
    if !run.status.success() {
        println!("it failed: {}", String::from_utf8_lossy(&run.stderr));
    }
}

/// A permit of the lease in hand, beside an atomic subtraction and nothing else.
async fn in_memory() {
    let store = Store::start().await;
    let (account, _) = store.account(plan(600_000, 60_000));
    let (mut spends, mut empties, mut asks) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut count, empty) = (0_u32, AtomicU64::new(u64::MAX));
    for second in 0..300 {
        let now = at(3_600_000 + 10_000 * second);
        let permits = account.permits(1_900, now, now.wall_us / 1_000).await.unwrap();
        let left = permits.left();
        let began = Instant::now();
        for _ in 0..left {
            permits.spend(black_box(now)).unwrap();
        }
        spends += began.elapsed();
        let began = Instant::now();
        for _ in 0..left {
            black_box(empty.fetch_sub(1, Ordering::AcqRel));
        }
        empties += began.elapsed();
        count += left;
        // And the whole way: one permit asked for, taken from the lease in hand, and given back.
        let later = Reading { wall_us: now.wall_us + 5_000_000, mono_us: now.mono_us + 5_000_000 };
        drop(account.permits(1_900, later, later.wall_us / 1_000).await.unwrap());
        let began = Instant::now();
        for _ in 0..left {
            drop(black_box(account.permits(1, later, later.wall_us / 1_000).await).unwrap());
        }
        asks += began.elapsed();
    }
    let ns = |time: Duration| time.as_nanos() as f64 / f64::from(count);
    println!(
        "\na permit spent in memory: {:.1} ns, {:.1} times an empty `fetch_sub`",
        ns(spends),
        ns(spends) / ns(empties)
    );
    println!("asked for, taken and given back: {:.1} ns", ns(asks));
}

/// A refusal while the account is closed.
async fn closed() {
    let store = Store::start().await;
    let (account, counter) = store.account(plan(600_000, 60_000));
    account.refused(NOW_MS + 20_000_000, at(19_500_000)).await.unwrap();
    counter.take();
    let began = Instant::now();
    for _ in 0..100_000 {
        black_box(account.permits(1, at(19_500_001), NOW_MS + 19_500_001).await).unwrap_err();
    }
    let asked = counter.take();
    println!(
        "100,000 refusals while closed: {} requests, {:?} each",
        asked.reads + asked.writes,
        began.elapsed() / 100_000
    );
}
