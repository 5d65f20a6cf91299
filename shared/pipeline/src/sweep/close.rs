//! The end of the wait for delivery reports. After `unknown_after`, messages without a report are marked and logged.
//!
//! An accepted message stays accepted, with the mark `no_callback_ms`. An unknown message stays unknown, unless its
//! rule resends unknown messages. A report that comes later still counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::TryStreamExt as _;
use recado_core::{
    identity::BatchId,
    message::{Batch, BatchState, Message, State},
    phone::Phone,
    reason::Reason,
    transition::Transition,
};
use recado_ledger::{Earlier, LedgerError, StoredFor, at_once};

use super::Sweeper;
use crate::{
    planted::{Fault, planted},
    send::Follow,
};

/// How long a message with a stored but unapplied report is left alone, in ms: applying the report will move it.
const REPORTED_MS: i64 = 60_000;
/// Most look-ups of reports under way at once.
const LOOK_UPS_AT_ONCE: usize = 16;
/// If at least one in this many of a batch's messages needs a look-up, the whole batch is read at once. The reports on
/// a recipient (two of some 250 bytes) then cost an eighth of the unit that a separate look-up costs.
const TOGETHER_FROM: u64 = 8;

/// Messages whose wait ended without a report.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CloseReport {
    /// Accepted messages. Their arrival is unknown.
    pub no_callback: u64,
    /// Messages that stay unknown.
    pub unknown: u64,
    /// Unknown messages that are sent again, as their rules say.
    pub resent: u64,
}

impl CloseReport {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            no_callback: self.no_callback + other.no_callback,
            unknown: self.unknown + other.unknown,
            resent: self.resent + other.resent,
        }
    }
}

/// What happens to one message without a report.
enum End {
    /// It stays accepted, and is marked.
    NoCallback(Transition),
    /// It stays unknown, and is marked.
    Unknown(Transition),
    /// It is sent again.
    Resend((BatchId, Phone, Earlier), Transition),
}

/// Stored reports, applied or not: the batch and the phone of each.
type Reported = HashSet<(BatchId, Phone)>;

impl Sweeper {
    /// Ends the wait for reports of messages whose wait is over.
    pub(super) async fn close(&self, over: Vec<Message>) -> Result<CloseReport, LedgerError> {
        let now_ms = self.now_ms();
        let open = |message: &Message| {
            matches!(message.state, State::Unknown | State::Accepted | State::NoAnswer | State::Busy)
                && message.batch.is_some()
                && message.due_ms.is_none_or(|due_ms| due_ms <= now_ms)
        };
        let (many, over): (Vec<Message>, Vec<Message>) =
            over.into_iter().filter(open).partition(|message| message.block().is_some());
        let of_many = Box::pin(self.close_many(many, now_ms)).await?;
        let mut ids: Vec<BatchId> = over.iter().filter_map(|message| message.batch).collect();
        ids.sort_unstable();
        ids.dedup();
        // The batch's outcome may never have reached its messages.
        let batches = self.sender.ledger.batches(&ids).await?;
        let batches: HashMap<BatchId, Batch> = batches.into_iter().map(|batch| (batch.id, batch)).collect();
        let (mut quiet, mut silent) = (Vec::new(), Vec::new());
        for (message, batch) in over.iter().filter_map(|message| Some((message, message.batch?))) {
            match self.settled(message, batch, batches.get(&batch), now_ms) {
                Some(change) => quiet.push(change),
                None => silent.push((message, batch)),
            }
        }
        let reported = self.reported(&silent, &batches).await?;
        let (mut attempts, mut no_callback, mut unknown, mut resent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (message, batch) in silent {
            if is_in(&reported, message, batch) {
                quiet.push(on_report(message, now_ms));
                continue;
            }
            match self.end(message, batch, now_ms) {
                End::NoCallback(change) => no_callback.push(((message, batch), change)),
                End::Unknown(change) => unknown.push((batch, change)),
                End::Resend(attempt, change) => {
                    attempts.push(attempt);
                    resent.push((batch, change));
                }
            }
        }
        self.sender.ledger.apply(quiet).await?;
        // Before they leave their batch: only this note leads a late report to them.
        self.sender.ledger.note_attempts(attempts, now_ms).await?;
        let no_callback = self.marked(no_callback, &batches).await?;
        let (unknown, resent) = (self.ended(unknown).await?, self.ended(resent).await?);
        for (batch, messages) in &no_callback {
            tracing::warn!(batch.id = %batch, batch.messages = messages, "sweep.no_callback");
        }
        for (batch, messages) in &unknown {
            tracing::warn!(batch.id = %batch, batch.messages = messages, "sweep.unknown");
        }
        for (batch, messages) in &resent {
            tracing::warn!(batch.id = %batch, batch.messages = messages, "sweep.resent");
        }
        let sum = |of: &BTreeMap<BatchId, u64>| of.values().sum();
        let report = CloseReport { no_callback: sum(&no_callback), unknown: sum(&unknown), resent: sum(&resent) };
        Ok(report.and(of_many))
    }

    /// Marks accepted messages as not reported, and counts for each batch those that stay so. A report that was stored
    /// after the first look may have been applied before the mark existed. So the reports are read again.
    async fn marked(
        &self,
        ends: Vec<((&Message, BatchId), Transition)>,
        batches: &HashMap<BatchId, Batch>,
    ) -> Result<BTreeMap<BatchId, u64>, LedgerError> {
        let (messages, changes): (Vec<(&Message, BatchId)>, Vec<Transition>) = ends.into_iter().unzip();
        let written = self.sender.ledger.apply(changes).await?;
        let marked: Vec<_> =
            messages.into_iter().zip(written).filter(|(_, written)| *written).map(|(message, _)| message).collect();
        let reported = self.reported(&marked, batches).await?;
        let (mut count, mut late) = (BTreeMap::new(), Vec::new());
        for (message, batch) in marked {
            if is_in(&reported, message, batch) {
                late.push(Transition::reported(message));
            } else {
                *count.entry(batch).or_default() += 1;
            }
        }
        self.sender.ledger.apply(late).await?;
        Ok(count)
    }

    /// Ends the wait of blocks. Logs and counts only the recipients without a report.
    async fn close_many(&self, over: Vec<Message>, now_ms: i64) -> Result<CloseReport, LedgerError> {
        let (ledger, mut report) = (&self.sender.ledger, CloseReport::default());
        for message in over {
            let (Some(block), Some(id)) = (message.block(), message.batch) else { continue };
            let batch = ledger.batch(id).await?;
            if let Some(change) = self.by_batch(&message, id, batch.as_ref(), now_ms) {
                ledger.apply(vec![change]).await?;
                continue;
            }
            if message.history.no_callback_ms.is_some() {
                // The block was marked unknown for good, before a late report proved that it was sent.
                ledger.apply(vec![Transition::nothing_due(&message).tell(now_ms)]).await?;
                continue;
            }
            let notes = ledger.block_notes(message.id).await?.notes;
            let silent = block.places().filter(|place| notes.state(*place).is_none()).count() as u64;
            let change = Transition::not_reported(&message, now_ms).tell(now_ms);
            let change = if message.state == State::Unknown {
                change.because(Some(never_reported(message.why.clone())))
            } else {
                change
            };
            if ledger.apply(vec![change]).await? != [true] || silent == 0 {
                continue;
            }
            if message.state == State::Unknown {
                tracing::warn!(batch.id = %id, batch.messages = silent, "sweep.unknown");
                report.unknown += silent;
            } else {
                tracing::warn!(batch.id = %id, batch.messages = silent, "sweep.no_callback");
                report.no_callback += silent;
            }
        }
        Ok(report)
    }

    /// Writes ends, and counts for each batch those that this write changed.
    async fn ended(&self, ends: Vec<(BatchId, Transition)>) -> Result<BTreeMap<BatchId, u64>, LedgerError> {
        let (batches, changes): (Vec<BatchId>, Vec<Transition>) = ends.into_iter().unzip();
        let mut count = BTreeMap::new();
        for (batch, written) in batches.into_iter().zip(self.sender.ledger.apply(changes).await?) {
            if written {
                *count.entry(batch).or_default() += 1;
            }
        }
        Ok(count)
    }

    /// Moves an unknown message according to its batch. The response came after the message had become unknown, and the
    /// sender died before it moved the message.
    fn by_batch(&self, message: &Message, batch: BatchId, row: Option<&Batch>, now_ms: i64) -> Option<Transition> {
        let (State::Unknown, Some(row)) = (message.state, row) else { return None };
        let follow = Follow { id: message.id, batch, now_ms };
        match row.state {
            BatchState::Accepted => Some(follow.accepted(row.campaign_id.clone(), &self.sender.settings)),
            BatchState::Refused => Some(follow.refused(row.why.clone().unwrap_or(Reason::Died))),
            BatchState::Released => Some(Transition::give_back(message, batch, now_ms, None, now_ms)),
            BatchState::Prepared | BatchState::Calling | BatchState::Unknown => None,
        }
    }

    /// Ends a message's wait without looking for reports: it follows its batch, or it has nothing more to wait for.
    fn settled(&self, message: &Message, batch: BatchId, row: Option<&Batch>, now_ms: i64) -> Option<Transition> {
        match message.state {
            // These states come from reports. There is nothing more to wait for.
            State::NoAnswer | State::Busy => Some(Transition::nothing_due(message)),
            // The message was marked unknown for good, before a late report on another message proved that its batch
            // was sent.
            State::Accepted if message.history.no_callback_ms.is_some() => Some(Transition::nothing_due(message)),
            _ => self.by_batch(message, batch, row, now_ms),
        }
    }

    fn end(&self, message: &Message, batch: BatchId, now_ms: i64) -> End {
        if message.state == State::Accepted {
            End::NoCallback(Transition::not_reported(message, now_ms))
        } else {
            self.end_of_unknown(message, batch, now_ms)
        }
    }

    fn end_of_unknown(&self, message: &Message, batch: BatchId, now_ms: i64) -> End {
        let resends = self.sender.settings.resends(&message.rule);
        let first = message.history.earlier.is_empty() || planted(Fault::ResentForEver);
        if let Some(phone) = message.phone()
            && resends
            && first
            && now_ms < message.expires_ms
        {
            let attempt = (batch, phone, Earlier { id: message.id, charged: message.history.charged });
            return End::Resend(attempt, Transition::resend(message, now_ms));
        }
        let why = never_reported(message.why.clone());
        End::Unknown(Transition::not_reported(message, now_ms).because(Some(why)).tell_again(now_ms))
    }

    /// Those of these messages that have a stored report.
    async fn reported(
        &self,
        messages: &[(&Message, BatchId)],
        batches: &HashMap<BatchId, Batch>,
    ) -> Result<Reported, LedgerError> {
        let mut phones: BTreeMap<BatchId, Vec<Phone>> = BTreeMap::new();
        for (message, batch) in messages {
            phones.entry(*batch).or_default().extend(message.phone());
        }
        let mut looks = Vec::new();
        for (batch, phones) in phones {
            let row = batches.get(&batch);
            // An installation without callback URLs of its own gets reports that name only the campaign.
            let campaign = row.and_then(|row| row.campaign_id.clone()).filter(|_| self.sender.callbacks.is_none());
            let is_most = row.is_some_and(|row| phones.len() as u64 * TOGETHER_FROM >= row.messages);
            for about in std::iter::once(StoredFor::Batch(batch)).chain(campaign.map(StoredFor::Campaign)) {
                if is_most {
                    looks.push((batch, about, None));
                } else {
                    looks.extend(phones.iter().map(|phone| (batch, about.clone(), Some(*phone))));
                }
            }
        }
        let look = |(batch, about, phone)| self.look(batch, about, phone);
        let seen: Vec<Vec<(BatchId, Phone)>> = at_once(LOOK_UPS_AT_ONCE, looks, look).try_collect().await?;
        Ok(seen.into_iter().flatten().collect())
    }

    async fn look(
        &self,
        batch: BatchId,
        about: StoredFor,
        phone: Option<Phone>,
    ) -> Result<Vec<(BatchId, Phone)>, LedgerError> {
        let phones = self.sender.ledger.reported(&about, phone).await?;
        Ok(phones.into_iter().map(|phone| (batch, phone)).collect())
    }
}

fn is_in(reported: &Reported, message: &Message, batch: BatchId) -> bool {
    message.phone().is_some_and(|phone| reported.contains(&(batch, phone)))
}

/// Moves a message with a stored report. An accepted one is known to be sent. An unknown one waits for its report.
fn on_report(message: &Message, now_ms: i64) -> Transition {
    if message.state == State::Accepted {
        Transition::nothing_due(message)
    } else {
        Transition::look_again(message, now_ms + REPORTED_MS)
    }
}

/// The reason of a message that stays unknown for good.
fn never_reported(first: Option<Reason>) -> Reason {
    Reason::NeverReported { first: first.map(Box::new) }
}
