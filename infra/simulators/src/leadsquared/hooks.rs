//! `Webhook.svc`: the subscriptions, with the oddities that probing found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    leads_read::{Paging, whole},
    refusal::{Refused, invalid, success},
    webhook::{ACTIVITY_CREATED, EVENTS, Hook, STAGE_CHANGED},
};
use crate::gate::lock;

const HEADERS_MAX: usize = 10;
const PAGE_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Setup {
    #[serde(rename = "WebhookId")]
    id: Option<String>,
    #[serde(rename = "WebhookEvent")]
    event: Value,
    #[serde(rename = "URL")]
    url: String,
    #[serde(rename = "Description")]
    description: Option<String>,
    /// JSON inside a string. An object does not deserialise, as at the vendor.
    #[serde(rename = "WebhookProperties")]
    properties: Option<String>,
    #[serde(rename = "CustomHeaders", default)]
    headers: Option<Vec<Header>>,
    #[serde(rename = "ActivityEvent")]
    activity_event: Option<Value>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: String,
}

impl Setup {
    fn into_hook(self) -> Result<Hook, Refused> {
        let event = whole(&self.event).and_then(|event| u16::try_from(event).ok());
        let known = event.filter(|event| EVENTS.iter().any(|(number, _)| number == event));
        let event = known.ok_or_else(|| invalid("WebhookEvent is not valid"))?;
        if event == STAGE_CHANGED {
            return Err(invalid("The webhook could not be created"));
        }
        if url::Url::parse(&self.url).is_err() {
            return Err(invalid("URL is not valid"));
        }
        let activity_code = self.activity_event.as_ref().and_then(whole).and_then(|code| u32::try_from(code).ok());
        if event == ACTIVITY_CREATED && activity_code.is_none() {
            return Err(invalid("You have not passed ActivityEvent."));
        }
        let headers: BTreeMap<String, String> =
            self.headers.unwrap_or_default().into_iter().map(|header| (header.key, header.value)).collect();
        if headers.len() > HEADERS_MAX {
            return Err(invalid("More than 10 CustomHeaders"));
        }
        let hook = Hook::new(event, self.url, headers.into_iter().collect());
        Ok(Hook { activity_code, description: self.description, properties: self.properties, ..hook })
    }
}

/// `POST Create`. The event is given as its number.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let hook = desk.body::<Setup>()?.into_hook()?;
    let id = hook.id.clone();
    lock(&desk.announcer.hooks).push(hook);
    Ok(success(&json!({ "Id": id })))
}

/// `POST Update`: replaces all values and enables the webhook again.
pub(super) fn update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let setup: Setup = desk.body()?;
    let id = setup.id.clone().ok_or_else(|| invalid("WebhookId is mandatory"))?;
    let hook = setup.into_hook()?;
    let mut hooks = lock(&desk.announcer.hooks);
    let place = hooks.iter_mut().find(|hook| hook.id == id).ok_or_else(no_such_hook)?;
    *place = Hook { id: id.clone(), ..hook };
    Ok(success(&json!({ "Id": id })))
}

#[derive(Deserialize)]
struct Query {
    #[serde(rename = "Parameter", default)]
    parameter: Filter,
    #[serde(rename = "Paging", default)]
    paging: Paging,
}

#[derive(Default, Deserialize)]
struct Filter {
    #[serde(rename = "WebhookEvent")]
    event: Option<String>,
    #[serde(rename = "WebhookId")]
    id: Option<String>,
    #[serde(rename = "StatusCode")]
    status: Option<Value>,
}

/// `POST Retrieve`. The event is given as its name; empty texts filter nothing.
pub(super) fn retrieve(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let Query { parameter: filter, paging } = desk.body()?;
    let event = filter.event.filter(|name| !name.is_empty());
    let id = filter.id.filter(|id| !id.is_empty());
    let status = filter.status.as_ref().and_then(whole);
    let named = |hook: &Hook, name: &str| EVENTS.contains(&(hook.event, name));
    let is_wanted = |hook: &&Hook| {
        event.as_deref().is_none_or(|name| named(hook, name))
            && id.as_ref().is_none_or(|id| *id == hook.id)
            && status.is_none_or(|status| status == hook.status as usize)
    };
    let hooks = lock(&desk.announcer.hooks);
    let found: Vec<&Hook> = hooks.iter().filter(is_wanted).collect();
    let (skip, take) = paging.range(PAGE_MAX)?;
    let page: Vec<Value> = found.iter().skip(skip).take(take).map(|hook| hook.row()).collect();
    Ok(json!({ "RecordCount": found.len(), "Response": page }))
}

/// `GET Delete?webhookId=`. A POST is a 405.
pub(super) fn delete(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let id = desk.query("webhookId").ok_or_else(|| invalid("webhookId is mandatory"))?;
    let mut hooks = lock(&desk.announcer.hooks);
    let place = hooks.iter().position(|hook| hook.id == id).ok_or_else(no_such_hook)?;
    hooks.remove(place);
    Ok(success(&json!({ "Id": id })))
}

fn no_such_hook() -> Refused {
    Refused::Mx("MXInvalidEntityException", "Webhook does not exist".to_owned())
}
