//! The way of a message to LigueLead: reserve, claim, call, record.
//!
//! Every step is a conditional write, in an order that leaves a crash nowhere to lose or repeat a message:
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | the batch was prepared | `prepared`, no message claimed | the messages are still due; the batch is released |
//! | some claims | `prepared`, messages `sending` | the sweep releases the batch, then gives the messages back |
//! | `calling`, before or during the call | `calling` | *unknown*: a callback settles it; it is never sent again |
//! | the answer | `calling` | the same: the answer died with the process |
//! | the batch's outcome was recorded | the outcome, messages `sending` | the sweep lets them follow their batch |
//!
//! Only messages listed in the batch's row were sent. A claim that the sender did not know it had made, because the
//! answer to the write was lost, is not listed, and is given back.

mod budget;
mod capped;
mod moves;
mod outcome;
mod recordings;
mod request;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream};
use liguelead::{Answer, Client, NotSent, Outcome};
use recado_core::{
    gate::{Gate, gate},
    group::into_requests,
    identity::{BatchId, MessageId},
    message::{BatchState, Message, State},
};
use recado_ledger::{BatchChange, Change, Day, Ledger, LedgerError, Refund};

use self::{
    budget::{Reserved, cost},
    moves::{claim, expired, held},
    recordings::has_time,
    request::Request,
};
use recado_limits::{Clock, LigueLeadAccount, NoPermit, NotNow, Permits, RateHeaders};
use tokio::sync::Semaphore;

use crate::{secrets::CallbackUrls, settings::SendSettings, world::World};

pub(crate) use self::{
    budget::enforced,
    moves::{ACCEPTED_LINGER_MS, Follow, given_back},
};

/// How long a request waits for its permit before its messages are given back, in ms.
const PERMIT_WITHIN_MS: i64 = 5_000;
/// How long a 429 that does not say closes the account, in ms. Source: LigueLead API limits page, sample client.
const RATE_LIMITED_MS: i64 = 60_000;

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The table.
    pub ledger: Ledger,
    /// LigueLead.
    pub liguelead: Client,
    /// The rate of LigueLead's account, shared by all functions.
    pub rate: LigueLeadAccount,
    /// The clocks by which permits of that rate are spent.
    pub clock: Clock,
    /// Requests that this process may have under way, shared by all clones.
    pub in_flight: Arc<Semaphore>,
    /// Makes the callbacks' URLs; without it LigueLead calls the URL configured in its own panel.
    pub callbacks: Option<CallbackUrls>,
    /// What the configuration says about sending.
    pub settings: SendSettings,
    /// Time and identifiers.
    pub world: World,
}

/// What one run of the sender did, in messages except for `requests`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SendReport {
    /// Requests made to LigueLead.
    pub requests: u64,
    /// Messages that LigueLead took.
    pub accepted: u64,
    /// Messages that LigueLead refused.
    pub refused: u64,
    /// Messages of which it is unknown whether LigueLead took them.
    pub unknown: u64,
    /// Messages that wait for a stated moment.
    pub held: u64,
    /// Messages that a cap in shadow would have held.
    pub shadow_capped: u64,
    /// Messages whose expiry came first.
    pub expired: u64,
    /// Messages that another sender had, or that were no longer waiting.
    pub not_ours: u64,
}

impl SendReport {
    fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            held: self.held + other.held,
            shadow_capped: self.shadow_capped + other.shadow_capped,
            expired: self.expired + other.expired,
            not_ours: self.not_ours + other.not_ours,
        }
    }
}

impl Sender {
    /// Sends messages that were just written, by id. Those that another sender has had since are left alone.
    pub async fn send_new(&self, ids: &[MessageId]) -> Result<SendReport, LedgerError> {
        let mut messages = self.ledger.messages(ids).await?;
        messages.retain(|message| message.state == State::Pending);
        Ok(self.send(messages).await)
    }

    /// Sends what may be sent now of `messages`, which wait; holds or expires the rest.
    ///
    /// An error of the table stops only what met it; what is left behind is due, and the sweep takes it.
    pub async fn send(&self, messages: Vec<Message>) -> SendReport {
        let now_ms = self.world.now_ms();
        let mut ready = Vec::with_capacity(messages.len());
        let mut moves = Vec::new();
        let mut report = SendReport::default();
        for message in messages {
            match gate(&message, &self.settings.hours, now_ms) {
                Gate::Open => ready.push(message),
                Gate::Hold { until_ms, why } => {
                    report.held += 1;
                    moves.push(held(&message, until_ms, &why, now_ms));
                }
                Gate::Expired => {
                    report.expired += 1;
                    moves.push(expired(&message, now_ms));
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
        let has_quota = |rule: &str| self.settings.rule_quotas.contains_key(rule);
        let requests = into_requests(ready, self.settings.phones_per_request, has_quota);
        self.lease(requests.len()).await;
        let queue = AtomicI64::new(0);
        let requests: Vec<_> = requests.into_iter().map(|request| self.send_request(request, &queue)).collect();
        let sent: Vec<SendReport> =
            stream::iter(requests).buffer_unordered(self.settings.requests_at_once).collect().await;
        sent.into_iter().fold(report, SendReport::and)
    }

    /// What may go of messages whose hours are open: calls whose recordings are there, and what the caps allow.
    async fn let_through(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let ready = self.with_recordings(messages, now_ms, report).await?;
        self.capped(ready, now_ms, report).await
    }

    /// One request: messages of one text. `queue` counts the requests of this run that the rate has no room for.
    async fn send_request(&self, members: Vec<Message>, queue: &AtomicI64) -> SendReport {
        // Asked before anything is reserved or claimed, since a message that must wait then costs one write.
        let latest_ms = self.world.now_ms() + PERMIT_WITHIN_MS;
        let sent = match self.rate.permits(1, self.clock.read(), latest_ms).await {
            Ok(permit) => self.try_send_request(members, permit).await.map_err(|error| error.to_string()),
            Err(NoPermit::Refused { until_ms }) => {
                let place = queue.fetch_add(1, Ordering::Relaxed);
                Ok(self.wait_in_line(members, until_ms, place).await)
            }
            Err(NoPermit::Store(error)) => Err(error.to_string()),
        };
        sent.unwrap_or_else(|error| {
            tracing::error!(error, "send.table_failed");
            SendReport::default()
        })
    }

    /// Holds the messages of a request until the rate has room for it: each request at its own instant, so that they
    /// do not all come back at the first.
    async fn wait_in_line(&self, members: Vec<Message>, until_ms: i64, place: i64) -> SendReport {
        let until_ms = until_ms + place * self.settings.request_every_us / 1_000;
        let now_ms = self.world.now_ms();
        let why = "LigueLead's rate is used up";
        self.moved(members.iter().map(|message| held(message, until_ms, why, now_ms)).collect()).await;
        SendReport { held: members.len() as u64, ..SendReport::default() }
    }

    async fn try_send_request(&self, members: Vec<Message>, permit: Permits) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let mut report = SendReport::default();
        let Some(reserved) = self.reserve(members, now_ms, &mut report).await? else { return Ok(report) };
        let Reserved { batch, refund, members } = reserved;
        let claims = members.iter().map(|message| claim(message, batch, now_ms)).collect();
        let claimed = self.ledger.move_messages(claims).await?;
        let (mine, lost): (Vec<_>, Vec<_>) = members.into_iter().zip(claimed).partition(|(_, mine)| *mine);
        let mine: Vec<Message> = mine.into_iter().map(|(message, _)| message).collect();
        report.not_ours += lost.len() as u64;
        if mine.is_empty() {
            self.release(batch, &[BatchState::Prepared], refund, "its messages were no longer waiting").await?;
            return Ok(report);
        }
        let spent = Refund { amount: cost(&mine), ..refund.clone() };
        let surplus = Refund { amount: refund.amount.less(spent.amount), ..refund };
        if !self.begin_call(batch, &mine, surplus).await? {
            // Another process took this sender for dead and released the batch.
            self.moved(mine.iter().map(|m| given_back(m.id, batch, now_ms, None, now_ms)).collect()).await;
            report.not_ours += mine.len() as u64;
            return Ok(report);
        }
        let Some(answer) = self.call(batch, &mine, &permit).await else {
            let why = "the account's rate had no permit for it";
            return Ok(report.and(self.not_sent(batch, spent, &mine, None, why).await?));
        };
        report.requests += 1;
        tracing::info!(batch.id = %batch, batch.messages = mine.len(), outcome = word(&answer), "send.called");
        Ok(report.and(self.record(batch, spent, &mine, answer).await?))
    }

    /// Writes that the call begins, and which messages it carries. The same write is tried again if it fails, since
    /// it may have happened; it is only believed when it says so.
    async fn begin_call(&self, batch: BatchId, mine: &[Message], surplus: Refund) -> Result<bool, LedgerError> {
        let change = BatchChange {
            call: Some((self.world.now_ms(), mine.iter().map(|message| message.id).collect())),
            refund: (surplus.amount != Day::default()).then_some(surplus),
            ..BatchChange::new(batch, &[BatchState::Prepared], BatchState::Calling)
        };
        self.insist(&change).await
    }

    /// Makes the call, if there is a permit for it: the last thing before the bytes leave, since a permit does not
    /// keep. `None`: there is none in time, and nothing was sent.
    async fn call(&self, batch: BatchId, mine: &[Message], permit: &Permits) -> Option<Answer> {
        let request = Request::of(mine, self.callbacks.as_ref().map(|urls| urls.url(batch)))?;
        // Clones of one sender, woken by the stream and by the sweep, share what the configuration allows. An error
        // would mean that the semaphore was closed, which it never is.
        let _in_flight = self.in_flight.acquire().await.ok()?;
        if mine.iter().filter_map(|message| message.call.as_ref()).any(|call| !has_time(call, self.world.now_ms())) {
            return None;
        }
        if let Err(error) = self.spend(permit).await {
            tracing::warn!(error = %error, "send.no_permit");
            return None;
        }
        let answer = match request {
            Request::Sms(request) => self.liguelead.send_sms(&request).await,
            Request::Voice(request) => self.liguelead.send_voice(&request).await,
        };
        self.heed(&answer).await;
        Some(answer)
    }

    /// Spends the permit in hand, waiting for its time; if that is over, another one.
    async fn spend(&self, permit: &Permits) -> Result<(), NoPermit> {
        loop {
            match permit.spend(self.clock.read()) {
                Ok(()) => return Ok(()),
                Err(NotNow::Early(us)) => tokio::time::sleep(Duration::from_micros(us.unsigned_abs())).await,
                Err(NotNow::Unconfirmed) => self.rate.confirm(permit, self.clock.read()).await?,
                Err(NotNow::Over) => {
                    return self.rate.admit(&self.clock, self.world.now_ms() + PERMIT_WITHIN_MS).await;
                }
            }
        }
    }

    /// Takes permits for the requests of one wake-up with one write. What comes of it is seen when they are spent.
    async fn lease(&self, requests: usize) {
        let wanted = u32::try_from(requests).unwrap_or(u32::MAX);
        if wanted > 0 {
            let _ = self.rate.permits(wanted, self.clock.read(), self.world.now_ms() + PERMIT_WITHIN_MS).await;
        }
    }

    /// Tells all functions what an answer says of the account's rate.
    async fn heed(&self, answer: &Answer) {
        let now = self.clock.read();
        let heeded = match (&answer.outcome, &answer.rate) {
            (Outcome::NotSent { cause: NotSent::RateLimited, retry_after_ms, .. }, _) => {
                let wait_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(RATE_LIMITED_MS);
                self.rate.refused(self.world.now_ms() + wait_ms, now).await
            }
            (_, Some(rate)) => {
                let headers =
                    RateHeaders { limit: rate.limit, remaining: rate.remaining, reset_epoch_s: rate.reset_epoch_s };
                self.rate.observed(headers, now).await.map(|_| ())
            }
            (_, None) => Ok(()),
        };
        if let Err(error) = heeded {
            tracing::warn!(error = %error, "send.rate_not_shared");
        }
    }

    /// Moves messages; a failure leaves them to the sweep.
    async fn moved(&self, moves: Vec<Change>) {
        if let Err(error) = self.ledger.move_messages(moves).await {
            tracing::error!(error = %error, "send.table_failed");
        }
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer.outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Refused { .. } => "refused",
        Outcome::NotSent { .. } => "not_sent",
        Outcome::Unknown { .. } => "unknown",
    }
}
