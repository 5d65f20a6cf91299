//! `POST /sms`: one text to many phones. Source: LigueLead SMS guide and API limits page.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{Answer, Client, send};

/// Longest text, in characters. The page does not say of which kind. Code points are counted here, the fewest of all,
/// so that nothing is refused that the vendor might take. Source: LigueLead API limits page.
pub const MAX_MESSAGE_CHARS: usize = 1_600;

/// One text for all of its phones: the vendor has no variables and no text per phone.
#[derive(Clone)]
pub struct SmsRequest {
    /// A title for the vendor's own reports, at most [`crate::MAX_TITLE_CHARS`].
    pub title: Option<String>,
    /// The text, at most [`MAX_MESSAGE_CHARS`]. A flash message must not hold a link.
    pub message: SecretString,
    /// 1 to [`crate::MAX_PHONES_PER_REQUEST`], sent unchanged: 11 national digits, as the vendor advises. Leave no
    /// duplicates in. The vendor does not document how it handles them, and delivery reports name recipients by phone
    /// alone.
    pub phones: Vec<SecretString>,
    /// Whether the text pops up on the screen instead of entering the inbox.
    pub is_flash: bool,
    /// The vendor's identifier for organising sends; not a group of recipients.
    pub group_id: Option<String>,
    /// The callback URL for this send, instead of the app's own, used exactly as written, query included; at most
    /// [`crate::MAX_WEBHOOK_URL_CHARS`]. Secret, since it may carry a signature.
    pub webhook_url: Option<SecretString>,
}

impl fmt::Debug for SmsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRequest")
            .field("phones", &self.phones.len())
            .field("is_flash", &self.is_flash)
            .field("group_id", &self.group_id)
            .finish_non_exhaustive()
    }
}

impl SmsRequest {
    /// The fault against the documented maxima, found without a request.
    fn fault(&self) -> Option<&'static str> {
        if send::longer(self.message.expose_secret(), MAX_MESSAGE_CHARS) {
            return Some("the text is longer than 1600 characters");
        }
        send::fault(&self.phones, self.title.as_deref(), self.webhook_url.as_ref())
    }

    /// The vendor's JSON. Values that were not given are left out, so that the vendor's own defaults hold.
    fn to_json(&self) -> String {
        let secret = |secret: &SecretString| Value::from(secret.expose_secret());
        let mut body = Map::new();
        body.insert("message".into(), secret(&self.message));
        body.insert("phones".into(), self.phones.iter().map(secret).collect());
        if let Some(title) = &self.title {
            body.insert("title".into(), title.as_str().into());
        }
        if self.is_flash {
            body.insert("is_flash".into(), true.into());
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
    /// Asks the vendor to send a text, once. Every possible end is an [`crate::Outcome`]. None is an error, because
    /// each needs an entry in the caller's books.
    ///
    /// Dropping the future before it ends leaves the outcome unknown.
    pub async fn send_sms(&self, request: &SmsRequest) -> Answer {
        if let Some(fault) = request.fault() {
            return Answer::checked_locally(fault);
        }
        self.send("/sms", request.to_json(), &request.phones).await.0
    }
}

#[cfg(test)]
mod tests {
    use super::SmsRequest;
    use serde_json::{Value, json};

    fn request() -> SmsRequest {
        SmsRequest {
            title: None,
            message: "Olá, \"José\" 🙂".into(),
            phones: vec!["11988887777".into(), "21977776666".into()],
            is_flash: false,
            group_id: None,
            webhook_url: None,
        }
    }

    fn sent(request: &SmsRequest) -> Value {
        serde_json::from_str(&request.to_json()).unwrap()
    }

    #[test]
    fn only_what_was_asked_for_is_in_the_json() {
        let phones = ["11988887777", "21977776666"];
        assert_eq!(sent(&request()), json!({"message": "Olá, \"José\" 🙂", "phones": phones}));
        let full = SmsRequest {
            title: Some("Welcome".into()),
            is_flash: true,
            group_id: Some("g1".into()),
            webhook_url: Some("https://example.com/cb?b=1&h=2".into()),
            ..request()
        };
        let expected = json!({
            "title": "Welcome", "message": "Olá, \"José\" 🙂", "phones": phones, "is_flash": true, "group_id": "g1",
            "webhook_url": "https://example.com/cb?b=1&h=2",
        });
        assert_eq!(sent(&full), expected);
    }

    #[test]
    fn debug_tells_neither_phone_nor_text_nor_address() {
        let request = SmsRequest { webhook_url: Some("https://example.com/cb?h=2".into()), ..request() };
        let printed = format!("{request:?}");
        for secret in ["11988887777", "José", "example.com"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(printed.contains("phones: 2"), "{printed}");
    }

    #[test]
    fn maxima_are_inclusive() {
        let most = SmsRequest {
            title: Some("é".repeat(255)),
            message: "ç".repeat(1_600).into(),
            phones: vec!["11988887777".into(); 10_000],
            webhook_url: Some("u".repeat(512).into()),
            ..request()
        };
        assert_eq!(most.fault(), None);
        assert!(SmsRequest { title: Some("é".repeat(256)), ..request() }.fault().is_some());
        assert!(SmsRequest { message: "ç".repeat(1_601).into(), ..request() }.fault().is_some());
        assert!(SmsRequest { phones: vec!["11988887777".into(); 10_001], ..request() }.fault().is_some());
        assert!(SmsRequest { phones: vec![], ..request() }.fault().is_some());
        assert!(SmsRequest { webhook_url: Some("u".repeat(513).into()), ..request() }.fault().is_some());
    }
}
