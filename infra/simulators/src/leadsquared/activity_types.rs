//! Lists activity types, and creates them. The id of a new type is its code.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    refusal::{Refused, success},
    store::ActivityType,
};

const FIELDS_MAX: usize = 50;

/// `GET ActivityTypes.Get`. Codes are strings here.
pub(super) fn all(desk: &Desk<'_>) -> Value {
    let row = |(code, kind): (&u32, &ActivityType)| json!({ "ActivityEvent": code.to_string(), "ActivityEventName": kind.name, "Score": "0", "ActivityType": "2" });
    desk.store.types.iter().map(row).collect()
}

#[derive(Deserialize)]
struct NewType {
    #[serde(rename = "ActivityEventName")]
    name: Option<String>,
    #[serde(rename = "Fields", default)]
    fields: Option<Vec<Value>>,
}

/// `POST CreateType`: only the name is mandatory.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: NewType = desk.body()?;
    let name = body.name.filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        Refused::Mx("MXMandatoryAttributeMissingException", "ActivityEventName is mandatory".to_owned())
    })?;
    if desk.store.types.values().any(|kind| kind.name.eq_ignore_ascii_case(&name)) {
        let message = "Activity type with the same name already exists".to_owned();
        return Err(Refused::Mx("MXDuplicateEntryException", message));
    }
    let fields = body.fields.unwrap_or_default();
    if fields.len() > FIELDS_MAX || !fields.iter().all(|field| field.get("SchemaName").is_some_and(is_custom)) {
        return Err(super::refusal::invalid("Fields must be mx_Custom_1 to mx_Custom_50"));
    }
    let code = desk.store.free_code();
    desk.store.types.insert(code, ActivityType { name, fields });
    Ok(success(&json!({ "Id": code.to_string() })))
}

/// `GET CustomActivity/GetActivitySetting?code=`. A type that declares no field accepts any, and lists them all.
pub(super) fn setting(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let code: u32 = desk.query("code").and_then(|code| code.parse().ok()).ok_or_else(no_such_type)?;
    let kind = desk.store.types.get(&code).ok_or_else(no_such_type)?;
    let any = || (1..=FIELDS_MAX).map(|number| json!({ "SchemaName": format!("mx_Custom_{number}") })).collect();
    let fields = if kind.fields.is_empty() { any() } else { kind.fields.clone() };
    Ok(json!({ "ID": uuid::Uuid::new_v4().to_string(), "Name": kind.name, "DisplayName": kind.name, "Fields": fields }))
}

pub(super) fn no_such_type() -> Refused {
    Refused::Mx("MXUnknownProspectActivityException", "Activity Event does not exist".to_owned())
}

fn is_custom(name: &Value) -> bool {
    name.as_str().is_some_and(is_custom_name)
}

/// `mx_Custom_1` to `mx_Custom_50`.
pub(super) fn is_custom_name(name: &str) -> bool {
    let number = name.strip_prefix("mx_Custom_").and_then(|number| number.parse::<usize>().ok());
    number.is_some_and(|number| (1..=FIELDS_MAX).contains(&number))
}

/// Whether an activity of this type has the field.
pub(super) fn has_field(kind: &ActivityType, name: &str) -> bool {
    let declared = |field: &Value| field.get("SchemaName").and_then(Value::as_str) == Some(name);
    matches!(name, "Status" | "Owner" | "Note")
        || if kind.fields.is_empty() { is_custom_name(name) } else { kind.fields.iter().any(declared) }
}
