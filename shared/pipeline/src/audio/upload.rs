//! One content's upload: claimed, looked for, made, recorded.
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | the claim, before the upload | claimed | the claim expires; the next claimant finds nothing listed, and uploads |
//! | the upload, before its record | claimed | the next claimant finds it listed, by its title, and records it |
//!
//! An upload whose response was lost is the second case. LigueLead charges nothing for an upload and deletes none. A
//! duplicate upload, should one happen in spite of this, takes one place of 1,000 and does no other harm.

use std::time::Duration;

use liguelead::{AudioFile, AudioFormat, CallFailed, Scope, UPLOAD_TIMEOUT, Upload, UploadOutcome};
use recado_core::audio::{self, Audio};
use recado_ledger::{LedgerError, UploadEnd, UploadRow, UploadState};
use recado_limits::RateHeaders;

use super::{Audios, NotYet};

/// How long a claim lasts, in ms: the longest upload, and the requests before and after it.
const CLAIM_MS: i64 = 390_000;
const _: () = assert!(UPLOAD_TIMEOUT.as_secs() + 90 <= CLAIM_MS.unsigned_abs() / 1_000);
/// The delay before the next look at another process's upload, in ms.
const LOOK_AGAIN_MS: i64 = 15_000;
/// The delay before a retry of an upload that failed for a passing reason, in ms.
const RETRY_MS: i64 = 15_000;
/// The same after an upload with an unknown outcome, in ms: the list may lag behind.
const UNKNOWN_MS: i64 = 60_000;
/// The same if LigueLead refuses the account, in ms.
const ACCOUNT_REFUSED_MS: i64 = 300_000;
/// How long a request waits for its permit, in ms.
const PERMIT_WITHIN_MS: i64 = 30_000;
/// How long a 429 without a stated time closes the account, in ms. Source: LigueLead API limits page, sample client.
const RATE_LIMITED_MS: i64 = 60_000;
/// Attempts at recording the outcome of an upload.
const RECORD_ATTEMPTS: u32 = 5;
/// The prefix of the titles of Recado's uploads. The content's id and the name follow.
const TITLE_START: &str = "recado-";

/// How LigueLead got an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// LigueLead had it already.
    Before,
    /// It was found in LigueLead's list.
    Found,
    /// It was uploaded now.
    Now,
}

/// An upload that LigueLead has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct There {
    /// Its id at LigueLead.
    pub upload_id: u64,
    /// How LigueLead got it.
    pub made: Made,
    /// Audio files in LigueLead's account, if its list was read.
    pub files: Option<u64>,
}

/// The end of one claim.
struct Ended {
    end: UploadEnd,
    result: Result<There, NotYet>,
}

impl Audios {
    /// Makes sure that LigueLead has a recording, and uploads it if necessary. Takes at most five minutes. A caller
    /// with `content` acts for a person, so it also retries content that LigueLead refused.
    pub(super) async fn make_sure(
        &self,
        audio: &Audio,
        content: Option<Vec<u8>>,
    ) -> Result<Result<There, NotYet>, LedgerError> {
        let again = content.is_some();
        let row = self.ledger.upload(audio.id).await?;
        match row.as_ref().map(|row| &row.state) {
            Some(UploadState::There(upload_id)) => {
                return Ok(Ok(There { upload_id: *upload_id, made: Made::Before, files: None }));
            }
            Some(UploadState::Refused(why)) if !again => return Ok(Err(refused(why))),
            _ => {}
        }
        let kept = match content {
            Some(content) => Ok(Some(content)),
            None => self.store.fetch(audio).await,
        };
        let bytes = match kept {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Err(gone(audio))),
            Err(error) => {
                return Ok(Err(NotYet { wait_ms: RETRY_MS, why: format!("its file cannot be read: {error}") }));
            }
        };
        let claim = self.world.fresh_batch().to_string();
        let now_ms = self.world.now_ms();
        if !self.ledger.claim_upload(audio, &claim, now_ms, now_ms + CLAIM_MS, again).await? {
            return Ok(Err(NotYet { wait_ms: LOOK_AGAIN_MS, why: "its audio is being uploaded".to_owned() }));
        }
        let forgotten = row.map(|row: UploadRow| row.forgotten).unwrap_or_default();
        let Ended { end, result } = self.look_and_upload(audio, bytes, &forgotten).await;
        self.record(audio, &claim, &end).await?;
        Ok(result)
    }

    async fn look_and_upload(&self, audio: &Audio, bytes: Vec<u8>, forgotten: &[u64]) -> Ended {
        let files = match self.look(audio, forgotten).await {
            Ok((Some(upload), files)) => {
                tracing::info!(audio.name = audio.name, upload.id = upload.id, "audio.found");
                return there(upload.id, Made::Found, Some(files));
            }
            Ok((None, files)) => Some(files),
            // The form of the list is not documented. An unreadable list must not stop the upload.
            Err(None) => None,
            Err(Some(not_yet)) => return Ended { end: UploadEnd::Nowhere, result: Err(not_yet) },
        };
        if let Err(not_yet) = self.permit().await {
            return Ended { end: UploadEnd::Nowhere, result: Err(not_yet) };
        }
        let called = self.clock.read();
        let answer = self.liguelead.upload(file(audio, bytes)).await;
        if let Some(rate) = answer.rate {
            let seen = RateHeaders { limit: rate.limit, remaining: rate.remaining, reset_epoch_s: rate.reset_epoch_s };
            shared(self.rate.observed(seen, called, self.clock.read()).await.map(drop));
        }
        let later = |wait_ms, why| Ended { end: UploadEnd::Nowhere, result: Err(NotYet { wait_ms, why }) };
        match answer.outcome {
            UploadOutcome::Created(upload) => {
                tracing::info!(audio.name = audio.name, upload.id = upload.id, "audio.uploaded");
                there(upload.id, Made::Now, files.map(|files| files + 1))
            }
            UploadOutcome::Refused { scope: Scope::Account, status, reason } => {
                tracing::error!(vendor.status = status, vendor.reason = %reason, "audio.account_refused");
                later(ACCOUNT_REFUSED_MS, format!("LigueLead refuses the account ({status}): {reason}"))
            }
            UploadOutcome::Refused { status, reason, .. } => {
                tracing::error!(
                    audio.name = audio.name,
                    vendor.status = status,
                    vendor.reason = %reason,
                    "audio.refused"
                );
                let why = format!("({status}): {reason}");
                Ended { result: Err(refused(&why)), end: UploadEnd::Refused(why) }
            }
            UploadOutcome::NotSent { retry_after_ms, rate_limited, reason } => {
                let wait_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok());
                if rate_limited {
                    self.closed(wait_ms).await;
                }
                later(wait_ms.unwrap_or(RETRY_MS), format!("its audio could not be uploaded: {reason}"))
            }
            UploadOutcome::Unknown { reason } => {
                later(UNKNOWN_MS, format!("whether its audio was uploaded is being looked up: {reason}"))
            }
        }
    }

    /// Looks for the content in LigueLead's list, and counts the list's files. `Err(None)`: the list cannot be read.
    async fn look(&self, audio: &Audio, forgotten: &[u64]) -> Result<(Option<Upload>, u64), Option<NotYet>> {
        self.permit().await.map_err(Some)?;
        let (wait_ms, error) = match self.liguelead.list_uploads().await {
            Ok(uploads) => {
                let start = title_start(audio);
                let is_ours = |upload: &Upload| {
                    let title = upload.title.as_deref().unwrap_or_default().trim_start();
                    title.starts_with(&start) && !forgotten.contains(&upload.id)
                };
                let files = uploads.len() as u64;
                // The newest of several, since ids increase.
                return Ok((uploads.into_iter().filter(is_ours).max_by_key(|upload| upload.id), files));
            }
            Err(CallFailed::Unreadable) => return Err(None),
            Err(CallFailed::Status { status, .. }) if (400..500).contains(&status) => return Err(None),
            Err(error @ CallFailed::Credentials { .. }) => (ACCOUNT_REFUSED_MS, error),
            Err(CallFailed::RateLimited { retry_after_ms, reason }) => {
                let wait_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok());
                self.closed(wait_ms).await;
                (wait_ms.unwrap_or(RATE_LIMITED_MS), CallFailed::RateLimited { retry_after_ms, reason })
            }
            Err(error) => (RETRY_MS, error),
        };
        tracing::warn!(error = %error, "audio.list_failed");
        Err(Some(NotYet { wait_ms, why: format!("its audio could not be uploaded: {error}") }))
    }

    async fn permit(&self) -> Result<(), NotYet> {
        self.rate
            .admit(&self.clock, self.world.now_ms() + PERMIT_WITHIN_MS)
            .await
            .map_err(|error| NotYet { wait_ms: RETRY_MS, why: format!("its audio could not be uploaded yet: {error}") })
    }

    /// Tells all functions that LigueLead refused a request for its rate.
    async fn closed(&self, wait_ms: Option<i64>) {
        let until_ms = self.world.now_ms() + wait_ms.unwrap_or(RATE_LIMITED_MS);
        shared(self.rate.refused(until_ms, self.clock.read()).await);
    }

    /// Records the outcome of a claim, with retries for a few seconds while the table fails.
    async fn record(&self, audio: &Audio, claim: &str, end: &UploadEnd) -> Result<(), LedgerError> {
        let mut wait = Duration::from_millis(100);
        for _ in 1..RECORD_ATTEMPTS {
            if self.ledger.end_upload(audio.id, claim, end, self.world.now_ms()).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.ledger.end_upload(audio.id, claim, end, self.world.now_ms()).await.map(drop)
    }
}

/// Logs that functions could not be told about the rate.
fn shared(told: Result<(), impl std::fmt::Display>) {
    if let Err(error) = told {
        tracing::warn!(error = %error, "send.rate_not_shared");
    }
}

fn there(upload_id: u64, made: Made, files: Option<u64>) -> Ended {
    Ended { end: UploadEnd::There(upload_id), result: Ok(There { upload_id, made, files }) }
}

fn refused(why: &str) -> NotYet {
    let why = format!("LigueLead refused the audio {why}; add another file under its name");
    NotYet { wait_ms: ACCOUNT_REFUSED_MS, why }
}

fn gone(audio: &Audio) -> NotYet {
    let why = format!("LigueLead needs the audio again and its file is gone: recado audio add {}", audio.name);
    NotYet { wait_ms: ACCOUNT_REFUSED_MS, why }
}

fn title_start(audio: &Audio) -> String {
    format!("{TITLE_START}{}", audio.id)
}

fn file(audio: &Audio, bytes: Vec<u8>) -> AudioFile {
    let format = match audio.format {
        audio::AudioFormat::Mp3 => AudioFormat::Mp3,
        audio::AudioFormat::Wav => AudioFormat::Wav,
    };
    AudioFile { title: format!("{} {}", title_start(audio), audio.name), stem: audio.id.to_string(), format, bytes }
}
