//! Delivery reports, stored as they came before anything is thought about them.

use recado_core::{identity::BatchId, phone::Phone};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s, shard},
    error::unavailable,
};

/// How long after it was stored the sweep looks whether a report was applied, in ms.
const APPLIED_WITHIN_MS: i64 = 60_000;

/// By which name a report's request is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredFor {
    /// The callback's own URL named the batch.
    Batch(BatchId),
    /// Only LigueLead's campaign is known.
    Campaign(String),
}

/// One delivery report.
#[derive(Debug, Clone)]
pub struct StoredCallback {
    /// Whose request it reports on.
    pub about: StoredFor,
    /// About which recipient.
    pub phone: Phone,
    /// LigueLead's word for what happened.
    pub status: String,
    /// When it happened, as LigueLead wrote it.
    pub occurred_at: String,
    /// The campaign that the report names.
    pub campaign_id: Option<String>,
    /// What LigueLead charged for the message, in credits.
    pub credits: Option<u32>,
    /// When it came, in ms since the epoch.
    pub received_ms: i64,
}

impl StoredCallback {
    /// One row per recipient, status and instant, so that a report that comes twice is stored once.
    fn key(&self) -> Key {
        let pk = match &self.about {
            StoredFor::Batch(batch) => format!("B#{batch}"),
            StoredFor::Campaign(campaign) => format!("P#{campaign}"),
        };
        Key { pk, sk: format!("C#{}#{}#{}", self.phone.national(), self.status, self.occurred_at) }
    }

    fn item(&self, ttl_s: i64) -> Item {
        let key = self.key();
        let first = key.pk.as_bytes().last().copied().unwrap_or_default();
        let mut item = key.into_item();
        let mut put = |name: &str, value| item.insert(name.to_owned(), value);
        // Not `phone`: with it, the row would stand in the index of messages.
        put("recipient", s(self.phone.national()));
        put("status", s(&self.status));
        put("occurred_at", s(&self.occurred_at));
        put("received_ms", n(self.received_ms));
        put("due_shard", shard(first));
        put("due_ms", n(self.received_ms + APPLIED_WITHIN_MS));
        put("ttl", n(ttl_s));
        if let Some(campaign) = &self.campaign_id {
            put("campaign", s(campaign));
        }
        if let Some(credits) = self.credits {
            put("credits", n(credits));
        }
        item
    }

    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new(item);
        let pk = read.text("pk")?;
        let about = match (pk.strip_prefix("B#"), pk.strip_prefix("P#")) {
            (Some(batch), _) => StoredFor::Batch(batch.parse().map_err(|_| read.unreadable("pk"))?),
            (_, Some(campaign)) => StoredFor::Campaign(campaign.to_owned()),
            _ => return Err(read.unreadable("pk")),
        };
        Ok(Self {
            about,
            phone: Phone::parse(&read.text("recipient")?).map_err(|_| read.unreadable("recipient"))?,
            status: read.text("status")?,
            occurred_at: read.text("occurred_at")?,
            campaign_id: read.maybe_text("campaign"),
            credits: read.maybe_number("credits"),
            received_ms: read.number("received_ms")?,
        })
    }
}

impl Ledger {
    /// Stores a report. `false`: it was stored and applied before.
    pub async fn store_callback(&self, callback: &StoredCallback) -> Result<bool, LedgerError> {
        let stored = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(callback.item(self.ttl_s(callback.received_ms))))
            // One that was stored but not applied is written again, so that its repetition is a second chance.
            .condition_expression("attribute_not_exists(pk) OR attribute_exists(due_ms)")
            .send()
            .await;
        match stored {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("PutItem")(error)),
        }
    }

    /// Notes that a report was applied: the sweep need not look at it any more.
    pub async fn callback_applied(&self, callback: &StoredCallback) -> Result<(), LedgerError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(callback.key().into_item()))
            .update_expression("REMOVE due_shard, due_ms")
            .send()
            .await
            .map_err(unavailable("UpdateItem"))?;
        Ok(())
    }

    /// Looks at a report again at `due_ms`: the message that it is about is not known yet.
    pub async fn callback_later(&self, callback: &StoredCallback, due_ms: i64) -> Result<(), LedgerError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(callback.key().into_item()))
            .update_expression("SET due_ms = :due")
            .condition_expression("attribute_exists(due_shard)")
            .expression_attribute_values(":due", n(due_ms))
            .send()
            .await
            .map_err(unavailable("UpdateItem"))?;
        Ok(())
    }

    /// The stored report under a key that [`Ledger::due`] named.
    pub async fn callback(&self, key: &(String, String)) -> Result<Option<StoredCallback>, LedgerError> {
        let key = Key { pk: key.0.clone(), sk: key.1.clone() };
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        output.item.as_ref().map(StoredCallback::from_item).transpose()
    }
}
