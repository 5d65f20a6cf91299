//! `POST /voice`: one recording to many phones. Source: LigueLead voice reference and API limits page.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{Answer, Client, Outcome, Scope, send};

/// The allowed numbers of redials. There is no documented way to ask for none. Source: LigueLead voice reference.
pub const RETRY_ATTEMPTS: std::ops::RangeInclusive<u8> = 1..=3;
/// Minutes between redials. Source: LigueLead voice reference.
pub const RETRY_INTERVAL_MIN: std::ops::RangeInclusive<u16> = 5..=180;
/// The field that names the recording.
const UPLOAD_FIELD: &str = "voice_upload_id";
/// Levels of an answer that are searched for that field.
const MAX_DEPTH: usize = 5;

/// One recording for all of its phones.
#[derive(Clone)]
pub struct VoiceRequest {
    /// A title for the vendor's own reports, 1 to [`crate::MAX_TITLE_CHARS`]. Unlike a text's title, it is required.
    pub title: String,
    /// The recording, as an upload returned it.
    pub voice_upload_id: u64,
    /// 1 to [`crate::MAX_PHONES_PER_REQUEST`], as for a text.
    pub phones: Vec<SecretString>,
    /// Redials of a voice call that nobody answers, [`RETRY_ATTEMPTS`]. Always sent: the vendor's default is three.
    pub retry_attempts: u8,
    /// Minutes between redials, [`RETRY_INTERVAL_MIN`]. Always sent.
    pub retry_interval_min: u16,
    /// The last minute for redials, `HH:MM` in São Paulo: 08:00 to 21:45, and at least 10 minutes after the request.
    pub retry_end_time: Option<String>,
    /// The vendor's identifier for organising sends. Only the vendor's older pages have it for voice calls.
    pub group_id: Option<String>,
    /// The callback URL for this send, instead of the app's own; see [`crate::SmsRequest::webhook_url`].
    pub webhook_url: Option<SecretString>,
}

impl fmt::Debug for VoiceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceRequest")
            .field("voice_upload_id", &self.voice_upload_id)
            .field("phones", &self.phones.len())
            .field("retry_attempts", &self.retry_attempts)
            .field("retry_interval_min", &self.retry_interval_min)
            .field("retry_end_time", &self.retry_end_time)
            .field("group_id", &self.group_id)
            .finish_non_exhaustive()
    }
}

impl VoiceRequest {
    /// The fault against the documented rules, found without a request. Whether the end of the redials is late enough
    /// depends on the vendor's clock.
    fn fault(&self) -> Option<&'static str> {
        if let Some(fault) = send::fault(&self.phones, Some(&self.title), self.webhook_url.as_ref()) {
            Some(fault)
        } else if self.title.trim().is_empty() {
            Some("a call needs a title")
        } else if !RETRY_ATTEMPTS.contains(&self.retry_attempts) {
            Some("redials are 1 to 3")
        } else if !RETRY_INTERVAL_MIN.contains(&self.retry_interval_min) {
            Some("redials are 5 to 180 minutes apart")
        } else {
            None
        }
    }

    fn to_json(&self) -> String {
        let secret = |secret: &SecretString| Value::from(secret.expose_secret());
        let mut body = Map::new();
        body.insert("title".into(), self.title.as_str().into());
        body.insert(UPLOAD_FIELD.into(), self.voice_upload_id.into());
        body.insert("phones".into(), self.phones.iter().map(secret).collect());
        body.insert("retry_attempts".into(), self.retry_attempts.into());
        body.insert("retry_interval_min".into(), self.retry_interval_min.into());
        if let Some(end) = &self.retry_end_time {
            body.insert("retry_end_time".into(), end.as_str().into());
        }
        if let Some(group_id) = &self.group_id {
            body.insert("group_id".into(), group_id.as_str().into());
        }
        if let Some(url) = &self.webhook_url {
            body.insert("webhook_url".into(), secret(url));
        }
        Value::Object(body).to_string()
    }
}

impl Client {
    /// Asks the vendor to make the voice call, once; as [`Client::send_sms`]. A refusal that is about the recording has
    /// [`Scope::Upload`].
    pub async fn send_voice(&self, request: &VoiceRequest) -> Answer {
        if let Some(fault) = request.fault() {
            return Answer::checked_locally(fault);
        }
        let (mut answer, body) = self.send("/voice", request.to_json(), &request.phones).await;
        if let Outcome::Refused { status, scope, .. } = &mut answer.outcome
            && is_about_upload(*status, &body)
        {
            *scope = Scope::Upload;
        }
        answer
    }
}

/// Whether a refusal is about the recording. Nothing else in a voice call can be unknown (404), and validation errors
/// name their field. The vendor's words are not used: they come in two languages.
fn is_about_upload(status: u16, body: &[u8]) -> bool {
    match status {
        404 => true,
        400 | 403 | 422 => serde_json::from_slice(body).is_ok_and(|body: Value| names_upload(&body, 0)),
        _ => false,
    }
}

/// `{"field": "voice_upload_id"}` or `{"voice_upload_id": …}`, at any place.
fn names_upload(value: &Value, depth: usize) -> bool {
    let within = |value: &Value| depth < MAX_DEPTH && names_upload(value, depth + 1);
    match value {
        Value::Array(entries) => entries.iter().any(within),
        Value::Object(object) => {
            object.get("field").and_then(Value::as_str) == Some(UPLOAD_FIELD)
                || object.contains_key(UPLOAD_FIELD)
                || object.values().any(within)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{VoiceRequest, is_about_upload};
    use serde_json::{Value, json};

    fn request() -> VoiceRequest {
        VoiceRequest {
            title: "Call".into(),
            voice_upload_id: 7,
            phones: vec!["11988887777".into()],
            retry_attempts: 1,
            retry_interval_min: 15,
            retry_end_time: None,
            group_id: None,
            webhook_url: None,
        }
    }

    #[test]
    fn redials_are_always_said() {
        let sent: Value = serde_json::from_str(&request().to_json()).unwrap();
        let least = json!({
            "title": "Call", "voice_upload_id": 7, "phones": ["11988887777"], "retry_attempts": 1,
            "retry_interval_min": 15,
        });
        assert_eq!(sent, least);
        let full = VoiceRequest {
            retry_end_time: Some("21:44".into()),
            group_id: Some("g".into()),
            webhook_url: Some("https://example.com/cb".into()),
            ..request()
        };
        let sent: Value = serde_json::from_str(&full.to_json()).unwrap();
        assert_eq!(sent["retry_end_time"], "21:44");
        assert_eq!((&sent["group_id"], &sent["webhook_url"]), (&json!("g"), &json!("https://example.com/cb")));
    }

    #[test]
    fn the_documented_ranges_are_inclusive() {
        let of = |retry_attempts, retry_interval_min| VoiceRequest { retry_attempts, retry_interval_min, ..request() };
        for good in [of(1, 5), of(3, 180)] {
            assert_eq!(good.fault(), None);
        }
        for bad in [of(0, 15), of(4, 15), of(1, 4), of(1, 181)] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
        for title in [" ".to_owned(), "é".repeat(256)] {
            assert!(VoiceRequest { title, ..request() }.fault().is_some());
        }
        assert!(VoiceRequest { phones: vec!["11988887777".into(); 10_001], ..request() }.fault().is_some());
    }

    #[test]
    fn a_refusal_is_about_the_recording_by_status_or_field_and_not_by_words() {
        let named = br#"{"error":[{"field":"voice_upload_id","message":"nao encontrado"}]}"#;
        let keyed = br#"{"errors":{"voice_upload_id":["is invalid"]}}"#;
        let words = br#"{"error":[{"field":"phones","message":"voice_upload_id"}]}"#;
        assert!(is_about_upload(404, b"<html>"));
        for status in [400, 403, 422] {
            assert!(is_about_upload(status, named) && is_about_upload(status, keyed), "{status}");
            assert!(!is_about_upload(status, words) && !is_about_upload(status, b""), "{status}");
        }
        assert!(!is_about_upload(401, named) && !is_about_upload(500, named));
    }

    #[test]
    fn debug_tells_no_phone_and_no_title() {
        let printed = format!("{:?}", VoiceRequest { title: "Maria".into(), ..request() });
        assert!(!printed.contains("11988887777") && !printed.contains("Maria"), "{printed}");
    }
}
