//! Batches: prepared before any claim, `calling` right before the bytes leave, then what became of it.

use std::{collections::HashMap, fmt::Write as _};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState},
    reason::Reason,
};

use crate::{
    Budget, Day, Draw, Ledger, LedgerError,
    codec::{Key, Reader, batch_from, members_value, n, s, shard},
    error::unavailable,
    schema::misbuilt,
};

/// A batch to be prepared, and what it reserves.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Its id, made at random.
    pub id: BatchId,
    /// When, in ms since the epoch.
    pub now_ms: i64,
    /// When the sweep looks whether its sender died before the call, in ms since the epoch.
    pub due_ms: i64,
    /// The day whose quota it draws on, `YYYY-MM-DD`.
    pub day: String,
    /// What it reserves of that day: of the account's budget, and of its rule's own if there is one.
    pub draws: Vec<Draw>,
}

impl NewBatch {
    /// What is drawn on the account: every budget is drawn on alike.
    fn reserve(&self) -> Day {
        self.draws.first().map(|draw| draw.amount).unwrap_or_default()
    }

    fn rule(&self) -> Option<&str> {
        self.draws.iter().find_map(|draw| match &draw.budget {
            Budget::Rule(rule) => Some(rule.as_str()),
            Budget::Account => None,
        })
    }
}

/// What became of a batch that was to be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It is written and its quota is reserved.
    Done,
    /// A budget of the day does not allow it; this is how much of each budget is spent, in the order of the draws.
    OverQuota(Vec<Day>),
}

/// What a batch gives back of what it reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// To which day.
    pub day: String,
    /// To which rule's own budget besides the account's.
    pub rule: Option<String>,
    /// How much.
    pub amount: Day,
}

/// A move of a batch.
#[derive(Debug, Clone)]
pub struct BatchChange {
    /// Which batch.
    pub id: BatchId,
    /// From which states.
    pub from: &'static [BatchState],
    /// To which state.
    pub to: BatchState,
    /// When it is made, in ms since the epoch.
    pub now_ms: i64,
    /// When the call began and which messages it carries, for `Calling`.
    pub call: Option<(i64, Vec<MessageId>)>,
    /// LigueLead's campaign, for `Accepted`.
    pub campaign_id: Option<String>,
    /// Why, for a person to read.
    pub why: Option<Reason>,
    /// What is given back, in the same write.
    pub refund: Option<Refund>,
}

impl BatchChange {
    /// A move from any of `from` to `to` at `now_ms`, and nothing else.
    #[must_use]
    pub fn new(id: BatchId, from: &'static [BatchState], to: BatchState, now_ms: i64) -> Self {
        Self { id, from, to, now_ms, call: None, campaign_id: None, why: None, refund: None }
    }
}

impl Ledger {
    /// Writes a new batch and reserves its budgets, all or nothing.
    pub async fn prepare_batch(&self, batch: &NewBatch) -> Result<Prepared, LedgerError> {
        let mut writes = vec![TransactWriteItem::builder().put(self.new_row(batch)?).build()];
        for draw in &batch.draws {
            let Some(spend) = self.spend(&batch.day, draw, batch.now_ms)? else { return self.over_quota(batch).await };
            writes.push(TransactWriteItem::builder().update(spend).build());
        }
        match self.transact(format!("{}-p", batch.id), writes).await {
            Ok(()) => Ok(Prepared::Done),
            Err(error) if condition_failed(&error) => self.over_quota(batch).await,
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }

    async fn over_quota(&self, batch: &NewBatch) -> Result<Prepared, LedgerError> {
        let mut spent = Vec::with_capacity(batch.draws.len());
        for draw in &batch.draws {
            spent.push(self.day(&batch.day, &draw.budget).await?);
        }
        Ok(Prepared::OverQuota(spent))
    }

    fn new_row(&self, batch: &NewBatch) -> Result<Put, LedgerError> {
        let mut item = Key::batch(batch.id).into_item();
        for (name, value) in [
            ("state", Some(s(BatchState::Prepared.as_str()))),
            ("prepared_ms", Some(n(batch.now_ms))),
            ("due_shard", Some(shard(batch.id.as_bytes().first().copied().unwrap_or_default()))),
            ("due_ms", Some(n(batch.due_ms))),
            ("day", Some(s(&batch.day))),
            ("rule", batch.rule().map(s)),
            ("messages", Some(n(batch.reserve().messages))),
            ("credits", Some(n(batch.reserve().credits))),
            ("requests_fewest", Some(n(batch.reserve().requests_fewest))),
            ("ttl", Some(n(self.ttl_s(batch.now_ms)))),
        ] {
            if let Some(value) = value {
                item.insert(name.to_owned(), value);
            }
        }
        Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(misbuilt)
    }

    /// Moves a batch. `false`: it was in none of the states that the move starts from.
    ///
    /// `token`, at most 36 characters, is made for this move alone. A repetition with the same token within ten
    /// minutes is the same write: it answers as the first did and gives nothing back twice.
    ///
    /// A move that gives nothing back is one conditional write, at half the price of a transaction: with 10,000
    /// members a batch's row costs 160 write units, or 320. The token is kept in the row then, so that a repetition
    /// whose first answer was lost knows its own work.
    pub async fn move_batch(&self, change: &BatchChange, token: &str) -> Result<bool, LedgerError> {
        if let Some(campaign) = &change.campaign_id {
            self.name_campaign(campaign, change.id, change.now_ms).await?;
        }
        if change.to == BatchState::Unknown {
            // By this a report that names no batch is matched. It does no harm if the move is not made.
            self.note_unknown(change).await?;
        }
        let step = Step::of(change);
        let Some(refund) = &change.refund else { return self.move_alone(change, step, token).await };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::batch(change.id).into_item()))
            .update_expression(step.expression)
            .condition_expression(step.condition)
            .set_expression_attribute_names(Some(step.names))
            .set_expression_attribute_values(Some(step.values))
            .build()
            .map_err(misbuilt)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        let rule = refund.rule.clone().map(Budget::Rule);
        for budget in std::iter::once(Budget::Account).chain(rule) {
            let back = self.give_back(&refund.day, &budget, refund.amount)?;
            writes.push(TransactWriteItem::builder().update(back).build());
        }
        match self.transact(token.to_owned(), writes).await {
            Ok(()) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }

    async fn move_alone(&self, change: &BatchChange, mut step: Step, token: &str) -> Result<bool, LedgerError> {
        step.set("moved_by", s(token));
        let moved = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::batch(change.id).into_item()))
            .update_expression(step.expression)
            .condition_expression(step.condition)
            .set_expression_attribute_names(Some(step.names))
            .set_expression_attribute_values(Some(step.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match moved {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let by = failed.item().and_then(|item| Reader::new(item).maybe_text("moved_by"));
                    Ok(by.as_deref() == Some(token))
                }
                _ => Err(unavailable("UpdateItem")(error)),
            },
        }
    }

    /// A batch by id.
    pub async fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::batch(id).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        output.item.as_ref().map(batch_from).transpose()
    }

    /// Batches by id, in no particular order; unknown ids are left out.
    pub async fn batches(&self, ids: &[BatchId]) -> Result<Vec<Batch>, LedgerError> {
        let keys = ids.iter().map(|&id| Key::batch(id)).collect();
        self.get_items(keys).await?.iter().map(batch_from).collect()
    }

    /// The batch that a campaign belongs to, once its answer was recorded.
    pub async fn batch_of_campaign(&self, campaign_id: &str) -> Result<Option<BatchId>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::campaign(campaign_id).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        match &output.item {
            Some(item) => Reader::new(item).word("of_batch").map(Some),
            None => Ok(None),
        }
    }

    async fn name_campaign(&self, campaign_id: &str, batch: BatchId, now_ms: i64) -> Result<(), LedgerError> {
        // The same content but for its age, so repeating it is harmless. It has no `batch` attribute: that is an index key.
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(Key::campaign(campaign_id).into_item()))
            .item("of_batch", s(batch.to_string()))
            .item("ttl", n(self.ttl_s(now_ms)))
            .send()
            .await
            .map_err(unavailable("PutItem"))?;
        Ok(())
    }

    pub(crate) async fn transact(
        &self,
        token: String,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), SdkError<TransactWriteItemsError>> {
        self.client
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(writes))
            .send()
            .await
            .map(|_| ())
    }
}

/// A batch's move as an update and its condition.
struct Step {
    expression: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Step {
    fn of(change: &BatchChange) -> Self {
        let mut step = Self {
            // From the call on, the messages' own appointments lead to the batch.
            expression: "REMOVE due_shard, due_ms SET #state = :to".to_owned(),
            condition: String::new(),
            names: HashMap::from([("#state".to_owned(), "state".to_owned())]),
            values: HashMap::from([(":to".to_owned(), s(change.to.as_str()))]),
        };
        if let Some((called_ms, members)) = &change.call {
            step.set("called_ms", n(called_ms));
            step.set("members", members_value(members));
        }
        if let Some(campaign) = &change.campaign_id {
            step.set("campaign", s(campaign));
        }
        if let Some(why) = &change.why {
            step.set("why", s(why.to_string()));
            step.set("reason", s(why.code()));
        }
        if change.to != BatchState::Calling {
            step.set("ended_ms", n(change.now_ms));
        }
        let mut states = Vec::with_capacity(change.from.len());
        for (at, state) in change.from.iter().enumerate() {
            states.push(format!("#state = :from{at}"));
            step.values.insert(format!(":from{at}"), s(state.as_str()));
        }
        step.condition = states.join(" OR ");
        step
    }

    fn set(&mut self, name: &str, value: AttributeValue) {
        // Writing to a string does not fail.
        let _ = write!(self.expression, ", #{name} = :{name}");
        self.names.insert(format!("#{name}"), name.to_owned());
        self.values.insert(format!(":{name}"), value);
    }
}

pub(crate) fn condition_failed(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return false;
    };
    canceled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
