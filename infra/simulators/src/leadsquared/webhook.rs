//! A webhook of the account, and the events that it can subscribe to.

use serde_json::{Value, json};

/// The numbers and names of the events that webhooks can subscribe to.
pub(super) const EVENTS: [(u16, &str); 15] = [
    (ACTIVITY_CREATED, "LeadActivity_Post_Create"),
    (LEAD_CREATED, "Lead_Post_Create"),
    (OWNER_CHANGED, "Lead_Owner_Change"),
    (STAGE_CHANGED, "Lead_Post_Stage_Change"),
    (LEAD_UPDATED, "Lead_Post_Update"),
    (SCORE_CHANGED, "Lead_Score_Change"),
    (ACTIVITY_UPDATED, "LeadActivity_Post_Update"),
    (FIELD_CHANGED, "Lead_Field_Change"),
    // Only raised by hand: the simulator has no requests that create tasks, opportunities and submissions.
    (1, "Landing_Page_submission"),
    (7, "Task_Create"),
    (8, "Task_Reminder"),
    (16, "Task_Complete"),
    (17, "Task_Update"),
    (31, "Opportunity_Post_Create"),
    (32, "Opportunity_Post_Update"),
];
pub(super) const ACTIVITY_CREATED: u16 = 2;
pub(super) const LEAD_CREATED: u16 = 3;
pub(super) const OWNER_CHANGED: u16 = 4;
pub(super) const STAGE_CHANGED: u16 = 5;
pub(super) const LEAD_UPDATED: u16 = 6;
pub(super) const SCORE_CHANGED: u16 = 9;
pub(super) const ACTIVITY_UPDATED: u16 = 15;
pub(super) const FIELD_CHANGED: u16 = 26;

/// A webhook of the account.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) id: String,
    pub(super) event: u16,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    /// Only activities of this type; `None` for all.
    pub(super) activity_code: Option<u32>,
    pub(super) status: Status,
    /// The number of failed deliveries in a row.
    pub(super) failures: u32,
    pub(super) description: Option<String>,
    pub(super) properties: Option<String>,
}

/// `StatusCode`. No request sets 1, disabled by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Enabled = 0,
    Failed = 2,
}

impl Hook {
    /// An enabled webhook for all activity types.
    pub(super) fn new(event: u16, url: String, headers: Vec<(String, String)>) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            event,
            url,
            headers,
            activity_code: None,
            status: Status::Enabled,
            failures: 0,
            description: None,
            properties: None,
        }
    }

    /// As `POST Retrieve` shows it.
    pub(super) fn row(&self) -> Value {
        let name = EVENTS.iter().find(|(number, _)| *number == self.event).map_or("", |(_, name)| *name);
        json!({
            "WebhookId": self.id,
            "EventName": name.replace('_', " "),
            "EventCode": name,
            "StatusCode": self.status as u8,
            "URL": self.url,
            "Description": self.description,
            "WebhookProperties": self.properties,
        })
    }
}
