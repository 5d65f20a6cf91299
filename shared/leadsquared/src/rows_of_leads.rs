//! The outcome of each row of a request that creates leads.

use serde_json::{Map, Value};

use crate::{json, message::Message, rows::row_number};

/// The outcome of one lead of a bulk request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadRowOutcome {
    /// Written.
    Written {
        /// Its `ProspectID`, if the answer has it.
        id: Option<String>,
        /// Whether it is new, if the answer says.
        created: Option<bool>,
    },
    /// Not written; the same row would be refused again.
    Refused {
        /// LeadSquared's words; [`Message::unknown_attributes`] names fields that the account does not have.
        reason: Message,
    },
    /// The answer does not say.
    Unknown,
}

/// A list of rows by `RowNumber`, from 1. If the answer has a row twice with different outcomes, the row is unknown.
pub(crate) fn of_leads(answer: &Value, sent: usize) -> Vec<LeadRowOutcome> {
    let mut outcomes: Vec<Option<LeadRowOutcome>> = vec![None; sent];
    let rows = answer.as_array().or_else(|| answer.get("Response").and_then(Value::as_array));
    for row in rows.into_iter().flatten().filter_map(Value::as_object) {
        let Some(slot) = row_number(row).and_then(|place| outcomes.get_mut(place)) else { continue };
        let outcome = outcome(row);
        *slot = Some(match slot.take() {
            Some(earlier) if earlier != outcome => LeadRowOutcome::Unknown,
            _ => outcome,
        });
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(LeadRowOutcome::Unknown)).collect()
}

/// A row with a reason was refused, whatever else it says. A row with an id was written, even if nothing changed in it.
fn outcome(row: &Map<String, Value>) -> LeadRowOutcome {
    if let Some(reason) = json::text_of(row, &["ErrorMessage", "ExceptionMessage", "ExceptionType"]) {
        return LeadRowOutcome::Refused { reason: Message::new(reason) };
    }
    let id = json::text_of(row, &["LeadId"]);
    let updated = json::member(row, "LeadUpdated").and_then(json::truth);
    match (created(row), updated) {
        (created, _) if id.is_some() => LeadRowOutcome::Written { id, created },
        (created @ Some(true), _) | (created, Some(true)) => LeadRowOutcome::Written { id, created },
        (Some(false), _) => LeadRowOutcome::Refused { reason: Message::default() },
        (None, _) => LeadRowOutcome::Unknown,
    }
}

/// Whether the lead of a row is new, if the row says.
pub(crate) fn created(row: &Map<String, Value>) -> Option<bool> {
    json::first(row, &["IsCreated", "LeadCreated"]).and_then(json::truth)
}
