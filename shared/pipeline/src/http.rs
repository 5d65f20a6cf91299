//! A request and its answer, in the form that the one-machine server and the Lambda functions share.

use std::fmt;

/// The largest body that is read, in bytes: the limit of a Lambda Function URL. LeadSquared groups the activities of a
/// minute in one body, and a call centre's import is large.
pub const MAX_BODY_BYTES: usize = 6 * 1_048_576;
/// How much of a larger body is kept to find its lead, in bytes.
pub const HEAD_BYTES: usize = 65_536;

/// A webhook's request. `Debug` shows neither query nor body: both may hold secrets and personal data.
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// Decoded query parameters, in order.
    pub query: Vec<(String, String)>,
    /// The `content-type` header.
    pub content_type: Option<String>,
    /// The `x-recado-secret` header.
    pub secret: Option<String>,
    /// The body, or the beginning of one that is over [`MAX_BODY_BYTES`].
    pub body: Body,
}

/// A request's body.
pub enum Body {
    /// The whole body.
    Whole(Vec<u8>),
    /// The first [`HEAD_BYTES`] of a body that was too large to read.
    TooLarge(Vec<u8>),
}

impl Body {
    /// A body, or the beginning of one that is too large.
    #[must_use]
    pub fn of(mut bytes: Vec<u8>) -> Self {
        if bytes.len() > MAX_BODY_BYTES {
            bytes.truncate(HEAD_BYTES);
            bytes.shrink_to_fit();
            return Self::TooLarge(bytes);
        }
        Self::Whole(bytes)
    }
}

impl HttpRequest {
    /// The first query parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: String,
}
