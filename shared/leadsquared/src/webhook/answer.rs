//! The answers that LeadSquared expects. Source: LeadSquared webhook-best-practices page.

use serde_json::json;

/// Longest reason in an answer, in characters: it is shown in LeadSquared's webhook history.
pub const MAX_STATUS_REASON_CHARS: usize = 300;

/// The body of an answer to a webhook, to be sent with status 200 in either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAnswer {
    is_success: bool,
    reason: String,
}

impl WebhookAnswer {
    /// The delivery was taken.
    #[must_use]
    pub fn success() -> Self {
        Self { is_success: true, reason: String::new() }
    }

    /// The delivery was not taken, and sending it again would not help. Administrators of the CRM read the reason; it
    /// is cut at [`MAX_STATUS_REASON_CHARS`].
    #[must_use]
    pub fn error(reason: impl AsRef<str>) -> Self {
        Self { is_success: false, reason: reason.as_ref().chars().take(MAX_STATUS_REASON_CHARS).collect() }
    }

    /// `{"Status":"Success","StatusReason":""}` or `{"Status":"Error","StatusReason":"…"}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let status = if self.is_success { "Success" } else { "Error" };
        json!({"Status": status, "StatusReason": self.reason}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::WebhookAnswer;

    #[test]
    fn answers_are_what_the_page_asks_for() {
        assert_eq!(WebhookAnswer::success().to_json(), r#"{"Status":"Success","StatusReason":""}"#);
        let error = WebhookAnswer::error("no \"secret\"").to_json();
        assert_eq!(error, r#"{"Status":"Error","StatusReason":"no \"secret\""}"#);
        assert!(WebhookAnswer::error("é".repeat(9_000)).to_json().chars().count() < 400);
    }
}
