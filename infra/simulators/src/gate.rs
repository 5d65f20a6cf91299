//! The path of a request through a simulator: record, credentials, limits, fault, latency, work, answer.
//!
//! Both vendors share it; their differences are behind [`Vendor`].

mod entrance;
mod perform;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Extension, Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::Response,
    routing,
};

pub(crate) use entrance::{Entrance, Refusal, Verdict};
pub(crate) use perform::failing;
use perform::{Outcome, perform};

use crate::{
    answer::Answer,
    clock::Clock,
    faults::Faults,
    record::{Call, Log},
    serve::Connection,
    window::Window,
};

/// Larger than any body that either vendor documents: an upload of 50 MB with its multipart framing.
const BODY_BYTES_MAX: usize = 52 * 1024 * 1024;

/// A request that passed the gate, with its body read.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) id: u64,
    pub(crate) at_ms: u64,
    pub(crate) method: String,
    /// The path without the query, as the client wrote it.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The answer of the work, and its number of phones or rows.
pub(crate) struct Worked {
    pub(crate) answer: Answer,
    pub(crate) items: usize,
}

/// The differences between the two vendors.
pub(crate) trait Vendor: Send + Sync + Sized + 'static {
    /// The refusal of a request with wrong credentials.
    fn unauthorized(&self, head: &Parts) -> Option<Answer>;
    /// The indexes of the gate's windows that a request counts in.
    fn windows(&self, path: &str) -> &'static [usize];
    /// Whether the request is of the bulk class.
    fn is_bulk(&self, path: &str) -> bool;
    /// The answer to a request over a limit.
    fn throttled(&self, refusal: Refusal) -> Answer;
    /// A failing answer with a body of the vendor's shape.
    fn failure(&self, status: StatusCode) -> Answer;
    /// Adds the headers that the vendor puts on every answer.
    fn finish(&self, response: &mut Response, windows: &mut [Window], now_ms: u64);
    /// Does the work of the request.
    fn work(self: &Arc<Self>, call: Incoming) -> impl Future<Output = Worked> + Send;
}

/// Everything between the socket and a vendor's work.
#[derive(Debug)]
pub(crate) struct Gate<V> {
    pub(crate) vendor: Arc<V>,
    pub(crate) clock: Clock,
    entrance: Mutex<Entrance>,
    calls: Mutex<Log<Call>>,
}

impl<V: Vendor> Gate<V> {
    pub(crate) fn new(vendor: Arc<V>, clock: Clock, limits: Limits, faults: Faults, calls_max: usize) -> Arc<Self> {
        Arc::new(Self {
            vendor,
            clock,
            entrance: Mutex::new(Entrance::new(limits.windows, limits.concurrent_max, faults)),
            calls: Mutex::new(Log::new(calls_max)),
        })
    }

    /// The routes of the vendor itself: every path without a control request.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(routing::any(pass::<V>)).with_state(Arc::clone(self))
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        lock(&self.entrance).set_faults(faults);
    }

    pub(crate) fn faults(&self) -> Faults {
        lock(&self.entrance).faults().clone()
    }

    /// The requests that are kept, and the number of dropped ones.
    pub(crate) fn calls(&self) -> (Vec<Call>, u64) {
        let calls = lock(&self.calls);
        (calls.all(), calls.forgotten())
    }

    pub(crate) fn forget_calls(&self) {
        lock(&self.calls).clear();
    }

    /// Records the request and decides about it. One lock covers the instant, the decision and the record. So the
    /// recorded instants have the order in which the windows saw them.
    fn enter(&self, head: &Parts) -> (u64, u64, Verdict) {
        let mut entrance = lock(&self.entrance);
        let now_ms = self.clock.now_ms();
        let path = head.uri.path();
        let verdict = Verdict::of(&*self.vendor, &mut entrance, head, now_ms);
        let mut calls = lock(&self.calls);
        let id = calls.next();
        calls.push(1, Call { bulk: self.vendor.is_bulk(path), ..verdict.record(id, now_ms, head) });
        (id, now_ms, verdict)
    }

    fn note(&self, id: u64, change: impl FnOnce(&mut Call)) {
        if let Some(call) = lock(&self.calls).get_mut(id) {
            change(call);
        }
    }

    /// Completes every answer before it is sent.
    fn answer(&self, id: u64, answer: Answer) -> Response {
        self.note(id, |call| call.status = Some(answer.status.as_u16()));
        let mut response = answer.into_response();
        let now_ms = self.clock.now_ms();
        self.vendor.finish(&mut response, lock(&self.entrance).windows(), now_ms);
        response
    }
}

/// The limits of a vendor. [`Vendor::windows`] refers to them by index.
pub(crate) struct Limits {
    pub(crate) windows: Vec<Window>,
    pub(crate) concurrent_max: usize,
}

/// Locks a mutex. If a holder panicked, the others can still lock it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks the answer as lost if the client leaves before it, which drops the handler.
struct Awaited<V: Vendor> {
    gate: Arc<Gate<V>>,
    id: u64,
    answered: bool,
}

impl<V: Vendor> Drop for Awaited<V> {
    fn drop(&mut self) {
        if !self.answered {
            self.gate.note(self.id, |call| call.answer_lost = true);
        }
    }
}

/// Counts the request as inside until the client has left and the work is over.
struct Inside<V: Vendor>(Arc<Gate<V>>);

impl<V: Vendor> Drop for Inside<V> {
    fn drop(&mut self) {
        lock(&self.0.entrance).leave();
    }
}

async fn pass<V: Vendor>(
    State(gate): State<Arc<Gate<V>>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let (id, at_ms, verdict) = gate.enter(&head);
    let mut awaited = Awaited { gate: Arc::clone(&gate), id, answered: false };
    let inside = matches!(verdict, Verdict::Admitted(_)).then(|| Arc::new(Inside(Arc::clone(&gate))));
    // Read the body even if the request is refused: an unread body would turn the answer into a reset.
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let outcome = match verdict {
        Verdict::Refused { answer, .. } => Outcome::Answer(answer),
        Verdict::Admitted(choice) => match body {
            Err(_) => Outcome::Answer(gate.vendor.failure(StatusCode::PAYLOAD_TOO_LARGE)),
            // In a task of its own, so that a client that leaves does not undo the work.
            Ok(body) => {
                let inside = inside.clone();
                let work = perform(Arc::clone(&gate), incoming(id, at_ms, head, body), choice);
                tokio::spawn(async move {
                    let _inside = inside;
                    work.await
                })
                .await
                .unwrap_or_else(|_| Outcome::Answer(gate.vendor.failure(StatusCode::INTERNAL_SERVER_ERROR)))
            }
        },
    };
    match outcome {
        Outcome::Answer(answer) => {
            awaited.answered = true;
            return gate.answer(id, answer);
        }
        Outcome::Hostile(response) => {
            awaited.answered = true;
            return response;
        }
        Outcome::Close => connection.close(),
        Outcome::Reset => connection.reset(),
        Outcome::Hang => {}
    }
    // The end of the connection drops this handler, and `awaited` and `inside` with it.
    std::future::pending().await
}

pub(crate) fn incoming(id: u64, at_ms: u64, head: Parts, body: Bytes) -> Incoming {
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    Incoming {
        id,
        at_ms,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        headers: head.headers,
        body,
    }
}
