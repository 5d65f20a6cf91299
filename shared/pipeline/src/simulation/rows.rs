//! The oracle's own view of the table's rows after every write: the order of states, the due times, the books.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use recado_core::message::Priority;
use serde_json::{Value, json};

use super::{
    blocks,
    scenario::content,
    states,
    store::{TABLE, ask},
    universe::{Event, Universe},
};

/// The states of a message that did not arrive.
pub(super) const MISSED: [&str; 3] = ["undelivered", "no_answer", "busy"];

/// A message's row, with the attributes that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: String,
    pub(super) why: String,
    /// The recipient's phone; empty for a block.
    pub(super) phone: String,
    /// The phones of all its recipients, each with its place in a block.
    pub(super) phones: Vec<(u16, String)>,
    /// The phones that are leaving a block. Their own rows may not be written yet.
    pub(super) leaving: Vec<String>,
    /// Whether the write-back will look at it.
    pub(super) told_later: bool,
    /// Its text or title, in the form of `scenario::content`.
    pub(super) content: String,
    /// The content of its fallback.
    pub(super) fallback: Option<String>,
    /// When it was last seen in a state of [`MISSED`], in ms since the epoch.
    pub(super) missed_ms: Option<i64>,
    pub(super) due_ms: Option<i64>,
    /// The batch that last claimed it.
    pub(super) batch: String,
    /// The batches of earlier attempts.
    pub(super) earlier: Vec<String>,
}

impl Row {
    /// Whether this batch was an earlier attempt, after which the message was sent again.
    pub(super) fn is_over(&self, batch: &str) -> bool {
        batch != self.batch && self.earlier.iter().any(|earlier| earlier == batch)
    }

    /// Whether it goes to this phone.
    pub(super) fn is_to(&self, phone: &str) -> bool {
        self.phones.iter().any(|(_, one)| one == phone)
    }

    /// Whether it did not arrive and has a fallback.
    pub(super) fn is_missed(&self) -> bool {
        self.fallback.is_some() && MISSED.contains(&self.state.as_str())
    }

    /// Whether it waits for another attempt, or ended while waiting. A report on an earlier attempt takes it back.
    pub(super) fn is_between_attempts(&self) -> bool {
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

/// The spending of a day.
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
    /// The recipients of each page of the campaign's run, by the page's key.
    pub(super) pages: BTreeMap<String, Vec<String>>,
    /// What reports say about the recipients of blocks: one byte for each place.
    notes: BTreeMap<String, Vec<u8>>,
    /// The phase of the campaign's run.
    pub(super) run: Option<String>,
    /// By day, and by `D` for the account or `R#rule`.
    pub(super) days: BTreeMap<(String, String), DayRow>,
    /// The due times of all rows, each with its lane.
    due: BTreeMap<(String, String), (i64, Priority)>,
}

impl Rows {
    /// The earliest due time.
    pub(super) fn earliest_due_ms(&self) -> Option<i64> {
        self.due.values().map(|(due_ms, _)| *due_ms).min()
    }

    /// The lanes with rows that are due until `until_ms`.
    pub(super) fn lanes_due(&self, until_ms: i64) -> BTreeSet<Priority> {
        self.due.values().filter(|(due_ms, _)| *due_ms <= until_ms).map(|(_, lane)| *lane).collect()
    }

    /// The state of one recipient of a message.
    pub(super) fn state_of<'r>(&self, id: &str, row: &'r Row, place: u16) -> &'r str {
        let note = self.notes.get(id).and_then(|notes| notes.get(usize::from(place)));
        match note.map_or(0, |note| note & 0x0f) {
            1 => "accepted",
            2 => "undelivered",
            3 => "delivered",
            _ => &row.state,
        }
    }

    pub(super) fn appointments(&self) -> impl Iterator<Item = (&(String, String), i64)> {
        self.due.iter().map(|(key, (due_ms, _))| (key, *due_ms))
    }
}

/// The content of a message.
fn content_of(item: &Value) -> String {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
    content(text("channel") == "voice", text("title"), text("text"))
}

/// Reads each row that a request names, after the request was carried out.
pub(super) fn look(universe: &Arc<Universe>, request: &Value) {
    let mut keys = BTreeSet::new();
    named(request, &mut keys);
    for key in keys {
        let request = json!({
            "TableName": TABLE, "ConsistentRead": true,
            "Key": { "pk": { "S": &key.0 }, "sk": { "S": &key.1 } },
        });
        let answer = ask(&universe.engine, "GetItem", &request);
        if answer["Item"].is_object() {
            seen(universe, key, &answer["Item"]);
        }
    }
}

/// The keys of messages, batches, reports and days anywhere in a request.
fn named(value: &Value, keys: &mut BTreeSet<(String, String)>) {
    let text = |value: &Value| value["S"].as_str().map(str::to_owned);
    match value {
        Value::Object(members) => {
            if let (Some(pk), Some(sk)) = (value.get("pk").and_then(text), value.get("sk").and_then(text))
                && (pk == "A" || pk == "Q" || ["M#", "B#", "P#", "D#", "Q#"].iter().any(|kind| pk.starts_with(kind)))
            {
                keys.insert((pk, sk));
            }
            members.values().for_each(|member| named(member, keys));
        }
        Value::Array(members) => {
            // The parameters of a statement contain the row's key.
            let report = members.iter().filter_map(text).find(|sk| sk.starts_with("C#"));
            for member in members {
                match (text(member), &report) {
                    (Some(pk), _) if pk.starts_with("M#") => drop(keys.insert((pk, "M".to_owned()))),
                    (Some(pk), report) if pk.starts_with("B#") || pk.starts_with("P#") => {
                        keys.insert((pk, report.clone().unwrap_or_else(|| "B".to_owned())));
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
    let lane = match text("due_shard").unwrap_or_default().chars().next() {
        Some('u') => Priority::Urgent,
        Some('l') => Priority::Low,
        _ => Priority::Normal,
    };
    {
        let due = &mut universe.state().rows.due;
        match due_ms {
            Some(due_ms) => due.insert(key.clone(), (due_ms, lane)),
            None => due.remove(&key),
        };
    }
    if let Some(due_ms) = due_ms {
        universe.awaits(due_ms);
    }
    let id = key.0.get(2..).unwrap_or_default().to_owned();
    match (key.0.get(..2), key.1.as_str()) {
        (Some("M#"), "M") => {
            let phone = text("phone").unwrap_or_default();
            let many = blocks::members(&universe.state().rows.pages, item);
            let alone = || blocks::Members { phones: vec![(0, phone.clone())], leaving: Vec::new() };
            let blocks::Members { phones, leaving } = many.unwrap_or_else(alone);
            let row = Row {
                state: text("state").unwrap_or_default(),
                why: text("why").unwrap_or_default(),
                phone,
                phones,
                leaving,
                told_later: number("crm_due_ms").is_some(),
                content: content_of(item),
                // A fallback that was skipped when it was decided will not be sent.
                fallback: item["else"].get("M").filter(|next| next["state"]["S"] != "skipped").map(content_of),
                missed_ms: None,
                due_ms,
                batch: text("batch").unwrap_or_default(),
                earlier: text("earlier").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            };
            states::message(universe, id, row);
        }
        (Some("M#"), "N") => drop(universe.state().rows.notes.insert(id, blocks::bytes(&item["notes"]))),
        (Some("Q#"), sk) => drop(universe.state().rows.pages.insert(sk.replace("P#", ""), blocks::page(item))),
        (_, _) if key.0 == "Q" => {
            let run: Value = serde_json::from_str(&text("run").unwrap_or_default()).unwrap_or_default();
            universe.state().rows.run = run["phase"].as_str().map(str::to_owned);
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

pub(super) fn short(id: &str) -> &str {
    id.get(..6).unwrap_or(id)
}
