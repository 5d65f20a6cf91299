//! The write-back of blocks. LeadSquared is told about each recipient; for that, the recipient leaves the block and
//! becomes a message of its own.
//!
//! Each lead's activity is a row of its own in LeadSquared, and a request carries 25 rows, so an audience of a million
//! takes days. Recipients therefore leave only as fast as LeadSquared takes them. Those with a final report leave
//! first.

use recado_core::{
    block::Leaving,
    message::{Message, State},
    transition::Transition,
};

use super::Syncer;
use crate::blocks::{BlockRow, tells};
use crate::crm::RunError;

/// Most recipients that leave at once.
const MOST_AT_ONCE: usize = 200;
/// The delay before a block without due outcomes is checked again, in ms: in its first hour, and later.
const LOOK_AGAIN_MS: (i64, i64) = (60_000, 600_000);
const HOUR_MS: i64 = 3_600_000;

impl Syncer {
    /// Moves recipients whose outcome is due out of the block. Returns whether any left.
    pub(super) async fn let_out(&self, message: &Message, now_ms: i64) -> Result<bool, RunError> {
        let done = || Transition::of_crm(message.id).done_in(message.state);
        if matches!(message.state, State::Pending | State::Held | State::Sending) {
            // It was given back to the sender since.
            self.ledger.apply(vec![done()]).await?;
            return Ok(false);
        }
        let Some(read) = BlockRow::of(&self.ledger, message.clone()).await? else { return Ok(false) };
        let Some(read) = read.finish_leaving(&self.ledger, now_ms).await? else { return Ok(false) };
        let BlockRow { row: message, block, page } = &read;
        let notes = self.ledger.block_notes(message.id).await?.notes;
        let may_be_reported = matches!(message.state, State::Accepted | State::Unknown);
        let waits = may_be_reported && message.due_ms.is_some();
        let (mut now, mut later) = (Vec::new(), false);
        for place in block.places() {
            if page.at(place).is_none_or(|one| one.lead.is_none()) {
                continue;
            }
            let state = notes.state(place).unwrap_or(message.state);
            let is_open = waits && !matches!(state, State::Delivered | State::Undelivered);
            if is_open {
                later = true;
            } else if tells(block.tell, state) {
                now.push(place);
            }
        }
        if now.is_empty() {
            let change = if later && block.tell != recado_core::config::Tell::None {
                let young = now_ms - message.changed_ms < HOUR_MS;
                let wait_ms = if young { LOOK_AGAIN_MS.0 } else { LOOK_AGAIN_MS.1 };
                Transition::of_crm(message.id).later(0, now_ms + wait_ms).while_in(message.state)
            } else {
                done()
            };
            self.ledger.apply(vec![change]).await?;
            return Ok(false);
        }
        now.truncate(MOST_AT_ONCE);
        let leaving = Leaving { state: None, why: None, until_ms: None, places: now };
        Ok(read.leave(&self.ledger, vec![leaving], now_ms).await?.is_some())
    }
}
