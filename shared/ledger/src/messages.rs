//! Messages: written once, read by id, and listed by due time.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::TryStreamExt as _;
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Message, Priority},
    phone::Phone,
};

use crate::{
    Ledger, LedgerError, SHARDS, at_once,
    codec::{self, Item, Key, n, s},
    error::unavailable,
    judged::{Judgement, insert},
    schema::{BATCH_INDEX, CRM_INDEX, DUE_INDEX, misbuilt},
};

/// Keys in one `BatchGetItem`: DynamoDB's maximum.
const KEYS_PER_GET: usize = 100;
/// Most reads under way at once.
const GETS_AT_ONCE: usize = 4;

/// The result of writing a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is new.
    New,
    /// The row exists already: the event came before.
    Known,
    /// The table gave no clear answer: the row may or may not exist. A redelivery of the same event settles it.
    Undecided,
}

/// Rows that the sweep must look at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DueRows {
    /// Messages.
    pub messages: Vec<MessageId>,
    /// Batches that were prepared and not sent since.
    pub batches: Vec<BatchId>,
    /// Callbacks that were stored but not applied: the item's `pk` and `sk`.
    pub callbacks: Vec<(String, String)>,
    /// Whether more rows are due than were listed.
    pub more: bool,
}

impl Ledger {
    /// Writes new messages. An existing message stays as it is.
    pub async fn insert_messages(&self, messages: &[Message]) -> Result<Vec<Inserted>, LedgerError> {
        let statements = messages.iter().map(|message| insert(&self.table, self.message_row(message))).collect();
        let judged = self.judge(statements).await?;
        let inserted = |judgement| match judgement {
            Judgement::Written => Inserted::New,
            Judgement::ConditionFailed => Inserted::Known,
            Judgement::Undecided | Judgement::Refused => Inserted::Undecided,
        };
        let inserted: Vec<Inserted> = judged.into_iter().map(inserted).collect();
        if let Some(listener) = &self.listener {
            listener.inserted(messages, &inserted);
        }
        Ok(inserted)
    }

    /// A new message's row. It stays at least until the message expires, because the row also deduplicates a
    /// redelivered event.
    pub(crate) fn message_row(&self, message: &Message) -> Item {
        let mut item = codec::message_item(message);
        item.insert("ttl".to_owned(), n(self.ttl_s(message.created_ms.max(message.expires_ms))));
        item
    }

    /// Reads messages by id, in no particular order; unknown ids are left out.
    pub async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, LedgerError> {
        let keys = ids.iter().map(|&id| Key::message(id)).collect();
        self.get_items(keys).await?.iter().map(codec::message_from).collect()
    }

    /// Reads items by key, in no particular order.
    pub(crate) async fn get_items(&self, keys: Vec<Key>) -> Result<Vec<Item>, LedgerError> {
        let found = at_once(GETS_AT_ONCE, keys.chunks(KEYS_PER_GET), |keys| self.get_chunk(keys));
        let found: Vec<Vec<Item>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_chunk(&self, keys: &[Key]) -> Result<Vec<Item>, LedgerError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.iter().cloned().map(Key::into_item).collect()))
            .consistent_read(true)
            .build()
            .map_err(misbuilt)?;
        let mut request = Some(HashMap::from([(self.table.clone(), wanted)]));
        let mut found = Vec::with_capacity(keys.len());
        while let Some(wanted) = request.take() {
            let output = self
                .client
                .batch_get_item()
                .set_request_items(Some(wanted))
                .send()
                .await
                .map_err(unavailable("BatchGetItem"))?;
            found.extend(output.responses.unwrap_or_default().into_values().flatten());
            request = output.unprocessed_keys.filter(|keys| !keys.is_empty());
        }
        Ok(found)
    }

    /// Rows due until `until_ms` among messages of this priority; with [`Priority::Normal`] also all other rows. Oldest
    /// first in each shard, at most `most_per_shard` from each.
    pub async fn due(&self, of: Priority, until_ms: i64, most_per_shard: i32) -> Result<DueRows, LedgerError> {
        let mut rows = DueRows::default();
        let shards = |shard| codec::lane(of, shard);
        let names = (DUE_INDEX, "due_shard", "due_ms");
        for key in self.by_time(names, shards, until_ms, most_per_shard, &mut rows.more).await? {
            match (key.message_id(), key.batch_id()) {
                (Some(id), _) => rows.messages.push(id),
                (_, Some(id)) => rows.batches.push(id),
                _ => rows.callbacks.push((key.pk, key.sk)),
            }
        }
        Ok(rows)
    }

    /// Messages whose outcome is due to be written back by `until_ms`, at most `most_per_shard` from each shard.
    pub async fn crm_due(&self, until_ms: i64, most_per_shard: i32) -> Result<Vec<MessageId>, LedgerError> {
        let keys = self.crm_keys(until_ms, most_per_shard).await?;
        Ok(keys.iter().filter_map(Key::message_id).collect())
    }

    /// Keys of rows that are due for a request to LeadSquared by `until_ms`, oldest first in each shard.
    pub(crate) async fn crm_keys(&self, until_ms: i64, most_per_shard: i32) -> Result<Vec<Key>, LedgerError> {
        let names = (CRM_INDEX, "crm_shard", "crm_due_ms");
        self.by_time(names, codec::shard, until_ms, most_per_shard, &mut false).await
    }

    /// Keys from all shards of an index, given the names of the index and of its two attributes.
    async fn by_time(
        &self,
        (index, shard_name, time_name): (&str, &str, &str),
        shards: impl Fn(u8) -> AttributeValue,
        until_ms: i64,
        most: i32,
        more: &mut bool,
    ) -> Result<Vec<Key>, LedgerError> {
        let mut keys = Vec::new();
        // Collected first: the closure must not be part of the future's type, or it is not `Send`.
        let shards: Vec<AttributeValue> = (0..SHARDS).map(shards).collect();
        for shard in shards {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(index)
                .key_condition_expression("#shard = :shard AND #time <= :until")
                .expression_attribute_names("#shard", shard_name)
                .expression_attribute_names("#time", time_name)
                .expression_attribute_values(":shard", shard)
                .expression_attribute_values(":until", n(until_ms))
                .limit(most)
                .send()
                .await
                .map_err(unavailable("Query"))?;
            *more |= output.last_evaluated_key.is_some();
            for item in output.items.unwrap_or_default() {
                keys.push(Key::of(&item)?);
            }
        }
        Ok(keys)
    }

    /// The message that a batch carries to `phone`. The index lags behind the claim by a moment, so `None` may only
    /// mean "not yet".
    pub async fn message_of(&self, batch: BatchId, phone: Phone) -> Result<Option<MessageId>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BATCH_INDEX)
            .key_condition_expression("#batch = :batch AND #phone = :phone")
            .expression_attribute_names("#batch", "batch")
            .expression_attribute_names("#phone", "phone")
            .expression_attribute_values(":batch", s(batch.to_string()))
            .expression_attribute_values(":phone", s(phone.national()))
            .send()
            .await
            .map_err(unavailable("Query"))?;
        let keys: Vec<Key> = output.items.unwrap_or_default().iter().map(Key::of).collect::<Result<_, _>>()?;
        Ok(keys.iter().find_map(Key::message_id))
    }

    /// Reads all messages, page by page. `visit` gets each message, and stops the scan by returning `false`.
    pub async fn each_message(&self, mut visit: impl FnMut(Message) -> bool) -> Result<(), LedgerError> {
        let mut pages = self.walk::<Message>();
        while let Some(page) = pages.next().await? {
            for message in page {
                if !visit(message) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
