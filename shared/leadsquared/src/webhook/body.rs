//! From bytes to JSON, whatever the content type says.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{WebhookError, mend::mended};

/// Members whose value is a part of the body and not the body itself, when a form has just one field.
const PARTS: [&str; 5] = ["before", "after", "current", "lead", "data"];

/// The body as JSON: JSON under any content type, also within a JSON string, or a form.
pub(super) fn decode(content_type: Option<&str>, body: &[u8]) -> Result<Value, WebhookError> {
    let text = str::from_utf8(body).map_err(|error| WebhookError::NotUtf8 { at: error.valid_up_to() })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(WebhookError::Empty);
    }
    let is_form = content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("form-urlencoded"));
    match json(text) {
        Ok(Value::String(inner)) if is_json_like(&inner) => json(&inner),
        Ok(value) => Ok(value),
        Err(error) if is_json_like(text) && !is_form => Err(error),
        Err(error) => form(text).ok_or(if is_json_like(text) { error } else { WebhookError::NotUnderstood }),
    }
}

/// The value of a JSON text inside a string: forms and automations put objects into strings.
pub(super) fn inner_json(value: &Value) -> Option<Value> {
    value.as_str().filter(|text| is_json_like(text)).and_then(|text| json(text).ok())
}

fn is_json_like(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn json(text: &str) -> Result<Value, WebhookError> {
    // serde_json itself allows a depth of 128, which fits any stack; a lead has 2 or 3.
    let read = serde_json::from_str(text).or_else(|error| match mended(text) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    });
    read.map_err(|error| {
        let problem = if error.is_eof() {
            "ends too early"
        } else if error.to_string().starts_with("recursion limit") {
            "is nested too deeply"
        } else {
            "has a mistake"
        };
        WebhookError::NotJson { problem, line: error.line(), column: error.column() }
    })
}

/// A form: flat fields, or a single one that holds JSON, or some whose values are JSON text. `None` if the text is no
/// form.
fn form(text: &str) -> Option<Value> {
    if !text.contains(['=', '%']) {
        return None;
    }
    let fields: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    if let [(name, value)] = fields.as_slice() {
        let is_part = PARTS.contains(&name.to_ascii_lowercase().as_str());
        let whole = if value.is_empty() { name } else { value };
        if let Some(value) = Some(whole).filter(|whole| !is_part && is_json_like(whole)).and_then(|it| json(it).ok()) {
            return Some(value);
        }
    }
    let object: Map<String, Value> = fields
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    (!object.is_empty()).then_some(Value::Object(object))
}
