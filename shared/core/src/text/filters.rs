//! The filters, and the printer for `{{ … }}`.
//!
//! MiniJinja's own text filters would turn a null field into the word "none". Recado's filters return a null (or an
//! undefined value) unchanged. So the printer refuses it, and `or "…"` after a filter still works.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Output, State, Value};

use super::dates::Midnight;
use super::error::Refusal;
use super::guard::guarded;
use super::numbers::NotANumber;
use super::{MAX_OUTPUT_CHARS, context, dates, is_blank, names, numbers};
use crate::zone::Zone;

/// Every filter that a snippet may use.
pub(super) const NAMES: [&str; 17] = [
    "brl",
    "d",
    "date",
    "default",
    "digits",
    "first_name",
    "length",
    "lower",
    "number",
    "proper",
    "replace",
    "round",
    "time",
    "trim",
    "truncate",
    "trusted",
    "upper",
];

const DATE_FORMAT: &str = "%d/%m/%Y";
const TIME_FORMAT: &str = "%H:%M";

pub(super) fn register(env: &mut Environment<'static>) {
    env.add_filter("lower", |value: Value| on_text(value, |text| Ok(text.to_lowercase().into())));
    env.add_filter("upper", |value: Value| on_text(value, |text| Ok(text.to_uppercase().into())));
    env.add_filter("trim", |value: Value| on_text(value, |text| Ok(text.trim().into())));
    env.add_filter("first_name", |value: Value| {
        on_text(value, |text| Ok(names::first_name(text).map_or_else(|| Value::from(()), Value::from)))
    });
    env.add_filter("trusted", |value: Value| on_text(value, |text| Ok(Value::from_safe_string(text.to_owned()))));
    env.add_filter("proper", |value: Value| on_text(value, |text| Ok(names::proper(text).into())));
    env.add_filter("digits", |value: Value| {
        on_text(value, |text| Ok(text.chars().filter(char::is_ascii_digit).collect::<String>().into()))
    });
    env.add_filter("length", |value: Value| on_text(value, |text| Ok(text.chars().count().into())));
    env.add_filter("replace", replace);
    env.add_filter("truncate", truncate);
    env.add_filter("brl", brl);
    env.add_filter("number", number);
    env.add_filter("date", |state: &State, value: Value, format: Option<&str>, zone: Option<&str>| {
        moment(state, value, format.unwrap_or(DATE_FORMAT), zone)
    });
    env.add_filter("time", |state: &State, value: Value, format: Option<&str>, zone: Option<&str>| {
        moment(state, value, format.unwrap_or(TIME_FORMAT), zone)
    });
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_filter("round", minijinja::filters::round);
}

/// Prints texts, numbers and nothing else: an empty CRM field must not become the word "none", and a lead must not be
/// dumped. In a text to a person, values are [guarded] unless they went through `trusted`.
pub(super) fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match (value.kind(), value.as_str()) {
        (ValueKind::None, _) => Err(Refusal::Empty.into()),
        (ValueKind::String, Some(text)) if context::is_guarded(state) && !value.is_safe() => {
            Ok(out.write_str(guarded(text)?)?)
        }
        (ValueKind::String | ValueKind::Number | ValueKind::Bool | ValueKind::Undefined, _) => {
            minijinja::escape_formatter(out, state, value)
        }
        _ => Err(Refusal::NotText.into()),
    }
}

/// Applies a function to a text; null and undefined stay as they are.
fn on_text(value: Value, apply: impl FnOnce(&str) -> Result<Value, Refusal>) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(value),
        ValueKind::String => Ok(apply(value.as_str().unwrap_or_default())?),
        ValueKind::Number => Ok(apply(&value.to_string())?),
        _ => Err(Refusal::NotText.into()),
    }
}

/// Unlike Jinja's, it works for null and blank fields too: LeadSquared writes "not set" as either.
fn default(value: Value, other: Option<Value>) -> Value {
    if value.is_undefined() || is_blank(&value) { other.unwrap_or_else(|| "".into()) } else { value }
}

fn replace(value: Value, from: &str, to: &str) -> Result<Value, Error> {
    on_text(value, |text| {
        let found = if from.is_empty() { 0 } else { text.matches(from).count() };
        // Chained replacements multiply, so the length is checked before the text is built.
        if text.len().saturating_add(found.saturating_mul(to.len())) > MAX_OUTPUT_CHARS * 4 {
            return Err(Refusal::Unfit("the replaced text is too long"));
        }
        Ok(if found == 0 { text.into() } else { text.replace(from, to).into() })
    })
}

/// At most so many characters; the last one is an ellipsis if the text was cut.
fn truncate(value: Value, chars: usize) -> Result<Value, Error> {
    on_text(value, |text| {
        if text.chars().count() <= chars {
            return Ok(text.into());
        }
        let kept: String = text.chars().take(chars.saturating_sub(1)).collect();
        Ok(format!("{}…", kept.trim_end()).into())
    })
}

fn brl(value: Value) -> Result<Value, Error> {
    if value.is_undefined() || is_blank(&value) {
        return Ok(value);
    }
    Ok(numbers::brl(to_number(&value)?).into())
}

/// A number for comparisons. A blank field gives the argument's number, or an error: an empty score is not below 10.
fn number(value: Value, blank: Option<f64>) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(value);
    }
    if is_blank(&value) {
        return blank.map(Value::from).ok_or_else(|| Refusal::Empty.into());
    }
    let number = to_number(&value)?;
    // A whole number prints without ".0".
    let whole = format!("{number:.0}").parse::<i64>().ok().filter(|_| number.fract() == 0.0);
    Ok(whole.map_or_else(|| number.into(), Value::from))
}

fn to_number(value: &Value) -> Result<f64, Refusal> {
    let number = match value.as_str() {
        Some(text) => numbers::parse(text),
        None if value.kind() == ValueKind::Number => numbers::parse(&value.to_string()),
        None => Err(NotANumber::None),
    };
    number.map_err(|not| match not {
        NotANumber::None => Refusal::Unfit("the value is not a number"),
        NotANumber::Ambiguous => Refusal::Unfit("the value is ambiguous: its mark may separate thousands or decimals"),
    })
}

fn moment(state: &State, value: Value, format: &str, zone: Option<&str>) -> Result<Value, Error> {
    let zone = match zone {
        None => context::zone_of(state),
        Some(name) => Zone::parse(name).map_err(|_| Refusal::Unfit("the zone does not exist"))?,
    };
    on_text(value, |text| {
        if text.trim().is_empty() {
            return Ok(text.into());
        }
        let midnight = if context::is_instant(state, text) { Midnight::Instant } else { Midnight::Day };
        Ok(dates::format(text, format, &zone, midnight)?.into())
    })
}
