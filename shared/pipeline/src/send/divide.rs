//! Blocks that do not go as a whole: the hours of their recipients differ, or a day's budget allows only a part.

use std::collections::BTreeMap;

use recado_core::{
    block::Leaving,
    gate::{Gate, gate},
    identity::block_id,
    message::{Message, Recipients, State},
    phone::Phone,
    reason::Reason,
};
use recado_ledger::LedgerError;

use super::{SendReport, Sender, moves::held};
use crate::{
    blocks::{BlockRow, Page},
    planted::{Fault, planted},
};

impl Sender {
    /// Keeps the first `fit` recipients of a block; the rest becomes a block that waits. A last recipient goes as a
    /// message of its own. Empty: nothing is left of the block to go now.
    pub(super) async fn keep_first(
        &self,
        members: Vec<Message>,
        fit: u64,
        (until_ms, why): (i64, &Reason),
        page: &Page,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let Some(read) = members.into_iter().next().and_then(|row| BlockRow::with_page(row, page)) else {
            return Ok(Vec::new());
        };
        let first_out = usize::try_from(fit).ok().and_then(|fit| read.block.places().nth(fit));
        let (Some(first_out), true) = (first_out, fit > 0) else {
            self.moved(vec![held(&read.row, until_ms, why.clone(), now_ms)]).await;
            return Ok(Vec::new());
        };
        match self.divide(&read, first_out, Some((until_ms, why)), now_ms).await? {
            Some((head, _)) if head.block.recipients() == 1 && !planted(Fault::BlockOfOne) => {
                let alone = goes_by_itself(head.block.places().collect(), now_ms);
                head.leave(&self.ledger, vec![alone], now_ms).await?;
                report.held += 1;
                Ok(Vec::new())
            }
            divided => Ok(divided.into_iter().map(|(head, _)| head.row).collect()),
        }
    }

    /// Divides a block at `place`, and returns both parts. The second part is held if `waits` gives an instant and a
    /// reason.
    pub(super) async fn divide(
        &self,
        read: &BlockRow,
        place: u16,
        waits: Option<(i64, &Reason)>,
        now_ms: i64,
    ) -> Result<Option<(BlockRow, Message)>, LedgerError> {
        let BlockRow { row: message, block, .. } = read;
        let (mut head, tail) = block.clone().split_at(place);
        if planted(Fault::DividedAndWhole) {
            head.to = block.to;
        }
        let mut rest = Message {
            id: block_id(tail.run, tail.page, tail.from),
            to: Recipients::Many(tail),
            changed_ms: now_ms,
            // If this process dies, the sweep finds it.
            due_ms: Some(message.due_ms.unwrap_or(now_ms)),
            ..message.clone()
        };
        if let Some((until_ms, why)) = waits {
            rest.state = State::Held;
            rest.why = Some(why.clone());
            rest.due_ms = Some(until_ms.min(rest.expires_ms));
        }
        let divided = self.ledger.split_block(message, &head, &rest).await?;
        Ok(divided.then(|| (read.with_block(head), rest)))
    }

    /// The gate's result for the first recipient, and the number of recipients, from the first on, with the same
    /// result.
    pub(super) fn gate_of_first(&self, message: &Message, members: &[(u16, Message)], now_ms: i64) -> (Gate, usize) {
        let mut of_area: BTreeMap<u8, Gate> = BTreeMap::new();
        let mut ask = |member: &Message| {
            let area = member.phone().map(Phone::ddd).unwrap_or_default();
            // The gate spreads releases after an opening by the id. The block's own id releases the whole block
            // together.
            let ask = || {
                let member = Message { id: message.id, ..member.clone() };
                gate(&member, self.settings.hours_of(&message.rule), now_ms)
            };
            of_area.entry(area).or_insert_with(ask).clone()
        };
        let until = |gate: &Gate| match gate {
            Gate::Hold { until_ms, .. } => Some(*until_ms),
            Gate::Open | Gate::Expired => None,
        };
        let Some(first) = members.first().map(|(_, member)| ask(member)) else { return (Gate::Open, 0) };
        let alike = members.iter().position(|(_, member)| until(&ask(member)) != until(&first));
        (first, alike.filter(|_| !planted(Fault::HoursOfTheFirst)).unwrap_or(members.len()))
    }
}

/// A single recipient goes as a message of its own, since reports on a batch of one are looked up in that way.
pub(super) fn goes_by_itself(places: Vec<u16>, now_ms: i64) -> Leaving {
    Leaving { state: Some(State::Held), why: Some(Reason::GoesAlone), until_ms: Some(now_ms), places }
}
