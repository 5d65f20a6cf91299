//! Why the vendor refused, in words that are safe to log.
//!
//! No LigueLead error carries a machine-readable code, the text is English or Portuguese, and its place in the body
//! varies. It may be `error` as text, `error` as a list of `{field, message}`, `errors`, `detail`, or a bare `message`.
//! It may also be a page of HTML from a layer in front of the application, plain text, or nothing. People read the
//! reason; no code should branch on it. Source: the error handling of LigueLead's published clients.

use std::fmt;

use serde_json::{Map, Value};
use vendor_http::{Fault, mask_numbers};

use crate::json;

/// Longest reason kept, in characters.
pub const MAX_REASON_CHARS: usize = 300;
/// Members that hold a reason, the most specific first.
const MEMBERS: [&str; 8] = ["error", "errors", "detail", "details", "message", "msg", "title", "data"];
/// Levels of a body that are searched, and entries of one list that are quoted.
const MAX_DEPTH: usize = 4;
const MAX_ENTRIES: usize = 10;

/// The vendor's own words, at most [`MAX_REASON_CHARS`] characters on one line, without anything that may be a phone.
/// Every run of eight or more digits is masked. Empty if the vendor gave none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Why no answer came, in this crate's own words: those of the HTTP stack hold addresses.
    pub(crate) fn of_fault(fault: Fault) -> Self {
        Self::from_text(match fault {
            Fault::Connect => "no connection to LigueLead could be made",
            Fault::Timeout => "LigueLead gave no answer in time",
            Fault::Lost => "the connection to LigueLead was lost before an answer",
        })
    }

    /// The words, masked.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the vendor gave no reason.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cleans a text of unknown origin.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut line = String::new();
        for word in text.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty()) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(word.chars().filter(|sign| !is_invisible(*sign)));
        }
        Self(mask_numbers(&line).chars().take(MAX_REASON_CHARS).collect())
    }

    /// Finds the reason in a body of any of the known shapes.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => Self::from_text(&find(&value, 0).unwrap_or_default()),
            Err(_) if text.trim_start().starts_with('<') => Self::from_text(&html_words(&text)),
            // A body that was cut short or is of an unknown kind is still worth reading.
            Err(_) => Self::from_text(&text),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "no reason given" } else { &self.0 })
    }
}

/// Invisible characters, which could split a number before it is masked.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn find(value: &Value, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::Array(entries) => join(entries.iter().filter_map(|entry| find(entry, depth + 1))),
        Value::Object(object) => find_in_object(object, depth),
        scalar => json::text(scalar),
    }
}

fn find_in_object(object: &Map<String, Value>, depth: usize) -> Option<String> {
    let said = MEMBERS.iter().filter_map(|name| object.get(*name)).find_map(|value| find(value, depth + 1));
    let field = object.get("field").and_then(json::text);
    match (field, said) {
        (Some(field), Some(said)) => Some(format!("{field}: {said}")),
        (_, Some(said)) => Some(said),
        // Validation errors keyed by field: {"phones": ["text"]}. At the top level the members are not reasons.
        (field, None) if depth > 0 => {
            join(object.iter().filter_map(|(name, value)| find(value, depth + 1).map(|said| format!("{name}: {said}"))))
                .or(field)
        }
        (_, None) => None,
    }
}

fn join(entries: impl Iterator<Item = String>) -> Option<String> {
    let entries: Vec<String> = entries.take(MAX_ENTRIES).collect();
    (!entries.is_empty()).then(|| entries.join("; "))
}

/// The title of a page, or else its words without tags, styles and scripts.
fn html_words(page: &str) -> String {
    // ASCII lower case keeps every byte in its place, so positions in one text hold in the other.
    let lower = page.to_ascii_lowercase();
    if let Some(title) = between(page, &lower, "<title>", "</title>").filter(|title| !title.trim().is_empty()) {
        return title.to_owned();
    }
    let mut words = String::new();
    let mut at = 0;
    while let Some(open) = find_from(&lower, at, "<") {
        words.push_str(page.get(at..open).unwrap_or_default());
        words.push(' ');
        let end = ["script", "style"]
            .iter()
            .find(|name| lower.get(open + 1..).is_some_and(|rest| rest.starts_with(**name)))
            .and_then(|name| find_from(&lower, open, &format!("</{name}")))
            .unwrap_or(open);
        let Some(close) = find_from(&lower, end, ">") else {
            return words;
        };
        at = close + 1;
    }
    words.push_str(page.get(at..).unwrap_or_default());
    words
}

fn between<'a>(page: &'a str, lower: &str, open: &str, close: &str) -> Option<&'a str> {
    let start = lower.find(open)? + open.len();
    let end = find_from(lower, start, close)?;
    page.get(start..end)
}

fn find_from(text: &str, at: usize, what: &str) -> Option<usize> {
    text.get(at..)?.find(what).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::{MAX_REASON_CHARS, Reason};
    use proptest::prelude::*;

    fn reason(body: &str) -> String {
        Reason::from_body(body.as_bytes()).as_str().to_owned()
    }

    #[test]
    fn every_known_shape_gives_its_reason() {
        for (body, expected) in [
            (r#"{"error":"Invalid token"}"#, "Invalid token"),
            (r#"{"error":[{"field":"phones","message":"is required"}]}"#, "phones: is required"),
            (r#"{"error":[{"field":"a","message":"x"},{"field":"b","message":"y"}]}"#, "a: x; b: y"),
            (r#"{"errors":{"phones":["too many"]}}"#, "phones: too many"),
            (r#"{"detail":"not enabled"}"#, "not enabled"),
            (r#"{"message":"Validation failed","error":null}"#, "Validation failed"),
            (r#"{"error":{"message":{"detail":"deep"}}}"#, "deep"),
            (r#"{"statusCode":400,"error":"Bad Request: \u00e1udio"}"#, "Bad Request: áudio"),
            (r#""just text""#, "just text"),
            ("<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
            ("<div><style>p{}</style><p>Request <b>blocked</b></p></div>", "Request blocked"),
            ("upstream\n\tconnect error", "upstream connect error"),
            (r#"{"error":"cut sho"#, r#"{"error":"cut sho"#),
            ("", ""),
            ("{}", ""),
            (r#"{"status":1}"#, ""),
        ] {
            assert_eq!(reason(body), expected, "{body}");
        }
        assert_eq!(Reason::from_body(b"").to_string(), "no reason given");
    }

    #[test]
    fn numbers_are_masked_after_tags_and_invisible_signs_are_gone() {
        let split_by_tags = reason("<p>phone <b>11</b><i>98888</i>7777</p>");
        assert_eq!(split_by_tags, "phone [number]");
        let split_by_nothing = reason("{\"error\":\"phone 1198888\u{200b}7777\"}");
        assert_eq!(split_by_nothing, "phone [number]");
        assert_eq!(reason(r#"{"error":[{"field":"phones","message":"+55 (11) 98888-7777"}]}"#), "phones: +[number]");
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let long = reason(&format!("{{\"error\":\"{}\"}}", "é\\u0007\\n".repeat(1_000)));
        assert_eq!(long.chars().count(), MAX_REASON_CHARS);
        assert!(!long.contains(char::is_control));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_bounded_line(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let reason = Reason::from_body(&body);
            prop_assert!(reason.as_str().chars().count() <= MAX_REASON_CHARS);
            prop_assert!(!reason.as_str().contains(char::is_control));
        }

        #[test]
        fn any_page_gives_a_bounded_line(page in "<[<>a-z/0-9éscript ]{0,200}") {
            let _ = Reason::from_body(page.as_bytes());
        }
    }
}
