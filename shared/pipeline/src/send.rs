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

use std::time::Duration;

use futures::{StreamExt as _, stream};
use liguelead::{Answer, Client, Outcome, Scope, SmsRequest};
use recado_core::{
    gate::{Gate, gate},
    group::into_requests,
    identity::{BatchId, MessageId},
    message::{BatchState, Channel, Message, State},
};
use recado_ledger::{BatchChange, Change, Day, Due, Guard, Ledger, LedgerError, NewBatch, Prepared};

use crate::{
    secrets::CallbackUrls,
    settings::{SendSettings, next_midnight_ms, today},
    world::World,
};

/// How long to wait before a request that certainly did not go out is tried again, in ms, unless LigueLead says.
const RETRY_MS: i64 = 15_000;
/// How long a refusal of the whole account (its credentials, its credit) holds messages back, in ms.
const ACCOUNT_REFUSED_MS: i64 = 300_000;
/// How long after a message was accepted LeadSquared is told so, in ms, unless its end comes first: most come within
/// seconds, and then one write tells both.
pub(crate) const ACCEPTED_LINGER_MS: i64 = 10_000;
/// Attempts at recording what became of a call.
const RECORD_ATTEMPTS: u32 = 5;

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The table.
    pub ledger: Ledger,
    /// LigueLead.
    pub liguelead: Client,
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
            expired: self.expired + other.expired,
            not_ours: self.not_ours + other.not_ours,
        }
    }
}

/// What a claimed message is moved from.
const WAITING: &[State] = &[State::Pending, State::Held];

impl Sender {
    /// Sends messages that were just written, by id. Those that another sender has had since are left alone.
    pub async fn send_new(&self, ids: &[MessageId]) -> Result<SendReport, LedgerError> {
        let mut messages = self.ledger.messages(ids).await?;
        messages.retain(|message| message.state == State::Pending);
        Ok(self.send(messages).await)
    }

    /// Sends what may be sent now of `messages`, which wait; holds or expires the rest.
    ///
    /// An error of the table stops only the request that met it; what it left behind is recovered by the sweep.
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
                    moves.push(held(&message, WAITING, until_ms, &why, now_ms));
                }
                Gate::Expired => {
                    report.expired += 1;
                    moves.push(ended(&message, WAITING, State::Expired, "its expiry came first", now_ms));
                }
            }
        }
        self.moved(moves).await;
        let requests = into_requests(ready, self.settings.phones_per_request);
        let requests: Vec<_> = requests.into_iter().map(|request| self.send_request(request)).collect();
        let sent: Vec<SendReport> =
            stream::iter(requests).buffer_unordered(self.settings.requests_at_once).collect().await;
        sent.into_iter().fold(report, SendReport::and)
    }

    /// One request: messages of one text.
    async fn send_request(&self, members: Vec<Message>) -> SendReport {
        match self.try_send_request(members).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(error = %error, "send.table_failed");
                SendReport::default()
            }
        }
    }

    async fn try_send_request(&self, members: Vec<Message>) -> Result<SendReport, LedgerError> {
        let now_ms = self.world.now_ms();
        let mut report = SendReport::default();
        let Some(reserved) = self.reserve(members, now_ms, &mut report).await? else { return Ok(report) };
        let Reserved { batch, day, reserve, members } = reserved;
        let claims = members.iter().map(|message| claim(message, batch, now_ms)).collect();
        let claimed = self.ledger.move_messages(claims).await?;
        let (mine, lost): (Vec<_>, Vec<_>) = members.into_iter().zip(claimed).partition(|(_, mine)| *mine);
        let mine: Vec<Message> = mine.into_iter().map(|(message, _)| message).collect();
        report.not_ours += lost.len() as u64;
        if mine.is_empty() {
            self.release(batch, &[BatchState::Prepared], &day, reserve, "its messages were no longer waiting").await?;
            return Ok(report);
        }
        let spent = cost(&mine);
        if !self.begin_call(batch, &mine, &day, reserve.less(spent)).await? {
            // Another process took this sender for dead and released the batch.
            self.moved(mine.iter().map(|m| given_back(m.id, batch, now_ms, None, now_ms)).collect()).await;
            report.not_ours += mine.len() as u64;
            return Ok(report);
        }
        report.requests += 1;
        let answer = self.call(batch, &mine).await;
        tracing::info!(batch.id = %batch, batch.messages = mine.len(), outcome = word(&answer), "send.called");
        Ok(report.and(self.record(batch, &day, spent, &mine, answer).await?))
    }

    /// Reserves the day's quota for as many of `members` as fit, and prepares their batch; holds the rest.
    async fn reserve(
        &self,
        mut members: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Option<Reserved>, LedgerError> {
        let day = today(now_ms, &self.settings.zone);
        while !members.is_empty() {
            let batch = self.world.fresh_batch();
            let reserve = cost(&members);
            let new = NewBatch { id: batch, now_ms, day: day.clone(), reserve };
            match self.ledger.prepare_batch(&new, self.settings.quotas).await? {
                Prepared::Done => return Ok(Some(Reserved { batch, day, reserve, members })),
                Prepared::OverQuota(spent) => {
                    let fit = self.how_many_fit(&members, spent);
                    let rest = members.split_off(fit);
                    report.held += rest.len() as u64;
                    let until_ms = next_midnight_ms(now_ms, &self.settings.zone);
                    let why = "the day's quota is spent; the rest goes tomorrow";
                    self.moved(rest.iter().map(|m| held(m, WAITING, until_ms, why, now_ms)).collect()).await;
                }
            }
        }
        Ok(None)
    }

    fn how_many_fit(&self, members: &[Message], spent: Day) -> usize {
        let fits =
            |count: usize| members.get(..count).is_some_and(|some| self.settings.quotas.allow(spent, cost(some)));
        // Fewer than all, since all did not fit; the cost grows with the count.
        let (mut low, mut high) = (0, members.len().saturating_sub(1));
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// Writes that the call begins, and which messages it carries. The same write is tried again if it fails, since
    /// it may have happened; it is only believed when it says so.
    async fn begin_call(&self, batch: BatchId, mine: &[Message], day: &str, surplus: Day) -> Result<bool, LedgerError> {
        let change = BatchChange {
            call: Some((self.world.now_ms(), mine.iter().map(|message| message.id).collect())),
            refund: (surplus != Day::default()).then(|| (day.to_owned(), surplus)),
            ..BatchChange::new(batch, &[BatchState::Prepared], BatchState::Calling)
        };
        self.insist(&change).await
    }

    async fn call(&self, batch: BatchId, mine: &[Message]) -> Answer {
        let first = mine.first();
        let request = SmsRequest {
            title: first.and_then(|message| message.title.clone()),
            message: first
                .and_then(|message| message.text.as_ref())
                .map(|text| text.expose().into())
                .unwrap_or_default(),
            phones: mine.iter().filter_map(|m| m.phone).map(|phone| phone.national().into()).collect(),
            is_flash: first.is_some_and(|message| message.channel == Channel::Flash),
            group_id: first.and_then(|message| message.group_id.clone()),
            webhook_url: self.callbacks.as_ref().map(|urls| urls.url(batch)),
        };
        self.liguelead.send_sms(&request).await
    }

    /// Records what became of a call: the batch first, which is the truth, then its messages, which follow it.
    async fn record(
        &self,
        batch: BatchId,
        day: &str,
        spent: Day,
        mine: &[Message],
        answer: Answer,
    ) -> Result<SendReport, LedgerError> {
        const CALLED: &[BatchState] = &[BatchState::Calling, BatchState::Unknown];
        let now_ms = self.world.now_ms();
        let count = mine.len() as u64;
        let zero = SendReport::default();
        let of_batch = |message: &Message| Follow { id: message.id, batch, now_ms };
        let (moves, report): (Vec<Change>, SendReport) = match answer.outcome {
            Outcome::Accepted { campaign_id, .. } => {
                let change = BatchChange {
                    campaign_id: campaign_id.clone(),
                    ..BatchChange::new(batch, CALLED, BatchState::Accepted)
                };
                self.insist(&change).await?;
                let moves = mine.iter().map(|m| of_batch(m).accepted(campaign_id.clone(), &self.settings));
                (moves.collect(), SendReport { accepted: count, ..zero })
            }
            Outcome::Refused { scope: Scope::Request, status, reason } => {
                let why = format!("LigueLead refused it ({status}): {reason}");
                self.end(batch, CALLED, BatchState::Refused, day, spent, &why).await?;
                (mine.iter().map(|m| of_batch(m).refused(&why)).collect(), SendReport { refused: count, ..zero })
            }
            Outcome::Refused { scope: Scope::Account, status, reason } => {
                let why = format!("LigueLead refuses the account ({status}): {reason}");
                tracing::error!(vendor.status = status, vendor.reason = %reason, "send.account_refused");
                self.release(batch, CALLED, day, spent, &why).await?;
                let until_ms = now_ms + ACCOUNT_REFUSED_MS;
                let back = mine.iter().map(|m| given_back(m.id, batch, until_ms, Some(&why), now_ms));
                (back.collect(), SendReport { held: count, ..zero })
            }
            Outcome::NotSent { retry_after_ms, reason, .. } => {
                let why = format!("LigueLead could not be reached or asked to wait: {reason}");
                self.release(batch, CALLED, day, spent, &why).await?;
                let wait_ms = retry_after_ms.map_or(RETRY_MS, |ms| i64::try_from(ms).unwrap_or(RETRY_MS));
                let back = mine.iter().map(|m| given_back(m.id, batch, now_ms + wait_ms, Some(&why), now_ms));
                (back.collect(), SendReport { held: count, ..zero })
            }
            Outcome::Unknown { reason, .. } => {
                let why = format!("no answer that says whether it was sent: {reason}");
                let change = BatchChange {
                    why: Some(why.clone()),
                    ..BatchChange::new(batch, &[BatchState::Calling], BatchState::Unknown)
                };
                self.insist(&change).await?;
                let moves = mine.iter().map(|m| of_batch(m).unknown(&why, &self.settings));
                (moves.collect(), SendReport { unknown: count, ..zero })
            }
        };
        self.ledger.move_messages(moves).await?;
        Ok(report)
    }

    async fn end(
        &self,
        batch: BatchId,
        from: &'static [BatchState],
        to: BatchState,
        day: &str,
        back: Day,
        why: &str,
    ) -> Result<bool, LedgerError> {
        let change = BatchChange {
            why: Some(why.to_owned()),
            refund: Some((day.to_owned(), back)),
            ..BatchChange::new(batch, from, to)
        };
        self.insist(&change).await
    }

    async fn release(
        &self,
        batch: BatchId,
        from: &'static [BatchState],
        day: &str,
        back: Day,
        why: &str,
    ) -> Result<bool, LedgerError> {
        self.end(batch, from, BatchState::Released, day, back, why).await
    }

    /// Makes a batch's move, again and again for a few seconds while the table fails: its answer is not to be lost
    /// for a passing fault. Repeating it is harmless.
    async fn insist(&self, change: &BatchChange) -> Result<bool, LedgerError> {
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

    /// Moves messages; a failure leaves them to the sweep.
    async fn moved(&self, moves: Vec<Change>) {
        if let Err(error) = self.ledger.move_messages(moves).await {
            tracing::error!(error = %error, "send.table_failed");
        }
    }
}

struct Reserved {
    batch: BatchId,
    day: String,
    reserve: Day,
    members: Vec<Message>,
}

/// What a request of these messages draws on the day's quotas.
fn cost(messages: &[Message]) -> Day {
    Day {
        messages: messages.len() as u64,
        credits: messages.iter().map(|message| u64::from(message.credits)).sum(),
        requests: 1,
    }
}

fn claim(message: &Message, batch: BatchId, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: WAITING, batch: None },
        state: State::Sending,
        why: None,
        now_ms,
        // The appointment made when the message was written still stands, and is when its sender is checked upon.
        due: Due::Keep,
        campaign_id: None,
        crm_due_ms: None,
        claim: Some(Some(batch)),
    }
}

fn held(message: &Message, from: &'static [State], until_ms: i64, why: &str, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: from, batch: None },
        state: State::Held,
        why: Some(why.to_owned()),
        now_ms,
        // What expires first is looked at when it expires.
        due: Due::At(until_ms.min(message.expires_ms)),
        campaign_id: None,
        crm_due_ms: None,
        claim: None,
    }
}

fn ended(message: &Message, from: &'static [State], state: State, why: &str, now_ms: i64) -> Change {
    Change {
        id: message.id,
        guard: Guard { states: from, batch: None },
        state,
        why: Some(why.to_owned()),
        now_ms,
        due: Due::Never,
        campaign_id: None,
        crm_due_ms: Some(now_ms),
        claim: None,
    }
}

/// A message that was certainly not sent goes back to wait until `due_ms`.
pub(crate) fn given_back(id: MessageId, batch: BatchId, due_ms: i64, why: Option<&str>, now_ms: i64) -> Change {
    Change {
        id,
        // It may have been called unknown while its sender was slow: what is certain now counts.
        guard: Guard { states: &[State::Sending, State::Unknown], batch: Some(batch) },
        state: if why.is_some() { State::Held } else { State::Pending },
        why: why.map(str::to_owned),
        now_ms,
        due: Due::At(due_ms),
        campaign_id: None,
        crm_due_ms: None,
        claim: Some(None),
    }
}

/// The moves by which a message follows its batch.
pub(crate) struct Follow {
    pub(crate) id: MessageId,
    pub(crate) batch: BatchId,
    pub(crate) now_ms: i64,
}

impl Follow {
    pub(crate) fn accepted(self, campaign_id: Option<String>, settings: &SendSettings) -> Change {
        Change {
            campaign_id,
            due: Due::At(self.now_ms + settings.unknown_after_ms),
            crm_due_ms: Some(self.now_ms + ACCEPTED_LINGER_MS),
            ..self.to(State::Accepted, &[State::Sending, State::Unknown], None)
        }
    }

    pub(crate) fn refused(self, why: &str) -> Change {
        Change {
            due: Due::Never,
            crm_due_ms: Some(self.now_ms),
            ..self.to(State::Refused, &[State::Sending, State::Unknown], Some(why))
        }
    }

    pub(crate) fn unknown(self, why: &str, settings: &SendSettings) -> Change {
        Change {
            due: Due::At(self.now_ms + settings.unknown_after_ms),
            crm_due_ms: Some(self.now_ms + ACCEPTED_LINGER_MS),
            ..self.to(State::Unknown, &[State::Sending], Some(why))
        }
    }

    fn to(&self, state: State, from: &'static [State], why: Option<&str>) -> Change {
        Change {
            id: self.id,
            guard: Guard { states: from, batch: Some(self.batch) },
            state,
            why: why.map(str::to_owned),
            now_ms: self.now_ms,
            due: Due::Keep,
            campaign_id: None,
            crm_due_ms: None,
            claim: None,
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
