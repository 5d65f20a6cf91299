//! Reads a JSON body and refuses it in the vendor's order: the content type, then the syntax, then field by field.

use axum::http::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};

use crate::{answer::Answer, gate::Incoming};

/// The most field errors in one answer. Without a limit, 10,000 bad phones would make an answer larger than the
/// request.
const ERRORS_MAX: usize = 20;

/// `{"error": "text"}`.
pub(super) fn refuse(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, json!({ "error": message }))
}

/// The fields of the body, and their errors.
pub(super) struct Fields {
    body: Map<String, Value>,
    errors: Vec<Value>,
}

impl Fields {
    /// 415 for another content type, 400 for a body that is not JSON, 422 for JSON that is not an object.
    pub(super) fn read(call: &Incoming) -> Result<Self, Answer> {
        let content_type = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json"));
        }
        match serde_json::from_slice(&call.body) {
            Ok(Value::Object(body)) => Ok(Self { body, errors: Vec::new() }),
            Ok(_) => Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "The body must be a JSON object")),
            Err(_) => Err(refuse(StatusCode::BAD_REQUEST, "Malformed JSON")),
        }
    }

    /// Notes an error of a field. The message never quotes the value.
    pub(super) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(json!({ "field": field, "message": message.into() }));
        }
    }

    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.body.get(field)
    }

    /// A string field; an explicit `null` is not a string.
    pub(super) fn text(&mut self, field: &'static str, required: bool) -> Option<String> {
        match self.body.get(field) {
            Some(Value::String(text)) => return Some(text.clone()),
            Some(_) => self.wrong(field, "must be a string"),
            None if required => self.wrong(field, "is required"),
            None => {}
        }
        None
    }

    /// A whole number inside `range`. A number written as text is refused.
    pub(super) fn number(&mut self, field: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let number = match self.body.get(field)?.as_u64() {
            Some(number) if range.contains(&number) => Some(number),
            _ => None,
        };
        if number.is_none() {
            self.wrong(field, format!("must be an integer from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A boolean field, false when absent.
    pub(super) fn flag(&mut self, field: &'static str) -> bool {
        match self.body.get(field) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(field, "must be a boolean");
                false
            }
        }
    }

    /// 422 `{"error": [{"field", "message"}]}` if there were errors.
    pub(super) fn finish(self) -> Result<(), Answer> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Answer::json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": self.errors })))
    }
}
