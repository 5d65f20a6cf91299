//! `LeadsMetaData.Get`: which fields a lead of this account has.

use serde_json::Value;

use crate::{Admitted, CallError, Standard, client::Repeat, json};

/// A field of the account's leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadField {
    /// The name that the API knows it by; custom ones begin with `mx_`. Case-sensitive.
    pub schema_name: String,
    /// The name people see.
    pub display_name: Option<String>,
    /// The kind of value, in LeadSquared's words: `Text`, `Boolean`, `Date`, …
    pub data_type: Option<String>,
    /// Whether a new lead must have it.
    pub is_mandatory: bool,
    /// Longest value, in characters, where one is told.
    pub max_chars: Option<u64>,
}

impl Admitted<'_, Standard> {
    /// All fields of the account's leads. They change rarely: cache them. One name that is not among them makes
    /// LeadSquared refuse a whole write. Source: LeadSquared lead metadata page.
    pub async fn lead_fields(self) -> Result<Vec<LeadField>, CallError> {
        let answer = self.client.get("LeadManagement.svc/LeadsMetaData.Get", &[]).await?;
        let rows = answer.as_array().ok_or_else(|| Repeat::Harmless.failed("the answer is not a list"))?;
        Ok(rows.iter().filter_map(field).collect())
    }
}

fn field(row: &Value) -> Option<LeadField> {
    let row = row.as_object()?;
    Some(LeadField {
        schema_name: json::text_of(row, &["SchemaName"])?,
        display_name: json::text_of(row, &["DisplayName"]),
        data_type: json::text_of(row, &["DataType"]),
        is_mandatory: json::member(row, "IsMandatory").and_then(json::truth).unwrap_or(false),
        max_chars: json::member(row, "MaxLength").and_then(json::whole),
    })
}
