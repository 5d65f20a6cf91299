//! The moves that a message makes on its way.

use recado_core::{
    identity::{BatchId, MessageId},
    message::{Message, State},
};
use recado_ledger::{Change, Due, Guard};

use crate::settings::SendSettings;

/// How long after a message was accepted LeadSquared is told so, in ms, unless its end comes first: most come within
/// seconds, and then one write tells both.
pub(crate) const ACCEPTED_LINGER_MS: i64 = 10_000;
/// What a claimed message is moved from.
pub(super) const WAITING: &[State] = &[State::Pending, State::Held];

pub(super) fn claim(message: &Message, batch: BatchId, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: WAITING, batch: None },
        state: State::Sending,
        why: None,
        now_ms,
        // The appointment made when the message was written still stands, and is when its sender is checked upon.
        due: Due::Keep,
        campaign_id: None,
        crm_due_ms: None,
        claim: Some(Some(batch)),
    }
}

pub(super) fn held(message: &Message, until_ms: i64, why: &str, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: WAITING, batch: None },
        state: State::Held,
        why: Some(why.to_owned()),
        now_ms,
        // What expires first is looked at when it expires.
        due: Due::At(until_ms.min(message.expires_ms)),
        campaign_id: None,
        crm_due_ms: None,
        claim: None,
    }
}

pub(super) fn expired(message: &Message, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: WAITING, batch: None },
        state: State::Expired,
        why: Some("its expiry came first".to_owned()),
        now_ms,
        due: Due::Never,
        campaign_id: None,
        crm_due_ms: Some(now_ms),
        claim: None,
    }
}

/// A message that was certainly not sent goes back to wait until `due_ms`.
pub(crate) fn given_back(id: MessageId, batch: BatchId, due_ms: i64, why: Option<&str>, now_ms: i64) -> Change {
    Change {
        id,
        // It may have been called unknown while its sender was slow: what is certain now counts.
        guard: Guard { states: &[State::Sending, State::Unknown], batch: Some(batch) },
        state: if why.is_some() { State::Held } else { State::Pending },
        why: why.map(str::to_owned),
        now_ms,
        due: Due::At(due_ms),
        campaign_id: None,
        crm_due_ms: None,
        claim: Some(None),
    }
}

/// The moves by which a message follows its batch.
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

    pub(crate) fn refused(self, why: &str) -> Change {
        Change {
            due: Due::Never,
            crm_due_ms: Some(self.now_ms),
            ..self.to(State::Refused, &[State::Sending, State::Unknown], Some(why))
        }
    }

    pub(crate) fn unknown(self, why: &str, settings: &SendSettings) -> Change {
        Change {
            due: Due::At(self.now_ms + settings.unknown_after_ms),
            crm_due_ms: Some(self.now_ms + ACCEPTED_LINGER_MS),
            ..self.to(State::Unknown, &[State::Sending], Some(why))
        }
    }

    fn to(&self, state: State, from: &'static [State], why: Option<&str>) -> Change {
        Change {
            id: self.id,
            guard: Guard { states: from, batch: Some(self.batch) },
            state,
            why: why.map(str::to_owned),
            now_ms: self.now_ms,
            due: Due::Keep,
            campaign_id: None,
            crm_due_ms: None,
            claim: None,
        }
    }
}
