//! The threads of the engine: requests arrive through a queue, and answers leave once their writes are on the disk.
//!
//! One thread runs the requests, another one flushes. While a flush runs, the next requests run, and the next flush
//! serves all of them. No answer leaves before the writes that it depends on are flushed. This holds for writes, and
//! for reads that come after a write.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
};

use dynoxide::{Database, DynoxideError};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::upkeep;

/// An operation of our own, beside DynamoDB's: rewrites the file, so that nothing stays in it of what was deleted.
pub(crate) const REWRITE: &str = "RecadoRewrite";
/// The most requests that share one flush.
const FLUSHED_AT_ONCE: usize = 256;

/// One request: the name and the body of a DynamoDB operation.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) body: Vec<u8>,
}

/// The answer to a request: an HTTP status and a JSON body, as in DynamoDB's API.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

enum Job {
    Ask(Asked, oneshot::Sender<Answer>),
    /// The earlier requests run, and no later ones.
    Stop,
}

/// An answer that waits to be flushed.
struct Done {
    answer: Answer,
    is_write: bool,
    to: oneshot::Sender<Answer>,
}

/// Flushes the engine's writes: it returns once all of them are on the disk.
pub(crate) type Flush = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The queue to the engine's thread. Clones share it. The threads end after [`Engine::stop`], or with the last clone.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    jobs: mpsc::Sender<Job>,
}

/// The engine's threads.
#[derive(Debug)]
pub(crate) struct Threads(thread::JoinHandle<()>, thread::JoinHandle<()>);

impl Threads {
    /// Waits until both have ended.
    pub(crate) fn join(self) {
        // If a thread panicked, its requests have ended already.
        let _ = (self.0.join(), self.1.join());
    }
}

impl Engine {
    /// Starts the threads over a database. Without `flush` no answer waits for a disk.
    pub(crate) fn start(database: Database, flush: Option<Flush>) -> io::Result<(Self, Threads)> {
        let (jobs, queue) = mpsc::channel();
        let (done, to_flush) = mpsc::sync_channel(FLUSHED_AT_ONCE);
        let works = thread::Builder::new().name("table".to_owned()).spawn(move || work(&database, &queue, &done))?;
        let flushes = thread::Builder::new().name("table-flush".to_owned()).spawn(move || answer(&to_flush, flush))?;
        Ok((Self { jobs }, Threads(works, flushes)))
    }

    /// Runs a request. `None` if the engine has ended.
    pub(crate) async fn ask(&self, asked: Asked) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Ask(asked, answer)).ok()?;
        answered.await.ok()
    }

    /// Ends the threads once all earlier requests are answered.
    pub(crate) fn stop(&self) {
        // An error means that the threads have ended.
        let _ = self.jobs.send(Job::Stop);
    }
}

fn work(database: &Database, queue: &mpsc::Receiver<Job>, done: &mpsc::SyncSender<Done>) {
    while let Ok(Job::Ask(asked, to)) = queue.recv() {
        let is_write = is_write(&asked.operation);
        let answer = catch_unwind(AssertUnwindSafe(|| carry_out(database, &asked)));
        let answer = answer.unwrap_or_else(|_| failed("the table met a fault of its own"));
        if done.send(Done { answer, is_write, to }).is_err() {
            return;
        }
    }
}

fn answer(to_flush: &mpsc::Receiver<Done>, mut flush: Option<Flush>) {
    while let Ok(first) = to_flush.recv() {
        let mut group = vec![first];
        group.extend(to_flush.try_iter().take(FLUSHED_AT_ONCE - 1));
        let flushed = match &mut flush {
            Some(flush) if group.iter().any(|done| done.is_write) => flush(),
            _ => Ok(()),
        };
        for Done { answer, to, .. } in group {
            // The receiver may be gone, if its request took too long.
            let _ = to.send(match &flushed {
                Ok(()) => answer,
                Err(error) => failed(&format!("the table could not be written to the disk: {error}")),
            });
        }
    }
}

/// An answer that makes clients retry.
fn failed(why: &str) -> Answer {
    let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    Answer { status: 500, body: serde_json::json!({ "__type": kind, "message": why }).to_string().into_bytes() }
}

/// Whether an operation may change the database.
#[must_use]
pub fn is_write(operation: &str) -> bool {
    !matches!(
        operation,
        "GetItem"
            | "BatchGetItem"
            | "Query"
            | "Scan"
            | "DescribeTable"
            | "DescribeTimeToLive"
            | "DescribeStream"
            | "GetRecords"
            | "GetShardIterator"
            | "ListStreams"
            | "ListTables"
    )
}

fn carry_out(database: &Database, asked: &Asked) -> Answer {
    if asked.operation == REWRITE {
        return match upkeep::rewrite(database) {
            Ok(()) => Answer { status: 200, body: b"{}".to_vec() },
            Err(why) => failed(&format!("the file could not be rewritten: {why}")),
        };
    }
    let mut body = serde_json::Deserializer::from_slice(&asked.body);
    dispatch(database, &asked.operation, &mut body)
}

/// Runs one operation on a database. Its request is read from `body`.
pub fn dispatch<'body, D: serde::Deserializer<'body>>(database: &Database, operation: &str, body: D) -> Answer
where
    D::Error: std::fmt::Display,
{
    match operation {
        "BatchExecuteStatement" => as_is(body, |request| database.batch_execute_statement(request)),
        "BatchGetItem" => as_is(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => as_is(body, |request| database.batch_write_item(request)),
        "CreateTable" => as_is(body, |request| database.create_table(request)),
        "DeleteItem" => as_is(body, |request| database.delete_item(request)),
        "DeleteTable" => as_is(body, |request| database.delete_table(request)),
        "DescribeStream" => as_is(body, |request| database.describe_stream(request)),
        "DescribeTable" => as_is(body, |request| database.describe_table(request)),
        "DescribeTimeToLive" => as_is(body, |request| database.describe_time_to_live(request)),
        "ExecuteStatement" => as_is(body, |request| database.execute_statement(request)),
        "GetItem" => as_is(body, |request| database.get_item(request)),
        "GetRecords" => as_is(body, |request| database.get_records(request)),
        "GetShardIterator" => as_is(body, |request| database.get_shard_iterator(request)),
        "ListStreams" => as_is(body, |request| database.list_streams(request)),
        "ListTables" => as_is(body, |request| database.list_tables(request)),
        "PutItem" => as_is(body, |request| database.put_item(request)),
        "Query" => as_is(body, |request| database.query(request)),
        "Scan" => as_is(body, |request| database.scan(request)),
        "TransactGetItems" => as_is(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => as_is(body, |request| database.transact_write_items(request)),
        "UpdateItem" => as_is(body, |request| database.update_item(request)),
        "UpdateTimeToLive" => as_is(body, |request| database.update_time_to_live(request)),
        _ => {
            let kind = "com.amazon.coral.service#UnknownOperationException";
            Answer { status: 400, body: serde_json::json!({ "__type": kind }).to_string().into_bytes() }
        }
    }
}

fn as_is<'body, D, I, O>(body: D, call: impl FnOnce(I) -> Result<O, DynoxideError>) -> Answer
where
    D: serde::Deserializer<'body>,
    D::Error: std::fmt::Display,
    I: Deserialize<'body>,
    O: Serialize,
{
    let unreadable = |error: String| DynoxideError::SerializationException(error);
    let answer = I::deserialize(body)
        .map_err(|error| unreadable(error.to_string()))
        .and_then(call)
        .and_then(|answer| serde_json::to_vec(&answer).map_err(|error| unreadable(error.to_string())));
    match answer {
        Ok(body) => Answer { status: 200, body },
        Err(error) => Answer { status: error.status_code(), body: error.to_json().into_bytes() },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use super::*;

    fn asked(operation: &str, body: serde_json::Value) -> Asked {
        Asked { operation: operation.to_owned(), body: body.to_string().into_bytes() }
    }

    fn table() -> Asked {
        asked(
            "CreateTable",
            serde_json::json!({
                "TableName": "some", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
                "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
            }),
        )
    }

    fn put(key: &str) -> Asked {
        asked("PutItem", serde_json::json!({ "TableName": "some", "Item": { "pk": { "S": key } } }))
    }

    fn get(key: &str) -> Asked {
        asked("GetItem", serde_json::json!({ "TableName": "some", "Key": { "pk": { "S": key } } }))
    }

    #[tokio::test]
    async fn nothing_is_answered_before_it_is_flushed_and_one_flush_serves_many() {
        let (open, opened) = mpsc::channel::<io::Result<()>>();
        let flushes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&flushes);
        let flush: Flush = Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            opened.recv().unwrap()
        });
        let (engine, threads) = Engine::start(Database::memory().unwrap(), Some(flush)).unwrap();
        open.send(Ok(())).unwrap();
        assert_eq!(engine.ask(table()).await.unwrap().status, 200);

        let first = tokio::spawn({
            let engine = engine.clone();
            async move { engine.ask(put("first")).await }
        });
        // The flush of the first request has begun, and does not end.
        while flushes.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut others: Vec<_> = (0..100)
            .map(|place| {
                let engine = engine.clone();
                tokio::spawn(async move { engine.ask(put(&place.to_string())).await })
            })
            .collect();
        let read = tokio::spawn({
            let engine = engine.clone();
            async move { engine.ask(get("first")).await }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!first.is_finished() && !read.is_finished() && others.iter().all(|one| !one.is_finished()));

        open.send(Ok(())).unwrap();
        assert_eq!(first.await.unwrap().unwrap().status, 200);
        open.send(Ok(())).unwrap();
        for other in others.drain(..) {
            assert_eq!(other.await.unwrap().unwrap().status, 200);
        }
        assert_eq!(read.await.unwrap().unwrap().status, 200);
        assert_eq!(flushes.load(Ordering::SeqCst), 3, "a hundred writes share a flush");

        let before = flushes.load(Ordering::SeqCst);
        assert_eq!(engine.ask(get("first")).await.unwrap().status, 200);
        assert_eq!(flushes.load(Ordering::SeqCst), before, "a read alone needs none");

        open.send(Err(io::Error::other("no space left"))).unwrap();
        assert_eq!(engine.ask(put("lost")).await.unwrap().status, 500, "what is not on the disk is not confirmed");
        engine.stop();
        threads.join();
        assert!(engine.ask(get("first")).await.is_none(), "it has ended");
    }

    #[tokio::test]
    async fn what_is_unknown_or_cannot_be_read_is_refused() {
        let (engine, _threads) = Engine::start(Database::memory().unwrap(), None).unwrap();
        let answer = engine.ask(asked("NoSuchOperation", serde_json::json!({}))).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(String::from_utf8(answer.body).unwrap().contains("UnknownOperationException"));
        let answer = engine.ask(Asked { operation: "GetItem".to_owned(), body: b"{".to_vec() }).await.unwrap();
        assert_eq!(answer.status, 400);
        let answer = engine.ask(get("a")).await.unwrap();
        assert!(String::from_utf8(answer.body).unwrap().contains("ResourceNotFoundException"));
    }
}
