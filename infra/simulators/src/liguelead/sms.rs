//! `POST /sms`.

use super::{
    body::Fields,
    options::Options,
    received::Channel,
    send::{Send, callback_address, recipients, title},
    webhook_url::holds_link,
};
use crate::{answer::Answer, gate::Incoming};

/// Limits page: characters of a text.
const MESSAGE_LENGTH_MAX: usize = 1_600;

/// Reads and checks the request. Unknown fields are ignored, as the vendor does in practice.
pub(super) fn read(call: &Incoming, options: &Options) -> Result<Send, Answer> {
    let mut fields = Fields::read(call)?;
    let message = fields.text("message", true).unwrap_or_default();
    let length = options.length_unit.length(&message);
    if fields.get("message").is_some_and(serde_json::Value::is_string) {
        if message.trim().is_empty() {
            fields.wrong("message", "must not be empty");
        } else if length > MESSAGE_LENGTH_MAX {
            fields.wrong("message", "must not be longer than 1600 characters");
        }
    }
    let phones = recipients(&mut fields, options);
    let title = title(&mut fields, false);
    let group_id = fields.text("group_id", false);
    let is_flash = fields.flag("is_flash");
    if is_flash && holds_link(&message) {
        fields.wrong("message", "must not contain a URL when is_flash is true");
    }
    let webhook_url = callback_address(&mut fields, options);
    fields.finish()?;
    let credits_each = options.billing.credits(length);
    Ok(Send {
        channel: Channel::Sms,
        phones,
        message,
        title,
        is_flash,
        voice_upload_id: None,
        redials: None,
        group_id,
        webhook_url,
        credits_each,
    })
}
