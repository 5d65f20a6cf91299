//! Creates one activity, and reads activities back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    activity_types::{has_field, no_such_type},
    desk::Desk,
    events::Raised,
    fields::{DATE, pairs},
    leads_read::{Paging, whole},
    leads_search::whole_second_ms,
    leads_write::upsert,
    options::Counted,
    received::Activity,
    refusal::{Refused, invalid, no_such_lead, success, unknown_attributes},
};
use crate::clock::utc;

const NOTE_CHARS_MAX: usize = 2_000;
const ROWS_DEFAULT: usize = 25;
const EVENT_ROWS_MAX: usize = 1_000;

/// A new activity, single or as a row of a bulk request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct NewActivity {
    #[serde(rename = "RelatedProspectId")]
    pub(super) lead_id: Option<String>,
    #[serde(rename = "SearchByValue")]
    pub(super) search_value: Option<String>,
    #[serde(rename = "EmailAddress")]
    email: Option<String>,
    #[serde(rename = "ActivityEvent")]
    event: Value,
    #[serde(rename = "ActivityNote")]
    note: Option<String>,
    #[serde(rename = "ActivityDateTime")]
    at: Option<String>,
    #[serde(rename = "Fields", default)]
    fields: Option<Vec<Field>>,
}

/// `{"SchemaName", "Value"}`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Field {
    #[serde(rename = "SchemaName")]
    name: String,
    #[serde(rename = "Value")]
    value: Option<String>,
}

/// `POST Create`. With an e-mail address instead of an id, the lead is found by it or created.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: NewActivity = desk.body()?;
    let lead_id = match (&body.lead_id, &body.email) {
        (Some(id), _) => id.clone(),
        (None, Some(email)) => upsert(desk, vec![("EmailAddress".to_owned(), Some(email.clone()))])?.after.id,
        (None, None) => return Err(invalid("RelatedProspectId is mandatory")),
    };
    let activity = add(desk, &lead_id, body)?;
    let id = activity.id.clone();
    desk.raised.push(Raised::Activities { created: true, activities: vec![activity] });
    Ok(success(&json!({ "Id": id })))
}

#[derive(Deserialize)]
struct WithLead {
    #[serde(rename = "LeadDetails")]
    lead: Value,
    #[serde(rename = "Activity")]
    activity: NewActivity,
}

/// `POST CreateCustom`: a lead and an activity on it. The lead is found by `SearchBy` or its keys, or else created. The
/// name of the lead's member in the answer is a guess, since no client shows it.
pub(super) fn create_with_lead(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: WithLead = desk.body()?;
    let write = pairs(&body.lead)?;
    let lead = upsert(desk, write)?.after.id;
    let activity = add(desk, &lead, body.activity)?;
    let id = activity.id.clone();
    desk.raised.push(Raised::Activities { created: true, activities: vec![activity] });
    Ok(success(&json!({ "Id": id, "RelatedId": lead })))
}

/// Adds an activity after checking its lead, type, fields and date. The same content sent twice makes two activities.
pub(super) fn add(desk: &mut Desk<'_>, lead_id: &str, new: NewActivity) -> Result<Activity, Refused> {
    let code = whole(&new.event).and_then(|code| u32::try_from(code).ok()).ok_or_else(no_such_type)?;
    let fields = check(desk, code, new.note.as_deref(), new.fields.unwrap_or_default())?;
    if let Some(at) = &new.at {
        whole_second_ms(at)?;
    }
    if desk.store.lead(lead_id).is_none() {
        if !desk.options.accept_unknown_leads || lead_id.is_empty() {
            return Err(no_such_lead(desk.options));
        }
        desk.store.write(lead_id, Vec::new(), &desk.options.user_id, desk.now_ms);
    }
    let activity = Activity {
        id: uuid::Uuid::new_v4().to_string(),
        lead_id: lead_id.to_owned(),
        code,
        note: new.note,
        fields,
        at: new.at,
        created_ms: desk.now_ms,
        modified_ms: desk.now_ms,
        updates: 0,
    };
    desk.store.add_activity(activity.clone());
    Ok(activity)
}

/// Checks the fields of an activity of this type: all must exist, and none may be too long.
pub(super) fn check(
    desk: &Desk<'_>,
    code: u32,
    note: Option<&str>,
    fields: Vec<Field>,
) -> Result<BTreeMap<String, String>, Refused> {
    let kind = desk.store.types.get(&code).ok_or_else(no_such_type)?;
    let unknown: Vec<&str> =
        fields.iter().map(|field| field.name.as_str()).filter(|name| !has_field(kind, name)).collect();
    if !unknown.is_empty() {
        return Err(unknown_attributes(&unknown));
    }
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(invalid("ActivityNote is too long"));
    }
    let chars_max = desk.options.activity_field_chars;
    let too_long = |field: &&Field| field.value.as_deref().unwrap_or_default().chars().count() > chars_max;
    if let Some(field) = fields.iter().find(too_long) {
        return Err(invalid(format!("{} is longer than {chars_max} characters", field.name)));
    }
    Ok(fields.into_iter().map(|field| (field.name, field.value.unwrap_or_default())).collect())
}

#[derive(Deserialize)]
struct OfLead {
    #[serde(rename = "Parameter")]
    parameter: Option<Event>,
    #[serde(rename = "Paging", default)]
    paging: Rows,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "ActivityEvent")]
    event: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Rows {
    #[serde(rename = "Offset")]
    offset: Option<Value>,
    #[serde(rename = "RowCount")]
    count: Option<Value>,
}

/// `POST Retrieve?leadId=`: 25 rows by default, newest first.
pub(super) fn of_lead(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: OfLead = desk.body()?;
    let lead_id = desk.query("leadId").ok_or_else(|| invalid("leadId is mandatory"))?;
    let code = body.parameter.and_then(|parameter| parameter.event).as_ref().and_then(whole);
    let is_wanted = |activity: &&Activity| {
        activity.lead_id.eq_ignore_ascii_case(lead_id)
            && code.is_none_or(|code| usize::try_from(activity.code) == Ok(code))
    };
    let found: Vec<&Activity> = desk.store.activities.iter().rev().filter(is_wanted).collect();
    let take =
        body.paging.count.as_ref().and_then(whole).unwrap_or(ROWS_DEFAULT).min(desk.options.activities_of_lead_rows);
    let offset = body.paging.offset.as_ref().and_then(whole).unwrap_or(0);
    let skip = match desk.options.activity_offset {
        Counted::Rows => offset,
        Counted::Pages => offset.saturating_mul(take),
    };
    let page: Vec<Value> = found.iter().skip(skip).take(take).map(|activity| detailed(desk, activity)).collect();
    Ok(json!({ "RecordCount": found.len(), "ProspectActivities": page }))
}

fn detailed(desk: &Desk<'_>, activity: &Activity) -> Value {
    let data: Vec<Value> = activity.fields.iter().map(|(name, value)| json!({ "Key": name, "Value": value })).collect();
    let mut fields: Map<String, Value> =
        activity.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    fields.insert("ActivityEvent_Note".to_owned(), json!(activity.note));
    json!({
        "Id": activity.id,
        "EventCode": activity.code,
        "EventName": desk.store.types.get(&activity.code).map(|kind| kind.name.as_str()),
        "CreatedOn": utc(activity.created_ms, DATE),
        "Data": data,
        "ActivityFields": fields,
    })
}

#[derive(Deserialize)]
struct ByEvent {
    #[serde(rename = "Parameter")]
    parameter: Period,
    #[serde(rename = "Paging", default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Period {
    #[serde(rename = "FromDate")]
    from: String,
    #[serde(rename = "ToDate")]
    to: String,
    #[serde(rename = "ActivityEvent")]
    event: Value,
}

/// `POST CustomActivity/RetrieveByActivityEvent`: filters by the instant of the last change. `List` is absent when
/// empty.
pub(super) fn by_event(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: ByEvent = desk.body()?;
    let (from_ms, to_ms) = (whole_second_ms(&body.parameter.from)?, whole_second_ms(&body.parameter.to)?);
    let code = whole(&body.parameter.event).ok_or_else(no_such_type)?;
    let (skip, take) = body.paging.range(EVENT_ROWS_MAX)?;
    let is_wanted = |activity: &&Activity| {
        usize::try_from(activity.code) == Ok(code) && (from_ms..=to_ms).contains(&activity.modified_ms)
    };
    let found: Vec<&Activity> = desk.store.activities.iter().filter(is_wanted).collect();
    let page: Vec<Value> =
        found.iter().skip(skip).take(take.min(EVENT_ROWS_MAX)).map(|activity| row(activity)).collect();
    if page.is_empty() {
        return Ok(json!({ "RecordCount": found.len() }));
    }
    Ok(json!({ "RecordCount": found.len(), "List": page }))
}

/// A flat row. Its keys beside the fields are those of the webhook, since no client shows them.
fn row(activity: &Activity) -> Value {
    let mut row: Map<String, Value> =
        activity.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    row.insert("ProspectActivityId".to_owned(), json!(activity.id));
    row.insert("RelatedProspectId".to_owned(), json!(activity.lead_id));
    row.insert("ActivityEvent".to_owned(), json!(activity.code.to_string()));
    row.insert("ActivityEvent_Note".to_owned(), json!(activity.note));
    row.insert("CreatedOn".to_owned(), json!(utc(activity.created_ms, DATE)));
    row.insert("ModifiedOn".to_owned(), json!(utc(activity.modified_ms, DATE)));
    Value::Object(row)
}
