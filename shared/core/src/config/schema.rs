//! The JSON Schema (draft 7) of `recado.yaml`, for editors. It is made from the declarations of the keys.

use serde_json::{Map, Value, json};

use super::FILE;
use super::key::{Absent, Key, Keys, Kind};
use crate::text::MAX_SNIPPET_CHARS;

const ABOUT: &str = "Limits, quotas, hours, caps, rules and campaigns of one installation of Recado. `recado check` \
                     finds more mistakes than a schema can.";
const ID: &str = "^[a-z0-9_-]{1,64}$";

/// The schema of a whole file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = section(&FILE);
    let head =
        [("$schema", "http://json-schema.org/draft-07/schema#"), ("title", "recado.yaml"), ("description", ABOUT)];
    schema.extend(head.map(|(name, text)| (name.to_owned(), text.into())));
    schema.into()
}

/// A mapping that takes these keys and no others.
fn section(keys: &Keys) -> Map<String, Value> {
    let properties: Map<String, Value> = keys.all.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required = keys.all.iter().filter(|key| matches!(key.absent, Absent::Required));
    let required: Vec<&str> = required.map(|key| key.name).collect();
    let one_of = keys.all.iter().filter(|key| matches!(key.absent, Absent::OneOf));
    let one_of: Vec<Value> = one_of.map(|key| json!({ "required": [key.name] })).collect();
    let needs = keys.all.iter().filter(|key| !key.needs.is_empty());
    let dependencies: Map<String, Value> = needs.map(|key| (key.name.to_owned(), json!([key.needs]))).collect();
    let mut schema = object(json!({ "type": "object", "additionalProperties": false, "properties": properties }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    if !one_of.is_empty() {
        schema.insert("oneOf".to_owned(), one_of.into());
    }
    if !dependencies.is_empty() {
        schema.insert("dependencies".to_owned(), dependencies.into());
    }
    schema
}

/// A key: its values, its meaning and its default.
fn property(key: &Key) -> Value {
    let mut property = object(values(key.kind));
    property.insert("description".to_owned(), key.description().into());
    if let Some(text) = key.default() {
        let default = match key.kind {
            Kind::Whole(..) | Kind::Flag => text.replace('_', "").parse().unwrap_or_else(|_| text.into()),
            _ => text.into(),
        };
        property.insert("default".to_owned(), default);
    }
    property.into()
}

fn values(kind: Kind) -> Value {
    match kind {
        Kind::Version => json!({ "enum": [1, "1"] }),
        Kind::Zone => json!({ "type": "string" }),
        Kind::Whole(least, most) => json!({ "anyOf": [
            { "type": "integer", "minimum": least, "maximum": most },
            { "type": "string", "pattern": "^[0-9][0-9_]*$" },
        ] }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": "^[0-9]+(s|m|h|d)$" }),
        Kind::Percent(..) => json!({ "type": "string", "pattern": "^[0-9]+([.,][0-9])? ?%$" }),
        Kind::Flag => json!({ "enum": [true, false, "true", "false"] }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Field => json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,99}$" }),
        Kind::Id => id(),
        Kind::Ids(most) => json!({ "anyOf": [id(), { "type": "array", "maxItems": most, "items": id() }] }),
        Kind::Hours => json!({ "type": "string", "minLength": 1 }),
        Kind::Schedule => json!({ "type": "string", "pattern": r"^(cron|rate|at)\(.*\)$" }),
        Kind::Audio(_) => json!({ "type": "string", "pattern": r"^[^/\\]{1,196}\.([mM][pP]3|[wW][aA][vV])$" }),
        Kind::Text => text(None),
        Kind::TextUpTo(most) => text(Some(most)),
        Kind::Condition | Kind::Template | Kind::Title(_) => text(u64::try_from(MAX_SNIPPET_CHARS).ok()),
        Kind::Section(keys) => section(keys).into(),
        Kind::WordOrSection(word, keys) => json!({ "anyOf": [{ "const": word }, section(keys)] }),
        Kind::List(keys, most) => json!({ "type": "array", "maxItems": most, "items": section(keys) }),
    }
}

fn id() -> Value {
    json!({ "type": ["string", "integer"], "pattern": ID })
}

/// A text. YAML takes one without quotes for a number or a flag if it looks like one.
fn text(most_chars: Option<u64>) -> Value {
    match most_chars {
        None => json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        Some(most) => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": most }),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
