//! Events that became no message. They are kept so that a person sees that they came, and why no message followed.

use std::collections::{BTreeMap, BTreeSet};

use recado_core::identity::EventId;

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    judged::{decided, insert},
    update::{Update, When},
};

/// Why an event became no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// No rule matched it.
    NoRule,
    /// It needs no message: it is Recado's own edit, or nothing changed.
    Ignored,
    /// It could not be parsed or understood.
    NotUnderstood,
}

impl EventOutcome {
    /// Its name in the table and in reports.
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

/// An event that became no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its id, made from what was delivered.
    pub id: EventId,
    /// Its kind, in the words of the configuration; or what is known about it.
    pub kind: String,
    /// The lead, if it is known.
    pub lead_id: Option<String>,
    /// Why no message followed.
    pub outcome: EventOutcome,
    /// The reason, for a person to read: each rule's reason, or the error in the body. It holds no field value.
    pub why: String,
    /// When it first came, in ms since the epoch.
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

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
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
    /// Keeps events that became no message, many in one request. Of repeated deliveries, the first one's row stays.
    pub async fn keep_events(&self, rows: &[EventRow]) -> Result<(), LedgerError> {
        // The table refuses a request that names a row twice.
        let mut seen = BTreeSet::new();
        let new = rows.iter().filter(|row| seen.insert(row.id));
        let statements = new.map(|row| insert(&self.table, row.item(self.ttl_s(row.received_ms)))).collect();
        decided(self.judge(statements).await?, "an event could not be written").map(|_| ())
    }

    /// Removes the lead from an event that became no message.
    pub(crate) async fn forget_lead(&self, id: EventId) -> Result<(), LedgerError> {
        let mut update = Update::of(EventRow::key(id));
        update.remove("lead").only_if(When::Has("received_ms"));
        decided(self.judge(vec![update.build(&self.table)]).await?, "an event could not be written").map(|_| ())
    }

    /// Counts the events since `since_ms` (ms since the epoch) that could not be understood, by reason. Reads the whole
    /// table.
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
        let (mut pages, mut rows) = (self.walk::<EventRow>(), Vec::new());
        while let Some(page) = pages.next().await? {
            rows.extend(page);
        }
        Ok(rows)
    }
}
