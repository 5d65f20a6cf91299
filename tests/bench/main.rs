//! Compares `recado serve` with a script written in an afternoon, in one run: `just bench`, or
//! `cargo bench -p recado --bench peers`.
//!
//! Both get the same events, the same simulated LigueLead and the same machine, one after the other in each line. So
//! the ratios mean something, and the figures themselves do not. Counts come before times. The script needs Python with
//! FastAPI, uvicorn and httpx: `RECADO_PEER_PYTHON` names it. Without it, Recado is measured alone.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on stops, and prints what it found"
)]

mod contestant;
mod load;

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use recado_core::{
    credits::SmsText,
    identity::MessageId,
    message::{Channel, Content, Message},
    phone::Phone,
};
use recado_ledger::{Ledger, at_once, embedded_client};
use recado_simulators::{leadsquared, liguelead};
use recado_table::EmbeddedTable;

use self::{
    contestant::{Contestant, Kind},
    load::{Texts, events, now_ms, post_all},
};

/// LigueLead's usual answer time, in ms.
const ANSWER_MS: u64 = 200;
/// The number of events in a burst.
const BURST: u32 = 5_000;
/// Clients that post at once.
const CLIENTS: usize = 32;

#[tokio::main]
async fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| name.contains(one.as_str()));
    let python = std::env::var_os("RECADO_PEER_PYTHON");
    let kinds: Vec<Kind> = std::iter::once(Kind::Recado).chain(python.map(Kind::Script)).collect();
    println!("| what | {} |", kinds.iter().map(Kind::name).collect::<Vec<_>>().join(" | "));
    println!("| --- |{}", " --- |".repeat(kinds.len()));
    for latency_ms in [0, ANSWER_MS] {
        for per_second in [1, 20] {
            let name = format!("event to LigueLead at {per_second}/s, answers after {latency_ms} ms: median / p99, ms");
            if wanted("latency") {
                line(&name, &kinds, async |kind| latency(kind, latency_ms, per_second).await).await;
            }
        }
    }
    for texts in [Texts::One, Texts::Own] {
        let name = format!("{BURST} events at once, {}: webhooks/s, all sent after s, CPU s, requests", texts.name());
        if wanted("burst") {
            line(&name, &kinds, async |kind| burst(kind, texts).await).await;
        }
    }
    for texts in [Texts::One, Texts::Own] {
        let name =
            format!("300 events, each 7th call answered 429 \"in 2 s\", {}: last one sent after s", texts.name());
        if wanted("throttled") {
            line(&name, &kinds, async |kind| throttled(kind, texts).await).await;
        }
    }
    if wanted("ingest") {
        line("100,000 events in arrays of 500: taken/s", &kinds, async |kind| ingest(kind).await).await;
    }
    if wanted("table") {
        line("100,000 rows into the embedded table, 500 at a time: rows/s", &kinds[..1], async |_| rows().await).await;
    }
    if wanted("crm") {
        line("event to its outcome in LeadSquared, a report at once: median / p99, s", &kinds[..1], async |kind| {
            outcome(kind).await
        })
        .await;
    }
}

async fn line(name: &str, kinds: &[Kind], measure: impl AsyncFn(&Kind) -> String) {
    let mut found = Vec::new();
    for kind in kinds {
        found.push(measure(kind).await);
    }
    println!("| {name} | {} |", found.join(" | "));
}

fn vendor(latency_ms: u64) -> liguelead::Options {
    let mut options = liguelead::Options::default();
    options.faults.latency_ms = latency_ms;
    // No reports, since the script does not handle them.
    options.callbacks.lost_callbacks_share = 1.0;
    options
}

/// Posts events evenly, each with a text of its own, and measures when LigueLead gets them.
async fn latency(kind: &Kind, latency_ms: u64, per_second: u32) -> String {
    let contestant = Contestant::start(kind, vendor(latency_ms), Texts::Own).await;
    let count = if per_second == 1 { 20 } else { 400 };
    let mut posted = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    let mut posts = tokio::task::JoinSet::new();
    // The first two warm up.
    for (number, body) in events(1..=count + 2).into_iter().enumerate() {
        ticks.tick().await;
        posted.push(now_ms());
        let post = contestant.post(&body);
        posts.spawn(async move { assert!(post.await, "event {number} was not taken") });
    }
    posts.join_all().await;
    contestant.all_sent(count + 2).await;
    let arrived = contestant.arrived_ms();
    let waits: Vec<u64> =
        (3..=count + 2).map(|number| arrived[&number].saturating_sub(posted[number as usize - 1])).collect();
    contestant.stop().await;
    quantiles(waits)
}

async fn burst(kind: &Kind, texts: Texts) -> String {
    let contestant = Contestant::start(kind, vendor(ANSWER_MS), texts).await;
    let (before_s, begun) = (contestant.cpu_s(), Instant::now());
    post_all(&contestant, events(1..=BURST), CLIENTS).await;
    let taken = begun.elapsed();
    contestant.all_sent(BURST).await;
    let (sent, cpu_s) = (begun.elapsed(), contestant.cpu_s() - before_s);
    let requests = contestant.requests();
    contestant.stop().await;
    format!("{:.0}/s, {:.1} s, {cpu_s:.1} s, {requests}", f64::from(BURST) / taken.as_secs_f64(), sent.as_secs_f64())
}

async fn throttled(kind: &Kind, texts: Texts) -> String {
    let mut options = vendor(ANSWER_MS);
    options.faults.rules = vec!["throttle@every=7@/sms".parse().unwrap()];
    options.retry_after_s = Some(2);
    let contestant = Contestant::start(kind, options, texts).await;
    let begun = Instant::now();
    post_all(&contestant, events(1..=300), CLIENTS).await;
    contestant.all_sent(300).await;
    let sent = begun.elapsed();
    let requests = contestant.requests();
    contestant.stop().await;
    format!("{:.1} s, {requests} requests", sent.as_secs_f64())
}

async fn ingest(kind: &Kind) -> String {
    const EVENTS: u32 = 100_000;
    let contestant = Contestant::start(kind, vendor(ANSWER_MS), Texts::One).await;
    let events = events(1..=EVENTS);
    let arrays: Vec<serde_json::Value> = events.chunks(500).map(|some| some.to_vec().into()).collect();
    let (before_s, begun) = (contestant.cpu_s(), Instant::now());
    post_all(&contestant, arrays, 8).await;
    let taken = begun.elapsed();
    let cpu_s = contestant.cpu_s() - before_s;
    contestant.stop().await;
    format!("{:.0}/s, {cpu_s:.1} s of CPU", f64::from(EVENTS) / taken.as_secs_f64())
}

/// The embedded table alone: what it takes of the same rows, without webhooks, rules and sending.
async fn rows() -> String {
    const ROWS: u32 = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let table = EmbeddedTable::open(directory.path()).unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 86_400_000);
    ledger.create_if_missing().await.unwrap();
    let row = |number: u32| Message {
        content: Content::Sms(Some(SmsText::parse("Boas-vindas.").unwrap())),
        event: "lead.created".to_owned(),
        due_ms: Some(60_000),
        ..Message::new(
            MessageId::from_bytes(u128::from(number).to_be_bytes()),
            "welcome",
            &format!("00000000-0000-4000-8000-{number:012}"),
            Channel::Sms,
            0,
            3_600_000,
        )
        .at(Phone::parse(&load::phone(number)).unwrap())
    };
    let groups: Vec<Vec<Message>> = (0..ROWS)
        .collect::<Vec<_>>()
        .chunks(500)
        .map(|group| group.iter().map(|&number| row(number)).collect())
        .collect();
    let begun = Instant::now();
    at_once(8, &groups, |group| async { ledger.insert_messages(group).await.unwrap() }).for_each(async |_| ()).await;
    format!("{:.0}/s", f64::from(ROWS) / begun.elapsed().as_secs_f64())
}

/// How long after an event LeadSquared shows the outcome, without a backlog.
async fn outcome(kind: &Kind) -> String {
    let mut options = vendor(ANSWER_MS);
    options.callbacks.lost_callbacks_share = 0.0;
    (options.callbacks.sent_after_ms, options.callbacks.final_after_ms) = (10, 50);
    let contestant = Contestant::start(kind, options, Texts::Own).await;
    let mut waits = Vec::new();
    for body in events(1..=12) {
        let begun = Instant::now();
        assert!(contestant.post(&body).await);
        let lead = body["ProspectID"].as_str().unwrap().to_owned();
        while !contestant.shows_outcome(&lead) {
            assert!(begun.elapsed() < Duration::from_mins(2), "LeadSquared was not told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        waits.push(u64::try_from(begun.elapsed().as_millis()).unwrap());
    }
    contestant.stop().await;
    quantiles(waits)
}

fn quantiles(mut waits: Vec<u64>) -> String {
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)];
    format!("{} / {}", at(50), at(99))
}

fn crm() -> leadsquared::Options {
    leadsquared::Options::default()
}
