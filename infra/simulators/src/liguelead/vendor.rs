//! LigueLead behind the gate: credentials, the routes, and the headers of every answer.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, request::Parts},
    response::Response,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    account::Books,
    body::refuse,
    callbacks::{self, Caller},
    options::Options,
    plan::plan,
    received::{Channel, Received},
    send::{Send, accepted, short_of_credits},
    sms, uploads, voice,
};
use crate::{
    answer::Answer,
    clock::{Clock, timestamp},
    gate::{Incoming, Refusal, Vendor, Worked, lock},
    record::Call,
    window::Window,
};

/// The simulated vendor.
#[derive(Debug)]
pub(crate) struct LigueLead {
    options: Options,
    clock: Clock,
    books: Arc<Mutex<Books>>,
    caller: Arc<Caller>,
    callbacks: Mutex<JoinSet<()>>,
}

impl LigueLead {
    pub(super) fn new(options: Options, clock: Clock) -> io::Result<Self> {
        let books = Arc::new(Mutex::new(Books::new(options.keep_phones)));
        let caller = Arc::new(Caller::new(&options, clock, Arc::clone(&books))?);
        Ok(Self { options, clock, books, caller, callbacks: Mutex::default() })
    }

    pub(super) fn received(&self, calls: Vec<Call>, forgotten_calls: u64) -> Received {
        let books = lock(&self.books);
        Received {
            calls,
            campaigns: books.campaigns.all(),
            callbacks: books.callbacks.all(),
            uploads: books.uploads.all(),
            credits: books.credits,
            forgotten: forgotten_calls + books.campaigns.forgotten() + books.callbacks.forgotten(),
        }
    }

    pub(super) fn forget(&self) {
        let mut books = lock(&self.books);
        books.campaigns.clear();
        books.callbacks.clear();
    }

    pub(super) fn forget_upload(&self, id: u64) -> bool {
        lock(&self.books).uploads.forget(id)
    }

    pub(super) fn stop_callbacks(&self) {
        lock(&self.callbacks).abort_all();
    }

    /// Charges, records and answers a valid send, and starts its callbacks.
    async fn accept(self: &Arc<Self>, send: Send, call: &Incoming) -> Answer {
        if !lock(&self.books).charge(send.credits(), self.options.balance) {
            return short_of_credits();
        }
        let (channel, url) = (send.channel, send.webhook_url.clone().or_else(|| self.options.webhook_url.clone()));
        let campaign = send.into_campaign(uuid::Uuid::new_v4().to_string(), call);
        lock(&self.books).campaigns.push(campaign.phones.len(), campaign.clone());
        let campaign_id = campaign.id.clone();
        if let Some(url) = url {
            // Each campaign draws its own outcomes. The same request draws the same outcomes under the same seed.
            let draws = self.options.faults.seed.wrapping_add(call.id.wrapping_mul(0x5bd1_e995));
            let redials = campaign.redials.as_ref().map_or(0, |redials| redials.attempts);
            let at_once = self.options.dial_at_any_hour || self.options.callbacks.callbacks_before_answer;
            let wait_ms = match channel {
                Channel::Voice if !at_once => voice::dialled_in_ms(timestamp(self.clock.now_ms())),
                _ => 0,
            };
            let planned = plan(&campaign.phones, channel, redials, wait_ms, &self.options.callbacks, draws);
            let making = callbacks::make(Arc::clone(&self.caller), Arc::new(campaign), planned, url);
            if self.options.callbacks.callbacks_before_answer {
                making.await;
            } else {
                let mut running = lock(&self.callbacks);
                while running.try_join_next().is_some() {}
                running.spawn(making);
            }
        }
        accepted(channel, &campaign_id, self.clock.now_ms())
    }

    async fn send(self: &Arc<Self>, read: Result<Send, Answer>, call: &Incoming) -> Worked {
        match read {
            Ok(send) => {
                let items = send.phones.len();
                Worked { answer: self.accept(send, call).await, items }
            }
            Err(answer) => Worked { answer, items: 0 },
        }
    }
}

impl Vendor for LigueLead {
    fn unauthorized(&self, head: &Parts) -> Option<Answer> {
        let is = |name, expected: &str| header(&head.headers, name) == Some(expected);
        if is("api-token", &self.options.api_token) && is("app-id", &self.options.app_id) {
            return None;
        }
        Some(refuse(StatusCode::UNAUTHORIZED, "Invalid api-token or app-id"))
    }

    fn windows(&self, _path: &str) -> &'static [usize] {
        &[0]
    }

    fn is_bulk(&self, _path: &str) -> bool {
        false
    }

    fn throttled(&self, refusal: Refusal) -> Answer {
        let message = match refusal {
            Refusal::Window { .. } => "Too Many Requests",
            Refusal::Concurrency => "Too many concurrent requests",
        };
        refuse(StatusCode::TOO_MANY_REQUESTS, message)
    }

    fn failure(&self, status: StatusCode) -> Answer {
        refuse(status, status.canonical_reason().unwrap_or("Error"))
    }

    fn finish(&self, response: &mut Response, windows: &mut [Window], now_ms: u64) {
        let Some(window) = windows.first_mut() else {
            return;
        };
        let status = response.status();
        rate_headers(status, response.headers_mut(), window, &self.options, now_ms);
    }

    async fn work(self: &Arc<Self>, call: Incoming) -> Worked {
        let path = call.path.strip_prefix("/v1").unwrap_or_default();
        let answer = match (call.method.as_str(), path) {
            ("POST", "/sms") => return self.send(sms::read(&call, &self.options), &call).await,
            ("POST", "/voice") => {
                let read = voice::read(&call, &self.options, &lock(&self.books).uploads);
                return self.send(read, &call).await;
            }
            ("POST", "/voice/uploads") => match uploads::read(&call).await {
                Ok(new) => lock(&self.books).uploads.take(new, call.id),
                Err(answer) => answer,
            },
            ("GET", "/voice/uploads") => lock(&self.books).uploads.list(&self.options),
            ("GET", "/health") => Answer::ok(json!({ "status": "ok" })),
            (_, "/sms" | "/voice" | "/voice/uploads" | "/health") => {
                refuse(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            ("GET", _) => match path.strip_prefix("/voice/uploads/") {
                Some(id) => lock(&self.books).uploads.one(id, &self.options),
                None => refuse(StatusCode::NOT_FOUND, "Not found"),
            },
            _ => refuse(StatusCode::NOT_FOUND, "Not found"),
        };
        Worked { answer, items: 0 }
    }
}

/// The three headers of every answer, and `Retry-After` of a 429 where it is asked for.
pub(super) fn rate_headers(
    status: StatusCode,
    headers: &mut HeaderMap,
    window: &mut Window,
    options: &Options,
    now_ms: u64,
) {
    let remaining = window.remaining(now_ms);
    let reset_s = if options.minute_aligned_reset {
        (now_ms / window.length_ms() + 1) * window.length_ms() / 1_000
    } else {
        window.next_release_ms().unwrap_or(now_ms + window.length_ms()).div_ceil(1_000)
    };
    headers.insert("x-ratelimit-limit", HeaderValue::from(window.limit()));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(reset_s));
    if let Some(retry_after_s) = options.retry_after_s.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
        headers.insert("retry-after", HeaderValue::from(retry_after_s));
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
