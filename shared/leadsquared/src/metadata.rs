//! `LeadsMetaData.Get`: the fields of this account's leads.

use serde_json::Value;

use crate::{Admitted, CallError, Standard, error::Repeat, json};

const METADATA: &str = "LeadManagement.svc/LeadsMetaData.Get";

/// A field of the account's leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadField {
    /// Its name in the API; custom ones begin with `mx_`. Case-sensitive.
    pub schema_name: String,
    /// The name people see.
    pub display_name: Option<String>,
    /// The kind of value, in LeadSquared's words: `Text`, `Boolean`, `Date`, …
    pub data_type: Option<String>,
    /// Whether a new lead must have a value in it.
    pub is_mandatory: bool,
    /// Longest value, in characters, if the metadata has it.
    pub max_chars: Option<u64>,
    /// The values that a dropdown offers; none for other fields. The API stores other values all the same.
    pub options: Vec<String>,
}

impl Admitted<'_, Standard> {
    /// The schema names of all fields of the account's leads. Like [`Admitted::lead_fields`], but without the options
    /// of dropdowns, which may make that answer very large. Source: LeadSquared lead metadata page.
    pub async fn lead_field_names(self) -> Result<Vec<String>, CallError> {
        let answer = self.client.get(METADATA, &[("excludeOptionSets", "1")]).await?;
        // An answer that is no list names no field.
        Ok(fields(&answer).unwrap_or_default().into_iter().map(|field| field.schema_name).collect())
    }

    /// All fields of the account's leads. They change rarely: cache them. One name that is not among them makes
    /// LeadSquared refuse a whole write. Source: LeadSquared lead metadata page.
    pub async fn lead_fields(self) -> Result<Vec<LeadField>, CallError> {
        fields(&self.client.get(METADATA, &[]).await?)
    }
}

fn fields(answer: &Value) -> Result<Vec<LeadField>, CallError> {
    let rows = answer.as_array().ok_or_else(|| Repeat::Harmless.failed("the answer is not a list"))?;
    Ok(rows.iter().filter_map(field).collect())
}

fn field(row: &Value) -> Option<LeadField> {
    let row = row.as_object()?;
    Some(LeadField {
        schema_name: json::text_of(row, &["SchemaName"])?,
        display_name: json::text_of(row, &["DisplayName"]),
        data_type: json::text_of(row, &["DataType"]),
        is_mandatory: json::member(row, "IsMandatory").and_then(json::truth).unwrap_or(false),
        max_chars: json::member(row, "MaxLength").and_then(json::whole),
        options: json::member(row, "Options").map(options).unwrap_or_default(),
    })
}

/// `[{"Value": "Prospect"}, …]`. Source: LeadSquared lead field properties page.
fn options(list: &Value) -> Vec<String> {
    let value = |option: &Value| json::text_of(option.as_object()?, &["Value"]);
    list.as_array().into_iter().flatten().filter_map(value).collect()
}

/// The kind of value in a new field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadFieldKind {
    /// One line of text of at most this many characters.
    Text(u16),
    /// Day and time.
    DateTime,
    /// A box that is ticked or not.
    Boolean,
}

/// A custom field to create. Its schema name comes from its display name: `mx_`, and spaces become underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLeadField {
    /// The name people see.
    pub display_name: String,
    /// Its kind of value.
    pub kind: LeadFieldKind,
}

impl NewLeadField {
    /// The field that will get this schema name; `None` if the name does not begin with `mx_`, because then no field
    /// can have it.
    #[must_use]
    pub fn of_schema_name(schema_name: &str, kind: LeadFieldKind) -> Option<Self> {
        let display_name = schema_name.strip_prefix("mx_").filter(|rest| !rest.is_empty())?.replace('_', " ");
        Some(Self { display_name, kind })
    }
}

impl Admitted<'_, Standard> {
    /// Creates a custom lead field: `CreateLeadField`, for which the keys' user must be an administrator. A repetition
    /// is refused because the name is taken, or creates a second field: list the fields first. Source: LeadSquared
    /// create-custom-lead-field page.
    pub async fn create_lead_field(self, new: &NewLeadField) -> Result<(), CallError> {
        let (data_type, render_type, most) = match new.kind {
            LeadFieldKind::Text(most) => ("Text", "Textbox", most),
            LeadFieldKind::DateTime => ("Date", "DateTime", 0),
            LeadFieldKind::Boolean => ("Boolean", "CheckBox", 0),
        };
        let body = serde_json::json!({
            "DisplayName": new.display_name,
            "DataType": data_type,
            "IsMandatory": false,
            "RenderTypeTextValue": render_type,
            "ShowInImport": true,
            "ShowInMailMerge": true,
            "LockAfterCreate": 0,
            "UseInLeadClone": false,
            "MaxLength": if most > 0 { most.to_string() } else { String::new() },
            "OptionsJson": "",
        });
        self.client.post("LeadManagement.svc/CreateLeadField", &[], &body, Repeat::Creates).await.map(|_| ())
    }
}
