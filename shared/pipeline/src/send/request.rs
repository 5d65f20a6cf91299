//! Builds the request for the messages of one batch, by their channel.

use liguelead::{SmsRequest, VoiceRequest};
use recado_core::{
    call::retry_end_time,
    message::{Channel, Message},
    phone::Phone,
};
use secrecy::SecretString;

/// A request to LigueLead.
#[derive(Debug)]
pub(super) enum Request {
    Sms(SmsRequest),
    Voice(VoiceRequest),
}

impl Request {
    /// The request to `phones` for messages that were packed together, and so differ only in their phones. `None`: they
    /// are not ready, and nothing may be sent.
    pub(super) fn of(members: &[Message], phones: &[Phone], webhook_url: Option<SecretString>) -> Option<Self> {
        let phones = phones.iter().map(|phone| phone.national().into()).collect();
        let first = members.first()?;
        let (title, group_id) = (first.label.title.clone(), first.label.group_id.clone());
        if first.content.channel() == Channel::Voice {
            let call = first.content.call()?;
            let ready = call.ready.as_ref()?;
            return Some(Self::Voice(VoiceRequest {
                title: title?,
                voice_upload_id: ready.upload_id,
                phones,
                retry_attempts: call.redials,
                retry_interval_min: call.every_min,
                retry_end_time: ready.redial_until_ms.map(retry_end_time),
                group_id,
                webhook_url,
            }));
        }
        Some(Self::Sms(SmsRequest {
            title,
            message: first.content.text()?.expose().into(),
            phones,
            is_flash: first.content.channel() == Channel::Flash,
            group_id,
            webhook_url,
        }))
    }
}
