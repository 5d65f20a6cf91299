//! Delivery reports: stored before they are thought about, then applied.
//!
//! LigueLead never repeats a callback, so one that was lost is lost for good: the row is written first, whatever
//! follows. A report proves that its request went out, and so turns an *unknown* batch into an accepted one.

use liguelead::callback::{Callback, Status};
use recado_core::{
    call::redials_take_ms,
    identity::{BatchId, MessageId},
    message::{BatchState, Report, State},
    phone::Phone,
};
use recado_ledger::{BatchChange, Change, Due, Guard, Ledger, LedgerError, StoredCallback, StoredFor};
use secrecy::ExposeSecret as _;

use crate::{
    http::{Body, HttpAnswer, HttpRequest},
    planted::{Fault, planted},
    secrets::Secret,
    send::{ACCEPTED_LINGER_MS, Follow},
    settings::SendSettings,
    world::World,
};

/// How long a report whose message is not known yet waits for another look, in ms.
const LATER_MS: i64 = 60_000;

/// Takes and applies delivery reports.
#[derive(Debug, Clone)]
pub struct Settler {
    /// The table.
    pub ledger: Ledger,
    /// Signs the URLs that callbacks come to, and opens the one without a batch.
    pub secret: Secret,
    /// What the configuration says about sending.
    pub settings: SendSettings,
    /// Time and identifiers.
    pub world: World,
}

/// What a callback's request may speak of.
enum Vouched {
    /// The batch that its URL is signed for.
    Batch(BatchId),
    /// Any: it showed the secret of the URL that is configured in LigueLead's panel.
    Any,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The message's state changed.
    Moved,
    /// It changed nothing: a repetition, or older than what is known.
    Nothing,
    /// Whose it is cannot be told yet; the sweep looks again.
    Later,
}

impl Settler {
    /// Answers one callback: 200 for whatever a repetition would not mend.
    pub async fn callback(&self, request: &HttpRequest) -> HttpAnswer {
        if matches!(request.method.as_str(), "GET" | "HEAD") {
            return answer(200, "ready");
        }
        let Body::Whole(body) = &request.body else { return answer(200, "the body is too large; ignored") };
        if body.is_empty() {
            return answer(200, "ready");
        }
        let Some(vouched) = self.vouched(request) else {
            tracing::warn!("callback.not_vouched_for");
            return answer(401, "the signature or the secret is missing or wrong");
        };
        let callback = match Callback::parse(body) {
            Ok(callback) => callback,
            Err(error) => {
                tracing::warn!(error = %error, "callback.not_understood");
                return answer(200, "not understood; ignored");
            }
        };
        let Some(stored) = self.readable(vouched, &callback) else {
            tracing::warn!(callback.status = word(&callback.status), "callback.without_recipient");
            return answer(200, "it names no recipient or no campaign; ignored");
        };
        match self.ledger.store_callback(&stored).await {
            Ok(true) => {}
            Ok(false) => return answer(200, "known already"),
            Err(_) if planted(Fault::ReportNotStored) => return answer(200, "stored"),
            Err(error) => {
                tracing::error!(error = %error, "callback.not_stored");
                return answer(503, "could not be stored");
            }
        }
        match self.apply(&stored).await {
            Ok(settled) => tracing::info!(callback.status = %stored.status, settled = ?settled, "callback.applied"),
            // It is stored: the sweep applies it.
            Err(error) => tracing::warn!(error = %error, "callback.not_applied_yet"),
        }
        answer(200, "stored")
    }

    fn vouched(&self, request: &HttpRequest) -> Option<Vouched> {
        match (request.parameter("batch"), request.parameter("sig")) {
            (Some(batch), Some(signature)) => {
                let batch = batch.parse().ok()?;
                self.secret.signed(batch, signature).then_some(Vouched::Batch(batch))
            }
            _ => self.secret.is(request.parameter("secret")?).then_some(Vouched::Any),
        }
    }

    fn readable(&self, vouched: Vouched, callback: &Callback) -> Option<StoredCallback> {
        let about = match (vouched, &callback.campaign_id) {
            (Vouched::Batch(batch), _) => StoredFor::Batch(batch),
            (Vouched::Any, Some(campaign)) => StoredFor::Campaign(campaign.clone()),
            (Vouched::Any, None) => return None,
        };
        let phone = Phone::parse(callback.phone.as_ref()?.expose_secret()).ok()?;
        Some(StoredCallback {
            about,
            phone,
            status: word(&callback.status).to_owned(),
            occurred_at: callback.occurred_at.clone(),
            campaign_id: callback.campaign_id.clone(),
            credits: callback.credits_required,
            received_ms: self.world.now_ms(),
        })
    }

    /// Applies a stored report, and notes that it was.
    pub async fn apply(&self, callback: &StoredCallback) -> Result<Settled, LedgerError> {
        let settled = self.settle(callback).await?;
        match settled {
            Settled::Moved | Settled::Nothing => self.ledger.callback_applied(callback).await?,
            Settled::Later if planted(Fault::EarlyReportForgotten) => self.ledger.callback_applied(callback).await?,
            Settled::Later => {
                let now_ms = self.world.now_ms();
                if now_ms - callback.received_ms > self.settings.unknown_after_ms {
                    tracing::warn!(callback.status = %callback.status, "callback.of_nobody");
                    self.ledger.callback_applied(callback).await?;
                } else {
                    self.ledger.callback_later(callback, now_ms + LATER_MS).await?;
                }
            }
        }
        Ok(settled)
    }

    async fn settle(&self, callback: &StoredCallback) -> Result<Settled, LedgerError> {
        let batch = match &callback.about {
            StoredFor::Batch(batch) => Some(*batch),
            StoredFor::Campaign(campaign) => self.ledger.batch_of_campaign(campaign).await?,
        };
        let Some(batch) = batch else { return Ok(Settled::Later) };
        if !planted(Fault::UnknownNotSettled) {
            self.prove_sent(batch, callback.campaign_id.as_deref()).await?;
        }
        let Some(report) = report(&callback.status) else { return Ok(Settled::Nothing) };
        let Some(id) = self.ledger.message_of(batch, callback.phone).await? else { return Ok(Settled::Later) };
        let now_ms = self.world.now_ms();
        let state = report.state();
        let tell_ms = match report {
            Report::NoAnswer | Report::Busy => self.redials_over_ms(id, now_ms).await?,
            _ if state.is_final() => now_ms,
            _ => now_ms + ACCEPTED_LINGER_MS,
        };
        let change = Change {
            due: if state.is_final() { Due::Never } else { Due::Keep },
            campaign_id: callback.campaign_id.clone(),
            crm_due_ms: Some(tell_ms),
            ..Change::new(id, Guard { states: moved_by(report), batch: Some(batch) }, state, now_ms)
        };
        let moved = self.ledger.move_messages(vec![change]).await?;
        Ok(if moved == [true] { Settled::Moved } else { Settled::Nothing })
    }

    /// When a call that nobody answered is over for good: only then is LeadSquared told so, since a redial that is
    /// answered would make it a second row.
    async fn redials_over_ms(&self, id: MessageId, now_ms: i64) -> Result<i64, LedgerError> {
        let messages = self.ledger.messages(&[id]).await?;
        let over_ms = messages.iter().find_map(|message| {
            let call = message.call.as_ref()?;
            let from_ms = if message.state == State::Accepted { message.changed_ms } else { now_ms };
            Some(from_ms + redials_take_ms(call.redials, call.every_min))
        });
        Ok(over_ms.unwrap_or(now_ms).max(now_ms))
    }

    /// A report on a batch proves that its request was taken. Messages that were called unknown follow.
    async fn prove_sent(&self, batch: BatchId, campaign_id: Option<&str>) -> Result<(), LedgerError> {
        let Some(row) = self.ledger.batch(batch).await? else { return Ok(()) };
        if !matches!(row.state, BatchState::Calling | BatchState::Unknown) {
            return Ok(());
        }
        let now_ms = self.world.now_ms();
        let change = BatchChange {
            campaign_id: campaign_id.map(str::to_owned),
            ..BatchChange::new(batch, &[BatchState::Calling, BatchState::Unknown], BatchState::Accepted, now_ms)
        };
        let token = self.world.fresh_batch().to_string();
        if self.ledger.move_batch(&change, &token).await? && row.state == BatchState::Unknown {
            let follow = |id| Follow { id, batch, now_ms }.accepted(campaign_id.map(str::to_owned), &self.settings);
            self.ledger.move_messages(row.members.into_iter().map(follow).collect()).await?;
        }
        Ok(())
    }
}

/// The word under which a status is stored. One that is not known is stored as such: its own text is the vendor's.
fn word(status: &Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Read => "read",
        Status::Undelivered => "undelivered",
        Status::Failed => "failed",
        Status::Answered => "answered",
        Status::NoAnswer => "no_answer",
        Status::Busy => "busy",
        _ => "other",
    }
}

/// What a stored status says of a message. One that is not known says nothing.
fn report(word: &str) -> Option<Report> {
    match word {
        "queued" | "sent" => Some(Report::Sent),
        "delivered" | "read" => Some(Report::Delivered),
        "undelivered" | "failed" => Some(Report::Undelivered),
        "no_answer" => Some(Report::NoAnswer),
        "busy" => Some(Report::Busy),
        "answered" => Some(Report::Answered),
        _ => None,
    }
}

/// The states that a report moves a message from.
fn moved_by(report: Report) -> &'static [State] {
    if planted(Fault::ReportsMoveBack) {
        &[State::Sending, State::Unknown, State::Accepted, State::Undelivered, State::Delivered]
    } else if planted(Fault::UnknownNotSettled) {
        &[State::Sending, State::Accepted]
    } else {
        report.moves()
    }
}

fn answer(status: u16, message: &str) -> HttpAnswer {
    HttpAnswer { status, body: serde_json::json!({ "message": message }).to_string() }
}
