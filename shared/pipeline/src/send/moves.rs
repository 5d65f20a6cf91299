//! The moves of a message on its way.

use recado_core::{
    identity::{BatchId, MessageId},
    message::{Message, State},
    reason::Reason,
};
use recado_ledger::{Change, Due, Guard};

use crate::{
    planted::{Fault, planted},
    settings::SendSettings,
};

/// The delay before LeadSquared is told that a message was accepted, in ms. The outcome usually comes within seconds,
/// and then one write covers both.
pub(crate) const ACCEPTED_LINGER_MS: i64 = 10_000;
/// The states from which a message is claimed.
pub(super) const WAITING: &[State] = &[State::Pending, State::Held];

pub(super) fn claim(message: &Message, batch: BatchId, now_ms: i64) -> Change {
    let guard = Guard { states: WAITING, batch: None };
    // The price of a voice call is known only after its recording was read.
    let credits = message.call.as_ref().map(|_| message.credits).filter(|_| !planted(Fault::FirstEstimateKept));
    // The due time from the message's creation stays: the sweep then checks on the sender.
    Change { claim: Some(Some(batch)), credits, ..Change::new(message.id, guard, State::Sending, now_ms) }
}

pub(super) fn held(message: &Message, until_ms: i64, why: Reason, now_ms: i64) -> Change {
    Change {
        why: Some(why),
        // A message that expires first is due when it expires.
        due: if planted(Fault::HeldForEver) {
            Due::Never
        } else {
            Due::Wait(until_ms.min(message.expires_ms), message.priority)
        },
        ..Change::new(message.id, Guard { states: WAITING, batch: None }, State::Held, now_ms)
    }
}

pub(super) fn expired(message: &Message, now_ms: i64) -> Change {
    Change {
        why: Some(Reason::Expired),
        due: Due::Never,
        crm_due_ms: Some(now_ms),
        ..Change::new(message.id, Guard { states: WAITING, batch: None }, State::Expired, now_ms)
    }
}

/// Returns a message that was certainly not sent, to wait until `due_ms`.
pub(crate) fn given_back(message: &Message, batch: BatchId, due_ms: i64, why: Option<Reason>, now_ms: i64) -> Change {
    // The message may have become unknown while its sender was slow. The certain outcome counts.
    let guard = Guard { states: &[State::Sending, State::Unknown], batch: Some(batch) };
    let state = if why.is_some() { State::Held } else { State::Pending };
    Change {
        why,
        due: Due::Wait(due_ms, message.priority),
        claim: Some(None),
        ..Change::new(message.id, guard, state, now_ms)
    }
}

/// The moves of a message that follows its batch.
pub(crate) struct Follow {
    pub(crate) id: MessageId,
    pub(crate) batch: BatchId,
    pub(crate) now_ms: i64,
}

impl Follow {
    pub(crate) fn accepted(self, campaign_id: Option<String>, settings: &SendSettings) -> Change {
        Change {
            campaign_id,
            due: Due::At(self.now_ms + settings.unknown_after_ms),
            crm_due_ms: Some(self.now_ms + ACCEPTED_LINGER_MS),
            ..self.to(State::Accepted, &[State::Sending, State::Unknown], None)
        }
    }

    pub(crate) fn refused(self, why: Reason) -> Change {
        Change {
            due: Due::Never,
            crm_due_ms: Some(self.now_ms),
            ..self.to(State::Refused, &[State::Sending, State::Unknown], Some(why))
        }
    }

    pub(crate) fn unknown(self, why: Reason, settings: &SendSettings) -> Change {
        Change {
            due: Due::At(self.now_ms + settings.unknown_after_ms),
            crm_due_ms: Some(self.now_ms + ACCEPTED_LINGER_MS),
            ..self.to(State::Unknown, &[State::Sending], Some(why))
        }
    }

    fn to(&self, state: State, from: &'static [State], why: Option<Reason>) -> Change {
        let guard = Guard { states: from, batch: Some(self.batch) };
        Change { why, ..Change::new(self.id, guard, state, self.now_ms) }
    }
}
