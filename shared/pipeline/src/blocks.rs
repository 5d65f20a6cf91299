//! Blocks: their recipients, and how a recipient leaves and becomes a message of its own.
//!
//! A leaving recipient is first noted in the block's row (`leaving`). Then its own row is written, and then the note is
//! removed. If the process dies in between, the note stays, and the next process that looks at the block writes the
//! rows again. A row's id comes from its recipient, so no row is written twice.

use std::{collections::BTreeMap, sync::Arc};

use recado_core::{
    block::{Block, Leaving, Recipient},
    config::Tell,
    message::{Message, Recipients, State},
};
use recado_ledger::{Inserted, Ledger, LedgerError};

use crate::planted::{Fault, planted};

/// The recipients of a block, by their places.
#[derive(Clone)]
pub(crate) struct Page {
    recipients: Arc<[Option<Recipient>]>,
}

impl Page {
    /// Reads the recipients on a block's page.
    pub(crate) async fn of(ledger: &Ledger, block: &Block) -> Result<Self, LedgerError> {
        let page = ledger.places(block.run, block.page).await?;
        let lost = || LedgerError::Unreadable { pk: format!("Q#{}", block.run), attribute: "recipients" };
        Ok(Self { recipients: page.ok_or_else(lost)?.into() })
    }

    /// The recipient at a place. `None`: there is no such place, or that recipient was erased.
    pub(crate) fn at(&self, place: u16) -> Option<&Recipient> {
        self.recipients.get(usize::from(place))?.as_ref()
    }

    /// All recipients that were not erased, with their places.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u16, &Recipient)> {
        (0..).zip(self.recipients.iter()).filter_map(|(place, recipient)| Some((place, recipient.as_ref()?)))
    }
}

/// The recipients in a block, each as a message of its own in the state that its reports say. They are only for
/// display: no rows exist for them. A message to one recipient is returned as it is.
pub async fn members(ledger: &Ledger, message: Message) -> Result<Vec<Message>, LedgerError> {
    let Some(block) = message.block() else { return Ok(vec![message]) };
    let (page, notes) = (Page::of(ledger, block).await?, ledger.block_notes(message.id).await?.notes);
    let member = |place: u16| {
        let mut member = page.at(place)?.message(&message, block.run);
        member.state = notes.state(place).unwrap_or(message.state);
        member.history.charged = notes.charged(place);
        Some(member)
    };
    Ok(block.places().filter_map(member).collect())
}

/// How many recipients of a message are in each state. For a block that was sent, its reports say so.
pub async fn states(ledger: &Ledger, message: &Message) -> Result<BTreeMap<State, u64>, LedgerError> {
    let is_sent = matches!(message.state, State::Accepted | State::Unknown | State::Refused);
    let mut states = BTreeMap::new();
    match message.block().filter(|_| is_sent) {
        Some(block) => {
            let notes = ledger.block_notes(message.id).await?.notes;
            for place in block.places() {
                *states.entry(notes.state(place).unwrap_or(message.state)).or_default() += 1;
            }
        }
        None => {
            states.insert(message.state, message.recipients());
        }
    }
    Ok(states)
}

/// A block as it was read, with its recipients.
pub(crate) struct BlockRow {
    /// The whole row.
    pub(crate) row: Message,
    /// The block in it.
    pub(crate) block: Block,
    /// The recipients on the block's page.
    pub(crate) page: Page,
}

impl BlockRow {
    /// Reads the recipients of a block. `None`: the row has one recipient.
    pub(crate) async fn of(ledger: &Ledger, row: Message) -> Result<Option<Self>, LedgerError> {
        let Some(block) = row.block().cloned() else { return Ok(None) };
        let page = Page::of(ledger, &block).await?;
        Ok(Some(Self { row, block, page }))
    }

    /// A row whose recipients were read already. `None`: the row has one recipient.
    pub(crate) fn with_page(row: Message, page: &Page) -> Option<Self> {
        let block = row.block().cloned()?;
        Some(Self { row, block, page: page.clone() })
    }

    /// The same row with this block.
    pub(crate) fn with_block(&self, block: Block) -> Self {
        let row = Message { to: Recipients::Many(block.clone()), ..self.row.clone() };
        Self { row, block, page: self.page.clone() }
    }

    /// Its recipients as messages, each with its place.
    pub(crate) fn members(&self) -> Vec<(u16, Message)> {
        let member = |place| Some((place, self.page.at(place)?.message(&self.row, self.block.run)));
        self.block.places().filter_map(member).collect()
    }

    /// Takes recipients out, and returns the block without them. `None`: somebody else has changed the block since it
    /// was read.
    pub(crate) async fn leave(
        &self,
        ledger: &Ledger,
        leaving: Vec<Leaving>,
        now_ms: i64,
    ) -> Result<Option<Self>, LedgerError> {
        let without = self.block.clone().without(leaving);
        if !ledger.change_block(&self.row, &without).await? {
            return Ok(None);
        }
        self.with_block(without).finish_leaving(ledger, now_ms).await
    }

    /// Writes the rows of leaving recipients, and removes their note. `None`: somebody else has changed the block.
    pub(crate) async fn finish_leaving(self, ledger: &Ledger, now_ms: i64) -> Result<Option<Self>, LedgerError> {
        let (message, block) = (&self.row, &self.block);
        if block.leaving.is_empty() {
            return Ok(Some(self));
        }
        // Read after the block's row names the leaving recipients. Earlier reports are then in the notes, and later
        // ones find the row.
        let notes = ledger.block_notes(message.id).await?.notes;
        let mut rows = Vec::new();
        for leaving in &block.leaving {
            for &place in &leaving.places {
                let Some(recipient) = self.page.at(place) else { continue };
                let mut row = recipient.message(message, block.run);
                row.due_ms = None;
                row.why.clone_from(&leaving.why);
                match leaving.state {
                    Some(state) => {
                        row.state = state;
                        row.batch = None;
                        row.campaign_id = None;
                        row.changed_ms = now_ms;
                        row.due_ms = leaving.until_ms.map(|until_ms| until_ms.min(row.expires_ms));
                    }
                    None => {
                        row.state = notes.state(place).unwrap_or(message.state);
                        row.history.charged = notes.charged(place);
                        row.why = message.why.clone().filter(|_| row.state == message.state);
                    }
                }
                let is_over = row.due_ms.is_none();
                let is_told = is_over && tells(block.tell, row.state) && recipient.lead.is_some();
                row.crm.due_ms = is_told.then_some(now_ms);
                rows.push(row);
            }
        }
        let without = Block { leaving: Vec::new(), version: block.version + 1, ..block.clone() };
        if planted(Fault::LeftBeforeWritten) {
            ledger.change_block(message, &without).await?;
        }
        let written = ledger.insert_messages(&rows).await?;
        if written.contains(&Inserted::Undecided) {
            let reason = "some rows could not be written".to_owned();
            return Err(LedgerError::Unavailable { operation: "BatchExecuteStatement", reason });
        }
        let changed = ledger.change_block(message, &without).await?;
        Ok(changed.then(|| self.with_block(without)))
    }
}

/// Whether LeadSquared is told about a recipient in this state.
pub(crate) fn tells(tell: Tell, state: State) -> bool {
    match tell {
        Tell::All => true,
        Tell::Failed => !matches!(state, State::Accepted | State::Delivered | State::Answered),
        Tell::None => false,
    }
}
