//! Webhooks that the account sends on changes.
//!
//! There is no common envelope. A new lead is one flat object, a change is `Before` and `After`, activities are an
//! array. Only status 200 is a success. Each delivery has three attempts, and ten failed deliveries in a row disable a
//! webhook.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    fields::{DATE, Schema, flat},
    options::Options,
    received::{Activity, Delivery, Lead},
    store::Change,
    webhook::{
        ACTIVITY_CREATED, ACTIVITY_UPDATED, EVENTS, FIELD_CHANGED, Hook, LEAD_CREATED, LEAD_UPDATED, OWNER_CHANGED,
        SCORE_CHANGED, STAGE_CHANGED, Status,
    },
};
use crate::{
    clock::{Clock, utc},
    gate::lock,
    record::Log,
};

const ATTEMPTS_MAX: u32 = 3;
const FAILURES_MAX: u32 = 10;
const TIMEOUT: Duration = Duration::from_secs(10);

/// An event, before the simulator looks for the webhooks that want it.
#[derive(Debug)]
pub(super) enum Raised {
    Lead(Change),
    Activities {
        created: bool,
        activities: Vec<Activity>,
    },
    /// An event about data that the simulator does not store, by its event number.
    Other {
        event: u16,
        body: Value,
    },
}

/// The account's webhooks and the log of deliveries.
#[derive(Debug)]
pub(super) struct Announcer {
    pub(super) hooks: Arc<Mutex<Vec<Hook>>>,
    deliveries: Arc<Mutex<Log<Delivery>>>,
    running: Mutex<JoinSet<()>>,
    client: reqwest::Client,
    clock: Clock,
    retry: Duration,
}

impl Announcer {
    pub(super) fn new(options: &Options, clock: Clock) -> io::Result<Self> {
        let client = vendor_http::client_builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let hook = |(url, event): (&String, &u16)| Hook::new(*event, url.clone(), options.webhook_headers.clone());
        let events =
            options.webhook_url.iter().flat_map(|url| options.webhook_events.iter().map(move |event| (url, event)));
        Ok(Self {
            hooks: Arc::new(Mutex::new(events.map(hook).collect())),
            deliveries: Arc::new(Mutex::new(Log::new(options.keep_calls))),
            running: Mutex::default(),
            client,
            clock,
            retry: Duration::from_millis(options.webhook_retry_ms),
        })
    }

    /// Switches all webhooks off, as failed deliveries do.
    pub(super) fn switch_off(&self) {
        lock(&self.hooks).iter_mut().for_each(|hook| hook.status = Status::Failed);
    }

    pub(super) fn deliveries(&self) -> (Vec<Delivery>, u64) {
        let deliveries = lock(&self.deliveries);
        (deliveries.all(), deliveries.forgotten())
    }

    pub(super) fn forget(&self) {
        lock(&self.deliveries).clear();
    }

    pub(super) fn stop(&self) {
        lock(&self.running).abort_all();
    }

    /// Starts the deliveries of these events to every webhook that is enabled for them.
    pub(super) fn announce(&self, raised: Vec<Raised>, author: &str, schema: &Schema) {
        let hooks = lock(&self.hooks).clone();
        let mut running = lock(&self.running);
        while running.try_join_next().is_some() {}
        for raised in raised {
            for hook in hooks.iter().filter(|hook| hook.status == Status::Enabled) {
                if let Some(body) = body(&raised, hook, author, schema) {
                    running.spawn(deliver(self.courier(), hook.clone(), body));
                }
            }
        }
    }

    fn courier(&self) -> Courier {
        Courier {
            hooks: Arc::clone(&self.hooks),
            deliveries: Arc::clone(&self.deliveries),
            client: self.client.clone(),
            clock: self.clock,
            retry: self.retry,
        }
    }
}

/// The data that one delivery needs. It is not the announcer itself, because the announcer owns the deliveries.
struct Courier {
    hooks: Arc<Mutex<Vec<Hook>>>,
    deliveries: Arc<Mutex<Log<Delivery>>>,
    client: reqwest::Client,
    clock: Clock,
    retry: Duration,
}

async fn deliver(courier: Courier, hook: Hook, body: Value) {
    let Ok(mut url) = url::Url::parse(&hook.url) else {
        return;
    };
    let name = EVENTS.iter().find(|(number, _)| *number == hook.event).map_or("", |(_, name)| *name);
    url.query_pairs_mut().extend_pairs([("entityType", "webhook"), ("entityId", &hook.id), ("eventType", name)]);
    let mut delivered = false;
    for attempt in 1..=ATTEMPTS_MAX {
        let mut request = courier.client.post(url.clone()).json(&body);
        for (name, value) in &hook.headers {
            request = request.header(name, value);
        }
        let at_ms = courier.clock.now_ms();
        let answer = request.send().await.ok().map(|response| response.status().as_u16());
        lock(&courier.deliveries).push(1, Delivery { at_ms, event: hook.event, attempt, answer });
        delivered = answer == Some(200);
        if delivered {
            break;
        }
        if attempt < ATTEMPTS_MAX {
            tokio::time::sleep(courier.retry).await;
        }
    }
    if let Some(hook) = lock(&courier.hooks).iter_mut().find(|other| other.id == hook.id) {
        hook.failures = if delivered { 0 } else { hook.failures + 1 };
        if hook.failures >= FAILURES_MAX {
            hook.status = Status::Failed;
        }
    }
}

/// The body that `hook` gets for this event, or `None` if the webhook does not want it.
fn body(raised: &Raised, hook: &Hook, author: &str, schema: &Schema) -> Option<Value> {
    match raised {
        Raised::Lead(change) => lead_body(change, hook.event, schema),
        Raised::Other { event, body } => (hook.event == *event).then(|| body.clone()),
        Raised::Activities { created, activities } => {
            let event = if *created { ACTIVITY_CREATED } else { ACTIVITY_UPDATED };
            let is_wanted = |activity: &&Activity| hook.activity_code.is_none_or(|code| code == activity.code);
            let rows: Vec<Value> =
                activities.iter().filter(is_wanted).map(|activity| activity_body(activity, author)).collect();
            (hook.event == event && !rows.is_empty()).then_some(Value::Array(rows))
        }
    }
}

fn lead_body(change: &Change, event: u16, schema: &Schema) -> Option<Value> {
    let Some(before) = &change.before else {
        return (event == LEAD_CREATED).then(|| flat(&change.after, None, schema));
    };
    let differs = |field: &str| before.field(field) != change.after.field(field);
    let is_wanted = match event {
        LEAD_UPDATED => true,
        STAGE_CHANGED => differs("ProspectStage"),
        OWNER_CHANGED => differs("OwnerId"),
        SCORE_CHANGED => differs("Score"),
        FIELD_CHANGED => has_changed(before, &change.after),
        _ => false,
    };
    is_wanted.then(|| json!({ "Before": flat(before, None, schema), "After": flat(&change.after, None, schema) }))
}

/// Whether a field differs, apart from the one that the write itself stamps.
fn has_changed(before: &Lead, after: &Lead) -> bool {
    after.fields.iter().any(|(name, value)| name != "ModifiedBy" && before.fields.get(name) != Some(value))
}

fn activity_body(activity: &Activity, author: &str) -> Value {
    let mut data = json!(activity.fields);
    if let Some(data) = data.as_object_mut() {
        data.insert("Note".to_owned(), json!(activity.note));
    }
    json!({
        "ProspectActivityId": activity.id,
        "RelatedProspectId": activity.lead_id,
        "ActivityEvent": activity.code.to_string(),
        "ActivityType": "2",
        "CreatedBy": author,
        "CreatedOn": utc(activity.created_ms, DATE),
        "Score": 0.0,
        "Data": data,
    })
}
