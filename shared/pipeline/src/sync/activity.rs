//! How a message looks in LeadSquared.

use leadsquared::{ActivityUpdate, LeadUpdate, MAX_FIELD_CHARS, MAX_NOTE_CHARS, NewActivity, NewActivityType};
use recado_core::{
    config::{Config, FieldName, WriteBack},
    message::Message,
};

use crate::settings::{crm_time, ms};

/// The activity's field that holds the message's id, by which an open post is looked up.
pub(super) const ID_FIELD: &str = "mx_Custom_1";
const RULE_FIELD: &str = "mx_Custom_2";
const CHANNEL_FIELD: &str = "mx_Custom_3";
const STATE_FIELD: &str = "mx_Custom_4";
const WHY_FIELD: &str = "mx_Custom_5";

/// What the write-back needs of the configuration.
#[derive(Debug, Clone)]
pub struct CrmSettings {
    /// The name of the activity type that stands for messages.
    pub activity_name: String,
    /// The lead's fields that show the last outcome and its time.
    pub lead_fields: Option<LeadFields>,
    /// How long after a post its process is taken for dead, in ms.
    pub stale_after_ms: i64,
}

/// The names of the lead's fields to write; at least one.
#[derive(Debug, Clone)]
pub struct LeadFields {
    /// Receives the state.
    status: Option<String>,
    /// Receives the time of the state.
    at: Option<String>,
}

impl LeadFields {
    fn of(back: &WriteBack) -> Option<Self> {
        let name = |field: &Option<FieldName>| field.as_ref().map(|field| field.as_str().to_owned());
        let fields = Self { status: name(&back.status), at: name(&back.at) };
        (fields.status.is_some() || fields.at.is_some()).then_some(fields)
    }
}

impl CrmSettings {
    /// What `config` says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            activity_name: config.leadsquared.activity.clone(),
            lead_fields: LeadFields::of(&config.leadsquared.write_back),
            stale_after_ms: ms(config.send.stale_after_ms),
        }
    }
}

/// The activity type that stands for messages.
pub(crate) fn activity_type(name: &str) -> NewActivityType {
    let fields = [
        (ID_FIELD, "Message Id"),
        (RULE_FIELD, "Rule"),
        (CHANNEL_FIELD, "Channel"),
        (STATE_FIELD, "State"),
        (WHY_FIELD, "Reason"),
    ];
    NewActivityType {
        name: name.to_owned(),
        fields: fields.map(|(schema, display)| (schema.to_owned(), display.to_owned())).into(),
    }
}

/// The activity to post for a message.
pub(super) fn new_activity(message: &Message, code: u32) -> NewActivity {
    let note = match (&message.text, &message.call) {
        (Some(text), _) => cut(text.expose(), MAX_NOTE_CHARS),
        (None, Some(call)) => cut(&call.audio, MAX_NOTE_CHARS),
        (None, None) => cut(message.why.as_deref().unwrap_or_default(), MAX_NOTE_CHARS),
    };
    let mut fields = vec![
        (ID_FIELD.to_owned(), message.id.to_string()),
        (RULE_FIELD.to_owned(), cut(&message.rule, MAX_FIELD_CHARS)),
        (CHANNEL_FIELD.to_owned(), message.channel.to_string()),
    ];
    fields.extend(moving_fields(message));
    NewActivity { lead_id: message.lead_id.clone(), code, note: note.into(), at: crm_time(message.created_ms), fields }
}

/// The update that makes an activity show the message's present state.
pub(super) fn update(message: &Message, activity_id: &str) -> ActivityUpdate {
    ActivityUpdate { activity_id: activity_id.to_owned(), note: None, fields: moving_fields(message) }
}

/// The row that makes the lead's own fields show the message's present state.
pub(super) fn lead_update(message: &Message, names: &LeadFields) -> LeadUpdate {
    let status = names.status.clone().map(|name| (name, message.state.to_string()));
    let at = names.at.clone().map(|name| (name, crm_time(message.changed_ms)));
    LeadUpdate { lead_id: message.lead_id.clone(), fields: status.into_iter().chain(at).collect() }
}

fn moving_fields(message: &Message) -> Vec<(String, String)> {
    vec![
        (STATE_FIELD.to_owned(), message.state.to_string()),
        (WHY_FIELD.to_owned(), cut(message.why.as_deref().unwrap_or_default(), MAX_FIELD_CHARS)),
    ]
}

fn cut(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).collect()
}
