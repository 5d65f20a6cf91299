//! The outcome of each row of a bulk request.
//!
//! Bulk requests answer 200 while rows fail, each in its own shape. All are read by the same rule: a row is done or
//! refused only if the answer says so. A row that the answer leaves open is unknown, never assumed.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{json, message::Message};

/// The outcome of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// Carried out.
    Done {
        /// The activity's id, if the row was an activity and the answer has the id.
        activity_id: Option<String>,
    },
    /// Not carried out; the same row would be refused again.
    Refused {
        /// LeadSquared's words.
        reason: Message,
    },
    /// The answer does not say.
    Unknown,
}

/// Members that say whether a row was carried out, members with the reason, and another place for a reason.
const DONE: [&str; 4] = ["ActivityCreated", "ActivityUpdated", "IsSuccessful", "Success"];
const WHY: [&str; 4] = ["ExceptionMessage", "ErrorMessage", "Reason", "ExceptionType"];
const WHY_IF_REFUSED: [&str; 1] = ["Message"];
const ID: &str = "ProspectActivityId";

/// `Bulk/CustomActivity/Add/ByLeadId`: rows by `RowNumber`, from 1; or `{"Status":"Success","Message":{"Count":n}}`.
pub(crate) fn of_new_activities(answer: &Value, sent: usize) -> Vec<RowOutcome> {
    let Some(rows) = listed(answer) else {
        let all = is_success(answer) && count(answer) == u64::try_from(sent).ok();
        return vec![if all { RowOutcome::Done { activity_id: None } } else { RowOutcome::Unknown }; sent];
    };
    let places = rows.iter().map(|row| (row_number(row), row));
    placed(places, sent)
}

/// `Bulk/CustomActivity/Update`, whose answer is not documented: rows by number or by id, or one verdict for all.
pub(crate) fn of_activity_updates(answer: &Value, ids: &[&str]) -> Vec<RowOutcome> {
    let Some(rows) = listed(answer) else {
        // Success without a count is still a success. With another count it is not known which rows succeeded.
        let all = is_success(answer) && count(answer).is_none_or(|count| u64::try_from(ids.len()).ok() == Some(count));
        return vec![if all { RowOutcome::Done { activity_id: None } } else { RowOutcome::Unknown }; ids.len()];
    };
    let place = |row: &Map<String, Value>| {
        row_number(row).or_else(|| {
            let id = json::text_of(row, &[ID])?;
            let mut places = ids.iter().enumerate().filter(|(_, sent)| sent.eq_ignore_ascii_case(&id));
            let (place, _) = places.next()?;
            places.next().is_none().then_some(place)
        })
    };
    placed(rows.iter().map(|row| (place(row), row)), ids.len())
}

/// `Lead/Bulk/UpdateV2` lists failures only, by id. A row that is not listed succeeded, provided that the counts add
/// up.
pub(crate) fn of_lead_updates(answer: &Value, ids: &[&str]) -> Vec<RowOutcome> {
    let failed = failures(answer);
    let status = answer.get("Status").and_then(Value::as_object);
    let count = |name: &str| status.and_then(|status| json::member(status, name)).and_then(json::whole);
    let open = ids.iter().filter(|id| !failed.contains_key(&id.to_ascii_lowercase())).count();
    let succeeded = count("SuccessCount");
    let unlisted = if succeeded.is_some() && succeeded == u64::try_from(open).ok() {
        RowOutcome::Done { activity_id: None }
    } else if succeeded == Some(0) && none_was_done(&count, ids.len()) {
        let reason = status.and_then(|status| json::text_of(status, &["Message"])).unwrap_or_default();
        RowOutcome::Refused { reason: Message::new(reason) }
    } else {
        RowOutcome::Unknown
    };
    ids.iter()
        .map(|id| match failed.get(&id.to_ascii_lowercase()) {
            Some(reason) => RowOutcome::Refused { reason: reason.clone() },
            None => unlisted.clone(),
        })
        .collect()
}

/// A request that LeadSquared misread as a whole says `SuccessCount` 0 and lists no row: all failed, or nothing was
/// counted.
fn none_was_done(count: &impl Fn(&str) -> Option<u64>, sent: usize) -> bool {
    let failed = count("FailureCount").unwrap_or(0) + count("UnProcessedCount").unwrap_or(0);
    u64::try_from(sent).ok() == Some(failed) || count("TotalCount").unwrap_or(failed) == failed
}

fn failures(answer: &Value) -> HashMap<String, Message> {
    ["FailedLeads", "UnProcessedLeads"]
        .iter()
        .filter_map(|list| answer.get("Details")?.get(list)?.as_array())
        .flatten()
        .filter_map(|entry| {
            let entry = entry.as_object()?;
            let id = json::text_of(entry, &["IdentifierValue"])?.to_ascii_lowercase();
            Some((id, reason(entry, json::text_of(entry, &WHY).unwrap_or_default())))
        })
        .collect()
}

/// The rows under `Response`, or the answer itself if it is a list; `None` if there are no rows at all.
fn listed(answer: &Value) -> Option<Vec<&Map<String, Value>>> {
    let rows = match answer {
        Value::Array(rows) => rows,
        Value::Object(object) => json::member(object, "Response")?.as_array()?,
        _ => return None,
    };
    Some(rows.iter().filter_map(Value::as_object).collect())
}

/// Puts each row's outcome in its place. If the answer has a row twice with different outcomes, the row is unknown.
fn placed<'a>(rows: impl Iterator<Item = (Option<usize>, &'a &'a Map<String, Value>)>, sent: usize) -> Vec<RowOutcome> {
    let mut outcomes: Vec<Option<RowOutcome>> = vec![None; sent];
    for (place, row) in rows {
        let Some(slot) = place.and_then(|place| outcomes.get_mut(place)) else {
            continue;
        };
        let outcome = outcome(row);
        *slot = Some(match slot.take() {
            Some(earlier) if earlier != outcome => RowOutcome::Unknown,
            _ => outcome,
        });
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(RowOutcome::Unknown)).collect()
}

fn outcome(row: &Map<String, Value>) -> RowOutcome {
    let done = json::first(row, &DONE).and_then(json::truth);
    let activity_id = json::text_of(row, &[ID]);
    let why = json::text_of(row, &WHY);
    match (done, &activity_id, why) {
        (Some(true), ..) | (None, Some(_), None) => RowOutcome::Done { activity_id },
        (Some(false), _, why) => {
            let why = why.or_else(|| json::text_of(row, &WHY_IF_REFUSED));
            RowOutcome::Refused { reason: reason(row, why.unwrap_or_default()) }
        }
        (None, None, Some(why)) => RowOutcome::Refused { reason: reason(row, why) },
        (None, ..) => RowOutcome::Unknown,
    }
}

/// A row's words, with the type beside them.
fn reason(row: &Map<String, Value>, words: String) -> Message {
    Message::new(words).with(json::text_of(row, &["ExceptionType"]))
}

/// `RowNumber` as a place from 0.
pub(crate) fn row_number(row: &Map<String, Value>) -> Option<usize> {
    let number = json::member(row, "RowNumber").and_then(json::whole)?;
    usize::try_from(number).ok()?.checked_sub(1)
}

fn is_success(answer: &Value) -> bool {
    answer.get("Status").and_then(Value::as_str).is_some_and(|status| status.eq_ignore_ascii_case("success"))
}

fn count(answer: &Value) -> Option<u64> {
    let message = answer.get("Message")?.as_object()?;
    json::first(message, &["Count", "AffectedRows"]).and_then(json::whole)
}
