//! Deliveries that became no message: kept, so that a person can see that they came and why nothing followed.

use std::collections::{BTreeMap, BTreeSet};

use recado_core::identity::EventId;

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::unavailable,
    judged::{decided, insert},
};

/// Why an event became no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// No rule wanted it.
    NoRule,
    /// It needs no answer: our own edit, or nothing changed.
    Ignored,
    /// It could not be understood.
    NotUnderstood,
}

impl EventOutcome {
    /// The word for it in the table and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::Ignored => "ignored",
            Self::NotUnderstood => "not_understood",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::NoRule, Self::Ignored, Self::NotUnderstood].into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A delivery that became no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its id: what was delivered.
    pub id: EventId,
    /// What it was, in the words of the configuration, or what is known of it.
    pub kind: String,
    /// The lead, where it is known.
    pub lead_id: Option<String>,
    /// Why no message followed.
    pub outcome: EventOutcome,
    /// The reason, for a person to read: each rule's, or what is wrong with the body. Holds no value of a field.
    pub why: String,
    /// When it came first, in ms since the epoch.
    pub received_ms: i64,
}

impl EventRow {
    pub(crate) fn key(id: EventId) -> Key {
        Key { pk: format!("E#{id}"), sk: "E".to_owned() }
    }

    fn item(&self, ttl_s: i64) -> Item {
        let mut item = Self::key(self.id).into_item();
        for (name, value) in [
            ("kind", Some(s(&self.kind))),
            ("lead", self.lead_id.as_ref().map(s)),
            ("outcome", Some(s(self.outcome.as_str()))),
            ("why", Some(s(&self.why))),
            ("received_ms", Some(n(self.received_ms))),
            ("ttl", Some(n(ttl_s))),
        ] {
            if let Some(value) = value {
                item.insert(name.to_owned(), value);
            }
        }
        item
    }

    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new(item);
        let id = Key::of(item)?.pk;
        Ok(Self {
            id: id.strip_prefix("E#").and_then(|id| id.parse().ok()).ok_or_else(|| read.unreadable("pk"))?,
            kind: read.text("kind")?,
            lead_id: read.maybe_text("lead"),
            outcome: EventOutcome::from_word(&read.text("outcome")?).ok_or_else(|| read.unreadable("outcome"))?,
            why: read.text("why")?,
            received_ms: read.number("received_ms")?,
        })
    }
}

impl Ledger {
    /// Keeps events that became no message, many by one request; of each the first delivery's row stays.
    pub async fn keep_events(&self, rows: &[EventRow]) -> Result<(), LedgerError> {
        // The table takes no row twice in a request.
        let mut seen = BTreeSet::new();
        let new = rows.iter().filter(|row| seen.insert(row.id));
        let statements = new.map(|row| insert(&self.table, row.item(self.ttl_s(row.received_ms)))).collect();
        decided(self.judge(statements).await?, "an event could not be written").map(|_| ())
    }

    /// Deliveries since `since_ms` (ms since the epoch) that could not be understood: how many for each reason. Reads the
    /// whole table.
    pub async fn not_understood(&self, since_ms: i64) -> Result<BTreeMap<String, u64>, LedgerError> {
        let scan = self
            .client
            .scan()
            .filter_expression("sk = :event AND outcome = :outcome AND received_ms >= :since")
            .expression_attribute_values(":event", s("E"))
            .expression_attribute_values(":outcome", s(EventOutcome::NotUnderstood.as_str()))
            .expression_attribute_values(":since", n(since_ms));
        self.count_by(scan, "why").await
    }

    /// All events that became no message.
    pub async fn events(&self) -> Result<Vec<EventRow>, LedgerError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("#sk = :event")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":event", s("E"))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = pages.next().await {
            rows.push(EventRow::from_item(&item.map_err(unavailable("Scan"))?)?);
        }
        Ok(rows)
    }
}
