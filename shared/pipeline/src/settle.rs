//! Delivery reports: saved before they are processed, then applied.
//!
//! LigueLead never repeats a callback, so a lost one is lost for good. The row is therefore written first, whatever
//! follows. A report proves that its request was sent, and so turns an *unknown* batch into an accepted one.
//!
//! Each request brings one report, and reports come by the ten thousand. A process that takes many of them (`recado
//! serve`) stores and applies them in groups, with [`Settler::store`] and [`Settler::apply_all`]. A function that runs
//! for one report uses [`Settler::callback`].

mod apply;
mod blocks;
mod known;
mod whose;

use std::{collections::BTreeMap, time::Duration};

use liguelead::callback::{Callback, Status};
use recado_core::{folding::known_by, message::Report, phone::Phone, settle::is_plausible};
use recado_ledger::{Ledger, LedgerError, Stored, StoredCallback, StoredFor};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::{
    http::{Body, HttpAnswer, HttpRequest},
    planted::{Fault, planted},
    secrets::{CallbackDoor, Vouched},
    settings::SendSettings,
    world::World,
};

pub use known::Known;

/// How long a callback may wait for its answer. LigueLead's limit is 5 s.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(900);
/// How long a function that ends with its answer retries storing a report. Almost as long as LigueLead waits, since the
/// report is worth more than a timely answer.
const STORE_WITHIN: Duration = Duration::from_millis(4_500);

/// Accepts and applies delivery reports.
#[derive(Debug, Clone)]
pub struct Settler {
    /// The table.
    pub ledger: Ledger,
    /// Says which requests may report.
    pub door: CallbackDoor,
    /// The configuration's settings for sending.
    pub settings: SendSettings,
    /// The clock and new identifiers.
    pub world: World,
    /// The cached facts about batches, shared by all clones.
    pub known: Known,
}

/// The result of reading a callback's request.
#[derive(Debug)]
pub enum Reading {
    /// There is nothing to store. This is the answer.
    Answer(HttpAnswer),
    /// A report. Store it before answering.
    Report(Box<StoredCallback>),
}

/// The result of applying a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The message's state changed.
    Moved,
    /// It changed nothing: a repetition, or older than the known state.
    Nothing,
    /// Its message cannot be found yet. The sweep looks again.
    Later,
}

impl Settler {
    /// Answers one callback, for a function that ends with its answer. The answer is 200 if a repetition would not
    /// help.
    pub async fn callback(&self, request: &HttpRequest) -> HttpAnswer {
        let report = match self.read(request) {
            Reading::Answer(answer) => return answer,
            Reading::Report(report) => *report,
        };
        let begun = tokio::time::Instant::now();
        let reports = [report];
        match tokio::time::timeout(STORE_WITHIN, self.store(&reports)).await {
            Ok(Ok(stored)) if stored == [Stored::New] => {}
            Ok(Ok(stored)) if stored == [Stored::Refused] => {
                tracing::error!("callback.refused");
                return refused();
            }
            Ok(Ok(_)) => return answer(200, "known already"),
            Ok(Err(_)) | Err(_) if planted(Fault::ReportNotStored) => return stored(),
            Ok(Err(error)) => {
                tracing::error!(error = %error, "callback.not_stored");
                return answer(503, "could not be stored");
            }
            Err(_) => {
                tracing::error!(error = "the table is too slow", "callback.not_stored");
                return answer(503, "could not be stored in time");
            }
        }
        // Reports without enough time are due, and the sweep applies them.
        let left = ANSWER_WITHIN.saturating_sub(begun.elapsed());
        let _ = tokio::time::timeout(left, self.apply_stored(&reports)).await;
        stored()
    }

    /// Reads a callback's request: its report, or the answer if it reports nothing.
    #[must_use]
    pub fn read(&self, request: &HttpRequest) -> Reading {
        if matches!(request.method.as_str(), "GET" | "HEAD") {
            return Reading::Answer(answer(200, "ready"));
        }
        let Body::Whole(body) = &request.body else {
            return Reading::Answer(answer(200, "the body is too large; ignored"));
        };
        if body.is_empty() {
            return Reading::Answer(answer(200, "ready"));
        }
        let vouched = match self.door.vouched(request, self.world.now_ms()) {
            Ok(vouched) => vouched,
            Err(why) => {
                tracing::warn!(why = why.word(), "callback.not_vouched_for");
                return Reading::Answer(answer(401, "the signature or the secret is missing, wrong or too old"));
            }
        };
        let callback = match Callback::parse(body) {
            Ok(callback) => callback,
            Err(error) => {
                tracing::warn!(error = %error, "callback.not_understood");
                return Reading::Answer(answer(200, "not understood; ignored"));
            }
        };
        if matches!(vouched, Vouched::Any) && !callback.app_id.as_deref().is_some_and(|id| self.door.is_our_app(id)) {
            tracing::warn!(why = "another_app", "callback.not_vouched_for");
            return Reading::Answer(answer(401, "it is about another app"));
        }
        match self.readable(vouched, &callback) {
            Some(report) => Reading::Report(Box::new(report)),
            None => {
                tracing::warn!(callback.status = logged(&word(&callback.status)), "callback.without_recipient");
                Reading::Answer(answer(200, "it names no recipient or no campaign; ignored"))
            }
        }
    }

    /// Whether a request shows a signature or the secret. Its body is not looked at.
    #[must_use]
    pub fn is_vouched_for(&self, request: &HttpRequest) -> bool {
        self.door.vouched(request, self.world.now_ms()).is_ok()
    }

    fn readable(&self, vouched: Vouched, callback: &Callback) -> Option<StoredCallback> {
        let about = match (vouched, &callback.campaign_id) {
            (Vouched::Batch(batch), _) => StoredFor::Batch(batch),
            (Vouched::Any, Some(campaign)) => StoredFor::Campaign(campaign.clone()),
            (Vouched::Any, None) => return None,
        };
        let phone = Phone::parse(callback.phone.as_ref()?.expose_secret()).ok()?;
        let names_batch = matches!(about, StoredFor::Batch(_));
        Some(StoredCallback {
            about,
            phone,
            status: word(&callback.status),
            occurred_at: callback.occurred_at.clone(),
            campaign_id: callback.campaign_id.clone(),
            credits: callback.credits_required,
            text_digest: callback.message.as_ref().filter(|_| !names_batch).map(|text| digest(text.expose_secret())),
            received_ms: self.world.now_ms(),
        })
    }

    /// Stores reports. Returns the table's answer to each.
    pub async fn store(&self, reports: &[StoredCallback]) -> Result<Vec<Stored>, LedgerError> {
        self.ledger.store_callbacks(reports).await
    }

    /// Applies reports that were just stored, and logs the results. Failed ones are due, and the sweep applies them.
    pub async fn apply_stored(&self, reports: &[StoredCallback]) {
        match self.apply_all(reports).await {
            Ok(settled) => {
                let mut alike: BTreeMap<(&str, String), u64> = BTreeMap::new();
                for (report, settled) in reports.iter().zip(settled) {
                    *alike.entry((logged(&report.status), format!("{settled:?}"))).or_default() += 1;
                }
                for ((status, settled), reports) in alike {
                    tracing::info!(callback.status = status, settled, reports, "callback.applied");
                }
            }
            Err(error) => tracing::warn!(error = %error, "callback.not_applied_yet"),
        }
    }
}

/// The answer to a stored report.
#[must_use]
pub fn stored() -> HttpAnswer {
    answer(200, "stored")
}

/// The answer to a report that the table never takes: a repetition would not mend it.
#[must_use]
pub fn refused() -> HttpAnswer {
    answer(200, "the table takes no such report; set aside")
}

/// The digest that matches reports by text, whether LigueLead folded the text or not.
fn digest(text: &str) -> String {
    let digest = Sha256::digest(known_by(text).as_bytes());
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// The word under which a status is stored. An unknown status keeps LigueLead's word.
fn word(status: &Status) -> String {
    let word = match status {
        Status::Queued => "queued",
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Read => "read",
        Status::Undelivered => "undelivered",
        Status::Failed => "failed",
        Status::Answered => "answered",
        Status::NoAnswer => "no_answer",
        Status::Busy => "busy",
        Status::Other(word) if !word.is_empty() => word,
        _ => "other",
    };
    word.to_owned()
}

/// A stored status in a form that is safe to log: an unknown word may hold anything.
fn logged(word: &str) -> &str {
    if report(word).is_some() { word } else { "other" }
}

/// The price that a report tells, in credits, unless it cannot be true: that would spend the day's quota.
fn believed(credits: u32, estimate: u32) -> Option<u32> {
    if is_plausible(estimate, credits) {
        return Some(credits);
    }
    tracing::error!(credits, estimate, "callback.price_implausible");
    None
}

/// What a stored status says about a message. An unknown status says nothing.
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

fn answer(status: u16, message: &str) -> HttpAnswer {
    HttpAnswer { status, body: serde_json::json!({ "message": message }).to_string() }
}
