//! The sweep: each minute it picks up due rows. These are held messages whose time has come, messages whose wake-up was
//! lost, claims of dead senders, and reports that could not be applied.

mod close;
mod follow;

use std::collections::{BTreeMap, btree_map::Entry};

use recado_core::{
    identity::BatchId,
    message::{Batch, Message, Priority, State},
    reason::Reason,
    recovery::{Recovery, recover},
    transition::{BatchMove, Transition},
};
use recado_ledger::{BatchChange, Day, LedgerError, Refund};

use crate::{
    planted::{Fault, planted},
    send::{Follow, ROWS_PER_SHARD, SendReport, Sender},
    settle::Settler,
    warn::warn,
};

/// How long after its due time a lingering message is left to the process that was woken for it, in ms.
const SEEN_TO_WITHIN_MS: i64 = 5_000;

/// Reports that are applied in one go.
const REPORTS_AT_ONCE: usize = 500;

pub use close::CloseReport;

/// Picks up due rows.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// Sends waiting messages.
    pub sender: Sender,
    /// Applies reports.
    pub settler: Settler,
}

/// What one sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SweepReport {
    /// The report of the sender.
    pub sent: SendReport,
    /// Waiting messages.
    pub waiting: u64,
    /// The longest delay of a waiting message beyond its due time, in ms.
    pub late_ms: u64,
    /// Claims that were resolved.
    pub recovered: u64,
    /// Reports that were applied.
    pub callbacks: u64,
    /// Messages whose wait for reports ended without one.
    pub closed: CloseReport,
    /// New fallback messages for messages that did not arrive.
    pub followed: u64,
    /// Warnings given for the first time today.
    pub warnings: usize,
    /// Whether more rows are due than one sweep takes.
    pub more: bool,
}

impl SweepReport {
    fn and(self, other: Self) -> Self {
        Self {
            sent: self.sent.and(other.sent),
            waiting: self.waiting + other.waiting,
            late_ms: self.late_ms.max(other.late_ms),
            recovered: self.recovered + other.recovered,
            callbacks: self.callbacks + other.callbacks,
            closed: self.closed.and(other.closed),
            followed: self.followed + other.followed,
            warnings: self.warnings + other.warnings,
            more: self.more || other.more,
        }
    }
}

impl Sweeper {
    /// Sweeps the rows that are due until `ahead_ms` from now. A process that has just started looks ahead: the
    /// wake-ups of the newest messages may have died with the process before it.
    ///
    /// It starts no request to LigueLead that could last past `deadline_ms`, in ms since the epoch.
    pub async fn sweep(&self, ahead_ms: i64, deadline_ms: i64) -> Result<SweepReport, LedgerError> {
        let mut report = SweepReport::default();
        for lane in Priority::ALL {
            report = report.and(self.sweep_lane(lane, ahead_ms, deadline_ms).await?);
        }
        Ok(report)
    }

    /// [`Self::sweep`] over the messages of one priority. The normal priority also covers all other due rows.
    pub async fn sweep_lane(
        &self,
        lane: Priority,
        ahead_ms: i64,
        deadline_ms: i64,
    ) -> Result<SweepReport, LedgerError> {
        let ledger = &self.sender.ledger;
        let due = ledger.due(lane, self.now_ms() + ahead_ms, ROWS_PER_SHARD).await?;
        let mut report = SweepReport { more: due.more, ..SweepReport::default() };
        for keys in due.callbacks.chunks(REPORTS_AT_ONCE) {
            let callbacks = ledger.callbacks(keys).await?;
            self.settler.apply_all(&callbacks).await?;
            report.callbacks += callbacks.len() as u64;
        }
        for id in due.batches {
            let mut batch = ledger.batch(id).await?;
            // A batch that was sent meanwhile is left alone: its reservation is spent.
            let stale_ms = self.sender.settings.stale_after_ms;
            if batch.as_ref().is_some_and(|row| self.now_ms() >= row.prepared_ms + stale_ms) {
                self.give_up(&mut batch, BatchMove::Drop).await?;
            }
        }
        let (mut waiting, mut claimed, mut over, mut missed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for message in ledger.messages(&due.messages).await? {
            match message.state {
                State::Pending => waiting.push(message),
                State::Held if self.is_seen_to(&message) => {}
                // Looking ahead is for lost wake-ups. A held message has a due time of its own.
                State::Held if message.due_ms.is_none_or(|due_ms| due_ms <= self.now_ms()) => waiting.push(message),
                State::Held => {}
                State::Sending => claimed.push(message),
                State::Undelivered | State::NoAnswer | State::Busy if message.fallback.is_some() => {
                    missed.push(message);
                }
                _ if planted(Fault::FollowedWhateverIsHeard) && message.fallback.is_some() => missed.push(message),
                _ => over.push(message),
            }
        }
        report.waiting = waiting.len() as u64;
        report.late_ms = self.latest_ms(&waiting);
        report.recovered = self.recover(claimed).await?;
        report.closed = self.close(over).await?;
        report.followed = self.follow(missed).await?;
        report.sent = self.sender.send(waiting, deadline_ms).await;
        if lane == Priority::Normal {
            report.warnings = warn(ledger, &self.sender.settings, self.now_ms()).await?;
        }
        Ok(report)
    }

    /// Whether a process was woken for a lingering message. Two processes that take it at once would send two requests
    /// instead of one. If the woken process fails, the next sweep takes the message.
    fn is_seen_to(&self, message: &Message) -> bool {
        let is_recent = message.due_ms.is_some_and(|due_ms| self.now_ms() < due_ms + SEEN_TO_WITHIN_MS);
        is_recent && message.priority == Priority::Normal && message.why == Some(Reason::Lingers)
    }

    fn now_ms(&self) -> i64 {
        self.sender.world.now_ms()
    }

    fn latest_ms(&self, waiting: &[Message]) -> u64 {
        let earliest_ms = waiting.iter().filter_map(|message| message.due_ms).min();
        earliest_ms.and_then(|due_ms| u64::try_from(self.now_ms() - due_ms).ok()).unwrap_or_default()
    }

    /// Resolves claims whose sender may have died.
    async fn recover(&self, claimed: Vec<Message>) -> Result<u64, LedgerError> {
        let mut batches: BTreeMap<BatchId, Option<Batch>> = BTreeMap::new();
        let mut moves = Vec::new();
        for message in claimed {
            let Some(id) = message.batch else { continue };
            let batch = match batches.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.sender.ledger.batch(id).await?),
            };
            if let Some(change) = self.resolve(&message, id, batch).await? {
                moves.push(change);
            }
        }
        let recovered = moves.iter().filter(|change| change.state().is_some()).count() as u64;
        self.sender.ledger.apply(moves).await?;
        Ok(recovered)
    }

    async fn resolve(
        &self,
        message: &Message,
        id: BatchId,
        batch: &mut Option<Batch>,
    ) -> Result<Option<Transition>, LedgerError> {
        let (now_ms, settings) = (self.now_ms(), &self.sender.settings);
        let follow = Follow { id: message.id, batch: id, now_ms };
        let campaign = batch.as_ref().and_then(|batch| batch.campaign_id.clone());
        let why = batch.as_ref().and_then(|batch| batch.why.clone()).unwrap_or(Reason::Died);
        Ok(match recover(message, batch.as_ref(), now_ms, settings.stale_after_ms) {
            Recovery::Wait(until_ms) => Some(Transition::look_again(message, until_ms)),
            Recovery::Release => {
                if !self.give_up(batch, BatchMove::Drop).await? {
                    // Its sender is alive after all. The next sweep sees its progress.
                    return Ok(None);
                }
                Some(Transition::give_back(message, id, now_ms, None, now_ms))
            }
            Recovery::Unknown if planted(Fault::StaleCallGivenBack) => {
                self.give_up(batch, BatchMove::Release).await?;
                Some(Transition::give_back(message, id, now_ms, None, now_ms))
            }
            Recovery::Unknown => {
                self.give_up(batch, BatchMove::Lose).await?;
                Some(follow.unknown(Reason::DiedCalling, settings))
            }
            Recovery::GiveBack => Some(Transition::give_back(message, id, now_ms, None, now_ms)),
            Recovery::Follow(State::Accepted) => Some(follow.accepted(campaign, settings)),
            Recovery::Follow(State::Refused) => Some(follow.refused(why)),
            Recovery::Follow(_) => Some(follow.unknown(why, settings)),
        })
    }

    /// Moves a batch whose sender counts as dead, and updates the copy of its row. A batch that was never sent gets its
    /// reservation back.
    async fn give_up(&self, batch: &mut Option<Batch>, what: BatchMove) -> Result<bool, LedgerError> {
        let Some(row) = batch else { return Ok(true) };
        let (messages, credits, requests_fewest) = (row.messages, row.credits, row.requests_fewest);
        let amount = Day { messages, credits, requests: 1, requests_fewest };
        let refund = Refund { day: row.day.clone(), rule: row.rule.clone(), amount };
        let change = BatchChange {
            why: Some(Reason::Died),
            refund: (what != BatchMove::Lose && !planted(Fault::DeadBatchKeepsBudget)).then_some(refund),
            ..BatchChange::new(row.id, what, self.now_ms())
        };
        let token = self.sender.world.fresh_batch().to_string();
        let moved = self.sender.ledger.move_batch(&change, &token).await?;
        if moved {
            row.state = what.to();
        }
        Ok(moved)
    }
}
