//! The requests that LeadSquared posts to a webhook's address, and the answers that it expects.
//!
//! There is no envelope, no event id and no time of the event. A new lead is one flat object, and a change is
//! `{"Before": .., "After": ..}`. Activities of one minute come as a list, and an automation posts whatever its author
//! composed. The first of these signs that is present decides what happened:
//!
//! - `Before` and `After`, and the members that only an activity has.
//! - `event` in the address's query, which the receiver puts there: a number (`3`), LeadSquared's name
//!   (`Lead_Post_Create`) or a short one (`lead.created`). Without it, `eventType`, which LeadSquared appends itself.
//! - `Event`, `EventName` or `eventType` in the body, in many spellings (`StageChange`, `Lead Created`).
//! - An `ActivityName`, or `RelatedProspectId` as the lead's only id: an activity.
//! - A lead's own times: it was created just now and not edited since.
//!
//! Anything else is [`Change::Untold`]. If the body has no lead's id, `entityId` in the query is the lead's id.
//!
//! Answer 200 with a [`WebhookAnswer`] for everything that a repetition would not correct: after ten failures in a row
//! LeadSquared switches the webhook off. An empty body ([`WebhookError::Empty`]) is the test of an address; answer it
//! with 200 too. Sources: LeadSquared webhooks, create-a-webhook and webhook-best-practices pages; bodies seen by
//! public clients.
//!
//! ```
//! use leadsquared::webhook::{self, Change};
//!
//! let body = br#"{"Before":{"ProspectID":"a1","ProspectStage":"Fresh"},
//!                 "After":{"ProspectID":"a1","ProspectStage":"Engaged","ModifiedOn":"2026-08-08 09:02:30"}}"#;
//! let now_ms = 1_786_179_780_000; // 2026-08-08 09:03:00
//! let changes = webhook::parse(Some("application/json"), &[], body, now_ms)?;
//! let Some(Ok(Change::LeadChanged { after, .. })) = changes.first() else { unreachable!() };
//! assert_eq!(after.fields.get("ProspectStage"), Some("Engaged"));
//! # Ok::<(), webhook::WebhookError>(())
//! ```

mod answer;
mod body;
mod change;
mod found;
mod hint;
mod item;
mod lead;
mod mend;
mod read;
mod words;

use serde_json::Value;

pub use answer::{MAX_STATUS_REASON_CHARS, WebhookAnswer};
pub use change::{Activity, ActivityChange, BelongsTo, Change, ChangeKind, Item, Lead, OpportunityChange, TaskChange};

use read::Reading;
use words::Hint;

/// The most elements of one body. An activity takes some 400 bytes, so a body of 6 MiB holds fewer.
pub const ELEMENTS_MAX: usize = 20_000;

/// Why a whole body could not be read. It never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is empty: LeadSquared tests the address.
    #[error("the body is empty")]
    Empty,
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// The first bad byte, counted from 0.
        at: usize,
    },
    /// The body begins like JSON, but is not JSON.
    #[error("the body is not JSON: it {problem} (line {line}, column {column})")]
    NotJson {
        /// What is wrong.
        problem: &'static str,
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where reading stopped in the line, counted from 1.
        column: usize,
    },
    /// A list of more than [`ELEMENTS_MAX`] elements.
    #[error("the body is a list of {count} elements; at most {ELEMENTS_MAX} are read")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A JSON scalar.
    #[error("the body is JSON, but neither an object nor a list")]
    NotAnObject,
    /// Neither JSON nor a form.
    #[error("the body is neither JSON nor a form")]
    NotUnderstood,
}

/// Why one element of a body could not be read; the others are not affected. It never quotes the element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("element {index} of the body {problem}")]
pub struct ElementError {
    /// The element's number, counted from 0; 0 for a body that is no list.
    pub index: usize,
    /// What is wrong, as in "is not an object".
    pub problem: &'static str,
    /// The lead that the element names, if it names one.
    pub lead_id: Option<String>,
}

/// Reads a body: one result per element of a list, one for anything else, none for an empty list.
///
/// `content_type` is a hint only: JSON comes as `text/plain` too. `query` is the query of the address, decoded.
/// `now_ms` is when the body came, in ms since 1970.
pub fn parse(
    content_type: Option<&str>,
    query: &[(String, String)],
    body: &[u8],
    now_ms: i64,
) -> Result<Vec<Result<Change, ElementError>>, WebhookError> {
    let mut reading = Reading { hint: Hint::of(query), now_ms };
    let elements = match body::decode(content_type, body)? {
        // One lead as a list of its attributes is one element.
        Value::Array(list) if read::is_pairs(&list) => vec![Value::Array(list)],
        Value::Array(list) => list,
        Value::Object(object) => match read::elements(&object) {
            Some(elements) => {
                reading = reading.inside(&object);
                elements.to_vec()
            }
            None => vec![Value::Object(object)],
        },
        _ => return Err(WebhookError::NotAnObject),
    };
    if elements.len() > ELEMENTS_MAX {
        return Err(WebhookError::TooMany { count: elements.len() });
    }
    let read = |(index, element): (usize, &Value)| {
        read::change(element, &reading).map_err(|problem| ElementError {
            index,
            problem,
            lead_id: found::in_value(element),
        })
    };
    let mut changes: Vec<_> = elements.iter().enumerate().map(read).collect();
    // With several leads, the id could belong to any of them.
    if let ([Ok(change)], Some(id)) = (changes.as_mut_slice(), entity_id(query)) {
        change.complete(id);
    }
    Ok(changes)
}

/// The lead's id in bytes that [`parse`] cannot read. `None`: there is no lead's id, or there are several.
#[must_use]
pub fn lead_id_in(body: &[u8]) -> Option<String> {
    found::in_bytes(body)
}

/// The value that LeadSquared appends as `entityId`, if it looks like a lead's id. Public clients use it as such; no
/// page documents it.
fn entity_id(query: &[(String, String)]) -> Option<&str> {
    let named = query.iter().find(|(name, _)| name.eq_ignore_ascii_case("entityId"));
    named.map(|(_, id)| id.trim()).filter(|id| found::is_guid(id))
}
