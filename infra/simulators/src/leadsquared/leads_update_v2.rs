//! `POST Lead/Bulk/UpdateV2`: different values for each lead, 25 at a time. The answer lists only the failures.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    fields::{Pair, known, pairs},
    leads_bulk::raise,
    leads_write::change,
    options::MissingLead,
    refusal::{Refused, invalid},
};

const ROWS_MAX: usize = 25;

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "SearchByKey")]
    key: Option<String>,
    #[serde(rename = "Options")]
    options: Option<Settings>,
    #[serde(rename = "LeadPropertiesList")]
    leads: Vec<Value>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "PushNonExistentLeadsToUnProcessedList", default)]
    set_missing_aside: bool,
}

/// The result of one row.
enum Row {
    Updated,
    Failed(Value),
    Unprocessed(Value),
}

/// Answers 200 even if every row failed. With wrong nesting, one array too many is a 400, and a flat list fails row by
/// row.
pub(super) fn update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: Body = desk.body()?;
    if body.leads.iter().any(Value::is_array) {
        return Err(Refused::Malformed("LeadPropertiesList must hold objects"));
    }
    let key = body.key.unwrap_or_else(|| "ProspectId".to_owned());
    let is_unique =
        key.eq_ignore_ascii_case("ProspectId") || ["EmailAddress", "Phone", "Mobile"].contains(&key.as_str());
    if !is_unique && !desk.options.unique_fields.contains(&key) {
        return Err(invalid("SearchByKey must be a unique field"));
    }
    let set_missing_aside = body.options.is_some_and(|options| options.set_missing_aside);
    let rows = desk.bulk_rows(body.leads, ROWS_MAX)?;
    let total = rows.len();
    let (mut failed, mut unprocessed) = (Vec::new(), Vec::new());
    for row in rows {
        match update_row(desk, &key, &row, set_missing_aside)? {
            Row::Updated => {}
            Row::Failed(detail) => failed.push(detail),
            Row::Unprocessed(detail) => unprocessed.push(detail),
        }
    }
    let updated = total - failed.len() - unprocessed.len();
    Ok(json!({
        "Status": {
            "TotalCount": total,
            "SuccessCount": updated,
            "FailureCount": failed.len(),
            "UnProcessedCount": unprocessed.len(),
            "Message": format!("{updated} of {total} leads were updated"),
        },
        "Details": { "FailedLeads": failed, "UnProcessedLeads": unprocessed },
    }))
}

fn update_row(desk: &mut Desk<'_>, key: &str, row: &Value, set_missing_aside: bool) -> Result<Row, Refused> {
    let Some(fields) = row.get("Fields") else {
        return Ok(failure(key, "", "Fields cannot be empty"));
    };
    let mut write = pairs(fields)?;
    let Some(place) = write.iter().position(|(name, _)| name.eq_ignore_ascii_case(key)) else {
        return Ok(failure(key, "", &format!("{key} is missing")));
    };
    // The key only finds the lead; it is not written.
    let value = write.remove(place).1.unwrap_or_default();
    if write.is_empty() {
        return Ok(failure(key, &value, "Fields cannot be empty"));
    }
    if let Err(refused) = known(&write, &desk.store.schema) {
        return Ok(failure(key, &value, refused.parts().1));
    }
    match find(desk, key, &value) {
        Some(id) => Ok(write_row(desk, key, &value, &id, write)),
        None => {
            let reason = match desk.options.missing_lead {
                MissingLead::DoesNotExist => "Lead does not exist",
                MissingLead::NotFound => "Lead not found",
            };
            let detail = detail(key, &value, reason);
            Ok(if set_missing_aside { Row::Unprocessed(detail) } else { Row::Failed(detail) })
        }
    }
}

fn find(desk: &Desk<'_>, key: &str, value: &str) -> Option<String> {
    desk.store.lead_by(key, value).map(|lead| lead.id.clone())
}

fn write_row(desk: &mut Desk<'_>, key: &str, value: &str, id: &str, write: Vec<Pair>) -> Row {
    match change(desk, id, write) {
        Ok(change) => {
            raise(desk, change);
            Row::Updated
        }
        Err(refused) => failure(key, value, refused.parts().1),
    }
}

fn failure(key: &str, value: &str, reason: &str) -> Row {
    Row::Failed(detail(key, value, reason))
}

fn detail(key: &str, value: &str, reason: &str) -> Value {
    json!({ "Identifier": key, "IdentifierValue": value, "Reason": reason })
}
