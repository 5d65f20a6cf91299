//! Reading JSON in which names change their case and scalars their type.

use serde_json::{Map, Value};

/// The member called `name` in any case, unless it is absent or null.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .filter(|value| !value.is_null())
}

/// The first of `names` that exists, in any case, and is not null.
pub(crate) fn first<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| member(object, name))
}

/// A scalar as text; an empty text counts as absent.
pub(crate) fn text(value: &Value) -> Option<String> {
    scalar(value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A scalar as text, unchanged.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text of the first of `names` that has one.
pub(crate) fn text_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| member(object, name).and_then(text))
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

/// How many rows there are in all, if the answer says. The count is beside the list, which may be absent.
pub(crate) fn record_count(answer: &Value) -> Option<u64> {
    member(answer.as_object()?, "RecordCount").and_then(whole)
}

/// No rows, if an answer without a list says that there are none.
pub(crate) fn no_rows<T>(answer: &Value) -> Option<Vec<T>> {
    (record_count(answer)? == 0).then(Vec::new)
}

/// [`whole`], as an activity's code.
pub(crate) fn code(value: &Value) -> Option<u32> {
    whole(value).and_then(|code| u32::try_from(code).ok())
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
    use super::{member, scalar, text, truth, whole};
    use serde_json::json;

    #[test]
    fn names_match_in_any_case_but_the_exact_one_first() {
        let object = json!({"prospectid": 1, "ProspectID": 2, "Empty": null});
        let object = object.as_object().unwrap();
        assert_eq!(member(object, "ProspectID"), Some(&json!(2)));
        assert!(member(object, "PROSPECTID").is_some());
        assert_eq!(member(object, "Empty"), None);
    }

    #[test]
    fn scalars_are_read_from_the_wrong_type() {
        assert_eq!(whole(&json!("22")), Some(22));
        assert_eq!(whole(&json!(22.0)), Some(22));
        assert_eq!(whole(&json!("-1")), None);
        assert_eq!(whole(&json!({})), None);
        assert_eq!(scalar(&json!("")).as_deref(), Some(""));
        assert_eq!(text(&json!("")), None);
        assert_eq!(truth(&json!("1")), Some(true));
        assert_eq!(truth(&json!("False")), Some(false));
    }
}
