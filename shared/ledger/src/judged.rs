//! Conditional writes, one row at a time judged but 25 to a request.
//!
//! `BatchExecuteStatement` judges each statement alone: one row's failed condition does not touch the other 24. A
//! statement that the store could not take for a passing reason is tried again here; that is safe because every
//! statement carries its own condition, and a condition that a first, lost attempt made false answers
//! [`Judgement::ConditionFailed`], which callers read as "already so, or no longer ours".

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key},
    error::unavailable,
    schema::misbuilt,
};

/// Statements in one request: DynamoDB's maximum.
const STATEMENTS_PER_REQUEST: usize = 25;
/// Requests under way at once: enough to hide the latency, few enough to leave connections to others.
const REQUESTS_AT_ONCE: usize = 8;
/// Attempts at statements that the store could not take for a passing reason.
const ATTEMPTS: u32 = 6;
/// The first wait between attempts; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// What became of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It was written.
    Written,
    /// Its condition did not hold, or the row to insert exists.
    ConditionFailed,
    /// The store did not take it in all attempts. It may have been written all the same.
    Undecided,
}

/// One conditional write.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    text: String,
    parameters: Vec<AttributeValue>,
}

/// Builds an `UPDATE` of one row under a condition.
pub(crate) struct Update {
    key: Key,
    assignments: Vec<String>,
    removals: Vec<String>,
    values: Vec<AttributeValue>,
    conditions: Vec<String>,
    condition_values: Vec<AttributeValue>,
}

impl Update {
    pub(crate) fn of(key: Key) -> Self {
        Self {
            key,
            assignments: Vec::new(),
            removals: Vec::new(),
            values: Vec::new(),
            conditions: Vec::new(),
            condition_values: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) -> &mut Self {
        self.assignments.push(format!(" SET \"{name}\"=?"));
        self.values.push(value);
        self
    }

    pub(crate) fn remove(&mut self, name: &str) -> &mut Self {
        self.removals.push(format!(" REMOVE \"{name}\""));
        self
    }

    /// Adds a condition, in PartiQL, with its values; all conditions must hold.
    pub(crate) fn only_if(&mut self, condition: &str, values: impl IntoIterator<Item = AttributeValue>) -> &mut Self {
        self.conditions.push(format!(" AND ({condition})"));
        self.condition_values.extend(values);
        self
    }

    pub(crate) fn build(self, table: &str) -> Statement {
        let text = format!(
            "UPDATE \"{table}\"{}{} WHERE \"pk\"=? AND \"sk\"=?{}",
            self.assignments.concat(),
            self.removals.concat(),
            self.conditions.concat()
        );
        let mut parameters = self.values;
        parameters.push(AttributeValue::S(self.key.pk));
        parameters.push(AttributeValue::S(self.key.sk));
        parameters.extend(self.condition_values);
        Statement { text, parameters }
    }
}

/// Builds an `INSERT`, which fails if the row exists.
pub(crate) fn insert(table: &str, item: Item) -> Statement {
    let mut names = Vec::with_capacity(item.len());
    let mut parameters = Vec::with_capacity(item.len());
    for (name, value) in item {
        names.push(format!("'{name}': ?"));
        parameters.push(value);
    }
    Statement { text: format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")), parameters }
}

impl Ledger {
    /// Carries out `statements`, each judged alone; the judgements are in their order.
    pub(crate) async fn judge(&self, statements: Vec<Statement>) -> Result<Vec<Judgement>, LedgerError> {
        let chunks: Vec<Vec<Statement>> = {
            let mut rest = statements.into_iter().peekable();
            let mut chunks = Vec::new();
            while rest.peek().is_some() {
                chunks.push(rest.by_ref().take(STATEMENTS_PER_REQUEST).collect());
            }
            chunks
        };
        // Collected first: the closure's borrow must not be part of the stream's type, or it is not `Send`.
        let requests: Vec<_> = chunks.into_iter().map(|chunk| self.judge_chunk(chunk)).collect();
        let judged: Vec<Vec<Judgement>> = stream::iter(requests).buffered(REQUESTS_AT_ONCE).try_collect().await?;
        Ok(judged.into_iter().flatten().collect())
    }

    async fn judge_chunk(&self, statements: Vec<Statement>) -> Result<Vec<Judgement>, LedgerError> {
        let mut judged = vec![Judgement::Undecided; statements.len()];
        let mut open: Vec<usize> = (0..statements.len()).collect();
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            let requests: Vec<BatchStatementRequest> =
                open.iter().filter_map(|&at| statements.get(at)).map(request).collect::<Result<_, _>>()?;
            let answer = self.client.batch_execute_statement().set_statements(Some(requests)).send().await;
            let responses = match answer {
                Ok(output) => output.responses.unwrap_or_default(),
                // The SDK has retried already; what it did not get through is not ours to hammer on.
                Err(error) => return Err(unavailable("BatchExecuteStatement")(error)),
            };
            let mut still_open = Vec::new();
            for (place, &at) in open.iter().enumerate() {
                let judgement = responses.get(place).map_or(Judgement::Undecided, judgement);
                if judgement == Judgement::Undecided {
                    still_open.push(at);
                } else if let Some(slot) = judged.get_mut(at) {
                    *slot = judgement;
                }
            }
            open = still_open;
            if open.is_empty() || attempt == ATTEMPTS {
                break;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(judged)
    }
}

fn request(statement: &Statement) -> Result<BatchStatementRequest, LedgerError> {
    BatchStatementRequest::builder()
        .statement(&statement.text)
        .set_parameters(Some(statement.parameters.clone()))
        .build()
        .map_err(misbuilt)
}

fn judgement(response: &BatchStatementResponse) -> Judgement {
    match response.error.as_ref().map(|error| error.code.as_ref()) {
        None => Judgement::Written,
        Some(Some(
            BatchStatementErrorCodeEnum::ConditionalCheckFailed | BatchStatementErrorCodeEnum::DuplicateItem,
        )) => Judgement::ConditionFailed,
        Some(_) => Judgement::Undecided,
    }
}
