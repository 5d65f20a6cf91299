//! The vendor without sockets, tasks or a clock, for tests in virtual time that carry the requests themselves. Limits,
//! faults and the account are those of the server.

use std::{io, sync::Arc};

use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};

use super::{Activity, Lead, Options, WINDOW_MS, vendor::LeadSquared};
use crate::{
    answer::Content,
    clock::Clock,
    faults::FaultKind,
    gate::{Entrance, Vendor as _, Verdict, incoming},
    leadsquared::{CONCURRENT_MAX, DAY_MS},
    record::Call,
    window::Window,
};

/// LeadSquared as a value. It does not wait for the latency in [`Options`]' faults, and it raises no webhook.
#[derive(Debug)]
pub struct InProcess {
    vendor: Arc<LeadSquared>,
    entrance: Entrance,
    calls: Vec<Call>,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// This status and body.
    Answer(StatusCode, String),
    /// The connection ends without an answer; the work may have been done.
    Lost,
    /// No answer ever comes; the work may have been done.
    Silent,
}

impl InProcess {
    /// A new account.
    pub fn new(options: Options) -> io::Result<Self> {
        let windows = vec![
            Window::new(options.standard_limit(), WINDOW_MS),
            Window::new(options.bulk_calls_per_5s, WINDOW_MS),
            Window::new(options.calls_per_day.unwrap_or(u64::MAX), DAY_MS),
        ];
        let entrance = Entrance::new(windows, CONCURRENT_MAX, options.faults.clone());
        Ok(Self { vendor: Arc::new(LeadSquared::new(options, Clock::start())?), entrance, calls: Vec::new() })
    }

    /// A request that arrives at `now_ms` (since the Unix epoch). Its work is done at once.
    pub fn call(&mut self, now_ms: u64, method: &Method, uri: &Uri, headers: HeaderMap, body: Vec<u8>) -> Reply {
        let (mut head, ()) = Request::new(()).into_parts();
        (head.method, head.uri, head.headers) = (method.clone(), uri.clone(), headers);
        let path = uri.path();
        let verdict = Verdict::of(&*self.vendor, &mut self.entrance, &head, now_ms);
        let id = self.calls.len() as u64;
        let mut call = Call { bulk: self.vendor.is_bulk(path), ..verdict.record(id, now_ms, &head) };
        let fault = match &verdict {
            Verdict::Admitted(choice) => choice.fault,
            Verdict::Refused { .. } => None,
        };
        let answer = match verdict {
            Verdict::Refused { answer, .. } => Some(answer),
            Verdict::Admitted(_) => {
                self.entrance.leave();
                match fault {
                    Some(FaultKind::Reset | FaultKind::Hang) => None,
                    Some(FaultKind::Before(failure)) => Some(crate::gate::failing(&*self.vendor, failure)),
                    _ => {
                        let worked = self.vendor.answer(&incoming(id, now_ms, head, body.into()), now_ms);
                        call.items = worked.items;
                        match fault {
                            Some(FaultKind::After(failure)) => Some(crate::gate::failing(&*self.vendor, failure)),
                            Some(FaultKind::LoseAnswer | FaultKind::HangAfter) => None,
                            _ => Some(worked.answer),
                        }
                    }
                }
            }
        };
        call.status = answer.as_ref().map(|answer| answer.status.as_u16());
        call.answer_lost = answer.is_none();
        self.calls.push(call);
        match (answer, fault) {
            (Some(answer), _) => Reply::Answer(
                answer.status,
                match answer.content {
                    Content::Json(value) => value.to_string(),
                    Content::Text(text) | Content::Html(text) => text,
                    Content::Empty => String::new(),
                },
            ),
            (None, Some(FaultKind::Hang | FaultKind::HangAfter)) => Reply::Silent,
            (None, _) => Reply::Lost,
        }
    }

    /// Every request so far, refused ones included.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// All activities, in the order of creation.
    #[must_use]
    pub fn activities(&self) -> Vec<Activity> {
        self.vendor.activities()
    }

    /// All leads, in the order of creation.
    #[must_use]
    pub fn leads(&self) -> Vec<Lead> {
        self.vendor.leads()
    }

    /// Writes a lead at `now_ms` without raising webhooks. A new id creates a lead; otherwise only these fields change.
    /// Any field name is accepted.
    pub fn put_lead<'a>(&self, now_ms: u64, id: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.vendor.put_lead_at(now_ms, id, super::owned(fields));
    }

    /// Switches all webhooks off, as ten failed deliveries in a row do.
    pub fn switch_off_webhooks(&self) {
        self.vendor.switch_off_webhooks();
    }
}
