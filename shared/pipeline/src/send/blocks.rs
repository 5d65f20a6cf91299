//! Blocks, which pass the same checks as all other messages.
//!
//! A block passes each message's checks: hours (in each recipient's zone), pauses, suppressions, opt-outs, caps,
//! quotas, the rate. A result that holds for all recipients holds or ends the block. A result that holds for some makes
//! them leave first (`crate::blocks`), or divides the block. The rest is reserved, claimed, sent and recorded as one
//! message. Its batch lists that message alone.
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | leaving recipients were noted | `leaving` | the next process that looks at the block writes the rows |
//! | the block was divided | two waiting blocks | both are due |
//! | anything else | as for any message | as for any message |
//!
//! A claim needs the recipients as they were read. They change only while the block waits or after its request. So a
//! recipient that left before the request is not in it.

use std::{collections::BTreeMap, sync::atomic::AtomicI64};

use futures::StreamExt as _;
use liguelead::Blame;
use recado_core::{
    block::Leaving,
    gate::{Gate, gate},
    group::Request,
    identity::BatchId,
    message::{Message, State},
    reason::Reason,
    transition::Transition,
};
use recado_ledger::{LedgerError, Refund, at_once};

use super::{SendReport, Sender, allowed::Allowed, divide::goes_by_itself, moves::held};
use crate::{
    blocks::{BlockRow, Page},
    planted::{Fault, planted},
};

/// Blocks that are prepared at once. Each has up to 10,000 recipients in memory.
const AT_ONCE: usize = 4;
/// Delay before unreadable caps are checked again, in ms.
const ASK_AGAIN_MS: i64 = 60_000;

/// The result of a step.
struct Step {
    report: SendReport,
    /// The part that was divided off, which is checked by itself.
    rest: Option<Message>,
}

impl From<SendReport> for Step {
    fn from(report: SendReport) -> Self {
        Self { report, rest: None }
    }
}

impl Sender {
    /// Sends waiting blocks.
    pub(super) async fn send_blocks(&self, blocks: Vec<Message>, deadline_ms: i64) -> SendReport {
        let sent = at_once(AT_ONCE, blocks, |block| self.send_block(block, deadline_ms));
        sent.fold(SendReport::default(), async |all, one| all.and(one)).await
    }

    async fn send_block(&self, block: Message, deadline_ms: i64) -> SendReport {
        let (mut report, mut next) = (SendReport::default(), Some(block));
        while let Some(message) = next.take() {
            match Box::pin(self.step(message, deadline_ms)).await {
                Ok(step) => {
                    report = report.and(step.report);
                    next = step.rest;
                }
                Err(error) => tracing::error!(error = %error, "send.table_failed"),
            }
        }
        report
    }

    async fn step(&self, message: Message, deadline_ms: i64) -> Result<Step, LedgerError> {
        let now_ms = self.world.now_ms();
        if !self.is_time_for_a_call(deadline_ms) {
            return Ok(SendReport { left: message.recipients(), ..SendReport::default() }.into());
        }
        if let Gate::Expired = gate(&message, self.settings.hours_of(&message.rule), now_ms) {
            self.moved(vec![Transition::expire(&message, now_ms)]).await;
            return Ok(SendReport { expired: message.recipients(), ..SendReport::default() }.into());
        }
        let (running, held_by_pause) = self.not_paused(vec![message.clone()]).await;
        if running.is_empty() {
            return Ok(SendReport { held: held_by_pause, ..SendReport::default() }.into());
        }
        let recipients = message.recipients();
        let Some(read) = BlockRow::of(&self.ledger, message).await? else { return Ok(not_ours(recipients)) };
        let Some(read) = read.finish_leaving(&self.ledger, now_ms).await? else { return Ok(not_ours(recipients)) };
        if self.cancelled(std::slice::from_ref(&read.row)).await?.contains(&read.block.run) {
            return self.end_block(&read.row, Reason::Cancelled).await;
        }
        let members = read.members();
        if members.is_empty() {
            return self.end_block(&read.row, Reason::AllLeft).await;
        }
        let (verdict, alike) = self.gate_of_first(&read.row, &members, now_ms);
        if let Some((place, _)) = members.get(alike) {
            let Some((head, rest)) = self.divide(&read, *place, None, now_ms).await? else {
                return Ok(not_ours(recipients));
            };
            let step = Box::pin(self.step(head.row, deadline_ms)).await?;
            // The hours of the whole head agree, so nothing is divided off it. If something were, it would be due.
            return Ok(Step { report: step.report, rest: Some(rest) });
        }
        if let Gate::Hold { until_ms, why } = verdict {
            return Ok(self.hold_block(&read.row, until_ms, why).await.into());
        }
        Box::pin(self.let_through_block(read, members, deadline_ms)).await
    }

    /// Checks each recipient like a message. Recipients that may not go now leave, and the rest is sent.
    async fn let_through_block(
        &self,
        read: BlockRow,
        members: Vec<(u16, Message)>,
        deadline_ms: i64,
    ) -> Result<Step, LedgerError> {
        let now_ms = self.world.now_ms();
        let place_of: BTreeMap<_, u16> = members.iter().map(|(place, member)| (member.id, *place)).collect();
        let mut report = SendReport::default();
        let judged = self.judge_allowed(members.into_iter().map(|(_, member)| member).collect(), now_ms).await?;
        let judged = if planted(Fault::BlockOptOutsNotAsked) {
            let Allowed { mut welcome, ends, .. } = judged;
            welcome.extend(ends.into_iter().map(|(member, _)| member));
            Allowed { welcome, ..Allowed::default() }
        } else {
            judged
        };
        if let Some((until_ms, why)) = judged.unasked {
            return Ok(self.hold_block(&read.row, until_ms, why).await.into());
        }
        let capped = self.judge_capped(judged.welcome, now_ms, &mut report).await?;
        let mut leaving: BTreeMap<(State, Reason, Option<i64>), Vec<u16>> = BTreeMap::new();
        let ends = judged.ends.into_iter().map(|(member, why)| (member, State::Skipped, why, None));
        let holds = capped.holds.into_iter().map(|(member, until_ms, why)| (member, State::Held, why, Some(until_ms)));
        let unsure = capped
            .unsure
            .into_iter()
            .map(|member| (member, State::Held, Reason::CapsUnknown, Some(now_ms + ASK_AGAIN_MS)));
        for (member, state, why, until_ms) in ends.chain(holds).chain(unsure) {
            let Some(place) = place_of.get(&member.id) else { continue };
            let counted = if state == State::Held { &mut report.held } else { &mut report.skipped };
            *counted += 1;
            leaving.entry((state, why, until_ms)).or_default().push(*place);
        }
        let mut leaving: Vec<Leaving> = leaving
            .into_iter()
            .map(|((state, why, until_ms), places)| Leaving { state: Some(state), why: Some(why), until_ms, places })
            .collect();
        if let [last] = capped.passed.as_slice()
            && let Some(place) = place_of.get(&last.id)
        {
            leaving.push(goes_by_itself(vec![*place], now_ms));
        }
        let recipients = read.row.recipients();
        let left = if leaving.is_empty() { Some(read) } else { read.leave(&self.ledger, leaving, now_ms).await? };
        let Some(BlockRow { row, page, .. }) = left else { return Ok(not_ours(recipients)) };
        if capped.passed.len() < 2 {
            let step = self.end_block(&row, Reason::AllLeft).await?;
            return Ok(Step { report: report.and(step.report), ..step });
        }
        let request = Request { members: vec![row], among_fewest: true };
        let sent = self.send_request(request, Some(page), &AtomicI64::new(0), deadline_ms).await;
        Ok(report.and(sent).into())
    }

    /// Handles a block that LigueLead refused for some of its phones. If LigueLead names phones, these end as refused,
    /// and the rest goes again. If it names none, all recipients become messages of their own, and are bisected.
    pub(super) async fn take_apart(
        &self,
        batch: BatchId,
        spent: Refund,
        message: &Message,
        page: &Page,
        blame: &Blame,
        why: &Reason,
    ) -> Result<SendReport, LedgerError> {
        if !self.give_back(batch, spent, std::slice::from_ref(message), self.world.now_ms(), Some(why.clone())).await? {
            return Ok(SendReport::default());
        }
        let now_ms = self.world.now_ms();
        let all = message.recipients();
        let waits = Message { state: State::Held, batch: None, ..message.clone() };
        let Some(read) = BlockRow::with_page(waits, page) else { return Ok(SendReport::default()) };
        let named: &[usize] = if let Blame::Phones { named } = blame { named } else { &[] };
        let places: Vec<u16> = read.block.places().collect();
        let named: Vec<u16> = named.iter().filter_map(|at| places.get(*at).copied()).collect();
        let (state, until_ms, places) = if named.is_empty() || named.len() as u64 == all {
            (State::Held, Some(now_ms), places)
        } else {
            (State::Refused, None, named)
        };
        tracing::warn!(batch.id = %batch, batch.messages = all, messages = places.len(), "send.block_apart");
        let gone = places.len() as u64;
        let leaving = Leaving { state: Some(state), why: Some(why.clone()), until_ms, places };
        if read.leave(&self.ledger, vec![leaving], now_ms).await?.is_none() {
            return Ok(SendReport::default());
        }
        let refused = if state == State::Refused { gone } else { 0 };
        Ok(SendReport { refused, held: all - refused, ..SendReport::default() })
    }

    async fn hold_block(&self, message: &Message, until_ms: i64, why: Reason) -> SendReport {
        self.moved(vec![held(message, until_ms, why, self.world.now_ms())]).await;
        SendReport { held: message.recipients(), ..SendReport::default() }
    }

    /// Ends a block that is not sent.
    async fn end_block(&self, message: &Message, why: Reason) -> Result<Step, LedgerError> {
        self.ledger.apply(vec![Transition::skip(message, why, self.world.now_ms())]).await?;
        Ok(SendReport { skipped: message.recipients(), ..SendReport::default() }.into())
    }
}

fn not_ours(recipients: u64) -> Step {
    SendReport { not_ours: recipients, ..SendReport::default() }.into()
}
