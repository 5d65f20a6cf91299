//! Messages: written once, moved under conditions, and listed by due time.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::TryStreamExt as _;
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Message, Priority, State},
    phone::Phone,
    reason::Reason,
};

use crate::{
    Ledger, LedgerError, SHARDS, at_once,
    codec::{self, Item, Key, due_shard, message_shard, n, s},
    error::unavailable,
    judged::{Judgement, Statement, Update, insert},
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

/// The condition under which a change may touch a message.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The states it moves from.
    pub states: &'static [State],
    /// The batch that the message must belong to, if it matters.
    pub batch: Option<BatchId>,
}

/// What a change does to the row's due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The due time stays as it is.
    Keep,
    /// The due time moves to this instant, in ms since the epoch.
    At(i64),
    /// The same for a message that waits for the sender, in the shards of its priority.
    Wait(i64, Priority),
    /// The due time is removed: the sweep need not look again.
    Never,
}

/// A move of one message.
#[derive(Debug, Clone)]
pub struct Change {
    /// The message.
    pub id: MessageId,
    /// The states and the batch that it must be in.
    pub guard: Guard,
    /// The state that it moves to.
    pub state: State,
    /// The reason, for a person to read; `None` removes the reason.
    pub why: Option<Reason>,
    /// The time of the change, in ms since the epoch.
    pub now_ms: i64,
    /// The next due time.
    pub due: Due,
    /// LigueLead's campaign, once known.
    pub campaign_id: Option<String>,
    /// When the write-back tells LeadSquared, in ms since the epoch; `None` if LeadSquared need not know.
    pub crm_due_ms: Option<i64>,
    /// The claim on the message: `Some(Some(batch))` claims it, `Some(None)` gives it back, `None` leaves it.
    pub claim: Option<Option<BatchId>>,
    /// How many attempts so far were certainly not sent; `None` keeps the number.
    pub attempts: Option<u32>,
    /// The part of a refused request that it goes with next; `None` keeps it.
    pub part: Option<String>,
    /// A better estimate of its cost, in LigueLead credits. It is the amount that was reserved, so later corrections of
    /// the price start from it. `None` keeps the first estimate.
    pub credits: Option<u32>,
    /// The version that a block's recipients must still have; `None` for a message to one recipient.
    pub only_version: Option<u64>,
}

/// A change of what LeadSquared knows of a message.
#[derive(Debug, Clone)]
pub struct CrmChange {
    /// The message.
    pub id: MessageId,
    /// The state that the message must still be in. Used when LeadSquared needs to learn nothing more.
    pub only_in_state: Option<State>,
    /// Whether the change requires that the message has no activity and that none is being posted.
    pub only_if_unposted: bool,
    /// Attributes to set: see [`CrmChange::activity`] and its siblings.
    set: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl CrmChange {
    /// An empty change.
    #[must_use]
    pub fn of(id: MessageId) -> Self {
        Self { id, only_in_state: None, only_if_unposted: false, set: Vec::new(), remove: Vec::new() }
    }

    /// An activity is about to be posted.
    #[must_use]
    pub fn posting(mut self, now_ms: i64) -> Self {
        self.only_if_unposted = true;
        self.set.push(("crm_posted_ms", n(now_ms)));
        self
    }

    /// The open post ended without an activity.
    #[must_use]
    pub fn not_posted(mut self) -> Self {
        // Added only once: the table refuses a statement that names an attribute twice, at every attempt.
        if !self.remove.contains(&"crm_posted_ms") {
            self.remove.push("crm_posted_ms");
        }
        self
    }

    /// The message's activity exists and shows `state`.
    #[must_use]
    pub fn activity(mut self, activity_id: &str, state: State) -> Self {
        self.set.push(("crm_activity", s(activity_id)));
        self.set.push(("crm_activity_state", s(state.as_str())));
        self.not_posted()
    }

    /// The message's activity was found. The state that it shows is unknown.
    #[must_use]
    pub fn found(mut self, activity_id: &str) -> Self {
        self.set.push(("crm_activity", s(activity_id)));
        self.not_posted()
    }

    /// The lead's own fields show `state`.
    #[must_use]
    pub fn lead(mut self, state: State) -> Self {
        self.set.push(("crm_lead_state", s(state.as_str())));
        self
    }

    /// A request refused the row for the `attempts`-th time. The next attempt is due at `due_ms`.
    #[must_use]
    pub fn later(mut self, attempts: u32, due_ms: i64) -> Self {
        self.set.push(("crm_attempts", n(attempts)));
        self.set.push(("crm_shard", message_shard(self.id)));
        self.set.push(("crm_due_ms", n(due_ms)));
        self
    }

    /// Applies only if the message is still in `state`.
    #[must_use]
    pub fn while_in(mut self, state: State) -> Self {
        self.only_in_state = Some(state);
        self
    }

    /// LeadSquared learnt something about the message at `now_ms`.
    #[must_use]
    pub fn told(mut self, now_ms: i64) -> Self {
        self.set.push(("crm_told_ms", n(now_ms)));
        self
    }

    /// LeadSquared knows everything about the message, if the message is still in `state`.
    #[must_use]
    pub fn done_in(mut self, state: State) -> Self {
        self.remove.extend(["crm_shard", "crm_due_ms"]);
        self.while_in(state)
    }

    /// Keeps `why`, for a person to read: a part of the write-back was given up.
    #[must_use]
    pub fn why(mut self, why: &str) -> Self {
        self.set.push(("crm_why", s(why)));
        self
    }

    /// Gives the write-back up. `why` is kept for a person to read.
    #[must_use]
    pub fn parked(mut self, why: &str) -> Self {
        self.remove.extend(["crm_shard", "crm_due_ms"]);
        self.why(why).not_posted()
    }

    fn statement(self, table: &str) -> Statement {
        let mut update = Update::of(Key::message(self.id));
        for (name, value) in self.set {
            update.set(name, value);
        }
        for name in self.remove {
            update.remove(name);
        }
        update.only_if("attribute_exists(\"state\")", []);
        if let Some(state) = self.only_in_state {
            update.only_if("\"state\"=?", [s(state.as_str())]);
        }
        if self.only_if_unposted {
            update.only_if("\"crm_posted_ms\" IS MISSING AND \"crm_activity\" IS MISSING", []);
        }
        update.build(table)
    }
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

    /// Moves messages, each under its own guard. Returns for each whether it certainly moved.
    pub async fn move_messages(&self, changes: Vec<Change>) -> Result<Vec<bool>, LedgerError> {
        let told = self.listener.as_ref().map(|listener| (listener, changes.clone()));
        let statements = changes.into_iter().map(|change| change.statement(&self.table)).collect();
        let judged = self.judge(statements).await?;
        let moved: Vec<bool> = judged.into_iter().map(|judgement| judgement == Judgement::Written).collect();
        if let Some((listener, changes)) = told {
            listener.moved(changes.iter().zip(&moved).filter(|(_, moved)| **moved).map(|(change, _)| change));
        }
        Ok(moved)
    }

    /// Records what LeadSquared knows. Returns for each change whether it was certainly recorded.
    pub async fn change_crm(&self, changes: Vec<CrmChange>) -> Result<Vec<bool>, LedgerError> {
        let statements = changes.into_iter().map(|change| change.statement(&self.table)).collect();
        let judged = self.judge(statements).await?;
        Ok(judged.into_iter().map(|judgement| judgement == Judgement::Written).collect())
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
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("#sk = :message")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":message", s("M"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(unavailable("Scan"))?;
            if !visit(codec::message_from(&item)?) {
                break;
            }
        }
        Ok(())
    }
}

impl Change {
    /// A move to `state` at `now_ms`. It removes the reason and keeps everything else.
    #[must_use]
    pub fn new(id: MessageId, guard: Guard, state: State, now_ms: i64) -> Self {
        Self {
            id,
            guard,
            state,
            why: None,
            now_ms,
            due: Due::Keep,
            campaign_id: None,
            crm_due_ms: None,
            claim: None,
            attempts: None,
            part: None,
            credits: None,
            only_version: None,
        }
    }

    fn statement(self, table: &str) -> Statement {
        let mut update = Update::of(Key::message(self.id));
        update.set("state", s(self.state.as_str())).set("changed_ms", n(self.now_ms));
        match self.why {
            Some(why) => {
                update.set("why", s(why.to_string()));
                update.set("reason", s(why.code()));
            }
            None => {
                update.remove("why");
                update.remove("reason");
            }
        }
        match self.due {
            Due::Keep => {}
            Due::At(due_ms) => {
                update.set("due_shard", message_shard(self.id)).set("due_ms", n(due_ms));
            }
            Due::Wait(due_ms, priority) => {
                update.set("due_shard", due_shard(priority, self.id)).set("due_ms", n(due_ms));
            }
            Due::Never => {
                update.remove("due_shard").remove("due_ms");
            }
        }
        if let Some(campaign) = self.campaign_id {
            update.set("campaign", s(campaign));
        }
        if let Some(attempts) = self.attempts {
            update.set("attempts", n(attempts));
        }
        if let Some(part) = self.part {
            update.set("part", s(part));
        }
        if let Some(credits) = self.credits {
            update.set("credits", n(credits));
        }
        if let Some(due_ms) = self.crm_due_ms {
            update.set("crm_shard", message_shard(self.id)).set("crm_due_ms", n(due_ms));
        }
        self.guard.apply(&mut update, self.claim.flatten());
        if let Some(version) = self.only_version {
            update.only_if("\"version\"=?", [n(version)]);
        }
        match self.claim {
            Some(Some(batch)) => {
                update.set("batch", s(batch.to_string()));
            }
            Some(None) => {
                update.remove("batch");
            }
            None => {}
        }
        update.build(table)
    }
}

impl Guard {
    fn apply(&self, update: &mut Update, claimed_by: Option<BatchId>) {
        let mut any: Vec<&str> = self.states.iter().map(|_| "\"state\"=?").collect();
        let mut values: Vec<AttributeValue> = self.states.iter().map(|state| s(state.as_str())).collect();
        if let Some(batch) = claimed_by {
            // A claim whose first response was lost is still a claim, so a repeated claim must succeed. It must not
            // succeed after the message has moved on: the first claim may arrive after its repetition, and after the
            // request.
            any.push("(\"state\"=? AND \"batch\"=?)");
            values.extend([s(State::Sending.as_str()), s(batch.to_string())]);
        }
        update.only_if(&any.join(" OR "), values);
        if let Some(batch) = self.batch {
            update.only_if("\"batch\"=?", [s(batch.to_string())]);
        }
    }
}
