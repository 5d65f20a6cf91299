//! The CRM side against LeadSquared's strict simulator, in virtual time. The write-back on each plan, with lost
//! responses, failing rows, an unknown field, moving states, and a process that dies in the middle. Reading leads for
//! rules. Leads and changes whose webhooks did not come. Recado's own changes, which come back as webhooks.

#![allow(clippy::cast_precision_loss, clippy::print_stdout, reason = "it shows its figures")]

mod changes;
mod crm;
mod enriching;
mod lookups;
mod loops;
mod plans;
mod reconciling;
mod store;
mod telling;
mod together;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use recado_core::{
    config::Config,
    credits::SmsText,
    identity::{BatchId, MessageId},
    message::{Channel, Content, Crm as Known, Message, State},
    phone::Phone,
    transition::Transition,
};
use recado_ledger::Ledger;
use recado_limits::{CrmAccount, CrmLimits};
use recado_pipeline::{
    World,
    http::{Body, HttpRequest},
    ingest::Intake,
    secrets::Secret,
    sync::{CrmSettings, Preparation, Syncer},
};
use recado_simulators::leadsquared::{Activity, Options};
use serde_json::Value;

use crm::{Crm, Time};
use store::Requests;

/// The secret of webhooks.
const SECRET: &str = "a-webhook-secret-that-nobody-guesses";
/// 12:00 UTC on a Monday.
pub(crate) const BEGIN_MS: i64 = 1_795_435_200_000;

/// A table, a CRM, and the processes between them.
pub(crate) struct Installation {
    pub(crate) ledger: Ledger,
    pub(crate) crm: Crm,
    pub(crate) time: Time,
    pub(crate) config: Config,
    /// Requests to the table.
    pub(crate) requests: Requests,
    processes: AtomicU64,
}

impl Installation {
    pub(crate) async fn new(config: &str, options: Options) -> Self {
        let time = Time::from(BEGIN_MS);
        let config = Config::parse(config).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).config;
        let crm = Crm::new(options, time);
        let (ledger, requests) = store::ledger().await;
        Self { ledger, crm, time, config, requests, processes: AtomicU64::new(0) }
    }

    /// Starts another process.
    pub(crate) fn process(&self) -> Syncer {
        let time = self.time;
        let world = World::new(move || time.now_ms(), || [0; 16]);
        let config = &self.config.leadsquared;
        let limits = CrmLimits {
            calls: config.own_calls_per_5s(),
            bulk_calls: config.bulk_calls_per_5s,
            bulk_counts_in_window: config.bulk_counts_in_window,
            window_ms: 5_000,
            calls_per_day: Some(config.own_calls_per_day()),
            day_in_shadow: false,
            reserve_per_mille: 0,
        };
        let account = CrmAccount::new(self.ledger.client().clone(), self.ledger.table(), limits);
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        Syncer {
            ledger: self.ledger.clone(),
            crm: recado_pipeline::crm::Crm { client: self.crm.client(), account, world: world.clone() },
            settings: CrmSettings::of(&self.config),
            world,
            holder: number.to_string(),
            preparation: Preparation::default(),
        }
    }

    /// Writes messages, due now, and a lead in LeadSquared for each.
    pub(crate) async fn put(&self, messages: &[Message]) {
        for message in messages {
            self.put_lead(message.lead_id(), &[("FirstName", "Ana")]);
        }
        self.ledger.insert_messages(messages).await.unwrap();
    }

    /// Writes a lead in LeadSquared without a webhook.
    pub(crate) fn put_lead(&self, id: &str, fields: &[(&str, &str)]) {
        let now_ms = u64::try_from(self.time.now_ms()).unwrap();
        self.crm.vendor().put_lead(now_ms, id, fields.iter().copied());
    }

    /// Accepts webhooks.
    pub(crate) fn intake(&self) -> Intake {
        let process = self.process();
        let secret = Secret::parse(SECRET).unwrap();
        let config = Arc::new(self.config.clone());
        Intake { ledger: self.ledger.clone(), config, secret, world: process.world, wake: Arc::default() }
    }

    /// Posts a webhook, which must succeed. A flat body is a new lead.
    pub(crate) async fn post(&self, body: &Value) {
        let is_flat = body.get("After").is_none() && body.get("ProspectActivityId").is_none();
        self.post_of(if is_flat { "lead.created" } else { "" }, body).await;
    }

    /// The same, to the address of this event.
    pub(crate) async fn post_of(&self, event: &str, body: &Value) {
        let answer = self.answer_to(event, body.to_string().into_bytes()).await;
        assert!(answer.contains("Success"), "{answer}");
    }

    /// The answer to a body at the address of this event. Its status must be 200.
    pub(crate) async fn answer_to(&self, event: &str, body: Vec<u8>) -> String {
        let request = HttpRequest {
            method: "POST".to_owned(),
            query: vec![("event".to_owned(), event.to_owned())],
            content_type: Some("application/json".to_owned()),
            secret: Some(SECRET.to_owned()),
            body: Body::of(body),
        };
        let answer = self.intake().webhook(&request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Moves messages to a state, as a report does.
    pub(crate) async fn report(&self, ids: &[MessageId], state: State) {
        let now_ms = self.time.now_ms();
        let report = |message: &Message| {
            Transition::report(message, BatchId::from_bytes([1; 16]), state, None, now_ms).tell(now_ms)
        };
        let messages = self.ledger.messages(ids).await.unwrap();
        assert!(self.ledger.apply(messages.iter().map(report).collect()).await.unwrap().into_iter().all(|moved| moved));
    }

    /// All messages, by id.
    pub(crate) async fn messages(&self) -> BTreeMap<MessageId, Message> {
        let mut all = BTreeMap::new();
        let visit = |message: Message| {
            all.insert(message.id, message);
            true
        };
        self.ledger.each_message(visit).await.unwrap();
        all
    }

    /// Runs one process for a minute at a time until no message waits, with pauses until rows are due.
    pub(crate) async fn until_all_is_told(&self, process: &Syncer) {
        let mut left = Vec::new();
        for _ in 0..300 {
            process.run(self.time.now_ms() + 60_000).await.unwrap();
            let waiting = self.ledger.crm_due(i64::MAX / 2, 1).await.unwrap();
            let waiting = self.ledger.messages(&waiting).await.unwrap();
            let Some(due_ms) = waiting.iter().filter_map(|message| message.crm.due_ms).min() else { return };
            left = waiting.into_iter().map(|message| (message.id, message.state, message.crm)).collect();
            let pause_ms = u64::try_from(due_ms - self.time.now_ms()).unwrap_or_default();
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms.max(1_000))).await;
        }
        panic!("it comes to no end at {}: {left:?}", self.time.now_ms());
    }

    /// Requests whose path ends with `path`.
    pub(crate) fn calls_to(&self, path: &str) -> usize {
        self.crm.vendor().calls().iter().filter(|call| call.path.ends_with(path)).count()
    }

    /// Recado's activities, by the message id in each.
    pub(crate) fn activities(&self) -> BTreeMap<String, Vec<Activity>> {
        let mut by_message: BTreeMap<String, Vec<Activity>> = BTreeMap::new();
        for activity in self.crm.vendor().activities() {
            by_message.entry(activity.fields["mx_Custom_1"].clone()).or_default().push(activity);
        }
        by_message
    }
}

/// A message with this number, in `state`.
pub(crate) fn message(number: u32, state: State) -> Message {
    let mut id = [0; 16];
    // The first byte spreads messages over the index's shards.
    id[..4].copy_from_slice(&number.to_le_bytes());
    Message {
        event: "lead.created".to_owned(),
        content: Content::Sms(Some(SmsText::parse("oi").unwrap())),
        credits: 1,
        state,
        crm: Known { due_ms: Some(BEGIN_MS), ..Known::default() },
        ..Message::new(
            MessageId::from_bytes(id),
            "r",
            &format!("lead-{number}"),
            Channel::Sms,
            BEGIN_MS,
            BEGIN_MS + 3_600_000,
        )
    }
    .at(Phone::parse(&format!("119{number:08}")).unwrap())
}

/// Runs a test in virtual time.
pub(crate) fn virtually(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

/// Shares a value among tasks.
pub(crate) fn shared<T>(thing: T) -> Arc<T> {
    Arc::new(thing)
}
