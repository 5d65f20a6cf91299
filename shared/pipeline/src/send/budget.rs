//! A request's share of today's budgets: reserved with the batch, for as many of its messages as fit.

use recado_core::{
    identity::BatchId,
    message::Message,
    reason::Reason,
    transition::{BatchMove, Transition},
};
use recado_ledger::{Begin, Budget, Day, Draw, LedgerError, NewBatch, Prepared, Quotas, Refund};

use super::{
    SendReport, Sender,
    moves::{claim, held},
    way::Way,
};
use crate::{
    planted::{Fault, planted},
    settings::{next_midnight_ms, today},
};

/// A prepared batch, and the messages that its reservation covers.
pub(super) struct Reserved {
    pub(super) batch: BatchId,
    /// The whole reservation. It is given back if nothing is sent.
    pub(super) refund: Refund,
    pub(super) members: Vec<Message>,
    /// Whether its messages are claimed and its request has begun, in the same write.
    pub(super) has_begun: bool,
}

/// Requests of this many rows or fewer are prepared, claimed and begun in one write. A claim in that write costs a
/// write unit more than alone; it saves four units and two requests to the table.
pub(super) const FEW: usize = 3;

impl Sender {
    /// Reserves the day's budgets for as many recipients of `members` as fit, and prepares their batch; holds the rest
    /// until the next day. `None`: no recipient fits.
    pub(super) async fn reserve(
        &self,
        mut members: Vec<Message>,
        way: &Way,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Option<Reserved>, LedgerError> {
        let day = today(now_ms, &self.settings.zone);
        while let Some(first) = members.first() {
            let batch = self.world.fresh_batch();
            let amount = cost(&members, way.among_fewest);
            let draws = self.draws(&first.rule, amount);
            let rule = self.settings.quotas_of(&first.rule).map(|_| self.settings.counted_as(&first.rule));
            let refund = Refund { day: day.clone(), rule, amount };
            let due_ms = now_ms + self.settings.stale_after_ms;
            let begins = begins(&members, batch, now_ms);
            let has_begun = begins.is_some();
            let new = NewBatch { id: batch, now_ms, due_ms, day: day.clone(), draws, begins };
            let prepared = match self.ledger.prepare_batch(&new).await {
                Ok(prepared) => prepared,
                Err(error) => {
                    if has_begun {
                        self.take_back(batch, refund, &members).await?;
                    }
                    return Err(error);
                }
            };
            match prepared {
                Prepared::Done => return Ok(Some(Reserved { batch, refund, members, has_begun })),
                Prepared::NotOurs(ours) => {
                    let all = weight(&members);
                    let mut ours = ours.into_iter();
                    members.retain(|_| ours.next().unwrap_or(true));
                    report.not_ours += all - weight(&members);
                }
                Prepared::OverQuota(spent) => {
                    let all = weight(&members);
                    let fit = how_many_fit(&members, &new.draws, &spent);
                    report.held += all - fit;
                    tracing::warn!(messages = all, fit, "send.quota_spent");
                    let until_ms = next_midnight_ms(now_ms, &self.settings.zone);
                    let why = Reason::OverQuota { fit, all };
                    members = match &way.page {
                        Some(page) => self.keep_first(members, fit, (until_ms, &why), page, now_ms, report).await?,
                        None => {
                            // Each message has one recipient.
                            let rest = members.split_off(usize::try_from(fit).unwrap_or(usize::MAX));
                            self.moved(rest.iter().map(|m| held(m, until_ms, why.clone(), now_ms)).collect()).await;
                            members
                        }
                    };
                }
            }
        }
        Ok(None)
    }

    /// Takes back a batch that may have begun: the table gave no clear answer. Nothing was sent. If the table does not
    /// answer now either, the batch counts as unknown later.
    async fn take_back(&self, batch: BatchId, refund: Refund, members: &[Message]) -> Result<(), LedgerError> {
        if self.end(batch, BatchMove::Release, refund, &Reason::NoTime).await? {
            let now_ms = self.world.now_ms();
            let back = members.iter().map(|message| Transition::give_back(message, batch, now_ms, None, now_ms));
            self.ledger.apply(back.collect()).await?;
        }
        Ok(())
    }

    /// The budgets that a request of `rule` draws on: the account's, and the rule's own.
    fn draws(&self, rule: &str, amount: Day) -> Vec<Draw> {
        let own = self.settings.quotas_of(rule);
        let quotas = if planted(Fault::BudgetNotEnforced) { Quotas::NONE } else { self.settings.quotas };
        let account = Draw { budget: Budget::Account, amount, quotas };
        let own = own.map(|quotas| Draw { budget: Budget::Rule(self.settings.counted_as(rule)), amount, quotas });
        std::iter::once(account).chain(own).collect()
    }
}

/// What the batch of a small request needs to begin in the write that prepares it.
fn begins(members: &[Message], batch: BatchId, now_ms: i64) -> Option<Begin> {
    if members.len() > FEW || planted(Fault::CalledBeforeWritten) || planted(Fault::SurplusKept) {
        return None;
    }
    let is_block = members.iter().any(|message| message.block().is_some());
    let unclaimed = planted(Fault::ClaimNotChecked) || (planted(Fault::BlockClaimedTwice) && is_block);
    let claims = if unclaimed { &[] } else { members };
    let listed = if planted(Fault::MembersNotListed) { &[] } else { members };
    Some(Begin {
        members: listed.iter().map(|message| message.id).collect(),
        claims: claims.iter().map(|message| claim(message, batch, now_ms)).collect(),
    })
}

/// How many recipients, oldest first, fit beside what is spent. Fewer than all, since all did not fit.
fn how_many_fit(members: &[Message], draws: &[Draw], spent: &[Day]) -> u64 {
    let fits = |count: u64| {
        let more = cost_of_first(count, members);
        draws.iter().zip(spent).all(|(draw, spent)| draw.quotas.allow(*spent, more))
    };
    // The cost grows with the number of recipients.
    let (mut low, mut high) = (0, weight(members).saturating_sub(1));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

/// The number of recipients of these messages.
pub(super) fn weight(messages: &[Message]) -> u64 {
    messages.iter().map(Message::recipients).sum()
}

/// The cost of a request with these messages. The caller knows whether the request counts among the fewest possible.
pub(super) fn cost(messages: &[Message], among_fewest: bool) -> Day {
    Day { requests: 1, requests_fewest: u64::from(among_fewest), ..cost_of_first(u64::MAX, messages) }
}

/// The cost of the first `count` recipients, without their request.
fn cost_of_first(count: u64, messages: &[Message]) -> Day {
    let mut cost = Day::default();
    for message in messages {
        let recipients = message.recipients().min(count - cost.messages);
        cost.messages += recipients;
        cost.credits += u64::from(message.credits) * recipients;
    }
    cost
}
