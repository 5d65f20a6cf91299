//! Records what LeadSquared's responses mean for the rows.

use std::collections::HashMap;

use leadsquared::{CallError, Class, Message as Words, RowOutcome};
use recado_core::{
    identity::MessageId,
    message::Message,
    transition::Transition,
    writeback::{Row, Then},
};

use super::{
    RunError, Syncer,
    unknown::Kind,
    window::{Ended, Window},
};

/// The number of refusals after which a row is given up.
const MAX_ATTEMPTS: u32 = 5;
/// The delay after the first refusal of a row, in ms. It doubles with each refusal.
const FIRST_WAIT_MS: i64 = 60_000;

/// A row as its request carried it.
#[derive(Clone, Copy)]
pub(super) struct Sent<'m> {
    /// The message, as it was when the request was made.
    pub(super) message: &'m Message,
    /// What LeadSquared would then know about it.
    pub(super) then: Then,
    /// What was written: the activity or the lead's fields.
    pub(super) kind: Kind,
}

/// A message about which LeadSquared was told something.
pub(super) struct Shown<'m> {
    /// The message, as it was when the request was made.
    pub(super) message: &'m Message,
    /// What LeadSquared would then know about it.
    pub(super) then: Then,
    /// What is known about it in any case.
    pub(super) change: Transition,
}

impl Syncer {
    /// Reads planned rows again: other functions may have told LeadSquared since, and states move. Rows that no longer
    /// `want` the request are left out. For a row whose state moved, LeadSquared's knowledge counts as incomplete.
    pub(super) async fn fresh(
        &self,
        rows: &[Row],
        window: &Window,
        want: impl Fn(&Message) -> bool,
    ) -> Result<Vec<(Message, Then)>, RunError> {
        let then: HashMap<MessageId, Then> = rows.iter().map(|row| (row.id, row.then)).collect();
        let ids: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
        let fresh = self.ledger.messages(&ids).await?;
        let planned = |message: &Message| window.messages.get(&message.id).map(|planned| planned.state);
        let then = |message: &Message| match then.get(&message.id) {
            Some(then) if planned(message) == Some(message.state) => *then,
            _ => Then::More,
        };
        Ok(fresh.into_iter().filter(want).map(|message| (then(&message), message)).map(|(then, m)| (m, then)).collect())
    }

    /// Records what LeadSquared was told. A message whose state moved during the request is due again at once.
    pub(super) async fn shown(&self, shown: Vec<Shown<'_>>) -> Result<(), RunError> {
        let now_ms = self.world.now_ms();
        let first = |shown: &Shown<'_>| {
            let (change, state) = (shown.change.clone().told(now_ms), shown.message.state);
            match shown.then {
                Then::Done => change.done_in(state),
                Then::DoneWithLead => change.lead(state).done_in(state),
                Then::More => change.while_in(state),
            }
        };
        let recorded = self.ledger.apply(shown.iter().map(first).collect()).await?;
        let moved = shown
            .into_iter()
            .zip(recorded)
            .filter(|(_, recorded)| !recorded)
            .map(|(shown, _)| shown.change.told(now_ms).later(shown.message.crm.attempts, now_ms))
            .collect();
        self.ledger.apply(moved).await?;
        Ok(())
    }

    /// Records the outcomes of a request that is harmless to repeat. `done` is the change for a written row.
    pub(super) async fn record<C: Class>(
        &self,
        rows: &[(Message, Then)],
        outcomes: Result<Vec<RowOutcome>, CallError>,
        kind: Kind,
        done: impl Fn(&Message) -> Transition,
    ) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        ended.report.calls += 1;
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                ended.learnt = self.learn_from(&error, kind).await?;
                let back = rows.iter().map(|(message, then)| {
                    let row = Sent { message, then: *then, kind };
                    if ended.learnt { self.at_once(message) } else { self.not_taken(row, &error, rows.len()) }
                });
                self.ledger.apply(back.collect()).await?;
                self.failed::<C>(error).await?;
                return Ok(ended);
            }
        };
        let (mut shown, mut changes) = (Vec::new(), Vec::new());
        for ((message, then), outcome) in rows.iter().zip(outcomes) {
            let row = Sent { message, then: *then, kind };
            match outcome {
                RowOutcome::Done { .. } => {
                    ended.report.rows += 1;
                    shown.push(Shown { message, then: *then, change: done(message) });
                }
                RowOutcome::Refused { reason } => {
                    ended.report.refused += 1;
                    let learnt = self.learn(reason.unknown_attributes(), kind).await?;
                    ended.learnt |= learnt;
                    changes.push(if learnt { self.at_once(message) } else { self.refused(row, &reason) });
                }
                RowOutcome::Unknown => changes.push(self.not_told(row)),
            }
        }
        self.ledger.apply(changes).await?;
        self.shown(shown).await?;
        Ok(ended)
    }

    /// Handles a row that LeadSquared refused for its content. If the lead or the activity does not exist, the row is
    /// given up at once. Otherwise it is retried with growing delays, and then given up.
    pub(super) fn refused(&self, row: Sent<'_>, reason: &Words) -> Transition {
        if reason.says_missing() { parked(row, &reason.to_string()) } else { self.again(row, reason) }
    }

    fn again(&self, row: Sent<'_>, why: &impl ToString) -> Transition {
        let attempts = row.message.crm.attempts + 1;
        if attempts >= MAX_ATTEMPTS {
            return parked(row, &why.to_string());
        }
        let wait_ms = FIRST_WAIT_MS << row.message.crm.attempts.min(MAX_ATTEMPTS);
        Transition::of_crm(row.message.id).later(attempts, self.world.now_ms() + wait_ms)
    }

    /// Handles a row that the answer omits. It is retried at once, in a request whose answer names it; after that with
    /// delays.
    fn not_told(&self, row: Sent<'_>) -> Transition {
        match row.message.crm.attempts {
            0 => Transition::of_crm(row.message.id).later(1, self.world.now_ms()),
            _ => self.again(row, &"the answer does not tell what became of the row"),
        }
    }

    /// Makes a row due again at once.
    pub(super) fn at_once(&self, message: &Message) -> Transition {
        Transition::of_crm(message.id).later(message.crm.attempts, self.world.now_ms())
    }

    /// Handles a row of a request with `rows` rows that failed as a whole. Only a refusal of the content counts against
    /// the row. With several rows, the refusal does not say which lead is missing.
    pub(super) fn not_taken(&self, row: Sent<'_>, error: &CallError, rows: usize) -> Transition {
        match error {
            CallError::Refused { message: reason, .. } if rows == 1 => self.refused(row, reason),
            CallError::Refused { message: reason, .. } => self.again(row, reason),
            CallError::TooMany { .. } => self.again(row, error),
            CallError::Throttled { .. } => self.at_once(row.message),
            _ => {
                let again_ms = self.world.now_ms() + FIRST_WAIT_MS / 2;
                Transition::of_crm(row.message.id).later(row.message.crm.attempts, again_ms)
            }
        }
    }

    /// Handles the effect of a failed request on all others: they wait, or the run ends.
    pub(super) async fn failed<C: Class>(&self, error: CallError) -> Result<(), RunError> {
        match &error {
            CallError::Throttled { .. } => {
                tracing::warn!(error = %error, "sync.throttled");
                Ok(self.crm.heed::<C>(&error).await?)
            }
            CallError::Credentials { .. } => Err(error.into()),
            _ => {
                tracing::warn!(error = %error, "sync.call_failed");
                Ok(())
            }
        }
    }
}

/// Gives a row up. For a lead's fields, that holds for this state only and does not touch the message's activity.
pub(super) fn parked(row: Sent<'_>, why: &str) -> Transition {
    let (id, state) = (row.message.id, row.message.state);
    tracing::error!(message.id = %id, reason = why, "sync.parked");
    match (row.kind, row.then) {
        (Kind::Activity, _) => Transition::of_crm(id).parked(why),
        (Kind::Lead, Then::More) => Transition::of_crm(id).lead(state).without_part(why).while_in(state),
        (Kind::Lead, Then::Done | Then::DoneWithLead) => {
            Transition::of_crm(id).lead(state).without_part(why).done_in(state)
        }
    }
}
