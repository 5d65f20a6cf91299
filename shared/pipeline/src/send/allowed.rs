//! Checks whether a recipient may get messages now, at the one point that every send passes. It stops messages under a
//! pause or of a cancelled run, and messages to recipients that are suppressed or have opted out since the event.

use std::collections::HashSet;

use recado_core::{identity::RunId, message::Message, reason::Reason, transition::Transition};
use recado_ledger::{LedgerError, Run, Suppression};

use super::{SendReport, Sender, moves::held};
use crate::{
    pauses::{self, LOOK_MS},
    planted::{Fault, planted},
};

impl Sender {
    /// Returns the messages that may be sent. Holds paused and unclear messages, and ends messages that may never be
    /// sent.
    pub(super) async fn allowed(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        if messages.is_empty() {
            return Ok(messages);
        }
        let paused = self.pauses.now(&self.ledger).await?;
        let (mut holds, mut ends, mut running) = (Vec::new(), Vec::new(), Vec::with_capacity(messages.len()));
        for message in messages {
            match pauses::holding(&paused, &message, &self.settings) {
                Some(pause) => holds.push(held(&message, now_ms + LOOK_MS, pauses::why(pause), now_ms)),
                None => running.push(message),
            }
        }
        let cancelled = self.cancelled(&running).await?;
        let is_cancelled = |message: &Message| Run::of(message).is_some_and(|run| cancelled.contains(&run));
        let (dropped, running) = running.into_iter().partition::<Vec<_>, _>(is_cancelled);
        ends.extend(dropped.iter().map(|message| Transition::skip(message, Reason::Cancelled, now_ms)));
        let judged = self.judge_allowed(running, now_ms).await?;
        ends.extend(judged.ends.iter().map(|(message, why)| Transition::skip(message, why.clone(), now_ms)));
        if let Some((until_ms, why)) = &judged.unasked {
            holds.extend(judged.waiting.iter().map(|message| held(message, *until_ms, why.clone(), now_ms)));
        }
        let allowed = judged.welcome;
        report.held += holds.len() as u64;
        report.skipped += ends.len() as u64;
        self.moved(holds).await;
        self.moved(ends).await;
        Ok(allowed)
    }

    /// The cancelled ones among the campaign runs of these messages.
    pub(super) async fn cancelled(&self, messages: &[Message]) -> Result<HashSet<RunId>, LedgerError> {
        if planted(Fault::CancelledRunsNotAsked) {
            return Ok(HashSet::new());
        }
        self.ledger.cancelled_runs(messages).await
    }

    /// Checks suppressions, and opt-outs in LeadSquared as far as they can be read.
    pub(super) async fn judge_allowed(&self, messages: Vec<Message>, now_ms: i64) -> Result<Allowed, LedgerError> {
        let suppressed = self.ledger.suppressed(&messages).await?;
        let mut judged = Allowed { welcome: Vec::with_capacity(messages.len()), ..Allowed::default() };
        let mut asking = Vec::with_capacity(messages.len());
        for (place, message) in messages.into_iter().enumerate() {
            match suppressed.get(&place).filter(|_| !planted(Fault::SuppressionsNotAsked)) {
                Some(suppression) => judged.ends.push((message, reason(suppression))),
                None => asking.push(message),
            }
        }
        let asked = match &self.opt_outs {
            Some(opt_outs) => opt_outs.ask(&asking, now_ms).await,
            None => crate::opt_out::Asked::default(),
        };
        for (place, message) in asking.into_iter().enumerate() {
            if let Some(why) = asked.forbidden.get(&place) {
                judged.ends.push((message, Reason::OptedOut { why: why.clone() }));
            } else if asked.waiting.contains(&place) {
                judged.waiting.push(message);
            } else {
                judged.welcome.push(message);
            }
        }
        judged.unasked =
            (!judged.waiting.is_empty()).then_some((asked.until_ms, Reason::OptOutNotAsked { why: asked.why }));
        Ok(judged)
    }

    /// Checks the pauses alone, before each request of a run. Returns the remaining `members`, and how many were held.
    /// If the pauses cannot be read, none remains, and all stay due.
    pub(super) async fn not_paused(&self, members: Vec<Message>) -> (Vec<Message>, u64) {
        let paused = match self.pauses.now(&self.ledger).await {
            Ok(paused) if paused.is_empty() => return (members, 0),
            Ok(paused) => paused,
            Err(error) => {
                tracing::error!(error = %error, "send.table_failed");
                return (Vec::new(), 0);
            }
        };
        let now_ms = self.world.now_ms();
        let (mut left, mut holds, mut held_count) = (Vec::with_capacity(members.len()), Vec::new(), 0);
        for message in members {
            match pauses::holding(&paused, &message, &self.settings) {
                Some(pause) => {
                    held_count += message.recipients();
                    holds.push(held(&message, now_ms + LOOK_MS, pauses::why(pause), now_ms));
                }
                None => left.push(message),
            }
        }
        self.moved(holds).await;
        (left, held_count)
    }
}

/// The result of these checks.
#[derive(Default)]
pub(super) struct Allowed {
    pub(super) welcome: Vec<Message>,
    /// Messages that may never be sent, and why.
    pub(super) ends: Vec<(Message, Reason)>,
    /// Messages about whose recipients LeadSquared could not be asked.
    pub(super) waiting: Vec<Message>,
    /// Until when these messages wait, and why, if there are any.
    pub(super) unasked: Option<(i64, Reason)>,
}

fn reason(suppression: &Suppression) -> Reason {
    let (who, channel) = (suppression.subject.as_str().to_owned(), suppression.kind.as_str().to_owned());
    Reason::Suppressed { who, channel, source: suppression.source.clone() }
}
