//! The form of a message in LeadSquared.

use std::collections::HashMap;

use leadsquared::{ActivityUpdate, MAX_FIELD_CHARS, MAX_NOTE_CHARS, NewActivity, NewActivityType};
use recado_core::{
    config::{Config, FieldName, Tell, WriteBack},
    message::Message,
    writeback::{LeadFieldNames, crm_time},
};

use super::{
    names::{CHANNEL_FIELD, FIELDS, ID_FIELD, RULE_FIELD, STATE_FIELD, WHY_FIELD},
    unknown::UnknownFields,
};
use crate::{blocks::tells, settings::ms};

/// The configuration's settings for the write-back.
#[derive(Debug, Clone)]
pub struct CrmSettings {
    /// The name of the activity type for messages.
    pub activity_name: String,
    /// The lead's fields for the last outcome and its time, if the configuration names them.
    pub lead_fields: LeadFieldNames,
    /// How long after a post its process counts as dead, in ms.
    pub stale_after_ms: i64,
    /// The outcomes that each campaign writes back, by the campaign's id.
    pub campaigns: HashMap<String, Tell>,
}

impl CrmSettings {
    /// The settings from `config`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            activity_name: config.leadsquared.activity.clone(),
            lead_fields: lead_fields(&config.leadsquared.write_back),
            stale_after_ms: ms(config.send.stale_after_ms),
            campaigns: config.campaigns.iter().map(|one| (one.id.as_str().to_owned(), one.write_back)).collect(),
        }
    }

    /// Whether LeadSquared is told about a message in its present state. The message must have a lead, and its
    /// campaign, if any, must write that state back.
    pub(super) fn tells(&self, message: &Message) -> bool {
        let tell = self.campaigns.get(&message.rule).copied().unwrap_or_default();
        !message.lead_id().is_empty() && tells(tell, message.state)
    }
}

fn lead_fields(back: &WriteBack) -> LeadFieldNames {
    let name = |field: &Option<FieldName>| field.as_ref().map(|field| field.as_str().to_owned());
    LeadFieldNames { status: name(&back.status), at: name(&back.at) }
}

/// The activity type for messages.
pub(crate) fn activity_type(name: &str) -> NewActivityType {
    NewActivityType {
        name: name.to_owned(),
        fields: FIELDS.map(|(schema, display)| (schema.to_owned(), display.to_owned())).into(),
    }
}

/// The activity to post for a message.
pub(super) fn new_activity(message: &Message, code: u32, unknown: &UnknownFields) -> NewActivity {
    let note = match (message.content.text(), message.content.call()) {
        (Some(text), _) => cut(text.expose(), MAX_NOTE_CHARS),
        (None, Some(call)) => cut(&call.audio, MAX_NOTE_CHARS),
        (None, None) => cut(&message.why.as_ref().map(ToString::to_string).unwrap_or_default(), MAX_NOTE_CHARS),
    };
    let mut fields = vec![
        (ID_FIELD.to_owned(), message.id.to_string()),
        (RULE_FIELD.to_owned(), cut(&message.rule, MAX_FIELD_CHARS)),
        (CHANNEL_FIELD.to_owned(), message.content.channel().to_string()),
    ];
    fields.extend(moving_fields(message));
    fields.retain(|(name, _)| !unknown.of_activity(name));
    NewActivity {
        lead_id: message.lead_id().to_owned(),
        code,
        note: note.into(),
        at: crm_time(message.created_ms),
        fields,
    }
}

/// The update that makes an activity show the message's present state.
pub(super) fn update(message: &Message, activity_id: &str, unknown: &UnknownFields) -> ActivityUpdate {
    let mut fields = moving_fields(message);
    fields.retain(|(name, _)| !unknown.of_activity(name));
    ActivityUpdate { activity_id: activity_id.to_owned(), note: None, fields }
}

fn moving_fields(message: &Message) -> Vec<(String, String)> {
    vec![
        (STATE_FIELD.to_owned(), message.state.to_string()),
        (
            WHY_FIELD.to_owned(),
            cut(&message.why.as_ref().map(ToString::to_string).unwrap_or_default(), MAX_FIELD_CHARS),
        ),
    ]
}

fn cut(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).collect()
}
