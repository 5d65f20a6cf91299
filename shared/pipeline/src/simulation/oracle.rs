//! What must hold, judged by what the simulator saw and what the table shows, with none of the code that is judged.

use std::collections::{BTreeMap, BTreeSet};

use recado_simulators::liguelead::DueCallback;

use super::{
    log::{Call, Log},
    operator,
    rows::{DayRow, Row, short},
    scenario::{HOUR_MS, Scenario, Setting, UNKNOWN_AFTER_H, hours_from_utc},
    universe::{Invariant, Universe},
};

const MINUTE_MS: i64 = 60_000;
/// How far a process's clock, and the way from its last look at it to the call, may be from the true time, in ms.
const NEARLY_MS: i64 = 500;
/// How long a process may take from asking the caps, or an operator's wishes, to its call, in ms: stalls and a store that does not answer.
pub(super) const SLOW_MS: i64 = 30 * MINUTE_MS;
/// The tenant's zone: São Paulo.
const TENANT_FROM_UTC: i64 = -3;

/// Judges a call that LigueLead has just answered.
pub(super) fn at_call(universe: &Universe, call: usize) {
    let Some(call) = universe.state().log.calls.get(call).filter(|call| call.accepted).cloned() else { return };
    let times = |row: &Row| {
        let state = universe.state();
        state.log.sent(row).filter(|call| !row.is_over(&call.batch)).count()
    };
    for phone in &call.phones {
        let row = {
            let state = universe.state();
            state.rows.messages.values().find(|row| row.phone == *phone && row.text == call.text).cloned()
        };
        let times = row.as_ref().map_or(0, times);
        if times > 1 {
            universe.broke(Invariant::SentOnce, format!("{phone} was sent the same message {times} times"));
        }
    }
}

/// A message of which it is unknown whether it was sent goes again: once, if its rule says so, after the wait for reports.
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

/// A report was answered as taken.
pub(super) fn heard(universe: &Universe, callback: &DueCallback) {
    let mut state = universe.state();
    let Some((text, batch)) = state.log.campaigns.get(&callback.campaign).cloned() else { return };
    state.log.heard.entry((callback.phone.clone(), text)).or_default().insert((batch, callback.status));
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
            let heard = log.heard.get(&(row.phone.clone(), row.text.clone()));
            // Of an attempt after which the message was sent again, only that it arrived says something about it.
            let of_it = |(batch, word): &&(String, &'static str)| *word == "delivered" || !row.is_over(batch);
            let words: Vec<&str> = heard.into_iter().flatten().filter(of_it).map(|(_, word)| *word).collect();
            if !words.is_empty() {
                broken.extend(kept(id, row, &words));
            }
        }
        for (change, what) in scenario.changes.iter().enumerate().filter(|(at, _)| log.taken.contains(at)) {
            if !rows.messages.values().any(|row| row.phone == what.phone && row.text == what.text) {
                broken.push((Invariant::NothingLost, format!("change {change} was taken, and has no message")));
            }
        }
        for (key, due_ms) in rows.appointments() {
            broken.push((Invariant::Ends, format!("{} is still due at {due_ms}", key.0)));
        }
        broken.extend(rates(&log.calls, &scenario.settings));
        broken.extend(hours(&log.calls, &scenario.settings));
        broken.extend(caps(&log.calls, &scenario.settings));
        broken
    };
    let heeded = operator::heeded(universe, scenario);
    for (invariant, what) in broken.into_iter().chain(heeded).chain(books(universe, &scenario.settings)) {
        universe.broke(invariant, what);
    }
}

/// A message's last state is an end, or one that only a report could still change, and it is true.
fn ended(id: &str, row: &Row, log: &Log) -> Option<(Invariant, String)> {
    let (state, was_sent) = (row.state.as_str(), log.was_sent(row));
    let id = short(id);
    match state {
        "accepted" | "delivered" | "undelivered" if log.sent(row).next().is_none() => {
            Some((Invariant::Forward, format!("{id} is {state}, and was never sent")))
        }
        "refused" | "expired" | "skipped" if was_sent => {
            Some((Invariant::Forward, format!("{id} is {state} ({}), and was sent", row.why)))
        }
        "accepted" | "delivered" | "undelivered" | "unknown" | "refused" | "expired" | "skipped" => None,
        _ => Some((Invariant::Ends, format!("{id} is {state} for ever"))),
    }
}

/// What a report said that was answered as stored, the message shows.
fn kept(id: &str, row: &Row, words: &[&str]) -> Option<(Invariant, String)> {
    let state = row.state.as_str();
    let good = if words.contains(&"delivered") {
        state == "delivered"
    } else if words.contains(&"undelivered") || words.contains(&"failed") {
        state == "undelivered"
    } else {
        matches!(state, "accepted" | "delivered" | "undelivered")
    };
    (!good).then(|| (Invariant::NothingLost, format!("{} is {state}, and {words:?} was heard", short(id))))
}

/// No 60 s hold more calls than the loosest configuration allows.
fn rates(calls: &[Call], settings: &[Setting]) -> Option<(Invariant, String)> {
    let most = settings.iter().map(|setting| setting.requests_per_minute as usize).max().unwrap_or(0);
    let fullest = fullest(calls.iter().map(|call| call.at_ms).collect(), MINUTE_MS);
    (fullest > most).then(|| (Invariant::Limits, format!("{fullest} calls in a minute, of {most}")))
}

/// The most of these instants in any window of this length.
fn fullest(mut at_ms: Vec<i64>, window_ms: i64) -> usize {
    at_ms.sort_unstable();
    let inside = |first: &i64| at_ms.iter().filter(|at| (*first..first + window_ms).contains(at)).count();
    at_ms.iter().map(inside).max().unwrap_or(0)
}

/// No call leaves outside of the hours on a recipient's clock.
fn hours(calls: &[Call], settings: &[Setting]) -> Option<(Invariant, String)> {
    let open = |setting: &Setting, call: &Call, phone: &str| {
        let Some((from, until)) = setting.open else { return true };
        let of_day = (call.at_ms + hours_from_utc(phone) * HOUR_MS).rem_euclid(24 * HOUR_MS);
        (from * HOUR_MS - NEARLY_MS..until * HOUR_MS + NEARLY_MS).contains(&of_day)
    };
    calls.iter().find_map(|call| {
        let closed = call.phones.iter().find(|phone| !settings.iter().any(|setting| open(setting, call, phone)))?;
        Some((Invariant::Limits, format!("a call to {closed} left outside of the hours, at {}", call.at_ms)))
    })
}

/// No lead gets more messages than the caps allow.
fn caps(calls: &[Call], settings: &[Setting]) -> Option<(Invariant, String)> {
    let (max, every_ms) = settings.first().and_then(|setting| setting.cap)?;
    let mut of_phone: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    for call in calls.iter().filter(|call| call.accepted) {
        // A message that is sent again is the same message.
        for phone in call.phones.iter().filter(|phone| counted.insert((*phone, &call.text))) {
            of_phone.entry(phone).or_default().push(call.at_ms);
        }
    }
    of_phone.into_iter().find_map(|(phone, at_ms)| {
        let most = fullest(at_ms, every_ms - SLOW_MS);
        (most > max).then(|| (Invariant::Limits, format!("{phone} got {most} messages in {} h", every_ms / HOUR_MS)))
    })
}

/// What a message costs that may have been sent: LigueLead's price of a text of up to 160, or 312 characters.
fn credits(text: &str) -> i64 {
    if text.chars().count() > 160 { 2 } else { 1 }
}

/// The books hold what LigueLead charged, and what may have been sent; and no day is over its quota.
fn books(universe: &Universe, settings: &[Setting]) -> Vec<(Invariant, String)> {
    let state = universe.state();
    let mut charged: BTreeMap<(String, String), DayRow> = BTreeMap::new();
    let mut charge = |batch: &str, messages: i64, credits: i64| {
        let Some(row) = state.rows.batches.get(batch) else { return };
        let rule = row.rule.as_ref().map(|rule| format!("R#{rule}"));
        for budget in std::iter::once("D".to_owned()).chain(rule) {
            let day = charged.entry((row.day.clone(), budget)).or_default();
            day.messages += messages;
            day.credits += credits;
        }
    };
    let mut broken = Vec::new();
    for call in &state.log.calls {
        if call.accepted {
            let messages = i64::try_from(call.phones.len()).unwrap_or(i64::MAX);
            charge(&call.batch, messages, messages * call.credits_each);
        }
        let at = (call.at_ms + TENANT_FROM_UTC * HOUR_MS).rem_euclid(24 * HOUR_MS);
        let midnight_is_near = !(NEARLY_MS..24 * HOUR_MS - NEARLY_MS).contains(&at);
        let day = recado_core::writeback::crm_time(call.at_ms + TENANT_FROM_UTC * HOUR_MS);
        let counted = state.rows.batches.get(&call.batch).map(|row| row.day.clone()).unwrap_or_default();
        if call.accepted && !midnight_is_near && !day.starts_with(&counted) {
            broken.push((Invariant::Limits, format!("a call of {day} was counted on {counted}")));
        }
    }
    let accepted: BTreeSet<&str> =
        state.log.calls.iter().filter(|call| call.accepted).map(|call| call.batch.as_str()).collect();
    for row in state.rows.messages.values() {
        let is_unknown = |batch: &&str| state.rows.batches.get(*batch).is_some_and(|row| row.state == "unknown");
        let present = Some(row.batch.as_str()).filter(|_| row.state == "unknown" || !row.earlier.is_empty());
        let attempts: BTreeSet<&str> = row.earlier.iter().map(String::as_str).chain(present).collect();
        for batch in attempts.into_iter().filter(is_unknown).filter(|batch| !accepted.contains(batch)) {
            charge(batch, 1, credits(&row.text));
        }
    }
    for (key, row) in &state.rows.days {
        let expected = charged.remove(key).unwrap_or_default();
        if *row != expected {
            broken.push((Invariant::Books, format!("{key:?} shows {row:?}, and it was {expected:?}")));
        }
        if key.1 == "D" {
            let loosest = |quota: fn(&Setting) -> Option<u64>| {
                settings.iter().map(|setting| quota(setting).unwrap_or(u64::MAX)).max().unwrap_or(u64::MAX)
            };
            let over = |used: i64, most: u64| u64::try_from(used).unwrap_or(0) > most;
            if over(row.messages, loosest(|s| s.messages_per_day)) || over(row.credits, loosest(|s| s.credits_per_day))
            {
                broken.push((Invariant::Limits, format!("{} spent {row:?}, more than its quota", key.0)));
            }
        }
    }
    broken.extend(charged.into_iter().map(|(key, row)| (Invariant::Books, format!("{key:?} lacks {row:?}"))));
    broken
}
