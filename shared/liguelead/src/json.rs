//! Reading JSON whose scalars may be of the wrong type: numbers as strings, strings as numbers, `1` for `true`.

use serde_json::{Map, Value};

/// The member `name`, unless it is absent or null.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A scalar as text; an empty text counts as absent.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The longest name of a campaign, in bytes: the documented ones are UUIDs.
const CAMPAIGN_BYTES_MAX: usize = 128;

/// A campaign's id, as the vendor's answers and callbacks name it: printable ASCII, at most 128 bytes. Anything else is no
/// id that could be matched.
pub(crate) fn campaign_id(value: &Value) -> Option<String> {
    let is_id = |text: &String| text.len() <= CAMPAIGN_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    text(value).filter(is_id)
}

/// A whole number that is not negative, from `1`, `1.0`, `"1"` or `"1.0"`.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    let text = text(value)?;
    let digits = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => &text,
    };
    digits.parse().ok()
}

/// A truth value, from `true`, `"true"`, `1` or `"1"` and their opposites.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{text, truth, whole};
    use serde_json::json;

    #[test]
    fn scalars_are_read_from_the_wrong_type() {
        assert_eq!(whole(&json!(3)), Some(3));
        assert_eq!(whole(&json!("3")), Some(3));
        assert_eq!(whole(&json!(3.0)), Some(3));
        assert_eq!(whole(&json!(3.5)), None);
        assert_eq!(whole(&json!(-3)), None);
        assert_eq!(whole(&json!([3])), None);
        assert_eq!(text(&json!(11_988_887_777_u64)).as_deref(), Some("11988887777"));
        assert_eq!(text(&json!("  ")), None);
        assert_eq!(truth(&json!("True")), Some(true));
        assert_eq!(truth(&json!(0)), Some(false));
        assert_eq!(truth(&json!("maybe")), None);
    }
}
