//! The moves of a message on its way, with the settings' delays.

use recado_core::{
    identity::{BatchId, MessageId},
    message::Message,
    reason::Reason,
    transition::Transition,
};

use crate::{
    planted::{Fault, planted},
    settings::SendSettings,
};

pub(super) fn claim(message: &Message, batch: BatchId, now_ms: i64) -> Transition {
    // The price of a voice call is known only after its recording was read.
    let credits = message.content.call().map(|_| message.credits).filter(|_| !planted(Fault::FirstEstimateKept));
    Transition::claim(message, batch, credits, now_ms)
}

pub(super) fn held(message: &Message, until_ms: i64, why: Reason, now_ms: i64) -> Transition {
    let hold = Transition::hold(message, until_ms, why, now_ms);
    if planted(Fault::HeldForEver) { hold.over() } else { hold }
}

/// The moves of a message that follows its batch.
pub(crate) struct Follow {
    pub(crate) id: MessageId,
    pub(crate) batch: BatchId,
    pub(crate) now_ms: i64,
}

impl Follow {
    pub(crate) fn accepted(self, campaign_id: Option<String>, settings: &SendSettings) -> Transition {
        let wait_until_ms = self.now_ms + settings.unknown_after_ms;
        Transition::accept(self.id, self.batch, campaign_id, wait_until_ms, self.now_ms)
    }

    pub(crate) fn refused(self, why: Reason) -> Transition {
        Transition::refuse(self.id, self.batch, why, self.now_ms)
    }

    pub(crate) fn unknown(self, why: Reason, settings: &SendSettings) -> Transition {
        Transition::lose(self.id, self.batch, why, self.now_ms + settings.unknown_after_ms, self.now_ms)
    }
}
