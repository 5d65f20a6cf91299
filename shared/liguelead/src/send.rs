//! The common parts of a text and a voice call: the maxima of their shared fields, and the request that sends them.

use std::time::Instant;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Answer, Blame, Client, Outcome, Scope,
    body::{MAX_ANSWER_BYTES, read_up_to},
    reason::Reason,
};

/// Most phones in one request. Source: LigueLead API limits page.
pub const MAX_PHONES_PER_REQUEST: usize = 10_000;
/// Longest title of a campaign, in characters. Source: LigueLead API limits page.
pub const MAX_TITLE_CHARS: usize = 255;
/// Longest callback URL, in characters. Source: LigueLead's published clients.
pub const MAX_WEBHOOK_URL_CHARS: usize = 512;
/// The status in [`crate::Outcome::Refused`] of a request that was never sent, because it is over a documented maximum.
pub const CHECKED_LOCALLY: u16 = 0;

/// The fault of a send's common fields against the documented maxima, if there is one.
pub(crate) fn fault(
    phones: &[SecretString],
    title: Option<&str>,
    webhook_url: Option<&SecretString>,
) -> Option<&'static str> {
    if phones.is_empty() {
        Some("the request has no phone")
    } else if phones.len() > MAX_PHONES_PER_REQUEST {
        Some("the request has more than 10000 phones")
    } else if title.is_some_and(|title| longer(title, MAX_TITLE_CHARS)) {
        Some("the title is longer than 255 characters")
    } else if webhook_url.is_some_and(|url| longer(url.expose_secret(), MAX_WEBHOOK_URL_CHARS)) {
        Some("the callback address is longer than 512 characters")
    } else {
        None
    }
}

/// Whether a text has more characters than `max`.
pub(crate) fn longer(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_some()
}

impl Answer {
    /// A request over a documented maximum, which never left.
    pub(crate) fn checked_locally(fault: &str) -> Self {
        let reason = Reason::from_text(fault);
        let (status, scope, blame) = (CHECKED_LOCALLY, Scope::Request, Blame::Shared);
        let outcome = Outcome::Refused { status, scope, blame, reason };
        Self { outcome, rate: None }
    }
}

impl Client {
    /// Posts a send to `phones`, once, and returns its answer with the body that explains it.
    pub(crate) async fn send(&self, path: &str, json: String, phones: &[SecretString]) -> (Answer, Vec<u8>) {
        let begun = Instant::now();
        match self.call(self.post(path).header(CONTENT_TYPE, "application/json").body(json)).await {
            Err(fault) => (Answer::from_fault(fault), Vec::new()),
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                let after = begun.elapsed();
                let body = read_up_to(MAX_ANSWER_BYTES, response).await;
                (Answer::from_response(status, &headers, &body, (Timestamp::now(), after), phones), body)
            }
        }
    }
}
