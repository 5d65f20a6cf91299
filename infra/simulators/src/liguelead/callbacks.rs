//! Makes the callbacks: bounded in parallel, bounded in time, never repeated.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{
    account::Books,
    hostile,
    options::Options,
    plan::Planned,
    received::{Callback, Campaign, Channel},
};
use crate::{
    clock::{Clock, utc},
    gate::lock,
};

/// What the callbacks need of the simulated vendor.
#[derive(Debug)]
pub(super) struct Caller {
    app_id: String,
    clock: Clock,
    client: reqwest::Client,
    /// Whether hostile callbacks come first.
    is_hostile: bool,
    permits: Arc<Semaphore>,
    /// Where each callback is recorded.
    books: Arc<Mutex<Books>>,
}

impl Caller {
    pub(super) fn new(options: &Options, clock: Clock, books: Arc<Mutex<Books>>) -> io::Result<Self> {
        let client = vendor_http::client_builder()
            .timeout(Duration::from_millis(options.callbacks.callback_timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let permits = Arc::new(Semaphore::new(options.callbacks.callbacks_at_once.max(1)));
        let is_hostile = options.callbacks.hostile_callbacks;
        Ok(Self { app_id: options.app_id.clone(), clock, client, is_hostile, permits, books })
    }
}

/// Makes all `planned` callbacks of a campaign. Returns once each was answered or given up.
pub(super) async fn make(caller: Arc<Caller>, campaign: Arc<Campaign>, planned: Vec<Planned>, url: String) {
    let (accepted, accepted_ms) = (Instant::now(), caller.clock.now_ms());
    let url: Arc<str> = url.into();
    if caller.is_hostile {
        for body in hostile::bodies(&caller.app_id, &campaign) {
            let request = caller.client.post(&*url).header(CONTENT_TYPE, "application/json").body(body);
            // What the caller is answered does not matter to it.
            let _ = request.send().await;
        }
    }
    let mut running = JoinSet::new();
    for callback in planned {
        tokio::time::sleep_until(accepted + Duration::from_millis(callback.due_ms)).await;
        // Taken before the task starts, so that 20,000 callbacks do not become 20,000 tasks.
        let Ok(permit) = Arc::clone(&caller.permits).acquire_owned().await else {
            return;
        };
        let (caller, campaign, url) = (Arc::clone(&caller), Arc::clone(&campaign), Arc::clone(&url));
        running.spawn(async move {
            make_one(&caller, &campaign, callback, accepted_ms, &url).await;
            drop(permit);
        });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

async fn make_one(caller: &Caller, campaign: &Campaign, callback: Planned, accepted_ms: u64, url: &str) {
    let Some(phone) = campaign.phones.get(callback.place) else {
        return;
    };
    let body = payload(&caller.app_id, campaign, phone, callback.status, accepted_ms + callback.occurred_ms);
    let at_ms = caller.clock.now_ms();
    let answer = caller.client.post(url).json(&body).send().await.ok().map(|response| response.status().as_u16());
    let callback = Callback {
        at_ms,
        campaign: campaign.id.clone(),
        phone: phone.clone(),
        status: callback.status.to_owned(),
        answer,
    };
    lock(&caller.books).callbacks.push(1, callback);
}

/// The payload of the webhook guide. The phone has `+55` although it was sent without, and `sent_at` is only a date.
pub(super) fn payload(app_id: &str, campaign: &Campaign, national: &str, status: &str, occurred_ms: u64) -> Value {
    let mut body = json!({
        "id": campaign.id,
        "source": "api",
        "phone": format!("+55{national}"),
        "credits_required": campaign.credits_each,
        "sent_at": utc(occurred_ms, "%Y-%m-%d"),
        "status": status,
    });
    if let Some(fields) = body.as_object_mut() {
        match campaign.channel {
            Channel::Sms => {
                fields.insert("type".to_owned(), json!("sms"));
                fields.insert("message".to_owned(), json!(campaign.message));
                fields.insert("is_flash".to_owned(), json!(campaign.is_flash));
            }
            // The guide mentions fields of voice calls without naming them.
            Channel::Voice => {
                fields.insert("type".to_owned(), json!("voice"));
            }
        }
    }
    json!({
        "event": "campaign.status",
        "app_id": app_id,
        "occurred_at": utc(occurred_ms, "%Y-%m-%dT%H:%M:%S.%3fZ"),
        "campaign": body,
    })
}
