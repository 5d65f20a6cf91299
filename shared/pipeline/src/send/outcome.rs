//! Records the outcome of a request: first on the batch, the source of truth, then on its messages, which follow it.

use std::time::Duration;

use liguelead::{Answer, Blame, Outcome, Scope};
use recado_core::{
    backoff,
    bisect::{self, Part, Refused},
    decide::WAKE_UP_WITHIN_MS,
    identity::BatchId,
    message::Message,
    reason::Reason,
    transition::{BatchMove, Transition},
};
use recado_ledger::{BatchChange, Forgotten, LedgerError, Refund};

use super::{
    SendReport, Sender,
    budget::{FEW, weight},
    call::ACCOUNT_REFUSED_MS,
    moves::Follow,
    way::Way,
};
use crate::planted::{Fault, planted};

/// How long voice calls wait for a new upload of their recording before the next check, in ms.
const UPLOAD_WAIT_MS: u64 = 10_000;
/// The shortest time between two repeated uploads of a recording, in ms.
const UPLOAD_AGAIN_MS: i64 = 86_400_000;
/// Attempts at recording the outcome of a request.
const RECORD_ATTEMPTS: u32 = 5;

impl Sender {
    /// Records the outcome of a request for `part`.
    pub(super) async fn record(
        &self,
        batch: BatchId,
        spent: Refund,
        part: Part<Message>,
        way: &mut Way,
        answer: Answer,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let mine = &part.members;
        let count = weight(mine);
        let zero = SendReport::default();
        let of_batch = |message: &Message| Follow { id: message.id, batch, now_ms };
        let (moves, report): (Vec<Transition>, SendReport) = match answer.outcome {
            Outcome::Accepted { campaign_id, .. } => {
                way.parts.taken(&part);
                way.among_fewest = false;
                let moves = mine.iter().map(|m| of_batch(m).accepted(campaign_id.clone(), &self.settings)).collect();
                // Few messages follow in the request that moves their batch.
                let (followers, later) = if mine.len() <= FEW { (moves, Vec::new()) } else { (Vec::new(), moves) };
                let change =
                    BatchChange { campaign_id, followers, ..BatchChange::new(batch, BatchMove::Accept, now_ms) };
                self.insist(&change).await?;
                (later, SendReport { accepted: count, ..zero })
            }
            Outcome::Refused { scope: Scope::Request, status, blame, reason } => {
                way.why = Reason::Refused { status, why: reason.to_string() };
                if let (Some(page), [block]) = (&way.page, mine.as_slice())
                    && !matches!(blame, Blame::Shared)
                {
                    return self.take_apart(batch, spent, block, page, &blame, &way.why).await;
                }
                let members = match way.parts.refused(part, &blamed(blame), &batch.to_string()) {
                    Refused::End(members) => members,
                    Refused::Again(members) => return self.again(batch, spent, members, status, &way.why).await,
                };
                if !self.end(batch, BatchMove::Refuse, spent, &way.why).await? {
                    return Ok(proved_sent(batch));
                }
                let refused = members.iter().map(|m| of_batch(m).refused(way.why.clone())).collect();
                (refused, SendReport { refused: count, ..zero })
            }
            Outcome::Refused { scope: Scope::Upload, status, reason, .. } => {
                let why = Reason::AudioUnknown { status, why: reason.to_string() };
                return self.upload_unknown(batch, spent, mine, &why).await;
            }
            Outcome::Refused { scope: Scope::Account, status, reason, .. } => {
                let why = Reason::AccountRefused { why: format!("{status}: {reason}") };
                let held = SendReport { held: count, ..zero };
                let was_ours = self.give_back(batch, spent, mine, now_ms + ACCOUNT_REFUSED_MS, Some(why)).await?;
                return Ok(if was_ours { held } else { zero });
            }
            Outcome::NotSent { retry_after_ms, reason, .. } => {
                let why = Reason::NotReached { why: reason.to_string() };
                return self.not_sent(batch, spent, mine, retry_after_ms, &why).await;
            }
            Outcome::Unknown { reason, .. } if planted(Fault::UnknownTakenForNotSent) => {
                return self.not_sent(batch, spent, mine, None, &Reason::NotBuilt { why: reason.to_string() }).await;
            }
            Outcome::Unknown { reason, .. } => {
                way.among_fewest = false;
                let why = Reason::NoAnswer { why: reason.to_string() };
                let change = BatchChange {
                    why: Some(why.clone()),
                    refund: planted(Fault::RefundOnUnknown).then_some(spent),
                    ..BatchChange::new(batch, BatchMove::Lose, now_ms)
                };
                if !self.insist(&change).await? {
                    return Ok(proved_sent(batch));
                }
                let moves = mine.iter().map(|m| of_batch(m).unknown(why.clone(), &self.settings));
                (moves.collect(), SendReport { unknown: count, ..zero })
            }
        };
        self.ledger.apply(moves).await?;
        Ok(report)
    }

    /// Handles a request that was refused for some of its phones. Each message goes back with the name of its next
    /// part. This sender sends the parts at once. If it dies, they are due a while later.
    async fn again(
        &self,
        batch: BatchId,
        spent: Refund,
        members: Vec<(Message, String)>,
        status: u16,
        why: &Reason,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let why = Reason::InParts { first: Box::new(why.clone()), all: members.len() as u64 };
        if !self.end(batch, BatchMove::Release, spent, &why).await? {
            return Ok(proved_sent(batch));
        }
        tracing::warn!(batch.id = %batch, batch.messages = members.len(), vendor.status = status, "send.split");
        let due_ms = now_ms + self.settings.stale_after_ms.max(WAKE_UP_WITHIN_MS);
        let back = members.into_iter().map(|(message, part)| {
            let due_ms = due_ms.min(message.expires_ms);
            Transition::give_back(&message, batch, due_ms, Some(why.clone()), now_ms).in_part(part)
        });
        self.ledger.apply(back.collect()).await?;
        Ok(SendReport::default())
    }

    /// Handles a recording that LigueLead does not know. It is uploaded again, once, and the voice calls wait for that.
    /// If it was uploaded again not long ago, another upload would not help, and the voice calls are refused.
    async fn upload_unknown(
        &self,
        batch: BatchId,
        spent: Refund,
        mine: &[Message],
        why: &Reason,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let ready = mine.first().and_then(|message| message.content.call()?.ready.as_ref());
        let forgotten = match ready {
            Some(ready) => {
                let not_since_ms = now_ms - UPLOAD_AGAIN_MS;
                self.ledger.forget_upload(ready.content, ready.upload_id, now_ms, not_since_ms).await
            }
            None => Ok(Forgotten::Again),
        };
        // A failing table must not make voice calls unknown that were certainly not made. They come back, and so does
        // this step.
        let forgotten = forgotten.unwrap_or(Forgotten::Known);
        let count = weight(mine);
        if forgotten == Forgotten::Again {
            if !self.end(batch, BatchMove::Refuse, spent, why).await? {
                return Ok(proved_sent(batch));
            }
            let refused = mine.iter().map(|m| Follow { id: m.id, batch, now_ms }.refused(why.clone()));
            self.ledger.apply(refused.collect()).await?;
            return Ok(SendReport { refused: count, ..SendReport::default() });
        }
        tracing::warn!(batch.id = %batch, "send.upload_forgotten");
        self.not_sent(batch, spent, mine, Some(UPLOAD_WAIT_MS), why).await
    }

    /// Handles a request that was certainly not sent. Its messages go back and wait: as long as LigueLead says, or else
    /// longer with each attempt.
    async fn not_sent(
        &self,
        batch: BatchId,
        spent: Refund,
        mine: &[Message],
        retry_after_ms: Option<u64>,
        why: &Reason,
    ) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        if !self.end(batch, BatchMove::Release, spent, why).await? {
            return Ok(proved_sent(batch));
        }
        let attempts = mine.iter().map(|message| message.attempts).max().unwrap_or_default().saturating_add(1);
        let asked_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok());
        let until_ms = now_ms + asked_ms.unwrap_or_else(|| backoff::wait_ms(attempts, self.world.chance()));
        let back = mine.iter().map(|message| {
            let back = Transition::give_back(message, batch, until_ms, Some(why.clone()), now_ms);
            back.after_attempts(message.attempts.saturating_add(1))
        });
        self.ledger.apply(back.collect()).await?;
        Ok(SendReport { held: weight(mine), ..SendReport::default() })
    }

    /// Releases a batch that was certainly not sent, and its messages to wait until `until_ms`. Without a reason the
    /// messages become pending. `false`: a report proved that the request was sent after all.
    pub(super) async fn give_back(
        &self,
        batch: BatchId,
        spent: Refund,
        mine: &[Message],
        until_ms: i64,
        why: Option<Reason>,
    ) -> Result<bool, LedgerError> {
        if !self.end(batch, BatchMove::Release, spent, why.as_ref().unwrap_or(&Reason::NoTime)).await? {
            proved_sent(batch);
            return Ok(false);
        }
        let now_ms = self.world.now_ms();
        let back = mine.iter().map(|message| Transition::give_back(message, batch, until_ms, why.clone(), now_ms));
        self.ledger.apply(back.collect()).await?;
        Ok(true)
    }

    /// Ends a batch whose messages were not sent, and gives its reservation back.
    pub(super) async fn end(
        &self,
        batch: BatchId,
        what: BatchMove,
        refund: Refund,
        why: &Reason,
    ) -> Result<bool, LedgerError> {
        let change = BatchChange {
            why: Some(why.clone()),
            refund: Some(refund),
            ..BatchChange::new(batch, what, self.world.now_ms())
        };
        self.insist(&change).await
    }

    /// Moves a batch, and retries for a few seconds while the table fails: a passing fault must not lose an outcome. A
    /// repetition is harmless.
    pub(super) async fn insist(&self, change: &BatchChange) -> Result<bool, LedgerError> {
        let token = self.world.fresh_batch().to_string();
        let mut wait = Duration::from_millis(100);
        for _ in 1..RECORD_ATTEMPTS {
            match self.ledger.move_batch(change, &token).await {
                Ok(moved) => return Ok(moved),
                Err(_) => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
        self.ledger.move_batch(change, &token).await
    }
}

/// Handles a report that came before the response and proved that the request was sent, whatever the response says. The
/// messages stay as they are, and follow their batch at the next sweep.
fn proved_sent(batch: BatchId) -> SendReport {
    tracing::warn!(batch.id = %batch, "send.proved_sent");
    SendReport::default()
}

/// Converts the client's word for the cause of a refusal to the word of `bisect`.
fn blamed(blame: Blame) -> bisect::Blame {
    match blame {
        Blame::Phones { named } => bisect::Blame::Phones(named),
        Blame::Size => bisect::Blame::Size,
        Blame::Shared => bisect::Blame::Shared,
        Blame::Untold => bisect::Blame::Untold,
    }
}

pub(super) fn word(answer: &Answer) -> &'static str {
    match answer.outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Refused { .. } => "refused",
        Outcome::NotSent { .. } => "not_sent",
        Outcome::Unknown { .. } => "unknown",
    }
}
