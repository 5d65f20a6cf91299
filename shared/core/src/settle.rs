//! What a delivery report changes, and what an operator may still change: decisions on one message, as data.

use crate::{
    identity::BatchId,
    message::{Message, Report, State},
    reason::Reason,
};

pub use crate::credits::{Correction, correction, is_plausible};

/// Whether a report on `batch` changes `message`, and to which state.
///
/// A report on an earlier attempt counts too. It proves that the message was sent. So a message that waits for another
/// attempt is not sent again, whatever the result of the earlier one. But while a later attempt is open, only good news
/// of the earlier attempt says anything about the message.
#[must_use]
pub fn heard(message: &Message, batch: BatchId, report: Report) -> Option<State> {
    let state = report.state();
    let moves = report.moves().contains(&message.state);
    if message.batch == Some(batch) {
        return moves.then_some(state);
    }
    if !message.history.earlier.contains(&batch) {
        return None;
    }
    match message.state {
        State::Pending | State::Held | State::Expired | State::Skipped if message.batch.is_none() => Some(state),
        // Its request is under way. Its own answer and reports say how it ends.
        State::Sending if report == Report::Sent => None,
        _ => (moves && matches!(report, Report::Sent | Report::Delivered | Report::Answered)).then_some(state),
    }
}

/// Whether an operator may send a message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Nothing was sent: it may go.
    Yes,
    /// It may have reached its recipient, or may still reach it. Only if the operator accepts that risk.
    MaybeTwice(&'static str),
    /// It may not be sent again.
    No(&'static str),
}

/// Whether an operator may send `message` again, and if not, why.
#[must_use]
pub fn again(message: &Message) -> Again {
    if message.phone().is_none() || !message.content.is_made() {
        return Again::No("it has no phone or no text: a new event is needed");
    }
    match message.state {
        State::Refused | State::Expired => Again::Yes,
        State::Skipped if message.why == Some(Reason::Cancelled) => Again::Yes,
        State::Skipped => Again::No("this lead was to get none: mend the reason, then a new event is needed"),
        State::Unknown => Again::MaybeTwice("it may have been sent"),
        State::Undelivered => Again::MaybeTwice("it was sent and charged, and may still arrive"),
        State::NoAnswer | State::Busy => Again::MaybeTwice("it was dialled and charged, and may be redialled"),
        State::Pending | State::Held => Again::No("it goes by itself"),
        State::Sending => Again::No("it is being sent"),
        State::Accepted | State::Delivered | State::Answered => Again::No("it was sent"),
    }
}

/// Whether an operator may cancel `message`; otherwise why not.
pub fn cancel(message: &Message) -> Result<(), &'static str> {
    match message.state {
        State::Pending | State::Held => Ok(()),
        State::Sending => Err("it is being sent"),
        State::Unknown => Err("it may have been sent"),
        State::Accepted | State::Delivered | State::Undelivered | State::Answered | State::NoAnswer | State::Busy => {
            Err("it was sent")
        }
        State::Refused | State::Skipped | State::Expired => Err("it has come to its end"),
    }
}
