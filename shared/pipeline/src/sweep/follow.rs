//! The fallback: the `else` of a rule, for a message that did not arrive.
//!
//! The report that says so makes the first message due, in the same write that moves it. The sweep then writes the
//! fallback, under an id that is a hash of the first message's id. Last, it removes the first message's due time. If
//! the process dies in between, the next sweep finds the row that it would write.

use recado_core::{decide::WAKE_UP_WITHIN_MS, identity::MessageId, message::Message, transition::Transition};
use recado_ledger::{Inserted, LedgerError};

use super::Sweeper;
use crate::planted::{Fault, planted};

impl Sweeper {
    /// Writes the fallbacks of messages that did not arrive. Returns how many of them are new.
    pub(super) async fn follow(&self, missed: Vec<Message>) -> Result<u64, LedgerError> {
        let now_ms = self.now_ms();
        let due = |message: &Message| message.due_ms.is_none_or(|due_ms| due_ms <= now_ms);
        let missed: Vec<Message> = missed.into_iter().filter(due).collect();
        let mut next: Vec<Message> =
            missed.iter().filter_map(|message| message.followed_by(now_ms, WAKE_UP_WITHIN_MS)).collect();
        if planted(Fault::FollowedAgain) {
            for message in &mut next {
                message.id = MessageId::from_bytes(*self.sender.world.fresh_batch().as_bytes());
            }
        }
        if planted(Fault::OverBeforeFollowed) {
            self.sender.ledger.apply(missed.iter().map(Transition::nothing_due).collect()).await?;
        }
        let inserted = self.sender.ledger.insert_messages(&next).await?;
        let written = missed.iter().zip(&inserted).filter(|(_, inserted)| **inserted != Inserted::Undecided);
        self.sender.ledger.apply(written.map(|(message, _)| Transition::nothing_due(message)).collect()).await?;
        let new = inserted.iter().filter(|inserted| **inserted == Inserted::New).count() as u64;
        if new > 0 {
            tracing::info!(messages = new, "sweep.followed");
        }
        Ok(new)
    }
}
