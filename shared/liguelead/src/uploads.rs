//! `GET /voice/uploads`: the account's audio files, and the vendor's advised way to test credentials. Source: LigueLead
//! getting-started page; the answer's shape is taken from its published clients.

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;

use crate::{
    Client,
    body::{MAX_LIST_BYTES, read_up_to},
    json,
    rate::retry_after_ms,
    reason::Reason,
};

/// One uploaded audio file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The id that a voice send uses as `voice_upload_id`.
    pub id: u64,
    /// The title given at the upload.
    pub title: Option<String>,
}

/// Why a request that only reads failed. Repeating such a request is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallFailed {
    /// 401 or 403: the token or the app id is wrong, blocked, or not allowed this product.
    #[error("LigueLead refused the credentials ({status}): {reason}")]
    Credentials {
        /// The HTTP status.
        status: u16,
        /// The vendor's words.
        reason: Reason,
    },
    /// 429.
    #[error("LigueLead is refusing calls for their rate: {reason}")]
    RateLimited {
        /// How long the vendor asks to wait, in milliseconds, 1,000 to 120,000, if it says.
        retry_after_ms: Option<u64>,
        /// The vendor's words.
        reason: Reason,
    },
    /// Any other status than 2xx.
    #[error("LigueLead answered {status}: {reason}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The vendor's words.
        reason: Reason,
    },
    /// No answer: no connection, no answer in time, or a lost connection.
    #[error("{reason}")]
    NoAnswer {
        /// This crate's words.
        reason: Reason,
    },
    /// A 2xx whose body is not the list.
    #[error("LigueLead accepted the credentials, but its list of uploads could not be read")]
    Unreadable,
}

impl Client {
    /// The account's audio files, by one request. It is not documented whether the list is paged: this is the result of
    /// one request.
    pub async fn list_uploads(&self) -> Result<Vec<Upload>, CallFailed> {
        self.list_uploads_dated().await.map(|(uploads, _)| uploads)
    }

    /// The same, with the instant in the answer's `Date`, in ms since 1970 (whole seconds), if it has one.
    pub async fn list_uploads_dated(&self) -> Result<(Vec<Upload>, Option<i64>), CallFailed> {
        let response = self
            .call(self.get("/voice/uploads"))
            .await
            .map_err(|fault| CallFailed::NoAnswer { reason: Reason::of_fault(fault) })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_up_to(MAX_LIST_BYTES, response).await;
        match status {
            200..=299 => uploads(&body).map(|uploads| (uploads, date_ms(&headers))).ok_or(CallFailed::Unreadable),
            401 | 403 => Err(CallFailed::Credentials { status, reason: Reason::from_body(&body) }),
            429 => Err(CallFailed::RateLimited {
                retry_after_ms: retry_after_ms(&headers, Timestamp::now()),
                reason: Reason::from_body(&body),
            }),
            _ => Err(CallFailed::Status { status, reason: Reason::from_body(&body) }),
        }
    }
}

fn date_ms(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    rfc2822::parse(date).ok().map(|date| date.timestamp().as_millisecond())
}

/// A bare array, or one under `data`. An entry without a readable id is of no use and is left out.
fn uploads(body: &[u8]) -> Option<Vec<Upload>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let list = answer.get("data").unwrap_or(&answer).as_array()?;
    Some(list.iter().filter_map(upload).collect())
}

pub(crate) fn upload(entry: &Value) -> Option<Upload> {
    let entry = entry.as_object()?;
    Some(Upload { id: json::whole(entry.get("id")?)?, title: entry.get("title").and_then(json::text) })
}
