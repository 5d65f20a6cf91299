//! A request and its answer, as both the one-machine server and the Lambda functions know them.

use std::fmt;

/// Bodies over this size are refused, in bytes.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// A webhook's request. `Debug` shows neither query nor body: both may hold secrets and personal data.
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// Decoded query parameters, in their order.
    pub query: Vec<(String, String)>,
    /// The `content-type` header.
    pub content_type: Option<String>,
    /// The `x-recado-secret` header.
    pub secret: Option<String>,
    /// The body, or that it was over [`MAX_BODY_BYTES`].
    pub body: Body,
}

/// A request's body.
pub enum Body {
    /// The whole of it.
    Whole(Vec<u8>),
    /// It was too large to be read.
    TooLarge,
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
