//! One request, and its parts, which go again if LigueLead refuses the whole for some of its phones.
//!
//! `recado_core::bisect` decides what follows a refusal. Each part is a batch of its own: it reserves, claims, requests
//! and records like any other. Before a part goes, its messages are back in the table as `held`, each with the name of
//! its part. If this sender dies, they become due, and the sweep sends each part as a request of its own, because the
//! names differ. So no crash repeats what LigueLead took, or joins parts that were separated.

use std::sync::atomic::{AtomicI64, Ordering};

use recado_core::{
    bisect::{Next, Part},
    group::Request,
    identity::BatchId,
    message::Message,
    reason::Reason,
    transition::{BatchMove, Transition},
};
use recado_ledger::{BatchChange, Day, LedgerError, Refund};
use recado_limits::{NoPermit, Permits};

use super::{
    SendReport, Sender,
    budget::{Reserved, cost, weight},
    call::{NoCall, PERMIT_WITHIN_MS, wait_for},
    moves::{claim, held},
    outcome::word,
    way::Way,
};
use crate::{
    blocks::Page,
    planted::{Fault, planted},
};

/// The result of one part, and whether the other parts go on.
pub(super) enum Did {
    /// The request was made, or could not be made. The other parts go on.
    GoOn(SendReport),
    /// Nothing more can be sent now.
    Stop(SendReport),
}

impl Sender {
    /// Sends one request, in as many parts as necessary. `page`: the recipients, if it carries a block. `queue` counts
    /// this run's requests that the rate has no room for.
    pub(super) async fn send_request(
        &self,
        request: Request,
        page: Option<Page>,
        queue: &AtomicI64,
        deadline_ms: i64,
    ) -> SendReport {
        let (members, held) = self.not_paused(request.members).await;
        let mut way = Way::of(members, page, request.among_fewest);
        let mut report = SendReport { held, ..SendReport::default() };
        loop {
            let part = match way.parts.go_on() {
                Next::Done => return report,
                Next::End(members) => {
                    report = report.and(self.refuse(&members, &way.why).await);
                    continue;
                }
                Next::Call(part) => part,
            };
            match self.send_part(part, &mut way, queue, deadline_ms).await {
                Ok(Did::GoOn(did)) => report = report.and(did),
                Ok(Did::Stop(did)) => return report.and(did),
                Err(error) => {
                    tracing::error!(error = %error, "send.table_failed");
                    return report;
                }
            }
        }
    }

    async fn send_part(
        &self,
        part: Part<Message>,
        way: &mut Way,
        queue: &AtomicI64,
        deadline_ms: i64,
    ) -> Result<Did, LedgerError> {
        if !self.is_time_for_a_call(deadline_ms) {
            return Ok(Did::Stop(SendReport { left: weight(&part.members), ..SendReport::default() }));
        }
        // Checked before any reservation or claim: a message that must wait then costs only one write.
        let within_ms = if planted(Fault::PermitNotSpent) { 60_000 } else { PERMIT_WITHIN_MS };
        let latest_ms = self.world.now_ms() + within_ms;
        let priority = part.members.first().map(|message| message.priority).unwrap_or_default();
        match self.rate_of(priority).permits(1, self.clock.read(), latest_ms).await {
            Ok(permit) => self.try_part(part, way, &permit, deadline_ms).await.map(Did::GoOn),
            Err(no_permit) => Ok(Did::Stop(self.wait(&part.members, &no_permit, queue).await)),
        }
    }

    /// Holds the messages of a request that has no permit until it may have one.
    async fn wait(&self, members: &[Message], no_permit: &NoPermit, queue: &AtomicI64) -> SendReport {
        let Some((mut until_ms, why)) = wait_for(no_permit) else {
            tracing::error!(error = %no_permit, "send.table_failed");
            return SendReport::default();
        };
        if matches!(no_permit, NoPermit::Refused { .. }) {
            // Each request gets an instant of its own, so that they do not all come back at once.
            let place = queue.fetch_add(1, Ordering::Relaxed);
            until_ms += place * self.settings.request_every_us / 1_000;
        }
        let now_ms = self.world.now_ms();
        self.moved(members.iter().map(|message| held(message, until_ms, why.clone(), now_ms)).collect()).await;
        SendReport { held: weight(members), ..SendReport::default() }
    }

    /// Reserves, claims, sends and records one part.
    async fn try_part(
        &self,
        part: Part<Message>,
        way: &mut Way,
        permit: &Permits,
        deadline_ms: i64,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let mut report = SendReport::default();
        let (members, part) = part.into_members();
        let Some(reserved) = self.reserve(members, way, now_ms, &mut report).await? else {
            return Ok(report);
        };
        let Reserved { batch, refund, members, has_begun } = reserved;
        let (mine, spent, early) = if has_begun {
            (members, refund, None)
        } else {
            let mine = self.claim_all(members, batch, way, now_ms, &mut report).await?;
            if mine.is_empty() {
                self.end(batch, BatchMove::Drop, refund, &Reason::NotWaiting).await?;
                return Ok(report);
            }
            let spent = Refund { amount: cost(&mine, way.among_fewest), ..refund.clone() };
            let surplus = Refund { amount: refund.amount.less(spent.amount), ..refund };
            let kept = planted(Fault::SurplusKept);
            let surplus = if kept { Refund { amount: Day::default(), ..surplus } } else { surplus };
            let early = if planted(Fault::CalledBeforeWritten) {
                Some(self.call(batch, &mine, way, permit, &spent.day, deadline_ms).await)
            } else {
                None
            };
            if !self.begin_call(batch, &mine, surplus).await? {
                // Another process took this sender for dead. If it did so before this write, it released the batch. If
                // it did so after it, and only the answer was late, nobody else knows that the request was never made.
                self.end(batch, BatchMove::Release, spent, &Reason::TakenForDead).await?;
                self.moved(mine.iter().map(|m| Transition::give_back(m, batch, now_ms, None, now_ms)).collect()).await;
                report.not_ours += weight(&mine);
                return Ok(report);
            }
            (mine, spent, early)
        };
        let called = match early {
            Some(called) => called,
            None => self.call(batch, &mine, way, permit, &spent.day, deadline_ms).await,
        };
        let answer = match called {
            Ok(answer) => answer,
            Err(no_call) => return Ok(report.and(self.not_called(batch, spent, &mine, &no_call).await?)),
        };
        report.requests += 1;
        report.requests_fewest += u64::from(way.among_fewest && !way.called);
        way.called = true;
        tracing::info!(batch.id = %batch, batch.messages = weight(&mine), outcome = word(&answer), "send.called");
        Ok(report.and(self.record(batch, spent, part.with_members(mine), way, answer).await?))
    }

    /// Claims messages for a batch. Returns those that are this sender's now.
    async fn claim_all(
        &self,
        members: Vec<Message>,
        batch: BatchId,
        way: &Way,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let claims = members.iter().map(|message| claim(message, batch, now_ms)).collect();
        let claimed = self.ledger.apply(claims).await?;
        let all = planted(Fault::ClaimNotChecked) || (planted(Fault::BlockClaimedTwice) && way.page.is_some());
        let (mine, lost): (Vec<_>, Vec<_>) = members.into_iter().zip(claimed).partition(|(_, mine)| *mine || all);
        report.not_ours += lost.iter().map(|(message, _)| message.recipients()).sum::<u64>();
        Ok(mine.into_iter().map(|(message, _)| message).collect())
    }

    /// Writes that the request starts, and lists its messages. A failed write is retried, because it may have happened.
    /// Only a success counts.
    async fn begin_call(&self, batch: BatchId, mine: &[Message], surplus: Refund) -> Result<bool, LedgerError> {
        let now_ms = self.world.now_ms();
        let listed = if planted(Fault::MembersNotListed) { &[] } else { mine };
        let change = BatchChange {
            call: Some((now_ms, listed.iter().map(|message| message.id).collect())),
            refund: (surplus.amount != Day::default()).then_some(surplus),
            ..BatchChange::new(batch, BatchMove::Call, now_ms)
        };
        self.insist(&change).await
    }

    /// Handles a request that was not made after all. Its messages go back and wait, and it counts as no attempt.
    async fn not_called(
        &self,
        batch: BatchId,
        spent: Refund,
        mine: &[Message],
        why: &NoCall,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let count = weight(mine);
        let (until_ms, why, report) = match why {
            NoCall::NoPermit(no_permit) => {
                let (until_ms, why) = wait_for(no_permit).unwrap_or((now_ms + PERMIT_WITHIN_MS, Reason::NoPermit));
                (until_ms, Some(why), SendReport { held: count, ..SendReport::default() })
            }
            NoCall::NoTime => (now_ms, None, SendReport { left: count, ..SendReport::default() }),
        };
        self.give_back(batch, spent, mine, until_ms, why)
            .await
            .map(|was_ours| if was_ours { report } else { SendReport::default() })
    }

    /// Ends messages as refused without a request of their own, since the other parts showed enough.
    async fn refuse(&self, members: &[Message], why: &Reason) -> SendReport {
        let now_ms = self.world.now_ms();
        let refused = |message: &Message| Transition::refuse_alike(message, why.clone(), now_ms);
        self.moved(members.iter().map(refused).collect()).await;
        SendReport { refused: members.len() as u64, ..SendReport::default() }
    }
}
