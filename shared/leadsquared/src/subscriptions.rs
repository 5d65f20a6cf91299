//! `Webhook.svc`: creates, lists, changes and deletes the account's webhooks. [`crate::webhook`] reads their posts.
//!
//! Sources: LeadSquared create-, update- and retrieve-a-webhook pages, and what public clients found out by trying.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{Admitted, CallError, Page, Standard, error::Repeat, json};

/// An event for a webhook, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookEvent(pub u16);

impl WebhookEvent {
    /// A landing page was submitted, any of the account's.
    pub const LANDING_PAGE_SUBMITTED: Self = Self(1);
    /// A new activity on a lead. A webhook for it must name the activity's code.
    pub const ACTIVITY_CREATED: Self = Self(2);
    /// A new lead.
    pub const LEAD_CREATED: Self = Self(3);
    /// A lead's stage changed. A webhook for it can only be created by hand: the API refuses it.
    pub const STAGE_CHANGED: Self = Self(5);
    /// A lead's fields changed.
    pub const LEAD_UPDATED: Self = Self(6);
    /// A new task.
    pub const TASK_CREATED: Self = Self(7);
    /// A task is due.
    pub const TASK_REMINDER: Self = Self(8);
    /// An activity was edited.
    pub const ACTIVITY_UPDATED: Self = Self(15);
    /// A task was completed.
    pub const TASK_COMPLETED: Self = Self(16);
    /// A task was edited.
    pub const TASK_UPDATED: Self = Self(17);
    /// A new opportunity.
    pub const OPPORTUNITY_CREATED: Self = Self(31);
    /// An opportunity was edited, its stage and its fields included.
    pub const OPPORTUNITY_UPDATED: Self = Self(32);

    /// Its name in lists, which LeadSquared also appends to a webhook's address as `eventType`.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        EVENTS.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    /// Reads the number or the name: a list may hold either.
    fn read(text: &str) -> Option<Self> {
        let named = EVENTS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| *number);
        named.or_else(|| text.parse().ok()).map(Self)
    }
}

/// The events that have a public number, and their names.
pub const EVENTS: [(u16, &str); 18] = [
    (1, "Landing_Page_submission"),
    (2, "LeadActivity_Post_Create"),
    (3, "Lead_Post_Create"),
    (4, "Lead_Owner_Change"),
    (5, "Lead_Post_Stage_Change"),
    (6, "Lead_Post_Update"),
    (7, "Task_Create"),
    (8, "Task_Reminder"),
    (9, "Lead_Score_Change"),
    (15, "LeadActivity_Post_Update"),
    (16, "Task_Complete"),
    (17, "Task_Update"),
    (26, "Lead_Field_Change"),
    (31, "Opportunity_Post_Create"),
    (32, "Opportunity_Post_Update"),
    (33, "OpportunityField_Post_Update"),
    (34, "OpportunityStage_Post_Update"),
    (35, "Opportunity_Post_Delete"),
];

/// A webhook to be created.
#[derive(Clone)]
pub struct NewWebhook {
    /// The event.
    pub event: WebhookEvent,
    /// The address that it posts to, by http or https.
    pub url: String,
    /// The description that people see in the list of webhooks.
    pub description: String,
    /// Headers on each post, at most 10: the way to send a secret. Administrators of the account can read them.
    pub headers: Vec<(String, SecretString)>,
    /// Only activities of this code; needed for [`WebhookEvent::ACTIVITY_CREATED`].
    pub activity_code: Option<u32>,
}

impl fmt::Debug for NewWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        // The address is left out: it may hold a secret.
        f.debug_struct("NewWebhook")
            .field("event", &self.event)
            .field("headers", &headers)
            .field("activity_code", &self.activity_code)
            .finish_non_exhaustive()
    }
}

/// Whether LeadSquared posts to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookStatus {
    /// LeadSquared posts to it.
    Enabled,
    /// A person switched it off.
    DisabledByHand,
    /// LeadSquared switched it off after too many failures. It stays off until a person or an update enables it. This
    /// is the only machine-readable sign that deliveries have stopped.
    DisabledByFailures,
    /// An undocumented number.
    Other(u64),
}

impl WebhookStatus {
    /// As on the newer page. An older copy says that 1 is enabled, so only 2 is beyond doubt.
    fn read(code: u64) -> Self {
        match code {
            0 => Self::Enabled,
            1 => Self::DisabledByHand,
            2 => Self::DisabledByFailures,
            other => Self::Other(other),
        }
    }

    const fn code(self) -> u64 {
        match self {
            Self::Enabled => 0,
            Self::DisabledByHand => 1,
            Self::DisabledByFailures => 2,
            Self::Other(code) => code,
        }
    }
}

/// A webhook of the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Its event, if it is one with a public number.
    pub event: Option<WebhookEvent>,
    /// Whether LeadSquared posts to it; `None` if the list does not say.
    pub status: Option<WebhookStatus>,
    /// The address that it posts to. It may hold a secret, so `Debug` shows the host alone.
    pub url: Option<String>,
    /// The description that people see.
    pub description: Option<String>,
    /// The code of the activities that it is for, if the list has one.
    pub activity_code: Option<u32>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.as_deref().and_then(|url| url::Url::parse(url).ok()?.host_str().map(str::to_owned));
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("event", &self.event)
            .field("status", &self.status)
            .field("host", &host)
            .field("activity_code", &self.activity_code)
            .finish_non_exhaustive()
    }
}

impl Admitted<'_, Standard> {
    /// Creates a webhook and returns its id. The number of webhooks depends on the plan (3 on Sales Pro, 30 on Sales
    /// Super). [`WebhookEvent::STAGE_CHANGED`] is refused. **Do not repeat it without a look-up**: list the webhooks
    /// first.
    pub async fn create_webhook(self, new: &NewWebhook) -> Result<String, CallError> {
        let answer = self.client.post("Webhook.svc/Create", &[], &setup_json(new), Repeat::Creates).await?;
        let message = answer.get("Message").and_then(Value::as_object);
        message
            .and_then(|message| json::text_of(message, &["Id", "WebhookId"]))
            .ok_or_else(|| Repeat::Creates.failed("the answer tells no webhook's id"))
    }

    /// Replaces all settings of a webhook; repeating it does no harm.
    pub async fn update_webhook(self, id: &str, new: &NewWebhook) -> Result<(), CallError> {
        let mut body = setup_json(new);
        if let Some(object) = body.as_object_mut() {
            object.insert("WebhookId".into(), id.into());
        }
        self.client.post("Webhook.svc/Update", &[], &body, Repeat::Harmless).await.map(|_| ())
    }

    /// The account's webhooks, of one status or, as far as is known, of all. Ask for
    /// [`WebhookStatus::DisabledByFailures`] explicitly: it is not documented whether a list without a status includes
    /// them.
    pub async fn webhooks(self, status: Option<WebhookStatus>, page: Page) -> Result<Vec<Webhook>, CallError> {
        let mut parameter = Map::new();
        parameter.insert("Type".into(), "Webhook".into());
        if let Some(status) = status {
            parameter.insert("StatusCode".into(), status.code().into());
        }
        let body = json!({
            "Parameter": parameter,
            "Sorting": {"ColumnName": "CreatedOn", "Direction": "0"},
            "Paging": page.json(),
        });
        let answer = self.client.post("Webhook.svc/Retrieve", &[], &body, Repeat::Harmless).await?;
        listed(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of webhooks"))
    }

    /// Deletes a webhook. It is a `GET`: a `POST` is refused (405).
    pub async fn delete_webhook(self, id: &str) -> Result<(), CallError> {
        self.client.get("Webhook.svc/Delete", &[("webhookId", id)]).await.map(|_| ())
    }
}

fn setup_json(new: &NewWebhook) -> Value {
    let headers: Vec<Value> =
        new.headers.iter().map(|(name, value)| json!({"Key": name, "Value": value.expose_secret()})).collect();
    let mut body = json!({
        "Description": new.description,
        "URL": new.url,
        "Method": "POST",
        "ContentType": "application/json",
        "WebhookEvent": new.event.0.to_string(),
        "LandingPageUrls": null,
        "IsSpecificLandingPage": false,
        "NotifyOnFailure": true,
        "WebhookProperties": null,
        "CustomHeaders": headers,
    });
    if let (Some(code), Some(object)) = (new.activity_code, body.as_object_mut()) {
        // The code must be beside the properties too, or the request is refused. The properties are JSON as text.
        let code = code.to_string();
        let properties = json!({"ActivityEvent": code, "ActivityData": "[]", "WebPageNames": "[]"});
        object.insert("WebhookProperties".into(), properties.to_string().into());
        object.insert("ActivityEvent".into(), code.into());
    }
    body
}

/// The rows under `Response`, which may be absent if there are none.
fn listed(answer: &Value) -> Option<Vec<Webhook>> {
    match json::member(answer.as_object()?, "Response") {
        Some(rows) => Some(rows.as_array()?.iter().filter_map(|row| webhook(row.as_object()?)).collect()),
        None => json::no_rows(answer),
    }
}

fn webhook(row: &Map<String, Value>) -> Option<Webhook> {
    let properties = json::member(row, "WebhookProperties");
    let properties = match properties {
        Some(Value::String(text)) => serde_json::from_str::<Value>(text).ok(),
        other => other.cloned(),
    };
    let code = properties.as_ref().and_then(Value::as_object).and_then(|one| json::member(one, "ActivityEvent"));
    Some(Webhook {
        id: json::text_of(row, &["WebhookId"])?,
        event: json::text_of(row, &["EventCode", "WebhookEvent"]).and_then(|event| WebhookEvent::read(&event)),
        status: json::member(row, "StatusCode").and_then(json::whole).map(WebhookStatus::read),
        url: json::text_of(row, &["URL"]),
        description: json::text_of(row, &["Description"]),
        activity_code: code.or_else(|| json::member(row, "ActivityEvent")).and_then(json::code),
    })
}
