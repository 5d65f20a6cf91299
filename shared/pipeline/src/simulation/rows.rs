//! What the table's rows are, seen after every write by the oracle's own eyes: states that may follow one another,
//! appointments, books.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use recado_core::identity::MessageId;
use serde_json::{Value, json};

use super::{
    operator, oracle,
    scenario::content,
    store::{TABLE, dispatch},
    universe::{Event, Invariant, Universe},
};

/// A message's row, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: String,
    pub(super) why: String,
    pub(super) phone: String,
    /// What it says or plays, as `scenario::content` has it.
    pub(super) content: String,
    /// The content of what follows if it does not arrive.
    pub(super) fallback: Option<String>,
    /// When it was last seen as one that did not arrive, in ms since the epoch.
    pub(super) missed_ms: Option<i64>,
    pub(super) due_ms: Option<i64>,
    /// The batch that last claimed it.
    pub(super) batch: String,
    /// The batches of earlier attempts.
    pub(super) earlier: Vec<String>,
}

impl Row {
    /// Whether this batch was an attempt after which the message was sent again.
    pub(super) fn is_over(&self, batch: &str) -> bool {
        batch != self.batch && self.earlier.iter().any(|earlier| earlier == batch)
    }

    /// Whether it waits for another attempt, or has ended waiting for it: a report on an earlier one takes it back.
    fn is_between_attempts(&self) -> bool {
        !self.earlier.is_empty() && self.batch.is_empty()
    }
}

/// A batch's row.
#[derive(Debug, Clone)]
pub(super) struct BatchRow {
    pub(super) state: String,
    pub(super) day: String,
    pub(super) rule: Option<String>,
}

/// What a day has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DayRow {
    pub(super) messages: i64,
    pub(super) credits: i64,
}

/// All rows that matter here.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) messages: BTreeMap<String, Row>,
    pub(super) batches: BTreeMap<String, BatchRow>,
    /// By day, and by `D` for the account or `R#rule`.
    pub(super) days: BTreeMap<(String, String), DayRow>,
    /// Appointments of all rows.
    due: BTreeMap<(String, String), i64>,
}

impl Rows {
    /// The earliest appointment.
    pub(super) fn earliest_due_ms(&self) -> Option<i64> {
        self.due.values().min().copied()
    }

    pub(super) fn appointments(&self) -> impl Iterator<Item = (&(String, String), &i64)> {
        self.due.iter()
    }
}

/// The states that may follow a state, by the diagram in docs/architecture.md.
fn may_follow(state: &str) -> &'static [&'static str] {
    match state {
        // A part of a refused request is refused without a call of its own when the others have told enough.
        "pending" => &["held", "sending", "expired", "refused", "skipped"],
        "held" => &["sending", "expired", "refused", "skipped"],
        "sending" => &[
            "accepted",
            "refused",
            "unknown",
            "held",
            "pending",
            "delivered",
            "undelivered",
            "no_answer",
            "busy",
            "answered",
        ],
        // What is certain later than the sweep's patience counts.
        "unknown" => {
            &["accepted", "refused", "held", "pending", "delivered", "undelivered", "no_answer", "busy", "answered"]
        }
        "refused" => &["accepted", "delivered", "undelivered", "no_answer", "busy", "answered"],
        "accepted" => &["delivered", "undelivered", "no_answer", "busy", "answered"],
        "undelivered" => &["delivered", "answered"],
        "no_answer" | "busy" => &["answered"],
        _ => &[],
    }
}

/// The states of a message that did not arrive.
pub(super) const MISSED: [&str; 3] = ["undelivered", "no_answer", "busy"];

/// Whether a message in this state waits, or has ended without being sent.
fn is_unsent(state: &str) -> bool {
    matches!(state, "pending" | "held" | "refused" | "expired" | "skipped")
}

/// What a message says or plays.
fn content_of(item: &Value) -> String {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
    content(text("channel") == "voice", text("title"), text("text"))
}

/// Looks at each row that a request names, after it was carried out.
pub(super) fn look(universe: &Arc<Universe>, request: &Value) {
    let mut keys = BTreeSet::new();
    named(request, &mut keys);
    for key in keys {
        let request = json!({
            "TableName": TABLE, "ConsistentRead": true,
            "Key": { "pk": { "S": &key.0 }, "sk": { "S": &key.1 } },
        });
        let answer = dispatch(&universe.engine, "GetItem", &request).unwrap_or_else(|error| panic!("{error}"));
        if answer["Item"].is_object() {
            seen(universe, key, &answer["Item"]);
        }
    }
}

/// The keys of messages, batches, reports and days that stand anywhere in a request.
fn named(value: &Value, keys: &mut BTreeSet<(String, String)>) {
    let text = |value: &Value| value["S"].as_str().map(str::to_owned);
    match value {
        Value::Object(members) => {
            if let (Some(pk), Some(sk)) = (value.get("pk").and_then(text), value.get("sk").and_then(text))
                && (pk == "A" || ["M#", "B#", "P#", "D#"].iter().any(|kind| pk.starts_with(kind)))
            {
                keys.insert((pk, sk));
            }
            members.values().for_each(|member| named(member, keys));
        }
        Value::Array(members) => {
            // The parameters of a statement: a row's key stands among them.
            let report = members.iter().filter_map(text).find(|sk| sk.starts_with("C#"));
            for member in members {
                match (text(member), &report) {
                    (Some(pk), _) if pk.starts_with("M#") => drop(keys.insert((pk, "M".to_owned()))),
                    (Some(pk), Some(sk)) if pk.starts_with("B#") || pk.starts_with("P#") => {
                        keys.insert((pk, sk.clone()));
                    }
                    _ => {}
                }
                named(member, keys);
            }
        }
        _ => {}
    }
}

fn seen(universe: &Arc<Universe>, key: (String, String), item: &Value) {
    let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    let number = |name: &str| item[name]["N"].as_str().and_then(|number| number.parse::<i64>().ok());
    let due_ms = number("due_ms").filter(|_| text("due_shard").is_some());
    {
        let due = &mut universe.state().rows.due;
        match due_ms {
            Some(due_ms) => due.insert(key.clone(), due_ms),
            None => due.remove(&key),
        };
    }
    if let Some(due_ms) = due_ms {
        universe.awaits(due_ms);
    }
    let id = key.0.get(2..).unwrap_or_default().to_owned();
    match (key.0.get(..2), key.1.as_str()) {
        (Some("M#"), "M") => {
            let row = Row {
                state: text("state").unwrap_or_default(),
                why: text("why").unwrap_or_default(),
                phone: text("phone").unwrap_or_default(),
                content: content_of(item),
                fallback: item["else"].get("M").map(content_of),
                missed_ms: None,
                due_ms,
                batch: text("batch").unwrap_or_default(),
                earlier: text("earlier").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            };
            message(universe, id, row);
        }
        (Some("B#"), "B") => {
            let row = BatchRow {
                state: text("state").unwrap_or_default(),
                day: text("day").unwrap_or_default(),
                rule: text("rule"),
            };
            let before = universe.state().rows.batches.insert(id.clone(), row.clone());
            if before.is_none_or(|before| before.state != row.state) {
                universe.tell(format_args!("batch {} is {}", short(&id), row.state));
            }
        }
        (Some("D#"), _) => {
            let row = DayRow {
                messages: number("messages").unwrap_or_default(),
                credits: number("credits").unwrap_or_default(),
            };
            universe.state().rows.days.insert((id, key.1), row);
        }
        (_, sk) if sk.starts_with("U#") && text("state").as_deref() == Some("forgotten") => {
            let after_ms = universe.draw(|rng| rng.i64(0..=1_200_000));
            universe.after(after_ms, Event::Uploaded);
        }
        _ => {}
    }
}

fn message(universe: &Arc<Universe>, id: String, mut row: Row) {
    let before = universe.state().rows.messages.get(&id).cloned();
    let is_missed = |row: &Row| row.fallback.is_some() && MISSED.contains(&row.state.as_str());
    row.missed_ms = if is_missed(&row) || before.as_ref().is_some_and(is_missed) {
        Some(universe.now_ms())
    } else {
        before.as_ref().and_then(|before| before.missed_ms)
    };
    universe.state().rows.messages.insert(id.clone(), row.clone());
    if before.as_ref() == Some(&row) {
        return;
    }
    let Row { state, phone, due_ms, .. } = &row;
    let name = format!("{} of {phone}", short(&id));
    if before.as_ref().is_none_or(|before| before.state != *state) {
        let after = due_ms.map(|due_ms| (due_ms - universe.now_ms()) / 1_000);
        universe.tell(format_args!("message {name} is {state} ({}), due in {after:?} s", row.why));
    }
    if matches!(state.as_str(), "pending" | "held" | "sending") && due_ms.is_none() {
        universe.broke(Invariant::Ends, format!("{name} is {state}, and nobody will look at it again"));
    }
    let Some(before) = before else { return made(universe, &id, &row) };
    if before.state == *state {
        return;
    }
    let was_certain = matches!(before.state.as_str(), "refused" | "expired" | "skipped");
    if state == "pending" && was_certain && operator::asked_again(universe, &id) {
        if universe.state().log.was_sent(&before) {
            universe.broke(Invariant::SentOnce, format!("{name} was {} and sent, and is sent again", before.state));
        }
        return;
    }
    if state == "pending" && row.earlier.len() > before.earlier.len() {
        return oracle::resent(universe, &before, &row);
    }
    let is_taken_back =
        before.is_between_attempts() && may_follow("sending").contains(&state.as_str()) && !is_unsent(state);
    if !is_taken_back && !may_follow(&before.state).contains(&state.as_str()) {
        universe.broke(Invariant::Forward, format!("{name} went from {} to {state}", before.state));
    }
    if is_unsent(state) && universe.state().log.was_sent(&row) {
        universe
            .broke(Invariant::Forward, format!("{name} went from {} to {state} although it was sent", before.state));
    }
}

/// A new message: the stream tells of it, unless that is lost.
fn made(universe: &Arc<Universe>, id: &str, row: &Row) {
    let twins = {
        let state = universe.state();
        let of_it = |other: &&Row| (&other.phone, &other.content) == (&row.phone, &row.content);
        state.rows.messages.values().filter(of_it).count()
    };
    if twins > 1 {
        universe.broke(Invariant::SentOnce, format!("{} is the second message for one change", short(id)));
    }
    oracle::follows(universe, row);
    let Ok(id) = id.parse::<MessageId>() else { return };
    if universe.happens(|weather| weather.wake_up_lost) {
        return;
    }
    let first = {
        let mut state = universe.state();
        state.woken.push(id);
        state.woken.len() == 1
    };
    if first {
        let after_ms = universe.draw(|rng| rng.i64(250..=1_500));
        universe.after(after_ms, Event::Wake(Vec::new()));
    }
    if universe.happens(|weather| weather.twice) {
        let after_ms = universe.draw(|rng| rng.i64(0..=600_000));
        universe.after(after_ms, Event::Wake(vec![id]));
    }
}

pub(super) fn short(id: &str) -> &str {
    id.get(..6).unwrap_or(id)
}
