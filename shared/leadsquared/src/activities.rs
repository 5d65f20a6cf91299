//! `ProspectActivity.svc`: activities, written in bulk and read back.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{Admitted, Bulk, CallError, LeadFields, RowOutcome, Standard, client::Repeat, json, rows};

/// Most activities in one bulk call. Source: LeadSquared bulk activity pages and rate limits page.
pub const MAX_ACTIVITIES_PER_CALL: usize = 25;
/// Longest note that is safe, in characters; the limit is about 2,000. Not enforced here.
/// Source: a public client that cites LeadSquared's help site.
pub const MAX_NOTE_CHARS: usize = 1_800;
/// Longest value of a text field that is safe, in characters; an administrator can raise it. Not enforced here.
/// Source: LeadSquared activity settings page.
pub const MAX_FIELD_CHARS: usize = 200;
/// Activities in one answer of [`Admitted::activities_of_lead`]: LeadSquared's own default.
pub const ACTIVITIES_PER_PAGE: u32 = 25;

/// An activity to be created.
#[derive(Clone)]
pub struct NewActivity {
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// The kind of activity, a code of this account.
    pub code: u32,
    /// What people read in the lead's history. See [`MAX_NOTE_CHARS`].
    pub note: SecretString,
    /// When it happened: `yyyy-MM-dd HH:mm:ss`, UTC.
    pub at: String,
    /// Schema names (`mx_Custom_1`, `Status`, …) and values. See [`MAX_FIELD_CHARS`]. Put an id of your own in one of
    /// them: it is the only way to find out later whether a call without an answer was carried out.
    pub fields: Vec<(String, String)>,
}

/// New values for an activity that exists. Fires the account's "activity update" automations.
#[derive(Clone)]
pub struct ActivityUpdate {
    /// The `ProspectActivityId` that [`RowOutcome::Done`] returned.
    pub activity_id: String,
    /// A new note, or the old one as it is.
    pub note: Option<SecretString>,
    /// Schema names and new values; fields that are not named stay as they are.
    pub fields: Vec<(String, String)>,
}

/// An activity as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundActivity {
    /// Its id, which [`ActivityUpdate`] wants.
    pub id: String,
    /// The kind of activity.
    pub code: Option<u32>,
    /// When it was written, as LeadSquared put it: see [`crate::parse_time_ms`].
    pub created_on: Option<String>,
    /// Its fields, from `ActivityFields` and `Data` together; the former where both have a value.
    pub fields: LeadFields,
}

impl fmt::Debug for NewActivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewActivity")
            .field("lead_id", &self.lead_id)
            .field("code", &self.code)
            .field("at", &self.at)
            .field("fields", &names(&self.fields))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ActivityUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityUpdate")
            .field("activity_id", &self.activity_id)
            .field("fields", &names(&self.fields))
            .finish_non_exhaustive()
    }
}

impl Admitted<'_, Bulk> {
    /// Creates activities: `Bulk/CustomActivity/Add/ByLeadId`, at most [`MAX_ACTIVITIES_PER_CALL`]. One outcome per
    /// activity, in their order. **Not to be repeated unseen**: each repetition creates them again.
    ///
    /// No activities, no call.
    pub async fn add_activities(self, activities: &[NewActivity]) -> Result<Vec<RowOutcome>, CallError> {
        CallError::at_most("activities", activities.len(), MAX_ACTIVITIES_PER_CALL)?;
        if activities.is_empty() {
            return Ok(Vec::new());
        }
        let body: Value = activities.iter().map(new_json).collect();
        let path = "ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadId";
        let answer = self.client.post(path, &[], &body, Repeat::Creates).await?;
        Ok(rows::of_new_activities(&answer, activities.len()))
    }

    /// Changes activities: `Bulk/CustomActivity/Update`, at most [`MAX_ACTIVITIES_PER_CALL`]. One outcome per update,
    /// in their order. Repeating it does no harm, except that it may overwrite newer values.
    ///
    /// No updates, no call.
    pub async fn update_activities(self, updates: &[ActivityUpdate]) -> Result<Vec<RowOutcome>, CallError> {
        CallError::at_most("activities", updates.len(), MAX_ACTIVITIES_PER_CALL)?;
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let body: Value = updates.iter().map(update_json).collect();
        let path = "ProspectActivity.svc/Bulk/CustomActivity/Update";
        let answer = self.client.post(path, &[], &body, Repeat::Harmless).await?;
        let ids: Vec<&str> = updates.iter().map(|update| update.activity_id.as_str()).collect();
        Ok(rows::of_activity_updates(&answer, &ids))
    }
}

impl Admitted<'_, Standard> {
    /// A lead's activities of one kind, the first [`ACTIVITIES_PER_PAGE`]: the way to find out whether a call that
    /// got no answer was carried out. Source: LeadSquared get-activities-of-lead page.
    pub async fn activities_of_lead(self, lead_id: &str, code: u32) -> Result<Vec<FoundActivity>, CallError> {
        self.activities_of_lead_from(lead_id, code, 0).await
    }

    /// The same, after the first `offset` of them.
    pub async fn activities_of_lead_from(
        self,
        lead_id: &str,
        code: u32,
        offset: u32,
    ) -> Result<Vec<FoundActivity>, CallError> {
        let body = json!({
            "Parameter": {"ActivityEvent": code},
            "Paging": {"Offset": offset.to_string(), "RowCount": ACTIVITIES_PER_PAGE.to_string()},
        });
        let query = [("leadId", lead_id)];
        let answer = self.client.post("ProspectActivity.svc/Retrieve", &query, &body, Repeat::Harmless).await?;
        found(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of activities"))
    }
}

fn names(fields: &[(String, String)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

fn fields_json(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| json!({"SchemaName": name, "Value": value})).collect()
}

pub(crate) fn new_json(activity: &NewActivity) -> Value {
    json!({
        "RelatedProspectId": activity.lead_id,
        "ActivityEvent": activity.code,
        "ActivityNote": activity.note.expose_secret(),
        "ActivityDateTime": activity.at,
        "Fields": fields_json(&activity.fields),
    })
}

fn update_json(update: &ActivityUpdate) -> Value {
    let mut row = Map::new();
    row.insert("ProspectActivityId".into(), update.activity_id.as_str().into());
    if let Some(note) = &update.note {
        row.insert("ActivityNote".into(), note.expose_secret().into());
    }
    row.insert("Fields".into(), fields_json(&update.fields));
    Value::Object(row)
}

/// The list is absent when there is no row.
fn found(answer: &Value) -> Option<Vec<FoundActivity>> {
    let answer = answer.as_object()?;
    match json::first(answer, &["ProspectActivities", "List"]) {
        Some(list) => list.as_array()?.iter().map(found_one).collect(),
        None => json::member(answer, "RecordCount").and_then(json::whole).filter(|n| *n == 0).map(|_| Vec::new()),
    }
}

fn found_one(row: &Value) -> Option<FoundActivity> {
    let row = row.as_object()?;
    let mut fields = match json::member(row, "Data") {
        Some(Value::Array(pairs)) => LeadFields::from_pairs(pairs).unwrap_or_default(),
        Some(Value::Object(object)) => LeadFields::from_object(object),
        _ => LeadFields::default(),
    };
    if let Some(object) = json::member(row, "ActivityFields").and_then(Value::as_object) {
        for (name, value) in LeadFields::from_object(object) {
            if value.as_ref().is_some_and(|value| !value.is_empty()) || !fields.contains(&name) {
                fields.insert(name, value);
            }
        }
    }
    Some(FoundActivity {
        id: json::text_of(row, &["Id", "ProspectActivityId"])?,
        code: json::first(row, &["EventCode", "ActivityEvent"]).and_then(json::code),
        created_on: json::text_of(row, &["CreatedOn"]),
        fields,
    })
}
