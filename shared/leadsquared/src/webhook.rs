//! What LeadSquared posts to a webhook's address, and what it wants to hear.
//!
//! There is no envelope, no event id and no time of the event. A new lead is one flat object, a change is
//! `{"Before": .., "After": ..}`, activities of one minute come as a list, and an automation posts whatever its author
//! composed. So a body is read by what is in it; the address's own query only helps:
//!
//! - `event` is for the receiver to put in the address: a number (`3`), LeadSquared's name (`Lead_Post_Create`) or a
//!   short one (`lead.created`).
//! - `eventType` is what LeadSquared appends itself.
//!
//! Answer 200 with a [`WebhookAnswer`] for everything that a repetition would not mend: ten failures in a row make
//! LeadSquared switch the webhook off. An empty body ([`WebhookError::Empty`]) is the test of an address, to be
//! answered 200 too. Sources: LeadSquared webhooks, create-a-webhook and webhook-best-practices pages; bodies seen by
//! public clients.
//!
//! ```
//! use leadsquared::webhook::{self, Change};
//!
//! let body = br#"{"Before":{"ProspectID":"a1","ProspectStage":"Fresh"},
//!                 "After":{"ProspectID":"a1","ProspectStage":"Engaged","ModifiedOn":"2026-08-08 09:02:30"}}"#;
//! let changes = webhook::parse(Some("application/json"), &[], body)?;
//! let Some(Ok(Change::LeadChanged { after, .. })) = changes.first() else { unreachable!() };
//! assert_eq!(after.fields.get("ProspectStage"), Some("Engaged"));
//! # Ok::<(), webhook::WebhookError>(())
//! ```

mod answer;
mod body;
mod change;
mod hint;
mod read;

use serde_json::Value;

pub use answer::{MAX_STATUS_REASON_CHARS, WebhookAnswer};
pub use change::{Activity, ActivityChange, Change, ChangeKind, Item, Lead, OpportunityChange, TaskChange};

use hint::Hint;

/// Why a whole body could not be read. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Nothing in it: LeadSquared trying the address.
    #[error("the body is empty")]
    Empty,
    /// Not UTF-8.
    #[error("the body is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// The first bad byte, counted from 0.
        at: usize,
    },
    /// Begins like JSON, and is not.
    #[error("the body is not JSON: it {problem} (line {line}, column {column})")]
    NotJson {
        /// What is wrong.
        problem: &'static str,
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where reading stopped in the line, counted from 1.
        column: usize,
    },
    /// A JSON scalar.
    #[error("the body is JSON, but neither an object nor a list")]
    NotAnObject,
    /// Neither JSON nor a form.
    #[error("the body is neither JSON nor a form")]
    NotUnderstood,
}

/// Why one element of a body could not be read; the others are not affected. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("element {index} of the body {problem}")]
pub struct ElementError {
    /// Which element, counted from 0; 0 for a body that is no list.
    pub index: usize,
    /// What is wrong, as in "is not an object".
    pub problem: &'static str,
}

/// Reads a body: one result per element of a list, one for anything else, none for an empty list.
///
/// `content_type` is a hint only: JSON comes as `text/plain` too. `query` is the query of the address, decoded.
pub fn parse(
    content_type: Option<&str>,
    query: &[(String, String)],
    body: &[u8],
) -> Result<Vec<Result<Change, ElementError>>, WebhookError> {
    let hint = Hint::of(query);
    let elements = match body::decode(content_type, body)? {
        // One lead as a list of its attributes is one element.
        Value::Array(list) if read::is_pairs(&list) => vec![Value::Array(list)],
        Value::Array(list) => list,
        object @ Value::Object(_) => vec![object],
        _ => return Err(WebhookError::NotAnObject),
    };
    let read = |(index, element): (usize, &Value)| {
        read::change(element, hint.as_ref()).map_err(|problem| ElementError { index, problem })
    };
    Ok(elements.iter().enumerate().map(read).collect())
}
