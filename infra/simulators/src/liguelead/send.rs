//! The common parts of SMS and voice campaigns: recipients, a title, a callback URL, and acceptance.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    body::{Fields, refuse},
    options::Options,
    phones, webhook_url,
};
use crate::{
    answer::Answer,
    clock::utc,
    gate::Incoming,
    liguelead::received::{Campaign, Channel, Redials},
};

/// Limits page: recipients per request. More is a field error (422) here, since the page names no status.
const PHONES_MAX: usize = 10_000;
/// Limits page: characters of a campaign's title.
const TITLE_CHARS_MAX: usize = 255;

/// A valid send, before it is charged.
pub(super) struct Send {
    pub(super) channel: Channel,
    pub(super) phones: Vec<String>,
    pub(super) message: String,
    pub(super) title: Option<String>,
    pub(super) is_flash: bool,
    pub(super) voice_upload_id: Option<u64>,
    pub(super) redials: Option<Redials>,
    pub(super) group_id: Option<String>,
    pub(super) webhook_url: Option<String>,
    pub(super) credits_each: u64,
}

impl Send {
    /// Credits for all recipients.
    pub(super) fn credits(&self) -> u64 {
        self.credits_each.saturating_mul(u64::try_from(self.phones.len()).unwrap_or(u64::MAX))
    }

    pub(super) fn into_campaign(self, id: String, call: &Incoming) -> Campaign {
        Campaign {
            id,
            call: call.id,
            at_ms: call.at_ms,
            channel: self.channel,
            phones: self.phones,
            message: self.message,
            title: self.title,
            is_flash: self.is_flash,
            voice_upload_id: self.voice_upload_id,
            redials: self.redials,
            group_id: self.group_id,
            webhook_url: self.webhook_url,
            credits_each: self.credits_each,
        }
    }
}

/// 202 with the campaign's id. The vendor's answer to a send tells nothing else.
pub(super) fn accepted(channel: Channel, campaign_id: &str, now_ms: u64) -> Answer {
    let message = match channel {
        Channel::Sms => "SMS accepted successfully",
        Channel::Voice => "Voice accepted successfully",
    };
    let data = json!({ "campaign_id": campaign_id, "accepted_at": utc(now_ms, "%Y-%m-%dT%H:%M:%S.%3fZ") });
    Answer::json(StatusCode::ACCEPTED, json!({ "message": message, "data": data }))
}

/// 402, which the vendor's own clients expect if the balance is too low.
pub(super) fn short_of_credits() -> Answer {
    refuse(StatusCode::PAYMENT_REQUIRED, "Insufficient credits")
}

/// The recipients as 11 national digits. One bad phone refuses the whole request. The vendor's page does not say, but
/// silently dropping a phone would hide a mistake.
pub(super) fn recipients(fields: &mut Fields, options: &Options) -> Vec<String> {
    let list = match fields.get("phones") {
        Some(Value::Array(list)) => list.clone(),
        Some(_) => {
            fields.wrong("phones", "must be an array of strings");
            return Vec::new();
        }
        None => {
            fields.wrong("phones", "is required");
            return Vec::new();
        }
    };
    if list.is_empty() || list.len() > PHONES_MAX {
        fields.wrong("phones", "must hold 1 to 10000 phones");
        return Vec::new();
    }
    let mut recipients = Vec::with_capacity(list.len());
    for (place, phone) in list.iter().enumerate() {
        let national = phone.as_str().and_then(|phone| phones::national(phone, options.strict_phones));
        match national.filter(|national| !options.reject_phones.iter().any(|rejected| rejected == national)) {
            Some(national) => recipients.push(national.to_owned()),
            None => fields.wrong("phones", format!("phones[{place}] is not a valid phone")),
        }
    }
    recipients
}

pub(super) fn title(fields: &mut Fields, required: bool) -> Option<String> {
    let title = fields.text("title", required)?;
    if title.chars().count() > TITLE_CHARS_MAX {
        fields.wrong("title", "must not be longer than 255 characters");
    } else if required && title.trim().is_empty() {
        fields.wrong("title", "must not be empty");
    }
    Some(title)
}

pub(super) fn callback_address(fields: &mut Fields, options: &Options) -> Option<String> {
    let url = fields.text("webhook_url", false)?;
    if let Some(reason) = webhook_url::refusal(&url, options.allow_private_webhooks) {
        fields.wrong("webhook_url", reason);
    }
    Some(url)
}
