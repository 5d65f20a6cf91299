//! `ProspectActivity.svc`, reading: whether a request without an answer was carried out, and what changed when.

use serde_json::{Value, json};

use crate::{
    Admitted, CallError, LeadFields, Page, Standard,
    error::Repeat,
    json,
    time::{format_time, format_time_after},
};

/// Activities in one answer of [`Admitted::activities_of_lead`] by LeadSquared's own default.
pub const ACTIVITIES_PER_PAGE: u32 = 25;
/// Most activities in one request of [`Admitted::activities_of_lead`]. LeadSquared names no maximum.
pub const MAX_ACTIVITIES_OF_LEAD: u32 = 500;
/// Most activities on one page of [`Admitted::activities_modified`]. Source: a public client that saw more refused.
pub const MAX_ACTIVITIES_PER_PAGE: u32 = 1_000;

/// An activity that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundActivity {
    /// Its id, as [`crate::ActivityUpdate`] needs it.
    pub id: String,
    /// The lead's `ProspectID`, if the row has it.
    pub lead_id: Option<String>,
    /// The kind of activity.
    pub code: Option<u32>,
    /// When it was written, as LeadSquared wrote it: see [`crate::parse_time_ms`].
    pub created_on: Option<String>,
    /// Its fields, from `ActivityFields` and `Data` together; if both have a value, `ActivityFields` wins. If a row has
    /// neither, its members.
    pub fields: LeadFields,
}

/// One page of activities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityPage {
    /// The page's activities.
    pub activities: Vec<FoundActivity>,
    /// How many activities all pages hold together, if the answer says.
    pub total: Option<u64>,
}

impl ActivityPage {
    /// Whether this is the last page, because it is not full.
    #[must_use]
    pub fn is_last(&self, page: Page) -> bool {
        u32::try_from(self.activities.len()).is_ok_and(|count| count < page.size)
    }
}

impl Admitted<'_, Standard> {
    /// A lead's activities of one kind, the first `rows` of them (at most [`MAX_ACTIVITIES_OF_LEAD`]). They show
    /// whether a request without an answer was carried out.
    ///
    /// There is no second page. LeadSquared's page calls its `Offset` a page number, and clients use it as a number of
    /// rows. Under the wrong reading, rows would be skipped. If `total` is larger than the rows returned, an activity
    /// that is not among them may still exist. Source: LeadSquared get-activities-of-lead page.
    pub async fn activities_of_lead(self, lead_id: &str, code: u32, rows: u32) -> Result<ActivityPage, CallError> {
        CallError::at_most("activities of a lead", rows as usize, MAX_ACTIVITIES_OF_LEAD as usize)?;
        let body = json!({
            "Parameter": {"ActivityEvent": code},
            "Paging": {"Offset": "0", "RowCount": rows.to_string()},
        });
        let query = [("leadId", lead_id)];
        let answer = self.client.post("ProspectActivity.svc/Retrieve", &query, &body, Repeat::Harmless).await?;
        let total = json::record_count(&answer);
        let activities =
            found(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of activities"))?;
        Ok(ActivityPage { activities, total })
    }

    /// All leads' activities of one kind that were created or changed from `from_ms` to `to_ms` (ms since 1970, widened
    /// to whole seconds). Uses `CustomActivity/RetrieveByActivityEvent`, at most [`MAX_ACTIVITIES_PER_PAGE`] on a page.
    /// One request settles many posts. The rows' order is not documented. Source: LeadSquared
    /// retrieve-by-activity-event page; limits and shapes from public clients.
    pub async fn activities_modified(
        self,
        code: u32,
        from_ms: i64,
        to_ms: i64,
        page: Page,
    ) -> Result<ActivityPage, CallError> {
        CallError::at_most("activities on a page", page.size as usize, MAX_ACTIVITIES_PER_PAGE as usize)?;
        let body = json!({
            "Parameter": {
                "FromDate": format_time(from_ms),
                "ToDate": format_time_after(to_ms),
                "ActivityEvent": code,
            },
            "Paging": page.json(),
        });
        let path = "ProspectActivity.svc/CustomActivity/RetrieveByActivityEvent";
        let answer = self.client.post(path, &[], &body, Repeat::Harmless).await?;
        let total = json::record_count(&answer);
        let activities = found(&answer)
            .or_else(|| page.nothing_behind(total))
            .ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of activities"))?;
        Ok(ActivityPage { activities, total })
    }
}

/// The list, which is absent if there is no row.
fn found(answer: &Value) -> Option<Vec<FoundActivity>> {
    match json::first(answer.as_object()?, &["ProspectActivities", "List"]) {
        Some(list) => list.as_array()?.iter().map(found_one).collect(),
        None => json::no_rows(answer),
    }
}

fn found_one(row: &Value) -> Option<FoundActivity> {
    let row = row.as_object()?;
    let mut fields = match json::member(row, "Data") {
        Some(Value::Array(pairs)) => LeadFields::from_pairs(pairs).unwrap_or_default(),
        Some(Value::Object(object)) => LeadFields::from_object(object),
        _ => LeadFields::default(),
    };
    if json::first(row, &["Data", "ActivityFields"]).is_none() {
        fields = LeadFields::from_object(row);
    }
    if let Some(object) = json::member(row, "ActivityFields").and_then(Value::as_object) {
        for (name, value) in LeadFields::from_object(object) {
            if value.as_ref().is_some_and(|value| !value.is_empty()) || !fields.contains(&name) {
                fields.insert(name, value);
            }
        }
    }
    Some(FoundActivity {
        id: json::text_of(row, &["Id", "ProspectActivityId"])?,
        lead_id: json::text_of(row, &["RelatedProspectId", "ProspectId"]),
        code: json::first(row, &["EventCode", "ActivityEvent"]).and_then(json::code),
        created_on: json::text_of(row, &["CreatedOn"]),
        fields,
    })
}
