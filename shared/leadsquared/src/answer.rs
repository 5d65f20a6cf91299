//! Sorts every answer by status and content, only here.
//!
//! Source: LeadSquared error handling, HTTP response codes and rate limits pages, and answers seen by public clients.

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::Value;

use crate::{
    error::{CallError, Repeat, SeenLimit},
    json,
    message::Message,
};

/// Longest answer read, in bytes: 10,000 leads of about 3 kB each.
pub(crate) const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Longest part of an error's body that is read, in bytes. Bodies that are not JSON are pages or single lines.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// The window if the message names none, and the margin added to any window, in milliseconds.
const DEFAULT_WAIT_MS: u64 = 5_000;
const MARGIN_MS: u64 = 200;
/// Longest wait taken from an answer, in milliseconds: a longer one is no window but a mistake.
const MAX_WAIT_MS: u64 = 600_000;

/// The answer's JSON if the request was carried out. Bulk answers with failed rows count as carried out.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], repeat: Repeat) -> Result<Value, CallError> {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let told = Told::of(parsed.as_ref(), body, status);
    if let Some(error) = told.throttled(status, headers) {
        return Err(error);
    }
    let is_type = |name: &str| told.exception_type.as_deref().is_some_and(|told| told.contains(name));
    if status == StatusCode::UNAUTHORIZED || is_type("InvalidAccessDetails") {
        return Err(CallError::Credentials { message: told.message });
    }
    // An MX type is a verdict on the request's content, whatever the status; so is 200 with `Status: Error`.
    if is_type("MX") || (told.is_error && status.is_success()) {
        return Err(refused(status, told));
    }
    match status.as_u16() {
        200..=299 => parsed.ok_or_else(|| repeat.failed("the answer is not JSON")),
        403 => Err(CallError::Credentials { message: told.message }),
        code @ (408 | 500..=599) => Err(repeat.failed(&format!("answered {code}: {}", told.message))),
        _ => Err(refused(status, told)),
    }
}

fn refused(status: StatusCode, told: Told) -> CallError {
    let message = told.message.with(told.exception_type.clone());
    CallError::Refused { status: status.as_u16(), exception_type: told.exception_type, message }
}

/// The facts about a failure in an answer, if there are any.
struct Told {
    is_error: bool,
    exception_type: Option<String>,
    message: Message,
}

impl Told {
    fn of(parsed: Option<&Value>, body: &[u8], status: StatusCode) -> Self {
        let Some(object) = parsed.and_then(Value::as_object) else {
            // A line or page of text, also as a JSON string. A list is never an error.
            let is_text = parsed.is_none_or(Value::is_string);
            let text = String::from_utf8_lossy(body.get(..MAX_ERROR_BYTES).unwrap_or(body));
            let message = Message::new(if is_text || !status.is_success() { text } else { "".into() });
            return Self { is_error: false, exception_type: None, message };
        };
        let is_error = json::text_of(object, &["Status"]).is_some_and(|status| status.eq_ignore_ascii_case("error"));
        let message = json::text_of(object, &["ExceptionMessage", "Message", "ErrorMessage", "StatusReason"]);
        Self {
            is_error,
            exception_type: json::text_of(object, &["ExceptionType"]),
            message: Message::new(message.unwrap_or_default()),
        }
    }

    fn throttled(&self, status: StatusCode, headers: &HeaderMap) -> Option<CallError> {
        let limit = seen_limit(self.message.raw());
        let is_type = self.exception_type.as_deref().is_some_and(|name| name.contains("APIRateLimitExceeded"));
        if status != StatusCode::TOO_MANY_REQUESTS && !is_type && limit.is_none() {
            return None;
        }
        let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let wait_ms = match (header, limit) {
            (Some(seconds), _) => seconds.saturating_mul(1_000),
            (None, Some(limit)) => u64::from(limit.seconds) * 1_000,
            (None, None) => DEFAULT_WAIT_MS,
        };
        Some(CallError::Throttled { limit, retry_after_ms: wait_ms.saturating_add(MARGIN_MS).min(MAX_WAIT_MS) })
    }
}

/// `… exceeded the limit of 25 in 5 second(s)`, in any case.
fn seen_limit(message: &str) -> Option<SeenLimit> {
    let lower = message.to_ascii_lowercase();
    let (_, rest) = lower.split_once("exceeded the limit of")?;
    let mut words = rest.split_whitespace();
    let calls = words.next()?.parse().ok()?;
    if words.next()? != "in" {
        return None;
    }
    let seconds = words.next()?.parse().ok()?;
    words.next()?.starts_with("second").then_some(SeenLimit { calls, seconds })
}

#[cfg(test)]
mod tests {
    use super::{read, seen_limit};
    use crate::{CallError, SeenLimit, error::Repeat};
    use reqwest::{StatusCode, header::HeaderMap};

    fn answer(status: u16, body: &str, repeat: Repeat) -> Result<serde_json::Value, CallError> {
        read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), repeat)
    }

    fn error(status: u16, body: &str) -> CallError {
        answer(status, body, Repeat::Creates).unwrap_err()
    }

    #[test]
    fn every_known_form_of_a_throttled_call_is_recognised() {
        let limit = |calls| Some(SeenLimit { calls, seconds: 5 });
        for (status, body, limit) in [
            (429, "API calls exceeded the limit of 25 in 5 second(s)", limit(25)),
            (429, r#""API calls exceeded the limit of 72 in 5 second(s)""#, limit(72)),
            (429, "", None),
            (403, r#"{"ExceptionMessage":"API calls exceeded the limit of 10 in 5 second(s)"}"#, limit(10)),
            (200, r#"{"Message":"API calls exceeded the limit of 2 in 5 seconds"}"#, limit(2)),
            (200, "API calls exceeded the limit of 2 in 5 second(s)", limit(2)),
            (500, r#"{"Status":"Error","ExceptionType":"MXAPIRateLimitExceededException"}"#, None),
            (
                200,
                r#"{"Status":"Error","ExceptionType":"MXAPIRateLimitExceededException",
                   "ExceptionMessage":"API calls exceeded the limit of 20 in 5 second(s)"}"#,
                limit(20),
            ),
        ] {
            assert_eq!(error(status, body), CallError::Throttled { limit, retry_after_ms: 5_200 }, "{status} {body}");
        }
    }

    #[test]
    fn a_lead_that_speaks_of_limits_is_no_throttle() {
        let body = r#"[{"Notes":"exceeded the limit of 2 in 5 second(s)"}]"#;
        assert!(answer(200, body, Repeat::Harmless).is_ok());
    }

    #[test]
    fn retry_after_is_honoured_within_bounds() {
        let wait = |value: &str| {
            let headers = [("retry-after".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            match read(StatusCode::TOO_MANY_REQUESTS, &headers, b"", Repeat::Harmless) {
                Err(CallError::Throttled { retry_after_ms, .. }) => retry_after_ms,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wait("30"), 30_200);
        assert_eq!(wait("99999999999999999999"), 5_200);
        assert_eq!(wait("9999999999999999999"), 600_000);
    }

    #[test]
    fn credentials_keep_the_message_with_the_right_host() {
        let body = r#"{"Status":"Error","ExceptionType":"X","ExceptionMessage":"Use api-us11.leadsquared.com"}"#;
        assert!(error(401, body).to_string().contains("api-us11.leadsquared.com"));
        let by_type = r#"{"ExceptionType":"MXInvalidAccessDetailsException","ExceptionMessage":"bad"}"#;
        assert!(matches!(error(500, by_type), CallError::Credentials { .. }));
        assert!(matches!(error(403, "<html>blocked</html>"), CallError::Credentials { .. }));
    }

    #[test]
    fn mx_types_are_refusals_under_any_status() {
        for status in [200, 400, 403, 500, 503] {
            let error = error(status, r#"{"Status":"Error","ExceptionType":"MXInvalidEntityException"}"#);
            assert!(matches!(error, CallError::Refused { status: told, .. } if told == status), "{error}");
        }
        assert!(matches!(error(200, r#"{"Status":"ERROR","Message":"no"}"#), CallError::Refused { status: 200, .. }));
        for status in [302, 400, 404, 405] {
            assert!(matches!(error(status, "x"), CallError::Refused { .. }), "{status}");
        }
    }

    #[test]
    fn what_may_have_happened_depends_on_the_call() {
        for (status, body) in [(500, "oops"), (502, "<html>"), (503, ""), (200, "<html>"), (408, "")] {
            assert!(matches!(error(status, body), CallError::Unknown { .. }), "{status}");
            let error = answer(status, body, Repeat::Harmless).unwrap_err();
            assert!(matches!(error, CallError::Transient { .. }), "{status}: {error}");
        }
    }

    #[test]
    fn only_the_known_sentence_tells_a_limit() {
        assert_eq!(seen_limit("exceeded the limit of many in 5 seconds"), None);
        assert_eq!(seen_limit("exceeded the limit of 5 in 5 files"), None);
        assert_eq!(seen_limit("exceeded the limit of"), None);
    }
}
