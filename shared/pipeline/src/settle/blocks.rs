//! Reports on blocks: noted together, one byte for each recipient, in one write for the reports of a group.
//!
//! A recipient that has left the block has a row of its own, and its reports go there. The block names a leaving
//! recipient before the recipient's row takes over the notes. So a report is noted first, and then the block is checked
//! for new leavers: one of the two writers finds the other's write.

use std::{collections::HashMap, sync::Arc, time::Duration};

use recado_core::{block::Block, identity::MessageId, phone::Phone};
use recado_ledger::{LedgerError, StoredCallback};

use super::{
    Settled, Settler, believed,
    known::{BlockFacts, Facts},
    report,
};
use crate::blocks::BlockRow;

/// Attempts at notes that others write at the same time. The sweep takes the rest.
const ATTEMPTS: u32 = 8;
/// The first wait between attempts. It doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// What remains after noting the reports of a batch.
#[derive(Default)]
pub(super) struct NotTheBlocks {
    /// The messages of recipients that have left, by phone.
    pub(super) messages: HashMap<Phone, MessageId>,
    /// Those of them whose price is in the books already.
    pub(super) booked: Vec<Phone>,
}

impl Settler {
    /// The block that a batch carried, if it carried one.
    pub(super) async fn block_of(&self, members: &[MessageId]) -> Result<Option<Arc<BlockFacts>>, LedgerError> {
        let [only] = members else { return Ok(None) };
        let Some(message) = self.ledger.messages(&[*only]).await?.into_iter().next() else { return Ok(None) };
        let Some(BlockRow { row: message, block, page }) = BlockRow::of(&self.ledger, message).await? else {
            return Ok(None);
        };
        let inside = page.all().filter(|(place, _)| (block.from..block.to).contains(place));
        let places = inside.map(|(place, one)| (one.phone, (place, one.message_id(block.run)))).collect();
        Ok(Some(Arc::new(BlockFacts { id: message.id, credits: message.credits, places })))
    }

    /// Notes what `reports`, each with its place among all reports, say about a block's recipients.
    pub(super) async fn note(
        &self,
        facts: &Facts,
        many: &BlockFacts,
        reports: &[(usize, &StoredCallback)],
        settled: &mut [Settled],
    ) -> Result<NotTheBlocks, LedgerError> {
        let mut rest = NotTheBlocks::default();
        let before = self.gone(many).await?;
        let mut wait = FIRST_WAIT;
        for _ in 0..ATTEMPTS {
            let read = self.ledger.block_notes(many.id).await?;
            let (mut notes, mut credits) = (read.notes.clone(), 0);
            let mut said: Vec<(usize, Settled)> = Vec::new();
            for (at, one) in reports {
                let Some((place, id)) = many.places.get(&one.phone) else { continue };
                if before.as_ref().is_some_and(|block| block.gone.contains(*place)) {
                    rest.messages.insert(one.phone, *id);
                    continue;
                }
                // A reservation that was given back counts as nothing.
                let estimate = if facts.given_back { 0 } else { many.credits };
                let heard = notes.hear(
                    *place,
                    report(&one.status),
                    one.credits.and_then(|credits| believed(credits, many.credits)),
                    estimate,
                );
                credits += heard.unwrap_or_default();
                said.push((*at, if heard.is_some() { Settled::Moved } else { Settled::Nothing }));
            }
            let books = (facts.day.as_str(), facts.rule.as_deref(), credits);
            let now_ms = self.world.now_ms();
            if notes == read.notes || self.ledger.note_block(many.id, &read, &notes, books, now_ms).await? {
                let after = self.gone(many).await?;
                for (at, what) in said {
                    let phone = reports.iter().find(|(place, _)| *place == at).map(|(_, one)| one.phone);
                    let place = phone.and_then(|phone| Some((phone, many.places.get(&phone)?)));
                    match place {
                        Some((phone, (place, id))) if after.as_ref().is_some_and(|now| now.gone.contains(*place)) => {
                            rest.messages.insert(phone, *id);
                            rest.booked.push(phone);
                        }
                        _ => {
                            if let Some(slot) = settled.get_mut(at) {
                                *slot = what;
                            }
                        }
                    }
                }
                return Ok(rest);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(rest)
    }

    async fn gone(&self, many: &BlockFacts) -> Result<Option<Block>, LedgerError> {
        Ok(self.ledger.messages(&[many.id]).await?.first().and_then(|message| message.block()).cloned())
    }
}
