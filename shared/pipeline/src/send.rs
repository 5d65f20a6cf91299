//! A message's way to LigueLead: reserve, claim, request, record.
//!
//! Every step is a conditional write. The order of the steps lets no crash lose or repeat a message:
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | the batch was prepared | `prepared`, no message claimed | the messages are still due; the batch is released |
//! | some claims | `prepared`, messages `sending` | the sweep releases the batch, then gives the messages back |
//! | `calling`, before or during the request | `calling` | *unknown*: a report settles it; it is never sent again |
//! | the response | `calling` | the same: the response died with the process |
//! | the batch's outcome was recorded | the outcome, messages `sending` | the sweep makes them follow their batch |
//!
//! The batch of a request of up to three rows is written as `calling`, with its members, their claims and its budget, in
//! one transaction: the first two lines do not arise. If the table gives no clear answer to that write, the sender takes
//! it back, since it has not made the request.
//!
//! If a refused request goes again in parts (`parts`), each part is a batch with claims of its own.
//!
//! Only messages listed in the batch's row were sent. If a claim's response was lost, the sender does not know that it
//! has the message. Such a message is not listed, and is given back.

mod allowed;
mod blocks;
mod budget;
mod call;
mod capped;
mod divide;
mod linger;
mod moves;
mod outcome;
mod parts;
mod recordings;
mod request;
mod way;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicI64},
};

use futures::StreamExt as _;
use liguelead::Client;
use recado_core::{
    gate::{Gate, gate},
    group::into_requests,
    identity::MessageId,
    message::{Message, Priority},
    transition::Transition,
};
use recado_ledger::{Ledger, LedgerError, at_once};
use recado_limits::{Clock, LigueLeadAccount};
use tokio::sync::Semaphore;

use self::moves::held;
use crate::{
    opt_out::OptOuts,
    pauses::Pauses,
    planted::{Fault, planted},
    secrets::CallbackUrls,
    settings::SendSettings,
    world::World,
};

pub use self::linger::{Overlooked, Woken};
pub(crate) use self::moves::Follow;

/// Use when there is no deadline.
pub const NO_DEADLINE_MS: i64 = i64::MAX;
/// Most rows from each shard of the index at once. Over eight shards that is enough for 40,000 messages of one text,
/// which then go in four requests.
pub(crate) const ROWS_PER_SHARD: i32 = 5_000;
/// The share of the requests under way that is kept for urgent messages: one in this many, at least one.
const KEPT_FOR_URGENT: usize = 10;

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The table.
    pub ledger: Ledger,
    /// LigueLead.
    pub liguelead: Client,
    /// The rate of LigueLead's account, shared by all functions.
    pub rate: LigueLeadAccount,
    /// The same account for low priority, which may use a share of it.
    pub low_rate: LigueLeadAccount,
    /// The clock by which permits of that rate are spent.
    pub clock: Clock,
    /// The limit on requests under way in this process, shared by all clones.
    pub in_flight: InFlight,
    /// Makes callback URLs. Without it, LigueLead posts reports to the address set in its own panel.
    pub callbacks: Option<CallbackUrls>,
    /// The configuration's settings for sending.
    pub settings: SendSettings,
    /// The pauses of operators.
    pub pauses: Pauses,
    /// Asks LeadSquared for opt-outs; `None` if the configuration wants nothing asked.
    pub opt_outs: Option<OptOuts>,
    /// The clock and new identifiers.
    pub world: World,
}

/// A limit on the requests under way in a process. Some of them are kept for urgent messages.
#[derive(Debug, Clone)]
pub struct InFlight {
    all: Arc<Semaphore>,
    not_urgent: Arc<Semaphore>,
}

impl InFlight {
    /// At most `most` requests, but at least 1.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let kept = most.div_ceil(KEPT_FOR_URGENT);
        Self {
            all: Arc::new(Semaphore::new(most.max(1))),
            not_urgent: Arc::new(Semaphore::new(most.saturating_sub(kept).max(1))),
        }
    }
}

/// The report of one run of the sender. It counts messages, except for `requests` and `requests_fewest`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SendReport {
    /// Requests made to LigueLead.
    pub requests: u64,
    /// The fewest requests that could have carried these messages. For each text (with its title and group): the number
    /// of its messages, divided by the phones that fit in a request, rounded up.
    pub requests_fewest: u64,
    /// Messages that LigueLead took.
    pub accepted: u64,
    /// Messages that LigueLead refused.
    pub refused: u64,
    /// Messages that LigueLead may or may not have taken.
    pub unknown: u64,
    /// Messages that wait until a stated instant.
    pub held: u64,
    /// Messages that a cap in shadow would have held.
    pub shadow_capped: u64,
    /// Messages that must not be sent, because their recipients want none.
    pub skipped: u64,
    /// Messages that expired.
    pub expired: u64,
    /// Messages that another sender had claimed, or that no longer waited.
    pub not_ours: u64,
    /// Messages for which no time was left before the deadline. They are still due.
    pub left: u64,
}

impl SendReport {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            requests_fewest: self.requests_fewest + other.requests_fewest,
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            held: self.held + other.held,
            shadow_capped: self.shadow_capped + other.shadow_capped,
            skipped: self.skipped + other.skipped,
            expired: self.expired + other.expired,
            not_ours: self.not_ours + other.not_ours,
            left: self.left + other.left,
        }
    }
}

impl Sender {
    /// Sends messages that were just written, by id. Urgent messages go first, then normal ones, then lingering ones
    /// whose instant is near. Low ones are left to the sweep. Messages that another sender has claimed since are
    /// skipped.
    ///
    /// Starts no request that could last past `deadline_ms` (ms since the epoch). Remaining messages stay due, and the
    /// next sweep finds them.
    pub async fn send_new(&self, ids: &[MessageId], deadline_ms: i64) -> Result<SendReport, LedgerError> {
        let mut woken = self.woken(ids).await?;
        let urgent = self.send(std::mem::take(&mut woken.urgent), deadline_ms).await;
        let normal = self.send(std::mem::take(&mut woken.normal), deadline_ms).await;
        Ok(urgent.and(normal).and(self.linger(woken, deadline_ms).await?))
    }

    /// Sends those of the waiting `messages` that may go now, the most urgent first; holds or expires the rest. Starts
    /// no request that could last past `deadline_ms`.
    ///
    /// An error of the table stops only the part that met it. Messages left behind are due, and the sweep takes them.
    pub async fn send(&self, messages: Vec<Message>, deadline_ms: i64) -> SendReport {
        let mut lots: BTreeMap<Priority, Vec<Message>> = BTreeMap::new();
        for message in messages {
            lots.entry(message.priority).or_default().push(message);
        }
        let mut report = SendReport::default();
        for (priority, lot) in lots {
            report = report.and(self.send_lot(priority, lot, deadline_ms).await);
        }
        if report.requests > 0 {
            tracing::info!(
                requests = report.requests,
                requests.fewest = report.requests_fewest,
                accepted = report.accepted,
                held = report.held,
                left = report.left,
                "send.done"
            );
        }
        report
    }

    /// Sends messages of one priority.
    async fn send_lot(&self, priority: Priority, messages: Vec<Message>, deadline_ms: i64) -> SendReport {
        let now_ms = self.world.now_ms();
        let (blocks, messages): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.block().is_some());
        if !blocks.is_empty() {
            let of_blocks = Box::pin(self.send_blocks(blocks, deadline_ms)).await;
            return of_blocks.and(Box::pin(self.send_lot(priority, messages, deadline_ms)).await);
        }
        let mut ready = Vec::with_capacity(messages.len());
        let mut moves = Vec::new();
        let mut report = SendReport::default();
        if !self.is_time_for_a_call(deadline_ms) {
            return SendReport { left: messages.len() as u64, ..report };
        }
        for message in messages {
            match gate(&message, self.settings.hours_of(&message.rule), now_ms) {
                Gate::Hold { .. } if planted(Fault::HoursNotAskedAgain) => ready.push(message),
                Gate::Hold { .. } if planted(Fault::CallsAtAnyHour) && message.content.call().is_some() => {
                    ready.push(message);
                }
                Gate::Open => ready.push(message),
                Gate::Hold { until_ms, why } => {
                    report.held += 1;
                    moves.push(held(&message, until_ms, why, now_ms));
                }
                Gate::Expired => {
                    report.expired += 1;
                    moves.push(Transition::expire(&message, now_ms));
                }
            }
        }
        self.moved(moves).await;
        let ready = match self.let_through(ready, now_ms, &mut report).await {
            Ok(ready) => ready,
            Err(error) => {
                tracing::error!(error = %error, "send.table_failed");
                return report;
            }
        };
        let has_quota = |rule: &str| self.settings.quotas_of(rule).is_some();
        let requests = into_requests(ready, self.settings.phones_per_request, has_quota);
        self.lease(priority, requests.len()).await;
        let queue = AtomicI64::new(0);
        let send = |request| self.send_request(request, None, &queue, deadline_ms);
        let sent = at_once(self.settings.requests_at_once, requests, send);
        sent.fold(report, async |all, one| all.and(one)).await
    }

    /// The messages that may go now, among messages whose hours are open. Checks pauses, suppressions and opt-outs,
    /// then the recordings of voice calls, then the caps.
    async fn let_through(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let allowed = self.allowed(messages, now_ms, report).await?;
        let ready = self.with_recordings(allowed, now_ms, report).await?;
        self.capped(ready, now_ms, report).await
    }

    /// Whether a request that starts now ends before `deadline_ms`, however long it takes.
    fn is_time_for_a_call(&self, deadline_ms: i64) -> bool {
        self.world.now_ms().saturating_add(self.settings.call_timeout_ms) <= deadline_ms
    }

    /// The account's rate, as messages of this priority may use it.
    fn rate_of(&self, priority: Priority) -> &LigueLeadAccount {
        if priority == Priority::Low { &self.low_rate } else { &self.rate }
    }

    /// Moves messages. After a failure, the sweep takes them.
    async fn moved(&self, moves: Vec<Transition>) {
        if let Err(error) = self.ledger.apply(moves).await {
            tracing::error!(error = %error, "send.table_failed");
        }
    }
}
