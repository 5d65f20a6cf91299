//! `CreateLeadField`: creates a custom field. Its schema name is made from its display name.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    fields::exists,
    refusal::{Refused, invalid, success},
};

/// Data types, and the renderings of each. Both are case-sensitive.
const RENDERED: [(&str, &[&str]); 9] = [
    ("Text", &["Textbox", "TextArea"]),
    ("Number", &["Textbox"]),
    ("Email", &["Email"]),
    ("Phone", &["Textbox", "Phone"]),
    ("Website", &["URL"]),
    ("Date", &["Date", "DateTime"]),
    ("Time", &["Time"]),
    ("Select", &["Dropdown"]),
    ("Boolean", &["RadioButton", "CheckBox"]),
];

#[derive(Deserialize)]
struct NewField {
    #[serde(rename = "DisplayName")]
    display_name: String,
    #[serde(rename = "DataType")]
    data_type: String,
    #[serde(rename = "RenderTypeTextValue")]
    render_type: String,
}

/// `POST CreateLeadField`. The answer's shape is a guess: no client shows it.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: NewField = desk.body()?;
    let rendered = RENDERED.iter().find(|(name, _)| *name == body.data_type);
    let (_, rendered) = rendered.ok_or_else(|| invalid("DataType is not valid"))?;
    if !rendered.contains(&body.render_type.as_str()) {
        return Err(invalid("RenderTypeTextValue is not valid for the DataType"));
    }
    let name = body.display_name.trim();
    if name.is_empty() || !name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == ' ' || sign == '_') {
        return Err(invalid("DisplayName is not valid"));
    }
    let schema_name = format!("mx_{}", name.replace(' ', "_"));
    if exists(&schema_name, &desk.store.schema) {
        let message = format!("Attribute already exists - {schema_name}");
        return Err(Refused::Mx("MXDuplicateEntryException", message));
    }
    desk.store.schema.custom.push(schema_name.clone());
    Ok(success(&json!({ "Id": schema_name })))
}
