//! Batches: prepared before any claim, `calling` right before the request leaves, then moved to their outcome.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState},
    reason::Reason,
    transition::{BatchMove, Transition},
};

use crate::{
    Budget, Day, Draw, Ledger, LedgerError,
    codec::{Item, Key, Reader, batch_from, members_value, n, s, shard},
    error::{given_up, unavailable},
    judged::{Judgement, Statement, insert, undecided},
    schema::misbuilt,
    transitions::update_of,
    update::{Update, When},
};

/// Rows of one transaction: DynamoDB's maximum.
const ROWS_PER_TRANSACTION: usize = 100;

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
    /// The claims of all its messages, if its request begins in the same write. A claim in a transaction costs a write
    /// unit more than alone; the two writes that this saves cost four.
    pub begins: Option<Begin>,
}

/// What a batch needs to begin its request in the same write.
#[derive(Debug, Clone)]
pub struct Begin {
    /// The messages that the request carries.
    pub members: Vec<MessageId>,
    /// Their claims. If one fails, nothing is written.
    pub claims: Vec<Transition>,
}

impl NewBatch {
    /// The amount that it draws on the account. It draws the same amount on every budget.
    fn reserve(&self) -> Day {
        self.draws.first().map(|draw| draw.amount).unwrap_or_default()
    }

    fn claims(&self) -> impl Iterator<Item = &Transition> {
        self.begins.iter().flat_map(|begins| &begins.claims)
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
    /// Some of its claims failed. Holds for each claim whether it would have been made.
    NotOurs(Vec<bool>),
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

/// The rows that preparing these batches writes.
fn rows_of(batches: &[NewBatch]) -> usize {
    let claims: usize = batches.iter().map(|batch| batch.claims().count()).sum();
    claims + batches.len() + draws_of(batches).len()
}

/// How many of these batches fit in one transaction: at least one.
fn how_many_together(batches: &[NewBatch]) -> usize {
    let fits = |count: &usize| {
        let some = batches.get(..*count).unwrap_or_default();
        // The table refuses a transaction that names a row twice.
        let claimed: Vec<MessageId> = some.iter().flat_map(NewBatch::claims).map(Transition::id).collect();
        let different: HashSet<MessageId> = claimed.iter().copied().collect();
        rows_of(some) <= ROWS_PER_TRANSACTION && different.len() == claimed.len()
    };
    (2..=batches.len()).take_while(fits).last().unwrap_or(1)
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
    /// Messages that follow in the same request, each under its own condition. A move with a refund takes none along.
    pub followers: Vec<Transition>,
}

impl BatchChange {
    /// A move at `now_ms`, and nothing else.
    #[must_use]
    pub fn new(id: BatchId, what: BatchMove, now_ms: i64) -> Self {
        Self { id, what, now_ms, call: None, campaign_id: None, why: None, refund: None, followers: Vec::new() }
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
        let mut rest = batches.as_slice();
        while !rest.is_empty() {
            let (together, others) = rest.split_at(how_many_together(rest));
            match self.prepare_together(together).await {
                // One of them may fit where all together do not.
                Ok(Prepared::OverQuota(_) | Prepared::NotOurs(_)) if together.len() > 1 => {
                    for batch in together {
                        prepared.push(self.prepare_together(std::slice::from_ref(batch)).await);
                    }
                }
                all => prepared.extend(together.iter().map(|_| all.clone())),
            }
            rest = others;
        }
        prepared
    }

    async fn prepare_together(&self, batches: &[NewBatch]) -> Result<Prepared, LedgerError> {
        let Some(first) = batches.first() else { return Ok(Prepared::Done) };
        let mut writes = Vec::with_capacity(rows_of(batches));
        for claim in batches.iter().flat_map(NewBatch::claims) {
            let claim = update_of(claim).in_transaction(&self.table)?;
            writes.push(TransactWriteItem::builder().update(claim).build());
        }
        let claims = writes.len();
        for batch in batches {
            writes.push(TransactWriteItem::builder().put(self.new_row(batch)?).build());
        }
        for (day, draw) in draws_of(batches) {
            let Some(spend) = self.spend(day, &draw, first.now_ms)? else { return self.over_quota(first).await };
            writes.push(TransactWriteItem::builder().update(spend).build());
        }
        // A batch that is tried alone after others refused it is another request, so it needs another token.
        let error = match self.transact(format!("{}-{}", first.id, batches.len()), writes).await {
            Ok(()) => return Ok(Prepared::Done),
            Err(error) => error,
        };
        let failed = failed_conditions(&error);
        if !failed.contains(&true) {
            return Err(unavailable("TransactWriteItems")(error));
        }
        match failed.get(..claims) {
            Some(failed) if failed.contains(&true) => {
                Ok(Prepared::NotOurs(failed.iter().map(|failed| !failed).collect()))
            }
            _ => self.over_quota(first).await,
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
        let begins = batch.begins.as_ref();
        let state = if begins.is_some() { BatchState::Calling } else { BatchState::Prepared };
        let waits = begins.is_none();
        let due_shard = shard(batch.id.as_bytes().first().copied().unwrap_or_default());
        for (name, value) in [
            ("state", Some(s(state.as_str()))),
            ("prepared_ms", Some(n(batch.now_ms))),
            ("called_ms", begins.map(|_| n(batch.now_ms))),
            ("members", begins.map(|begins| members_value(&begins.members))),
            ("due_shard", waits.then_some(due_shard)),
            ("due_ms", waits.then(|| n(batch.due_ms))),
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
        let update = move_of(change);
        let Some(refund) = &change.refund else { return self.move_alone(change, update, token).await };
        if let Some(campaign) = &change.campaign_id {
            self.judge(vec![self.campaign_row(campaign, change)]).await?;
        }
        let update = update.in_transaction(&self.table)?;
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

    async fn move_alone(&self, change: &BatchChange, mut update: Update, token: &str) -> Result<bool, LedgerError> {
        update.set("moved_by", s(token));
        let mut statements = vec![update.build(&self.table)];
        statements.extend(change.followers.iter().map(|follower| update_of(follower).build(&self.table)));
        statements.extend(change.campaign_id.as_ref().map(|campaign| self.campaign_row(campaign, change)));
        let judged = self.judge(statements).await?;
        let (moved, rest) = judged.split_first().unwrap_or((&Judgement::Undecided, &[]));
        let (followed, campaign) = rest.split_at_checked(change.followers.len()).unwrap_or_default();
        self.tell_moved(&change.followers, followed.iter().map(|judgement| *judgement == Judgement::Written));
        let unavailable = || undecided("the batch could not be moved");
        // Without the campaign's row, a report that names only the campaign finds no batch.
        if matches!(campaign, [Judgement::Undecided | Judgement::Refused]) {
            return Err(unavailable());
        }
        match moved {
            Judgement::Written => Ok(true),
            Judgement::ConditionFailed => {
                let row = self.item(Key::batch(change.id)).await?;
                let by = row.and_then(|item| Reader::new(&item).maybe_text("moved_by"));
                Ok(by.as_deref() == Some(token))
            }
            Judgement::Undecided | Judgement::Refused => Err(unavailable()),
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

/// The attributes that every move removes. From the request on, the due times of the messages lead to the batch.
const REMOVED: [&str; 2] = ["due_shard", "due_ms"];

/// A batch's move.
fn move_of(change: &BatchChange) -> Update {
    let mut update = Update::of(Key::batch(change.id));
    update.set("state", s(change.what.to().as_str()));
    if let Some((called_ms, members)) = &change.call {
        update.set("called_ms", n(called_ms)).set("members", members_value(members));
    }
    if let Some(campaign) = &change.campaign_id {
        update.set("campaign", s(campaign));
    }
    if let Some(why) = &change.why {
        update.set("why", s(why.to_string())).set("reason", s(why.code()));
    }
    if change.what != BatchMove::Call {
        update.set("ended_ms", n(change.now_ms));
    }
    for name in REMOVED {
        update.remove(name);
    }
    let from = change.what.from().iter().map(|state| When::Is("state", s(state.as_str())));
    update.only_if(When::Any(from.collect()));
    update
}

pub(crate) fn condition_failed(error: &SdkError<TransactWriteItemsError>) -> bool {
    failed_conditions(error).contains(&true)
}

/// Which rows of a transaction were not as their conditions need them, in the transaction's order.
fn failed_conditions(error: &SdkError<TransactWriteItemsError>) -> Vec<bool> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Vec::new();
    };
    canceled.cancellation_reasons().iter().map(|reason| reason.code() == Some("ConditionalCheckFailed")).collect()
}
