//! The tests after `is`, and what counts as true.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::is_blank;

/// Every test that a snippet may use.
pub(super) const NAMES: [&str; 8] =
    ["blank", "defined", "endingwith", "filled", "none", "startingwith", "undefined", "yes"];

pub(super) fn register(env: &mut Environment<'static>) {
    env.add_test("blank", |value: &Value| is_blank(value));
    env.add_test("filled", |value: &Value| !is_blank(value) && !value.is_undefined());
    env.add_test("yes", |value: &Value| is_yes(value));
    env.add_test("none", |value: &Value| value.is_none());
    env.add_test("defined", |value: &Value| !value.is_undefined());
    env.add_test("undefined", |value: &Value| value.is_undefined());
    env.add_test("startingwith", |value: &Value, start: &str| {
        value.as_str().is_some_and(|text| text.starts_with(start))
    });
    env.add_test("endingwith", |value: &Value, end: &str| value.as_str().is_some_and(|text| text.ends_with(end)));
}

/// LeadSquared sends `1`; forms and people send the others.
fn is_yes(value: &Value) -> bool {
    const YES: [&str; 5] = ["1", "true", "yes", "sim", "s"];
    match value.as_str() {
        Some(text) => YES.contains(&text.trim().to_lowercase().as_str()),
        None => value.kind() == ValueKind::Bool && value.is_true(),
    }
}

/// Whether a condition's result means yes.
///
/// A text means yes if it is not blank and not LeadSquared's word for no (`0`, `false`). Jinja would take the text
/// `"0"` of an unset flag for true.
pub(super) fn holds(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => {
            let text = text.trim().to_lowercase();
            !text.is_empty() && text != "0" && text != "false"
        }
        None => value.is_true(),
    }
}
