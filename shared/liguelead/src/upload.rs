//! `POST /voice/uploads`: takes an audio file and returns an id for voice calls. Source: LigueLead API limits page and
//! voice guide. A client was refused without a media type on the part, so the part carries its own.

use std::{
    fmt,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::{
    Answer, Client, MAX_TITLE_CHARS, NotSent, Outcome, RateHeaders, Reason, Scope, Upload,
    body::{MAX_ANSWER_BYTES, read_up_to},
    send::longer,
    uploads::upload,
};

/// The largest file, in bytes. The page says "50 MB", read as the smaller of its two meanings.
pub const MAX_AUDIO_BYTES: usize = 50_000_000;
/// How long an upload may take, from the connection to the end of the answer. Source: LigueLead API limits page.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);

/// The formats that the vendor takes. AAC and M4A are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// MPEG audio, layer III.
    Mp3,
    /// RIFF WAVE.
    Wav,
}

impl AudioFormat {
    /// The file name's extension, which the vendor checks besides the media type.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }

    /// The media type of the file's part; without it the vendor answers 415.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
        }
    }
}

/// A file to upload.
#[derive(Clone)]
pub struct AudioFile {
    /// Its title, 1 to [`MAX_TITLE_CHARS`]: the only value by which it is found in the list of uploads.
    pub title: String,
    /// The file's name without its extension.
    pub stem: String,
    /// The format of its bytes.
    pub format: AudioFormat,
    /// The file's content, at most [`MAX_AUDIO_BYTES`].
    pub bytes: Vec<u8>,
}

impl fmt::Debug for AudioFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioFile")
            .field("title", &self.title)
            .field("format", &self.format)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The outcome of an upload, and the rate headers of its answer, if there was an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadAnswer {
    /// The outcome.
    pub outcome: UploadOutcome,
    /// As [`Answer::rate`].
    pub rate: Option<RateHeaders>,
}

/// The ways an upload can end. They are like [`Outcome`], but an upload that was made twice costs no more than its
/// place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    /// The upload exists under this id.
    Created(Upload),
    /// Refused for good: the same file would be refused again.
    Refused {
        /// The HTTP status, or [`crate::CHECKED_LOCALLY`].
        status: u16,
        /// Whether this file or the whole account is at fault.
        scope: Scope,
        /// The vendor's words.
        reason: Reason,
    },
    /// Certainly not made: it may be tried later.
    NotSent {
        /// How long the vendor asks to wait, in milliseconds, if it says.
        retry_after_ms: Option<u64>,
        /// Whether it was refused for the rate (429).
        rate_limited: bool,
        /// The vendor's words, or this crate's.
        reason: Reason,
    },
    /// Perhaps made, perhaps not; or made under an id that could not be read. The list of uploads shows it.
    Unknown {
        /// The vendor's words, or this crate's.
        reason: Reason,
    },
}

impl Client {
    /// Uploads a file, once.
    pub async fn upload(&self, file: AudioFile) -> UploadAnswer {
        if let Some(fault) = fault(&file) {
            return Answer::checked_locally(fault).into();
        }
        let name = format!("{}.{}", file.stem, file.format.extension());
        let part = Part::bytes(file.bytes).file_name(name).mime_str(file.format.media_type());
        // Both media types above are valid, so this cannot happen.
        let Ok(part) = part else { return Answer::checked_locally("the media type is none").into() };
        let form = Form::new().text("title", file.title).part("file", part);
        let call = self.post("/voice/uploads").timeout(UPLOAD_TIMEOUT).multipart(form);
        let begun = Instant::now();
        match self.call(call).await {
            Err(fault) => Answer::from_fault(fault).into(),
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                let after = begun.elapsed();
                let body = read_up_to(MAX_ANSWER_BYTES, response).await;
                let answer = Answer::from_response(status, &headers, &body, (Timestamp::now(), after), &[]);
                match (created(&body), &answer.outcome) {
                    (Some(upload), Outcome::Accepted { .. }) => {
                        UploadAnswer { outcome: UploadOutcome::Created(upload), rate: answer.rate }
                    }
                    _ => answer.into(),
                }
            }
        }
    }
}

fn fault(file: &AudioFile) -> Option<&'static str> {
    if file.title.trim().is_empty() || longer(&file.title, MAX_TITLE_CHARS) {
        Some("an upload's title has 1 to 255 characters")
    } else if file.bytes.is_empty() {
        Some("the audio is empty")
    } else if file.bytes.len() > MAX_AUDIO_BYTES {
        Some("the audio is larger than 50 MB")
    } else {
        None
    }
}

/// `{"data": {"id": 436514, "title": "…"}}`, or the same without `data`.
fn created(body: &[u8]) -> Option<Upload> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    upload(answer.get("data").filter(|data| data.is_object()).unwrap_or(&answer))
}

impl From<Answer> for UploadAnswer {
    fn from(answer: Answer) -> Self {
        let outcome = match answer.outcome {
            Outcome::Accepted { .. } => {
                UploadOutcome::Unknown { reason: Reason::from_text("LigueLead took the audio and named no id") }
            }
            Outcome::Refused { status, scope, reason, .. } => UploadOutcome::Refused { status, scope, reason },
            Outcome::NotSent { cause, retry_after_ms, reason } => {
                UploadOutcome::NotSent { retry_after_ms, rate_limited: cause == NotSent::RateLimited, reason }
            }
            Outcome::Unknown { reason, .. } => UploadOutcome::Unknown { reason },
        };
        Self { outcome, rate: answer.rate }
    }
}
