//! Blocks that do not go as a whole: the hours of their recipients differ, or a day's budget allows only a part.

use std::collections::BTreeMap;

use recado_core::{
    block::{Block, Leaving},
    gate::{Gate, gate},
    identity::block_id,
    message::{Message, State},
    phone::Phone,
    reason::Reason,
};
use recado_ledger::{LedgerError, NewBatch, Prepared, Refund};

use super::{
    SendReport, Sender,
    budget::{Reserved, cost},
    moves::held,
};
use crate::{
    blocks::{Crew, leave},
    planted::{Fault, planted},
    settings::{next_midnight_ms, today},
};

impl Sender {
    /// Reserves the day's budgets for as many of a block's recipients as fit. The rest becomes a block that waits until
    /// the next day. `None`: no recipient fits.
    pub(super) async fn reserve_block(
        &self,
        mut message: Message,
        crew: &Crew,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Option<Reserved>, LedgerError> {
        let day = today(now_ms, &self.settings.zone);
        loop {
            let batch = self.world.fresh_batch();
            let members = vec![message.clone()];
            let amount = cost(&members, true);
            let draws = self.draws(&message.rule, amount);
            let rule = self.settings.quotas_of(&message.rule).map(|_| self.settings.counted_as(&message.rule));
            let due_ms = now_ms + self.settings.stale_after_ms;
            let new = NewBatch { id: batch, now_ms, due_ms, day: day.clone(), draws };
            let spent = match self.ledger.prepare_batch(&new).await? {
                Prepared::Done => {
                    return Ok(Some(Reserved { batch, refund: Refund { day, rule, amount }, members }));
                }
                Prepared::OverQuota(spent) => spent,
            };
            let all = message.recipients();
            let fits = |count: u64| {
                let credits = u64::from(message.credits) * count;
                let more = recado_ledger::Day { messages: count, credits, requests: 1, requests_fewest: 1 };
                new.draws.iter().zip(&spent).all(|(draw, spent)| draw.quotas.allow(*spent, more))
            };
            let (mut low, mut high) = (0, all.saturating_sub(1));
            while low < high {
                let middle = (low + high).div_ceil(2);
                if fits(middle) { low = middle } else { high = middle - 1 }
            }
            report.held += all - low;
            tracing::warn!(messages = all, fit = low, "send.quota_spent");
            let until_ms = next_midnight_ms(now_ms, &self.settings.zone);
            let why = Reason::OverQuota { fit: low, all };
            let Some(block) = message.block.clone() else { return Ok(None) };
            let first_out = usize::try_from(low).ok().and_then(|low| block.places().nth(low));
            let (Some(first_out), true) = (first_out, low > 0) else {
                self.moved(vec![held(&message, until_ms, why.clone(), now_ms)]).await;
                return Ok(None);
            };
            match self.divide(&message, &block, first_out, Some((until_ms, &why)), now_ms).await? {
                Some((head, _)) if head.recipients() == 1 && !planted(Fault::BlockOfOne) => {
                    let alone = goes_by_itself(head.block.iter().flat_map(Block::places).collect(), now_ms);
                    leave(&self.ledger, &head, crew, vec![alone], now_ms).await?;
                    report.held += 1;
                    return Ok(None);
                }
                Some((head, _)) => message = head,
                None => return Ok(None),
            }
        }
    }

    /// Divides a block at `place`, and returns both parts. The second part is held if `waits` gives an instant and a
    /// reason.
    pub(super) async fn divide(
        &self,
        message: &Message,
        block: &Block,
        place: u16,
        waits: Option<(i64, &Reason)>,
        now_ms: i64,
    ) -> Result<Option<(Message, Message)>, LedgerError> {
        let (mut head, tail) = block.clone().split_at(place);
        if planted(Fault::DividedAndWhole) {
            head.to = block.to;
        }
        let mut rest = Message {
            id: block_id(tail.run, tail.page, tail.from),
            block: Some(tail),
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
        Ok(divided.then(|| (Message { block: Some(head), ..message.clone() }, rest)))
    }

    /// The gate's result for the first recipient, and the number of recipients, from the first on, with the same
    /// result.
    pub(super) fn gate_of_first(&self, message: &Message, members: &[(u16, Message)], now_ms: i64) -> (Gate, usize) {
        let mut of_area: BTreeMap<u8, Gate> = BTreeMap::new();
        let mut ask = |member: &Message| {
            let area = member.phone.map(Phone::ddd).unwrap_or_default();
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
