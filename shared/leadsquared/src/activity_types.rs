//! `ProspectActivity.svc`: the kinds of activity of an account, by code and name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{Admitted, CallError, Standard, error::Repeat, json};

/// Most custom fields of one activity type (`mx_Custom_1` to `mx_Custom_50`).
/// Source: LeadSquared create-activity-type page.
pub const MAX_ACTIVITY_TYPE_FIELDS: usize = 50;

/// A kind of activity. Codes of custom kinds differ from account to account: find them by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityType {
    /// The code (`ActivityEvent`). Built-in ones are below about 200, opportunity types from 12,000.
    pub code: u32,
    /// The name people see.
    pub name: String,
}

/// A kind of activity to create: outbound, without a score, shown in the lead's activity grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewActivityType {
    /// The name people see; the only value that LeadSquared requires.
    pub name: String,
    /// Text fields as (schema name, display name): the schema name is `mx_Custom_1` to `mx_Custom_50`, and the order
    /// is the order on the form. At most [`MAX_ACTIVITY_TYPE_FIELDS`].
    pub fields: Vec<(String, String)>,
}

impl Admitted<'_, Standard> {
    /// All kinds of activity of the account. Source: LeadSquared activity types page.
    pub async fn activity_types(self) -> Result<Vec<ActivityType>, CallError> {
        let answer = self.client.get("ProspectActivity.svc/ActivityTypes.Get", &[]).await?;
        let list = answer.as_array().ok_or_else(|| Repeat::Harmless.failed("the answer is not a list"))?;
        Ok(list.iter().filter_map(activity_type).collect())
    }

    /// The fields of a kind of activity, by schema name (`mx_Custom_1`): `CustomActivity/GetActivitySetting`. `None` if
    /// the answer does not say. Source: LeadSquared get-activity-type-details page.
    pub async fn activity_fields(self, code: u32) -> Result<Option<BTreeSet<String>>, CallError> {
        let path = "ProspectActivity.svc/CustomActivity/GetActivitySetting";
        let answer = self.client.get(path, &[("code", &code.to_string())]).await?;
        Ok(answer.as_object().and_then(fields_of))
    }

    /// Creates a kind of activity and returns its code. Repeating it may create a second one of the same name. Source:
    /// LeadSquared create-activity-type page.
    pub async fn create_activity_type(self, new: &NewActivityType) -> Result<u32, CallError> {
        CallError::at_most("fields of an activity type", new.fields.len(), MAX_ACTIVITY_TYPE_FIELDS)?;
        let answer = self.client.post("ProspectActivity.svc/CreateType", &[], &type_json(new), Repeat::Creates).await?;
        answer
            .pointer("/Message/Id")
            .and_then(json::code)
            .ok_or_else(|| Repeat::Creates.failed("the answer tells no code"))
    }
}

fn activity_type(row: &Value) -> Option<ActivityType> {
    let row = row.as_object()?;
    Some(ActivityType {
        code: json::member(row, "ActivityEvent").and_then(json::code)?,
        name: json::text_of(row, &["ActivityEventName", "DisplayName"])?,
    })
}

fn fields_of(setting: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let fields = json::member(setting, "Fields")?.as_array()?.iter();
    Some(fields.filter_map(|field| json::text_of(field.as_object()?, &["SchemaName"])).collect())
}

fn type_json(new: &NewActivityType) -> Value {
    let fields: Vec<Value> = new
        .fields
        .iter()
        .zip(1_u32..)
        .map(|((schema, display), sequence)| {
            json!({
                "SchemaName": schema, "DisplayName": display, "DataType": "String", "IsMandatory": false,
                "ShowInForm": true, "Sequence": sequence, "OptionSet": null,
            })
        })
        .collect();
    json!({
        "ActivityEventName": new.name, "Score": 0, "Description": "", "Direction": 1, "TrackLocation": 0,
        "AllowAttachments": 0, "ShowInActivityGrid": 1, "CanDeleteActivity": false, "Fields": fields,
    })
}
