//! How calls leave: the one seam below the client.

use std::{future::Future, pin::Pin};

use reqwest::{Request, Response};

/// An answer's status and headers, or how far the call came without one.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send + 'a>>;

/// Carries one request to a vendor and its answer back: by HTTP, unless a client is given another way.
///
/// An implementation repeats nothing by itself, and honours [`Request::timeout`] where a request has its own.
pub trait Transport: Send + Sync {
    /// Makes the call, once. Dropping the future before it ends leaves open whether the vendor got it.
    fn call(&self, request: Request) -> Answered<'_>;
}

/// How far a call came that brought no answer: what matters is whether bytes may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection: name not found, refused, TLS failed, or not connected in time. Nothing was sent.
    Connect,
    /// Connected, and no answer within the call's limit.
    Timeout,
    /// Connected, and the connection ended without an answer, or with one that is no HTTP.
    Lost,
}

impl Transport for reqwest::Client {
    fn call(&self, request: Request) -> Answered<'_> {
        Box::pin(async move { self.execute(request).await.map_err(|error| Fault::of(&error)) })
    }
}

impl Fault {
    /// How far the call came that failed so.
    #[must_use]
    pub fn of(error: &reqwest::Error) -> Self {
        // Being late while connecting is both; that nothing was sent weighs more.
        if error.is_connect() || error.is_builder() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Lost
        }
    }
}
