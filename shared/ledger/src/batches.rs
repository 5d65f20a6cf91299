//! Batches: prepared before any claim, `calling` right before the request leaves, then moved to their outcome.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState},
    reason::Reason,
    transition::BatchMove,
};

use crate::{
    Budget, Day, Draw, Ledger, LedgerError,
    codec::{Item, Key, Reader, batch_from, members_value, n, s, shard},
    error::{given_up, unavailable},
    judged::{self, Judgement, Statement, insert, undecided},
    schema::misbuilt,
};

/// Batches that share a transaction. Each has a row and at most two budgets, and DynamoDB takes 100 rows.
const PREPARED_AT_ONCE: usize = 33;

/// A batch to prepare, and the amounts that it reserves.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Its id, made at random.
    pub id: BatchId,
    /// The time of the preparation, in ms since the epoch.
    pub now_ms: i64,
    /// When the sweep checks whether the sender died before the request, in ms since the epoch.
    pub due_ms: i64,
    /// The day whose quotas it draws on, `YYYY-MM-DD`.
    pub day: String,
    /// What it reserves of that day's budgets: the account's, and its rule's own if there is one.
    pub draws: Vec<Draw>,
}

impl NewBatch {
    /// The amount that it draws on the account. It draws the same amount on every budget.
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

/// The result of preparing a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// The batch is written and its quota is reserved.
    Done,
    /// A budget of the day does not allow it. Holds what each budget has spent, in the order of the draws.
    OverQuota(Vec<Day>),
}

/// Sums up what batches draw on each budget of each day.
fn draws_of(batches: &[NewBatch]) -> Vec<(&str, Draw)> {
    let mut all: Vec<(&str, Draw)> = Vec::new();
    for batch in batches {
        for draw in &batch.draws {
            let same = all.iter_mut().find(|(day, sum)| *day == batch.day && sum.budget == draw.budget);
            match same {
                Some((_, sum)) => sum.amount = sum.amount.and(draw.amount),
                None => all.push((&batch.day, draw.clone())),
            }
        }
    }
    all
}

/// A part of its reservation that a batch gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The day.
    pub day: String,
    /// The rule whose own budget gets it as well as the account's.
    pub rule: Option<String>,
    /// The amount.
    pub amount: Day,
}

/// A move of a batch.
#[derive(Debug, Clone)]
pub struct BatchChange {
    /// The batch.
    pub id: BatchId,
    /// The move.
    pub what: BatchMove,
    /// The time of the move, in ms since the epoch.
    pub now_ms: i64,
    /// The start of the request and the messages that it carries, for `Calling`.
    pub call: Option<(i64, Vec<MessageId>)>,
    /// LigueLead's campaign, for `Accepted`.
    pub campaign_id: Option<String>,
    /// The reason, for a person to read.
    pub why: Option<Reason>,
    /// The amount given back in the same write.
    pub refund: Option<Refund>,
}

impl BatchChange {
    /// A move at `now_ms`, and nothing else.
    #[must_use]
    pub fn new(id: BatchId, what: BatchMove, now_ms: i64) -> Self {
        Self { id, what, now_ms, call: None, campaign_id: None, why: None, refund: None }
    }
}

impl Ledger {
    /// Writes a new batch and reserves its budgets, all or nothing. Batches that are prepared at the same time share a
    /// transaction, as long as their budgets allow all of them.
    pub async fn prepare_batch(&self, batch: &NewBatch) -> Result<Prepared, LedgerError> {
        let prepared =
            self.prepares.with(batch.clone(), async |batches| Box::pin(self.prepare_all(batches)).await).await;
        prepared.unwrap_or_else(|| given_up("TransactWriteItems"))
    }

    async fn prepare_all(&self, batches: Vec<NewBatch>) -> Vec<Result<Prepared, LedgerError>> {
        let mut prepared = Vec::with_capacity(batches.len());
        for together in batches.chunks(PREPARED_AT_ONCE) {
            match self.prepare_together(together).await {
                // One of them may fit where all together do not.
                Ok(Prepared::OverQuota(_)) if together.len() > 1 => {
                    for batch in together {
                        prepared.push(self.prepare_together(std::slice::from_ref(batch)).await);
                    }
                }
                all => prepared.extend(together.iter().map(|_| all.clone())),
            }
        }
        prepared
    }

    async fn prepare_together(&self, batches: &[NewBatch]) -> Result<Prepared, LedgerError> {
        let Some(first) = batches.first() else { return Ok(Prepared::Done) };
        let mut writes = Vec::with_capacity(batches.len() + 1);
        for batch in batches {
            writes.push(TransactWriteItem::builder().put(self.new_row(batch)?).build());
        }
        for (day, draw) in draws_of(batches) {
            let Some(spend) = self.spend(day, &draw, first.now_ms)? else { return self.over_quota(first).await };
            writes.push(TransactWriteItem::builder().update(spend).build());
        }
        match self.transact(format!("{}-p", first.id), writes).await {
            Ok(()) => Ok(Prepared::Done),
            Err(error) if condition_failed(&error) => self.over_quota(first).await,
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

    /// Moves a batch. `false`: the batch was in none of the states that the move starts from.
    ///
    /// Make a new `token`, at most 36 characters, for each move. A retry with the same token within ten minutes is the
    /// same write: it gets the first one's answer, and gives nothing back twice.
    ///
    /// A move without a refund is one conditional write, at half the price of a transaction. With 10,000 members a
    /// batch's row costs 160 write units instead of 320. The row then keeps the token, so that a retry after a lost
    /// response recognises its own write.
    pub async fn move_batch(&self, change: &BatchChange, token: &str) -> Result<bool, LedgerError> {
        if change.what == BatchMove::Lose {
            // The note matches a report that names no batch. It does no harm if the move fails.
            self.note_unknown(change).await?;
        }
        let step = Step::of(change);
        let Some(refund) = &change.refund else { return self.move_alone(change, step, token).await };
        if let Some(campaign) = &change.campaign_id {
            self.judge(vec![self.campaign_row(campaign, change)]).await?;
        }
        let update = step.update(&self.table, change.id)?;
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
        step.set.push(("moved_by", s(token)));
        let mut statements = vec![step.statement(&self.table, change.id)];
        statements.extend(change.campaign_id.as_ref().map(|campaign| self.campaign_row(campaign, change)));
        let judged = self.judge(statements).await?;
        let unavailable = || undecided("the batch could not be moved");
        // Without the campaign's row, a report that names only the campaign finds no batch.
        if matches!(judged.get(1), Some(Judgement::Undecided | Judgement::Refused)) {
            return Err(unavailable());
        }
        match judged.first() {
            Some(Judgement::Written) => Ok(true),
            Some(Judgement::ConditionFailed) => {
                let row = self.item(Key::batch(change.id)).await?;
                let by = row.and_then(|item| Reader::new(&item).maybe_text("moved_by"));
                Ok(by.as_deref() == Some(token))
            }
            Some(Judgement::Undecided | Judgement::Refused) | None => Err(unavailable()),
        }
    }

    /// The row that leads from a campaign to its batch. Each write of it is the same. It has no `batch` attribute,
    /// because that is an index key.
    fn campaign_row(&self, campaign_id: &str, change: &BatchChange) -> Statement {
        let mut item = Key::campaign(campaign_id).into_item();
        item.insert("of_batch".to_owned(), s(change.id.to_string()));
        item.insert("ttl".to_owned(), n(self.ttl_s(change.now_ms)));
        insert(&self.table, item)
    }

    async fn item(&self, key: Key) -> Result<Option<Item>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        Ok(output.item)
    }

    /// A batch by id.
    pub async fn batch(&self, id: BatchId) -> Result<Option<Batch>, LedgerError> {
        self.item(Key::batch(id)).await?.as_ref().map(batch_from).transpose()
    }

    /// Batches by id, in no particular order. Unknown ids are left out.
    pub async fn batches(&self, ids: &[BatchId]) -> Result<Vec<Batch>, LedgerError> {
        let keys = ids.iter().map(|&id| Key::batch(id)).collect();
        self.get_items(keys).await?.iter().map(batch_from).collect()
    }

    /// The batch of a campaign, once LigueLead's answer was recorded.
    pub async fn batch_of_campaign(&self, campaign_id: &str) -> Result<Option<BatchId>, LedgerError> {
        match self.item(Key::campaign(campaign_id)).await? {
            Some(item) => Reader::new(&item).word("of_batch").map(Some),
            None => Ok(None),
        }
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

/// A batch's move: the attributes to set, and the states that it starts from. From the request on, the due times of the
/// messages lead to the batch, so the batch's own due time is removed.
struct Step {
    set: Vec<(&'static str, AttributeValue)>,
    from: &'static [BatchState],
}

/// The attributes that every move removes.
const REMOVED: [&str; 2] = ["due_shard", "due_ms"];

impl Step {
    fn of(change: &BatchChange) -> Self {
        let mut set = vec![("state", s(change.what.to().as_str()))];
        if let Some((called_ms, members)) = &change.call {
            set.extend([("called_ms", n(called_ms)), ("members", members_value(members))]);
        }
        if let Some(campaign) = &change.campaign_id {
            set.push(("campaign", s(campaign)));
        }
        if let Some(why) = &change.why {
            set.extend([("why", s(why.to_string())), ("reason", s(why.code()))]);
        }
        if change.what != BatchMove::Call {
            set.push(("ended_ms", n(change.now_ms)));
        }
        Self { set, from: change.what.from() }
    }

    /// The move as a part of a transaction.
    fn update(self, table: &str, id: BatchId) -> Result<Update, LedgerError> {
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        let (mut sets, mut states) = (Vec::new(), Vec::new());
        for (name, value) in self.set {
            sets.push(format!("#{name} = :{name}"));
            names.insert(format!("#{name}"), name.to_owned());
            values.insert(format!(":{name}"), value);
        }
        for (at, state) in self.from.iter().enumerate() {
            states.push(format!("#state = :from{at}"));
            values.insert(format!(":from{at}"), s(state.as_str()));
        }
        Update::builder()
            .table_name(table)
            .set_key(Some(Key::batch(id).into_item()))
            .update_expression(format!("REMOVE {} SET {}", REMOVED.join(", "), sets.join(", ")))
            .condition_expression(states.join(" OR "))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(misbuilt)
    }

    /// The move as a write of its own.
    fn statement(self, table: &str, id: BatchId) -> Statement {
        let mut update = judged::Update::of(Key::batch(id));
        for (name, value) in self.set {
            update.set(name, value);
        }
        for name in REMOVED {
            update.remove(name);
        }
        let states = vec!["\"state\"=?"; self.from.len()].join(" OR ");
        update.only_if(&states, self.from.iter().map(|state| s(state.as_str())));
        update.build(table)
    }
}

pub(crate) fn condition_failed(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return false;
    };
    canceled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
