//! `ProspectActivity.svc`: activities, written in bulk.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{Admitted, Bulk, CallError, RowOutcome, error::Repeat, rows};

/// Most activities in one bulk request. Source: LeadSquared bulk activity pages and rate limits page.
pub const MAX_ACTIVITIES_PER_CALL: usize = 25;
/// Longest note that is safe, in characters; the limit is about 2,000. Not enforced here. Source: a public client that
/// cites LeadSquared's help site.
pub const MAX_NOTE_CHARS: usize = 1_800;
/// Longest value of a text field that is safe, in characters; an administrator can raise it. Not enforced here.
/// Source: LeadSquared activity settings page.
pub const MAX_FIELD_CHARS: usize = 200;

/// An activity to create.
#[derive(Clone)]
pub struct NewActivity {
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// The kind of activity, a code of this account.
    pub code: u32,
    /// The note that people read in the lead's history. See [`MAX_NOTE_CHARS`].
    pub note: SecretString,
    /// When it happened: `yyyy-MM-dd HH:mm:ss`, UTC.
    pub at: String,
    /// Schema names (`mx_Custom_1`, `Status`, …) and values. See [`MAX_FIELD_CHARS`]. Put an id of your own in one of
    /// them: only that shows later whether a request without an answer was carried out.
    pub fields: Vec<(String, String)>,
}

/// New values for an existing activity. Starts the account's "activity update" automations.
#[derive(Clone)]
pub struct ActivityUpdate {
    /// The `ProspectActivityId` that [`RowOutcome::Done`] returned.
    pub activity_id: String,
    /// A new note; without one, the old note stays.
    pub note: Option<SecretString>,
    /// Schema names and new values; fields that are not named stay as they are.
    pub fields: Vec<(String, String)>,
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
    /// activity, in their order. **Do not repeat it without a look-up**: each repetition creates them again.
    ///
    /// Without activities, no request is made.
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

    /// Creates activities on leads that a field identifies: `Bulk/CustomActivity/Add/ByLeadField`, at most
    /// [`MAX_ACTIVITIES_PER_CALL`]. `field` is `EmailAddress`, `Phone`, `Mobile` or a unique field of the account. It
    /// is compared as exact text, and the `lead_id` of each activity holds the field's value here. One outcome per
    /// activity, in their order. **Do not repeat it without a look-up.** Source: LeadSquared bulk activity page.
    ///
    /// Without activities, no request is made.
    pub async fn add_activities_by_field(
        self,
        field: &str,
        activities: &[NewActivity],
    ) -> Result<Vec<RowOutcome>, CallError> {
        CallError::at_most("activities", activities.len(), MAX_ACTIVITIES_PER_CALL)?;
        if activities.is_empty() {
            return Ok(Vec::new());
        }
        let body: Value = activities.iter().map(by_field_json).collect();
        let path = "ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadField";
        let answer = self.client.post(path, &[("searchBy", field)], &body, Repeat::Creates).await?;
        Ok(rows::of_new_activities(&answer, activities.len()))
    }

    /// Changes activities: `Bulk/CustomActivity/Update`, at most [`MAX_ACTIVITIES_PER_CALL`]. One outcome per update,
    /// in their order. Repeating it does no harm, except that it may overwrite newer values.
    ///
    /// Without updates, no request is made.
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

fn by_field_json(activity: &NewActivity) -> Value {
    let mut row = new_json(activity);
    if let Some(object) = row.as_object_mut() {
        object.remove("RelatedProspectId");
        object.insert("SearchByValue".into(), activity.lead_id.as_str().into());
    }
    row
}

pub(crate) fn update_json(update: &ActivityUpdate) -> Value {
    let mut row = Map::new();
    row.insert("ProspectActivityId".into(), update.activity_id.as_str().into());
    if let Some(note) = &update.note {
        row.insert("ActivityNote".into(), note.expose_secret().into());
    }
    row.insert("Fields".into(), fields_json(&update.fields));
    Value::Object(row)
}
