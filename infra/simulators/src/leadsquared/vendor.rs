//! LeadSquared behind the gate: credentials, classes of requests, and one lock around each work.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    http::{StatusCode, request::Parts},
    response::Response,
};

use super::{
    desk::Desk,
    events::{Announcer, Raised},
    fields::Pair,
    options::Options,
    received::{Activity, Lead, Received},
    refusal::envelope,
    routes::route,
    store::{ActivityType, Store},
    throttle::throttled,
};
use crate::{
    answer::Answer,
    clock::Clock,
    gate::{Incoming, Refusal, Vendor, Worked, lock},
    record::Call,
    window::Window,
};

/// The indexes of the windows in the gate.
const STANDARD: usize = 0;
const BULK: usize = 1;
const DAY: usize = 2;

/// The author of edits by hand: any user other than the API's own user.
const PERSON: &str = "9e11a7b0-0000-4000-8000-00000000beef";

/// The simulated vendor.
#[derive(Debug)]
pub(crate) struct LeadSquared {
    options: Options,
    clock: Clock,
    store: Mutex<Store>,
    announcer: Arc<Announcer>,
    throttles: AtomicUsize,
}

impl LeadSquared {
    pub(super) fn new(options: Options, clock: Clock) -> io::Result<Self> {
        let store = Mutex::new(Store::new(&options, clock.now_ms()));
        let announcer = Arc::new(Announcer::new(&options, clock)?);
        Ok(Self { options, clock, store, announcer, throttles: AtomicUsize::new(0) })
    }

    pub(super) fn switch_off_webhooks(&self) {
        self.announcer.switch_off();
    }

    pub(super) fn received(&self, calls: Vec<Call>, forgotten_calls: u64) -> Received {
        let (deliveries, forgotten) = self.announcer.deliveries();
        let (leads, activities) = (self.leads(), self.activities());
        Received { calls, forgotten: forgotten_calls + forgotten, leads, activities, deliveries }
    }

    pub(super) fn forget(&self) {
        self.announcer.forget();
    }

    pub(super) fn leads(&self) -> Vec<Lead> {
        lock(&self.store).leads().to_vec()
    }

    pub(super) fn lead(&self, id: &str) -> Option<Lead> {
        lock(&self.store).lead(id).cloned()
    }

    pub(super) fn activities(&self) -> Vec<Activity> {
        lock(&self.store).activities.clone()
    }

    pub(super) fn put_lead(&self, id: &str, pairs: Vec<Pair>) {
        self.put_lead_at(self.clock.now_ms(), id, pairs);
    }

    pub(super) fn put_lead_at(&self, now_ms: u64, id: &str, pairs: Vec<Pair>) {
        lock(&self.store).write(id, pairs, &self.options.user_id, now_ms);
    }

    pub(super) fn edit_lead(&self, id: &str, pairs: Vec<Pair>) {
        let (change, schema) = {
            let mut store = lock(&self.store);
            (store.write(id, pairs, PERSON, self.clock.now_ms()), store.schema.clone())
        };
        self.announcer.announce(vec![Raised::Lead(change)], &self.options.user_id, &schema);
    }

    pub(super) fn raise(&self, event: u16, body: serde_json::Value) {
        let schema = lock(&self.store).schema.clone();
        self.announcer.announce(vec![Raised::Other { event, body }], &self.options.user_id, &schema);
    }

    pub(super) fn put_activity_type(&self, code: u32, name: &str) {
        lock(&self.store).types.insert(code, ActivityType { name: name.to_owned(), fields: Vec::new() });
    }

    pub(super) fn stop_webhooks(&self) {
        self.announcer.stop();
    }
}

/// The path without `/v2/` and in lower case.
fn operation(path: &str) -> String {
    path.strip_prefix("/v2/").unwrap_or_default().to_ascii_lowercase()
}

impl Vendor for LeadSquared {
    fn unauthorized(&self, head: &Parts) -> Option<Answer> {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let is = |header: &str, parameter: &str, expected: &str| match head.headers.get(header) {
            Some(value) => value.as_bytes() == expected.as_bytes(),
            None => query.iter().any(|(name, value)| name == parameter && value == expected),
        };
        let known = is("x-lsq-accesskey", "accessKey", &self.options.access_key)
            && is("x-lsq-secretkey", "secretKey", &self.options.secret_key);
        if !known {
            let refusal = envelope("MXInvalidAccessDetailsException", "Invalid access details");
            return Some(Answer::json(StatusCode::UNAUTHORIZED, refusal));
        }
        // The account belongs to another region's host: only the request that names this host is answered.
        let host = self.options.api_host.as_deref()?;
        let is_probe = operation(head.uri.path()) == "authentication.svc/userbyaccesskey.get";
        let message = format!("The account is served by another API host: {host}");
        (!is_probe)
            .then(|| Answer::json(StatusCode::UNAUTHORIZED, envelope("MXInvalidAccessDetailsException", &message)))
    }

    fn windows(&self, path: &str) -> &'static [usize] {
        let counts_as_standard = self.options.bulk_counts_as_standard;
        match (self.is_bulk(path), counts_as_standard, self.options.calls_per_day.is_some()) {
            (false, _, false) => &[STANDARD],
            (false, _, true) => &[DAY, STANDARD],
            (true, true, false) => &[STANDARD, BULK],
            (true, true, true) => &[DAY, STANDARD, BULK],
            (true, false, false) => &[BULK],
            (true, false, true) => &[DAY, BULK],
        }
    }

    fn is_bulk(&self, path: &str) -> bool {
        match operation(path).as_str() {
            "leadmanagement.svc/lead/bulk/create"
            | "leadmanagement.svc/lead/bulk/createorupdate"
            | "leadmanagement.svc/lead/bulk/update"
            | "prospectactivity.svc/bulk/customactivity/add/byleadid"
            | "prospectactivity.svc/bulk/customactivity/add/byleadfield"
            | "prospectactivity.svc/bulk/customactivity/update" => true,
            "leadmanagement.svc/lead/bulk/updatev2" => self.options.update_v2_is_bulk,
            _ => false,
        }
    }

    fn throttled(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::Window { limit, length_ms } => {
                let turn = self.throttles.fetch_add(1, Ordering::Relaxed);
                throttled(self.options.throttle, turn, limit, length_ms)
            }
            Refusal::Concurrency => self.failure(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    fn failure(&self, status: StatusCode) -> Answer {
        // Without an `MX` type, so that it reads as a temporary failure. Behind a 200 only the envelope shows the
        // failure.
        if status == StatusCode::OK {
            return Answer::ok(envelope("MXInvalidInputException", "The request could not be processed"));
        }
        Answer::text(status, status.canonical_reason().unwrap_or("Error"))
    }

    fn finish(&self, _response: &mut Response, _windows: &mut [Window], _now_ms: u64) {
        // No rate headers are documented.
    }

    async fn work(self: &Arc<Self>, call: Incoming) -> Worked {
        self.answer(&call, self.clock.now_ms())
    }
}

impl LeadSquared {
    /// Does the work of the request at `now_ms`, and announces the changes.
    pub(super) fn answer(&self, call: &Incoming, now_ms: u64) -> Worked {
        let (reply, rows, raised, schema) = {
            let mut store = lock(&self.store);
            let mut desk = Desk {
                store: &mut store,
                options: &self.options,
                announcer: &self.announcer,
                call,
                now_ms,
                rows: 0,
                raised: Vec::new(),
            };
            let reply = route(&mut desk, &operation(&call.path));
            let (rows, raised) = (desk.rows, desk.raised);
            (reply, rows, raised, store.schema.clone())
        };
        self.announcer.announce(raised, &self.options.user_id, &schema);
        let answer = reply.map_or_else(|refused| refused.into_answer(self.options.hide_errors), Answer::ok);
        Worked { answer, items: rows }
    }
}
