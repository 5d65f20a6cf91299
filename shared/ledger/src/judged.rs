//! Conditional writes: each row is judged alone, and a request carries 25 rows.
//!
//! `BatchExecuteStatement` judges each statement alone: one row's failed condition does not affect the other 24. A
//! statement that failed for a passing reason is retried here. That is safe, because every statement carries its own
//! condition. If a lost first attempt made the condition false, the retry returns [`Judgement::ConditionFailed`].
//! Callers read that as "already so, or no longer ours".

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata as _,
    types::{AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse},
};

use futures::StreamExt as _;

use crate::{
    Ledger, LedgerError, at_once,
    codec::{Item, Key},
    error::{given_up, unavailable},
    schema::misbuilt,
};

/// The DynamoDB operation of all requests here.
const OPERATION: &str = "BatchExecuteStatement";
/// The store's code for a request that it will never take.
const INVALID: &str = "ValidationException";
/// Statements in one request: DynamoDB's maximum.
const STATEMENTS_PER_REQUEST: usize = 25;
/// Most requests under way at once: enough to hide the latency, and few enough to leave connections for others.
const REQUESTS_AT_ONCE: usize = 8;
/// Attempts at statements that the store could not take for a passing reason.
const ATTEMPTS: u32 = 6;
/// The first wait between attempts. It doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// The result of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It was written.
    Written,
    /// Its condition did not hold, or the row to insert exists.
    ConditionFailed,
    /// The store did not take it in any attempt. It may have been written nevertheless.
    Undecided,
    /// The store takes no such row, now or later. It was not written.
    Refused,
}

/// Passes on judgements of writes that must all be decided.
///
/// # Errors
///
/// [`LedgerError::Unavailable`], with `reason`: one is undecided, or refused for good.
pub(crate) fn decided(judged: Vec<Judgement>, reason: &'static str) -> Result<Vec<Judgement>, LedgerError> {
    if judged.iter().any(|judgement| matches!(judgement, Judgement::Undecided | Judgement::Refused)) {
        return Err(undecided(reason));
    }
    Ok(judged)
}

/// The error of writes of which some may not have been made.
pub(crate) fn undecided(reason: &'static str) -> LedgerError {
    LedgerError::Unavailable { operation: OPERATION, reason: reason.to_owned() }
}

/// One conditional write.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The row that it writes.
    pub(crate) key: Key,
    /// PartiQL.
    pub(crate) text: String,
    pub(crate) parameters: Vec<AttributeValue>,
}

/// Builds an `INSERT`, which fails if the row exists.
pub(crate) fn insert(table: &str, item: Item) -> Statement {
    let part = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let key = Key { pk: part("pk"), sk: part("sk") };
    let mut names = Vec::with_capacity(item.len());
    let mut parameters = Vec::with_capacity(item.len());
    for (name, value) in item {
        names.push(format!("'{name}': ?"));
        parameters.push(value);
    }
    Statement { key, text: format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")), parameters }
}

impl Ledger {
    /// Executes `statements`, each judged alone. The judgements are in the same order. Statements that do not fill a
    /// request share one with others that are handed in at the same time.
    pub(crate) async fn judge(&self, statements: Vec<Statement>) -> Result<Vec<Judgement>, LedgerError> {
        if statements.len() >= STATEMENTS_PER_REQUEST {
            return self.judge_together(vec![statements]).await.pop().unwrap_or_else(|| given_up(OPERATION));
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 1..ATTEMPTS {
            let part = statements.clone();
            let judged = self.writes.with(part, async |parts| Box::pin(self.judge_together(parts)).await).await;
            // The task that made the shared request gave up, such as a webhook's handler whose client left. The others
            // go on.
            if let Some(judged) = judged {
                return judged;
            }
        }
        given_up(OPERATION)
    }

    /// Executes the statements of several tasks, and returns each task's judgements. If a request fails, the tasks with
    /// a statement in it get the error.
    async fn judge_together(&self, parts: Vec<Vec<Statement>>) -> Vec<Result<Vec<Judgement>, LedgerError>> {
        let mut answers: Vec<Result<Vec<Judgement>, LedgerError>> =
            parts.iter().map(|part| Ok(vec![Judgement::Undecided; part.len()])).collect();
        let judge = |(places, statements)| async { (places, self.judge_chunk(statements).await) };
        let judged: Vec<(Vec<Place>, _)> = at_once(REQUESTS_AT_ONCE, in_requests(parts), judge).collect().await;
        for (places, judged) in judged {
            for (at, (part, place)) in places.into_iter().enumerate() {
                let Some(answer) = answers.get_mut(part) else { continue };
                match &judged {
                    Ok(judged) => {
                        let slot = answer.as_mut().ok().and_then(|answer| answer.get_mut(place));
                        if let (Some(slot), Some(judgement)) = (slot, judged.get(at)) {
                            *slot = *judgement;
                        }
                    }
                    Err(error) => *answer = Err(error.clone()),
                }
            }
        }
        answers
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
                // One bad statement makes the store refuse the whole request. The halves tell which one it is.
                Err(error) if error.code() == Some(INVALID) => {
                    return Box::pin(self.judge_halves(&statements, judged, &open)).await;
                }
                // The SDK has retried already. Hammering on the store would not help.
                Err(error) => return Err(unavailable(OPERATION)(error)),
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

    /// Judges the statements at `open` in two halves; one that is refused alone is refused for good.
    async fn judge_halves(
        &self,
        statements: &[Statement],
        mut judged: Vec<Judgement>,
        open: &[usize],
    ) -> Result<Vec<Judgement>, LedgerError> {
        if let [only] = open {
            judged.get_mut(*only).into_iter().for_each(|slot| *slot = Judgement::Refused);
            return Ok(judged);
        }
        let (first, second) = open.split_at(open.len() / 2);
        for half in [first, second] {
            let some = half.iter().filter_map(|&at| statements.get(at).cloned()).collect();
            let judgements = self.judge_chunk(some).await?;
            for (&at, judgement) in half.iter().zip(judgements) {
                if let Some(slot) = judged.get_mut(at) {
                    *slot = judgement;
                }
            }
        }
        Ok(judged)
    }
}

/// A statement's task, and its place among that task's statements.
type Place = (usize, usize);

/// Packs statements into as few requests as possible. The table refuses a request that names a row twice.
fn in_requests(parts: Vec<Vec<Statement>>) -> Vec<(Vec<Place>, Vec<Statement>)> {
    let mut requests: Vec<(Vec<Place>, Vec<Statement>)> = Vec::new();
    let mut rows: HashMap<Key, usize> = HashMap::new();
    let mut first_open = 0;
    for (part, statements) in parts.into_iter().enumerate() {
        for (place, statement) in statements.into_iter().enumerate() {
            let mut at = rows.get(&statement.key).map_or(first_open, |last| (last + 1).max(first_open));
            while requests.get(at).is_some_and(|(_, full)| full.len() >= STATEMENTS_PER_REQUEST) {
                at += 1;
            }
            while requests.len() <= at {
                requests.push((Vec::new(), Vec::new()));
            }
            rows.insert(statement.key.clone(), at);
            if let Some((places, statements)) = requests.get_mut(at) {
                places.push((part, place));
                statements.push(statement);
            }
            while requests.get(first_open).is_some_and(|(_, full)| full.len() >= STATEMENTS_PER_REQUEST) {
                first_open += 1;
            }
        }
    }
    requests
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
        Some(Some(
            BatchStatementErrorCodeEnum::ValidationError | BatchStatementErrorCodeEnum::ItemCollectionSizeLimitExceeded,
        )) => Judgement::Refused,
        Some(_) => Judgement::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::BatchStatementError;

    use super::*;
    use crate::update::Update;

    fn write(row: usize) -> Statement {
        Update::of(Key { pk: row.to_string(), sk: "M".to_owned() }).build("recado")
    }

    fn rows(request: &[Statement]) -> Vec<&str> {
        request.iter().map(|statement| statement.key.pk.as_str()).collect()
    }

    #[test]
    fn a_row_that_is_wrong_is_refused_and_a_right_that_is_missing_may_come() {
        use BatchStatementErrorCodeEnum::{AccessDenied, ThrottlingError, ValidationError};
        for (code, expected) in [
            (ValidationError, Judgement::Refused),
            (AccessDenied, Judgement::Undecided),
            (ThrottlingError, Judgement::Undecided),
        ] {
            let error = BatchStatementError::builder().code(code.clone()).build();
            let response = BatchStatementResponse::builder().error(error).build();
            assert_eq!(judgement(&response), expected, "{code}");
        }
    }

    #[test]
    fn statements_of_several_share_full_requests() {
        let requests = in_requests((0..60).map(|row| vec![write(row)]).collect());
        assert_eq!(requests.iter().map(|(_, statements)| statements.len()).collect::<Vec<_>>(), [25, 25, 10]);
        let places: Vec<Place> = requests.into_iter().flat_map(|(places, _)| places).collect();
        assert_eq!(places, (0..60).map(|asker| (asker, 0)).collect::<Vec<_>>());
    }

    #[test]
    fn no_request_names_a_row_twice() {
        let requests = in_requests(vec![vec![write(1), write(2)], vec![write(1)], vec![write(3), write(1), write(2)]]);
        let named: Vec<_> = requests.iter().map(|(_, statements)| rows(statements)).collect();
        assert_eq!(named, [vec!["1", "2", "3"], vec!["1", "2"], vec!["1"]]);
        assert_eq!(requests[2].0, [(2, 1)]);
    }
}
