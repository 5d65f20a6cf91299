//! Judges what must hold, by what the simulator saw and what the table shows. It uses none of the judged code.

use recado_simulators::liguelead::DueCallback;

use super::{
    books::books,
    campaign,
    limits::{MINUTE_MS, NEARLY_MS, limits},
    log::{Call, Log},
    operator::{self, Order},
    rows::{MISSED, Row, short},
    scenario::{HOUR_MS, Scenario, UNKNOWN_AFTER_H},
    universe::{Invariant, Universe},
};

/// The longest time from checking the caps or an operator's commands to the request, in ms. It covers stalls and a
/// store that does not answer.
pub(super) const SLOW_MS: i64 = 30 * MINUTE_MS;
/// Words of reports for a message that arrived.
const ARRIVED: [&str; 2] = ["delivered", "answer"];

/// Judges a request that LigueLead has just answered.
pub(super) fn at_call(universe: &Universe, call: usize) {
    let Some(call) = universe.state().log.calls.get(call).filter(|call| call.accepted).cloned() else { return };
    for phone in &call.phones {
        let times = {
            let state = universe.state();
            let row = state.rows.messages.values().find(|row| row.phone == *phone && row.content == call.content);
            let is_over = |other: &&Call| row.is_some_and(|row| row.is_over(&other.batch));
            state.log.to(&call.content, phone).filter(|other| !is_over(other)).count()
        };
        if times > 1 {
            universe.broke(Invariant::SentOnce, format!("{phone} was sent the same message {times} times"));
        }
    }
}

/// Judges the resending of an unknown message: once, if its rule says so, after the wait for reports.
pub(super) fn resent(universe: &Universe, before: &Row, row: &Row) {
    let what = if before.state != "unknown" || before.batch.is_empty() {
        Some(format!("from {}", before.state))
    } else if row.earlier.len() > 1 {
        Some("for the second time".to_owned())
    } else if !universe.state().resends {
        Some("although no rule says so".to_owned())
    } else {
        let state = universe.state();
        let call = state.log.calls.iter().find(|call| call.batch == before.batch);
        let waited_ms = call.map_or(i64::MAX, |call| universe.now_ms() - call.at_ms);
        (waited_ms < UNKNOWN_AFTER_H * HOUR_MS - NEARLY_MS).then(|| format!("after {waited_ms} ms"))
    };
    if let Some(what) = what {
        universe.broke(Invariant::SentOnce, format!("a message to {} was to be sent again {what}", row.phone));
    }
}

/// Notes a report that was answered as accepted.
pub(super) fn heard(universe: &Universe, callback: &DueCallback) {
    let mut state = universe.state();
    let Some((content, batch)) = state.log.campaigns.get(&callback.campaign).cloned() else { return };
    state.log.heard.entry((callback.phone.clone(), content)).or_default().insert((batch, callback.status));
}

/// Notes a report that reached a process.
pub(super) fn told(universe: &Universe, callback: &DueCallback) {
    let mut state = universe.state();
    let Some((_, batch)) = state.log.campaigns.get(&callback.campaign).cloned() else { return };
    state.log.told.insert((batch, callback.phone.clone()));
}

/// Judges a new fallback: a report must have said, not long ago, that the first message did not arrive.
pub(super) fn follows(universe: &Universe, row: &Row) {
    let first = {
        let state = universe.state();
        let of_it = |first: &&Row| first.phone == row.phone && first.fallback.as_ref() == Some(&row.content);
        state.rows.messages.values().find(of_it).cloned()
    };
    let Some(first) = first.filter(|_| !row.phone.is_empty()) else { return };
    // The process that writes a fallback may be slow, and a report may come meanwhile.
    let was_missed = first.missed_ms.is_some_and(|missed_ms| missed_ms > universe.now_ms() - SLOW_MS);
    if !was_missed && !first.is_missed() {
        let what = format!("a message to {} follows one that is {}", row.phone, first.state);
        universe.broke(Invariant::Followed, what);
    }
}

/// Judges a schedule that has come to rest.
pub(super) fn at_end(universe: &Universe, scenario: &Scenario) {
    if universe.state().broken.is_some() {
        return;
    }
    let broken = {
        let state = universe.state();
        let (rows, log) = (&state.rows, &state.log);
        let mut broken = Vec::new();
        for (id, row) in &rows.messages {
            broken.extend(ended(id, row, log));
            let known = rows.batches.get(&row.batch).filter(|batch| row.state == "unknown" && batch.state != "unknown");
            broken.extend(known.map(|batch| {
                (Invariant::Forward, format!("{} is unknown, and its batch is {}", short(id), batch.state))
            }));
            for (place, phone) in &row.phones {
                let heard = log.heard.get(&(phone.clone(), row.content.clone()));
                // After a retry, a report on the earlier attempt counts only if it says that the message arrived.
                let of_it = |(batch, word): &&(String, &'static str)| ARRIVED.contains(word) || !row.is_over(batch);
                let words: Vec<&str> = heard.into_iter().flatten().filter(of_it).map(|(_, word)| *word).collect();
                if !words.is_empty() {
                    broken.extend(kept(id, rows.state_of(id, row, *place), &words));
                }
            }
            let is_next = |other: &Row| other.phone == row.phone && Some(&other.content) == row.fallback.as_ref();
            if row.is_missed() && !rows.messages.values().any(is_next) {
                broken.push((Invariant::NothingLost, format!("{} is {}, and nothing follows", short(id), row.state)));
            }
        }
        for (change, what) in scenario.changes.iter().enumerate().filter(|(at, _)| log.taken.contains(at)) {
            // A lead that had opted out by then has a row without a phone.
            let is_there = |row: &Row| row.phone == what.phone && row.content == what.content;
            if !what.forbidden && !rows.messages.values().any(is_there) {
                broken.push((Invariant::NothingLost, format!("change {change} was taken, and has no message")));
            }
        }
        for (key, due_ms) in rows.appointments() {
            broken.push((Invariant::Ends, format!("{} is still due at {due_ms}", key.0)));
        }
        broken.extend(campaign::judge(rows, scenario, state.orders.is_done(&Order::Start)));
        broken.extend(scenario.leads.judge(&log.calls));
        broken.extend(limits(&log.calls, scenario));
        broken
    };
    let heeded = operator::heeded(universe, scenario);
    for (invariant, what) in broken.into_iter().chain(heeded).chain(books(universe, scenario)) {
        universe.broke(invariant, what);
    }
}

/// A message's last state must be an end, or a state that only a report could still change. It must also be true.
fn ended(id: &str, row: &Row, log: &Log) -> Option<(Invariant, String)> {
    let (state, was_sent) = (row.state.as_str(), log.was_sent(row));
    let id = short(id);
    match state {
        "accepted" | "delivered" | "undelivered" | "answered" | "no_answer" | "busy" if !log.was_sent_to_all(row) => {
            Some((Invariant::Forward, format!("{id} is {state}, and was never sent")))
        }
        "refused" | "expired" | "skipped" if was_sent => {
            Some((Invariant::Forward, format!("{id} is {state} ({}), and was sent", row.why)))
        }
        "pending" | "held" | "sending" => Some((Invariant::Ends, format!("{id} is {state} for ever"))),
        _ => None,
    }
}

/// A message must show what a report said, if the report was answered as stored.
fn kept(id: &str, state: &str, words: &[&str]) -> Option<(Invariant, String)> {
    let good = if words.contains(&"delivered") {
        state == "delivered"
    } else if words.contains(&"answer") {
        state == "answered"
    } else if words.contains(&"undelivered") || words.contains(&"failed") {
        state == "undelivered"
    } else if let Some(word) = words.iter().find(|word| MISSED.contains(*word)) {
        // The report of an answered redial may have been stored although no process confirmed it.
        state == *word || state == "answered"
    } else {
        !matches!(state, "pending" | "held" | "sending" | "unknown" | "refused" | "expired" | "skipped")
    };
    (!good).then(|| (Invariant::NothingLost, format!("{} is {state}, and {words:?} was heard", short(id))))
}
