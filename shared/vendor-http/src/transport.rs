//! How requests leave: the only seam below the client.

use std::{future::Future, pin::Pin};

use reqwest::{Request, Response};

/// An answer's status and headers, or how far the request came without an answer.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send + 'a>>;

/// Carries one request to a vendor and its answer back: by HTTP, unless a client is given another way.
///
/// An implementation repeats nothing by itself, and honours [`Request::timeout`] where a request has its own.
pub trait Transport: Send + Sync {
    /// Makes the request, once. After the future is dropped before its end, it is unknown whether the vendor got the
    /// request.
    fn call(&self, request: Request) -> Answered<'_>;
}

/// How far a request came that got no answer. What matters is whether bytes may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection: name not found, refused, TLS failed, or not connected in time. Nothing was sent.
    Connect,
    /// Connected, but no answer within the request's timeout.
    Timeout,
    /// Connected, but the connection ended without an answer, or with an answer that is not HTTP.
    Lost,
}

impl Transport for reqwest::Client {
    fn call(&self, request: Request) -> Answered<'_> {
        Box::pin(async move { self.execute(request).await.map_err(|error| Fault::of(&error)) })
    }
}

impl Fault {
    /// How far the request with this error came.
    #[must_use]
    pub fn of(error: &reqwest::Error) -> Self {
        // A timeout while connecting is both. Nothing was sent, and that matters more.
        if error.is_connect() || error.is_builder() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Lost
        }
    }
}
