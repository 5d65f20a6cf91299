//! What to do about a message that was found claimed: its sender may be at work, or may have died at any step.
//!
//! Only the batch's row says how far the sender came. The sender may be slow instead of dead, and then only a
//! conditional write on that row decides the race. So each recovery below starts with such a write.

use crate::message::{Batch, BatchState, Message, State};

/// What to do about a claimed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The sender may be at work: look again at this instant, in ms since the epoch.
    Wait(i64),
    /// The batch was prepared, but its request was never made: release the batch, then give the message back.
    Release,
    /// The request began and has no recorded answer: the batch's outcome is unknown, and so is the message's.
    Unknown,
    /// The batch does not carry the message: give it back.
    GiveBack,
    /// The batch came to this end, and the message shares it.
    Follow(State),
}

/// Decides what to do about `message`, which is in the state `Sending`, given its batch's row.
///
/// `stale_ms` is how long after a step the sender is taken for dead. It must be longer than any sender lives.
#[must_use]
pub fn recover(message: &Message, batch: Option<&Batch>, now_ms: i64, stale_ms: i64) -> Recovery {
    // A claim is only ever made for a batch that was written before. If the row is gone, retention removed it, and it
    // is not known whether the request was made.
    let Some(batch) = batch else { return Recovery::Unknown };
    let carried = batch.members.contains(&message.id);
    let stale_at = batch.called_ms.unwrap_or(batch.prepared_ms).max(message.changed_ms) + stale_ms;
    match batch.state {
        BatchState::Prepared | BatchState::Calling if now_ms < stale_at => Recovery::Wait(stale_at),
        BatchState::Prepared => Recovery::Release,
        _ if !carried => Recovery::GiveBack,
        BatchState::Calling => Recovery::Unknown,
        BatchState::Released => Recovery::GiveBack,
        BatchState::Accepted => Recovery::Follow(State::Accepted),
        BatchState::Refused => Recovery::Follow(State::Refused),
        BatchState::Unknown => Recovery::Follow(State::Unknown),
    }
}
