//! Events with too few of their lead's fields. They are saved before they are processed, and kept until the lead is
//! read.

use std::collections::BTreeSet;

use recado_core::{event::Event, identity::EventId};

use crate::{
    EventRow, Ledger, LedgerError,
    codec::{Key, Reader, n, s, shard},
    judged::{decided, insert},
    update::{Update, When},
};

/// An event that waits for its lead's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteEvent {
    /// Its id, made from what was delivered.
    pub id: EventId,
    /// The event as LeadSquared delivered it.
    pub event: Event,
    /// When it first came, in ms since the epoch.
    pub received_ms: i64,
}

impl Ledger {
    /// Keeps events until their leads have been read. An event that came before stays as it is, even after it was
    /// completed: each event is decided once.
    pub async fn keep_incomplete(&self, events: &[IncompleteEvent]) -> Result<(), LedgerError> {
        let statements = events
            .iter()
            .map(|waiting| {
                let mut item = incomplete_key(waiting.id).into_item();
                let text = serde_json::to_string(&waiting.event).unwrap_or_default();
                item.insert("event".to_owned(), s(text));
                item.insert("received_ms".to_owned(), n(waiting.received_ms));
                item.insert("crm_shard".to_owned(), shard(first_byte(waiting.id)));
                item.insert("crm_due_ms".to_owned(), n(waiting.received_ms));
                item.insert("ttl".to_owned(), n(self.ttl_s(waiting.received_ms)));
                insert(&self.table, item)
            })
            .collect();
        decided(self.judge(statements).await?, "an event could not be written").map(|_| ())
    }

    /// Reads events that wait for their leads, in no particular order. Completed events are left out.
    pub async fn incomplete(&self, ids: &[EventId]) -> Result<Vec<IncompleteEvent>, LedgerError> {
        let items = self.get_items(ids.iter().map(|&id| incomplete_key(id)).collect()).await?;
        let mut waiting = Vec::with_capacity(items.len());
        for item in &items {
            let read = Reader::new(item);
            let Some(text) = read.maybe_text("event") else { continue };
            waiting.push(IncompleteEvent {
                id: Key::of(item)?.incomplete_id().ok_or_else(|| read.unreadable("pk"))?,
                event: serde_json::from_str(&text).map_err(|_| read.unreadable("event"))?,
                received_ms: read.number("received_ms")?,
            });
        }
        Ok(waiting)
    }

    /// Marks events as decided and clears their due times. The events' content is dropped; the rows stay, as a record
    /// that the events came.
    pub async fn completed(&self, ids: &[EventId]) -> Result<(), LedgerError> {
        let statements = ids
            .iter()
            .map(|&id| {
                let mut update = Update::of(incomplete_key(id));
                update.remove("event").remove("crm_shard").remove("crm_due_ms");
                update.only_if(When::Has("received_ms"));
                update.build(&self.table)
            })
            .collect();
        self.judge(statements).await?;
        Ok(())
    }

    /// Events that wait for their leads with a due time until `until_ms`, at most `most_per_shard` from each shard.
    pub async fn incomplete_due(&self, until_ms: i64, most_per_shard: i32) -> Result<Vec<EventId>, LedgerError> {
        let keys = self.crm_keys(until_ms, most_per_shard).await?;
        Ok(keys.iter().filter_map(Key::incomplete_id).collect())
    }

    /// Which of these events came before: those that became no message, that wait for their leads, or that were
    /// completed.
    pub async fn came(&self, ids: &[EventId]) -> Result<BTreeSet<EventId>, LedgerError> {
        let keys = ids.iter().flat_map(|&id| [incomplete_key(id), EventRow::key(id)]).collect();
        let mut came = BTreeSet::new();
        for item in self.get_items(keys).await? {
            let key = Key::of(&item)?;
            came.extend(key.pk.split_once('#').and_then(|(_, id)| id.parse::<EventId>().ok()));
        }
        Ok(came)
    }

    /// Moves the due time of events to `due_ms`, because their leads could not be read.
    pub async fn complete_later(&self, ids: &[EventId], due_ms: i64) -> Result<(), LedgerError> {
        let statements = ids
            .iter()
            .map(|&id| {
                let mut update = Update::of(incomplete_key(id));
                update.set("crm_due_ms", n(due_ms)).only_if(When::Has("event"));
                update.build(&self.table)
            })
            .collect();
        self.judge(statements).await?;
        Ok(())
    }
}

impl Key {
    /// The incomplete event that this key belongs to; `None` for any other key.
    fn incomplete_id(&self) -> Option<EventId> {
        self.pk.strip_prefix("N#").and_then(|id| id.parse().ok())
    }
}

fn incomplete_key(id: EventId) -> Key {
    Key { pk: format!("N#{id}"), sk: "N".to_owned() }
}

fn first_byte(id: EventId) -> u8 {
    id.as_bytes().first().copied().unwrap_or_default()
}
