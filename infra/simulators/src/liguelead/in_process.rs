//! The vendor without sockets, tasks or a clock, for simulations in virtual time. The simulation makes the requests,
//! delivers the callbacks and decides on every fault.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
};
use serde_json::Value;

use super::{
    Callback, Options, Received, WINDOW_MS,
    account::Books,
    body::refuse,
    callbacks::payload,
    plan::plan,
    received::Channel,
    send::{Send, accepted, short_of_credits},
    sms,
    vendor::rate_headers,
    voice,
};
use crate::{
    answer::{Answer, Content},
    chance,
    clock::timestamp,
    gate::Incoming,
    record::{Call, Entry},
    window::Window,
};

/// LigueLead as a value. The same requests at the same instants give the same answers, ids and callbacks.
///
/// It does not check credentials, and it ignores the faults in [`Options`].
#[derive(Debug)]
pub struct InProcess {
    options: Options,
    window: Window,
    books: Books,
    calls: Vec<Call>,
}

/// The result of a request.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers that the vendor puts on every answer.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// The callbacks that follow it.
    pub callbacks: Vec<DueCallback>,
}

/// A callback that is due later.
#[derive(Debug, Clone)]
pub struct DueCallback {
    /// The delay from the request to the callback, in ms.
    pub after_ms: u64,
    /// The URL that receives it.
    pub url: String,
    /// The recipient, 11 national digits.
    pub phone: String,
    /// The status in the callback.
    pub status: &'static str,
    /// The id of the campaign.
    pub campaign: String,
    /// The body.
    pub body: Value,
}

impl InProcess {
    /// A new account.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let window = Window::new(options.requests_per_minute, WINDOW_MS);
        let books = Books::new(options.keep_phones);
        Self { options, window, books, calls: Vec::new() }
    }

    /// A request that arrives at `now_ms` (since the Unix epoch). Its work is done at once.
    pub fn call(
        &mut self,
        now_ms: u64,
        method: &Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Reply {
        let id = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        let throttled = self.window.remaining(now_ms) == 0;
        let (answer, callbacks, items) = if throttled {
            (refuse(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"), Vec::new(), 0)
        } else {
            self.window.record(now_ms);
            let call = Incoming {
                id,
                at_ms: now_ms,
                method: method.to_string(),
                path: path.to_owned(),
                query: Vec::new(),
                headers,
                body: body.into(),
            };
            self.work(&call)
        };
        self.calls.push(Call {
            id,
            at_ms: now_ms,
            method: method.to_string(),
            path: path.to_owned(),
            bulk: false,
            items,
            status: Some(answer.status.as_u16()),
            entry: if throttled { Entry::Throttled } else { Entry::Admitted },
            answer_lost: false,
            fault: None,
        });
        self.reply(answer, callbacks, now_ms)
    }

    /// Everything received so far. [`Received::callbacks`] holds the callbacks noted by [`Self::called_back`].
    #[must_use]
    pub fn received(&self) -> Received {
        Received {
            calls: self.calls.clone(),
            campaigns: self.books.campaigns.all(),
            callbacks: self.books.callbacks.all(),
            uploads: self.books.uploads.all(),
            credits: self.books.credits,
            forgotten: self.books.campaigns.forgotten() + self.books.callbacks.forgotten(),
        }
    }

    /// Notes that a callback was made at `at_ms`, and the status of its answer.
    pub fn called_back(&mut self, callback: &DueCallback, at_ms: u64, answer: Option<u16>) {
        let (campaign, phone) = (callback.campaign.clone(), callback.phone.clone());
        let status = callback.status.to_owned();
        self.books.callbacks.push(1, Callback { at_ms, campaign, phone, status, answer });
    }

    fn work(&mut self, call: &Incoming) -> (Answer, Vec<DueCallback>, usize) {
        let path = call.path.rsplit_once("/v1").map_or(call.path.as_str(), |(_, path)| path);
        let read = match (call.method.as_str(), path) {
            ("POST", "/sms") => sms::read(call, &self.options),
            ("POST", "/voice") => voice::read(call, &self.options, &self.books.uploads),
            _ => Err(refuse(StatusCode::NOT_FOUND, "Not found")),
        };
        match read {
            Ok(send) => {
                let items = send.phones.len();
                let (answer, callbacks) = self.accept(send, call);
                (answer, callbacks, items)
            }
            Err(answer) => (answer, Vec::new(), 0),
        }
    }

    fn accept(&mut self, send: Send, call: &Incoming) -> (Answer, Vec<DueCallback>) {
        if !self.books.charge(send.credits(), self.options.balance) {
            return (short_of_credits(), Vec::new());
        }
        let (channel, url) = (send.channel, send.webhook_url.clone().or_else(|| self.options.webhook_url.clone()));
        let draws = self.options.faults.seed.wrapping_add(call.id.wrapping_mul(0x5bd1_e995));
        let id = uuid::Builder::from_random_bytes(chance::bytes(draws)).into_uuid().to_string();
        let campaign = send.into_campaign(id, call);
        let mut callbacks = Vec::new();
        if let Some(url) = url {
            let redials = campaign.redials.as_ref().map_or(0, |redials| redials.attempts);
            let wait_ms = match channel {
                Channel::Voice if !self.options.dial_at_any_hour => voice::dialled_in_ms(timestamp(call.at_ms)),
                _ => 0,
            };
            for planned in plan(&campaign.phones, channel, redials, wait_ms, &self.options.callbacks, draws) {
                let Some(phone) = campaign.phones.get(planned.place) else { continue };
                let occurred_ms = call.at_ms + planned.occurred_ms;
                callbacks.push(DueCallback {
                    after_ms: planned.due_ms,
                    url: url.clone(),
                    phone: phone.clone(),
                    status: planned.status,
                    campaign: campaign.id.clone(),
                    body: payload(&self.options.app_id, &campaign, phone, planned.status, occurred_ms),
                });
            }
        }
        let answer = accepted(channel, &campaign.id, call.at_ms);
        self.books.campaigns.push(campaign.phones.len(), campaign);
        (answer, callbacks)
    }

    fn reply(&mut self, answer: Answer, callbacks: Vec<DueCallback>, now_ms: u64) -> Reply {
        let mut headers = HeaderMap::new();
        rate_headers(answer.status, &mut headers, &mut self.window, &self.options, now_ms);
        let body = match answer.content {
            Content::Json(value) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
                value.to_string()
            }
            Content::Text(text) | Content::Html(text) => text,
            Content::Empty => String::new(),
        };
        Reply { status: answer.status, headers, body, callbacks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(vendor: &mut InProcess, now_ms: u64) -> Reply {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = r#"{"message":"Oi","phones":["11987654321"],"webhook_url":"https://recado.example/hook"}"#;
        vendor.call(now_ms, &Method::POST, "/v1/sms", headers, body)
    }

    #[test]
    fn it_accepts_charges_and_plans_its_callbacks_the_same_each_time() {
        let run = || {
            let mut vendor = InProcess::new(Options::default());
            let reply = send(&mut vendor, 1_000);
            (reply.status, reply.body, format!("{:?}", reply.callbacks), vendor.received().credits)
        };
        let (status, body, callbacks, credits) = run();
        assert_eq!((status, credits), (StatusCode::ACCEPTED, 1));
        assert!(callbacks.contains("sent") && callbacks.contains("delivered"), "{callbacks}");
        assert_eq!(run(), (status, body, callbacks, credits));
    }

    #[test]
    fn its_window_slides_with_the_callers_time() {
        let mut vendor = InProcess::new(Options { requests_per_minute: 1, ..Options::default() });
        assert_eq!(send(&mut vendor, 1_000).headers["x-ratelimit-remaining"], "0");
        assert_eq!(send(&mut vendor, 60_999).status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(send(&mut vendor, 61_000).status, StatusCode::ACCEPTED);
        assert_eq!(vendor.received().campaigns().count(), 2);
    }
}
