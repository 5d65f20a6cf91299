//! How much of what LeadSquared's limits allow the planner uses: six plans, three shapes of load, in virtual time.
//!
//! The bound, the shapes and the figures are explained in `docs/limits.md`; this prints the table there:
//! `cargo test -p recado-core --test all writeback_rates -- --nocapture`.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test's arithmetic"
)]

use std::collections::{HashSet, VecDeque};

use recado_core::{
    identity::MessageId,
    writeback::{Allowance, Backlog, Call, LeadRow, Needs, ROWS_PER_CALL, Row, SAME_VALUE_PER_CALL, Then},
};

/// The window and the limiter's margin, in ms.
const WINDOW_MS: i64 = 5_250;
/// The plans' requests in 5 s, by the seed.
const PLANS: [(&str, u32); 6] =
    [("Lite", 2), ("Pro", 5), ("Super", 10), ("Basic", 10), ("Standard", 15), ("Enterprise", 25)];
/// The share left for the account's other users, in per cent: none, and the default.
const RESERVES: [u32; 2] = [0, 20];
/// The least acceptable share of the bound.
const LEAST: f64 = 0.98;

/// The kind of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Update,
    /// A lead's field that gets one of three values.
    Same(u8),
    /// A lead's fields that get values of their own.
    Own,
}

/// How rows arrive.
#[derive(Clone, Copy)]
enum Load {
    /// For 20 minutes, 5 % faster than the bound: creates and updates in equal parts, and a few fields.
    Steady,
    /// 5,000 creates at once.
    Burst,
    /// 20,000 rows at once: half creates, a quarter updates, the rest fields of both sorts.
    Backlog,
}

struct Arrival {
    at_ms: i64,
    kind: Kind,
}

/// The least cost of a row, in bulk requests.
fn cost(kind: Kind) -> f64 {
    let rows = if matches!(kind, Kind::Same(_)) { SAME_VALUE_PER_CALL } else { ROWS_PER_CALL };
    1.0 / rows as f64
}

/// The most that a window holds, in bulk requests: a single request does 1/25 of a bulk one.
fn worth(allowance: &Allowance) -> f64 {
    allowance.bulk() as f64 + allowance.spare(allowance.bulk()) as f64 / ROWS_PER_CALL as f64
}

fn arrivals(load: Load, allowance: &Allowance) -> Vec<Arrival> {
    match load {
        Load::Steady => {
            let kinds = [Kind::Create, Kind::Update, Kind::Create, Kind::Update, Kind::Create, Kind::Update, Kind::Own];
            let per_window = worth(allowance) * ROWS_PER_CALL as f64 * 1.05;
            let count = (1_200_000.0 / WINDOW_MS as f64 * per_window) as usize;
            (0..count)
                .map(|at| Arrival {
                    at_ms: (at as f64 / per_window * WINDOW_MS as f64) as i64,
                    kind: kinds[at % kinds.len()],
                })
                .collect()
        }
        Load::Burst => (0..5_000).map(|_| Arrival { at_ms: 0, kind: Kind::Create }).collect(),
        Load::Backlog => {
            let kind = |at: usize| match at % 8 {
                0..=3 => Kind::Create,
                4 | 5 => Kind::Update,
                6 => Kind::Same(u8::try_from(at / 8 % 3).unwrap()),
                _ => Kind::Own,
            };
            (0..20_000).map(|at| Arrival { at_ms: 0, kind: kind(at) }).collect()
        }
    }
}

fn needs(waiting: &VecDeque<(usize, &Arrival)>) -> Needs {
    let mut needs = Needs::default();
    for &(number, arrival) in waiting {
        let row = Row { id: id_of(number), due_ms: arrival.at_ms, then: Then::Done };
        let lead = |value: String| {
            let set = vec![("f".to_owned(), value)];
            LeadRow { row, lead_id: number.to_string(), set, judged: false }
        };
        match arrival.kind {
            Kind::Create => needs.create.push(row),
            Kind::Update => needs.update.push(row),
            Kind::Same(value) => needs.leads.push(lead(value.to_string())),
            Kind::Own => needs.leads.push(lead(number.to_string())),
        }
    }
    needs
}

/// Requests made, and the share of the bound. The share is the work written from the first window to the last, in bulk
/// requests, divided by the capacity of that many windows. The last window is left out of both: it holds the rest.
fn share(load: Load, allowance: &Allowance) -> (usize, f64) {
    let arrivals = arrivals(load, allowance);
    let mut to_come = arrivals.iter().enumerate().peekable();
    let mut waiting: VecDeque<(usize, &Arrival)> = VecDeque::new();
    let (mut at_ms, mut calls, mut windows) = (0, 0, Vec::new());
    let mut backlog = Backlog::default();
    loop {
        let mut came = false;
        while let Some(next) = to_come.next_if(|(_, arrival)| arrival.at_ms <= at_ms) {
            waiting.push_back(next);
            came = true;
        }
        if to_come.peek().is_none() && (waiting.is_empty() || matches!(load, Load::Steady)) {
            break;
        }
        if came {
            backlog = Backlog::new(needs(&waiting));
        }
        let taken = backlog.next_calls(at_ms, allowance);
        let ids: HashSet<MessageId> = taken.iter().flat_map(ids).collect();
        // Nothing is ready before the first rows have lingered.
        if !(windows.is_empty() && ids.is_empty()) {
            windows.push(ids.iter().map(|id| cost(arrivals[number_of(*id)].kind)).sum::<f64>());
        }
        calls += taken.len();
        if matches!(load, Load::Steady) {
            waiting.retain(|(number, _)| !ids.contains(&id_of(*number)));
        } else if backlog.is_empty() {
            waiting.clear();
        }
        at_ms += WINDOW_MS;
    }
    windows.pop();
    (calls, windows.iter().sum::<f64>() / (windows.len() as f64 * worth(allowance)))
}

fn id_of(number: usize) -> MessageId {
    MessageId::from_bytes((number as u128).to_be_bytes())
}

fn number_of(id: MessageId) -> usize {
    usize::try_from(u128::from_be_bytes(*id.as_bytes())).unwrap()
}

fn ids(call: &Call) -> Vec<MessageId> {
    match call {
        Call::Find(_) | Call::FindOne(_) => Vec::new(),
        Call::Create(rows) | Call::Update(rows) => rows.iter().map(|row| row.id).collect(),
        Call::Leads(rows) | Call::SameValue(rows) => rows.iter().map(|lead| lead.row.id).collect(),
        Call::CreateOne(row) | Call::UpdateOne(row) => vec![row.id],
        Call::LeadOne(lead) => vec![lead.row.id],
    }
}

#[test]
fn the_planner_uses_what_the_limits_allow() {
    println!("| plan | calls in 5 s, ours | rows/s at most | steady | burst of 5,000 | backlog of 20,000 |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (plan, calls) in PLANS {
        for reserve in RESERVES {
            for bulk_counts_in_window in [true, false] {
                let allowance = Allowance {
                    calls: (calls * (100 - reserve) / 100).max(1),
                    bulk_calls: 1,
                    bulk_counts_in_window,
                    window_ms: WINDOW_MS,
                    calls_per_day: None,
                    day_calls: 0,
                };
                let shares = [Load::Steady, Load::Burst, Load::Backlog].map(|load| share(load, &allowance));
                let shown: Vec<String> =
                    shares.iter().map(|(calls, share)| format!("{:.1} %, {calls} calls", share * 100.0)).collect();
                println!(
                    "| {plan}{} | {} | {:.2} | {} |",
                    if bulk_counts_in_window { "" } else { ", bulk apart" },
                    allowance.calls,
                    worth(&allowance) * ROWS_PER_CALL as f64 / (WINDOW_MS as f64 / 1_000.0),
                    shown.join(" | ")
                );
                for (_, share) in shares {
                    assert!(share <= 1.0 + 1e-9, "the bound is one: {share}");
                    assert!(share >= LEAST, "{plan} {allowance:?}: {shown:?}");
                }
            }
        }
    }
}
