//! Activities in bulk: up to 25 rows, each checked on its own and answered by its number from 1.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    activities::{Field, NewActivity, add, check},
    desk::Desk,
    events::Raised,
    leads_read::whole,
    received::Activity,
    refusal::{Refused, invalid, no_such_lead, success},
};

const ROWS_MAX: usize = 25;
/// The first code of opportunities' activities: an update of one answers success and changes nothing.
const OPPORTUNITIES_FROM: u32 = 12_000;

/// `POST Bulk/CustomActivity/Add/ByLeadId`.
pub(super) fn add_by_lead_id(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    add_rows(desk, |_, row| row.lead_id.clone().ok_or_else(|| invalid("RelatedProspectId is mandatory")))
}

/// `POST Bulk/CustomActivity/Add/ByLeadField?searchBy=`: the first lead whose field holds exactly `SearchByValue`.
pub(super) fn add_by_lead_field(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let field = desk.query("searchBy").ok_or_else(|| invalid("searchBy is mandatory"))?.to_owned();
    let is_unique = ["EmailAddress", "Phone", "Mobile"].contains(&field.as_str());
    if !is_unique && !desk.options.unique_fields.contains(&field) {
        return Err(invalid("searchBy must be a unique field"));
    }
    add_rows(desk, move |desk, row| {
        let value = row.search_value.as_deref().filter(|value| !value.is_empty());
        let lead = value.and_then(|value| desk.store.lead_by(&field, value));
        lead.map(|lead| lead.id.clone()).ok_or_else(|| no_such_lead(desk.options))
    })
}

fn add_rows(
    desk: &mut Desk<'_>,
    lead_id: impl Fn(&Desk<'_>, &NewActivity) -> Result<String, Refused>,
) -> Result<Value, Refused> {
    let body: Vec<NewActivity> = desk.body()?;
    let rows = desk.bulk_rows(body, ROWS_MAX)?;
    let (mut results, mut activities) = (Vec::new(), Vec::new());
    for (number, row) in (1_usize..).zip(rows) {
        let added = lead_id(desk, &row).and_then(|id| add(desk, &id, row));
        results.push(result(number, "ActivityCreated", added.as_ref()));
        activities.extend(added);
    }
    desk.raised.push(Raised::Activities { created: true, activities });
    Ok(json!({ "Response": results }))
}

#[derive(Deserialize)]
struct Update {
    #[serde(rename = "ProspectActivityId")]
    id: String,
    #[serde(rename = "ActivityEvent")]
    event: Option<Value>,
    #[serde(rename = "ActivityNote")]
    note: Option<String>,
    #[serde(rename = "Fields", default)]
    fields: Option<Vec<Field>>,
}

/// `POST Bulk/CustomActivity/Update`. Only the given fields change. The answer has the shape of the one for adding,
/// since its own shape was not found.
pub(super) fn update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: Vec<Update> = desk.body()?;
    let rows = desk.bulk_rows(body, ROWS_MAX)?;
    let (mut results, mut activities) = (Vec::new(), Vec::new());
    for (number, row) in (1_usize..).zip(rows) {
        let updated = update_row(desk, row);
        results.push(result(number, "ActivityUpdated", updated.as_ref()));
        activities.extend(updated);
    }
    desk.raised.push(Raised::Activities { created: false, activities });
    Ok(json!({ "Response": results }))
}

/// `POST CustomActivity/Update`: one activity. Its code is mandatory too.
pub(super) fn update_one(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: Update = desk.body()?;
    let code = body.event.as_ref().and_then(whole).ok_or_else(|| invalid("You have not passed ActivityEvent."))?;
    let known = desk.store.activity_mut(&body.id).map(|activity| activity.code);
    if known.is_some_and(|known| usize::try_from(known) != Ok(code)) {
        return Err(invalid("ActivityEvent is not the activity's"));
    }
    let activity = update_row(desk, body)?;
    let id = activity.id.clone();
    desk.raised.push(Raised::Activities { created: false, activities: vec![activity] });
    Ok(success(&json!({ "Id": id })))
}

fn update_row(desk: &mut Desk<'_>, row: Update) -> Result<Activity, Refused> {
    let missing = || Refused::Mx("MXUnknownProspectActivityException", "Activity does not exist".to_owned());
    let now_ms = desk.now_ms;
    let code = desk.store.activity_mut(&row.id).ok_or_else(missing)?.code;
    let fields = check(desk, code, row.note.as_deref(), row.fields.unwrap_or_default())?;
    let activity = desk.store.activity_mut(&row.id).ok_or_else(missing)?;
    if code < OPPORTUNITIES_FROM {
        activity.fields.extend(fields);
        activity.note = row.note.or(activity.note.take());
        activity.modified_ms = now_ms;
        activity.updates += 1;
    }
    Ok(activity.clone())
}

fn result(number: usize, done: &str, activity: Result<&Activity, &Refused>) -> Value {
    match activity {
        Ok(activity) => {
            json!({ "ProspectActivityId": activity.id, "RowNumber": number, done: true })
        }
        Err(refused) => {
            let (kind, message) = refused.parts();
            json!({ "RowNumber": number, done: false, "ExceptionType": kind, "ExceptionMessage": message })
        }
    }
}
