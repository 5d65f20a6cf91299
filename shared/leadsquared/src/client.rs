//! The client: one connection pool, the two keys, and the only place where requests are made.

use std::{fmt, sync::Arc, time::Duration};

use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use vendor_http::{Fault, Transport};

use crate::{
    answer::{self, MAX_ANSWER_BYTES},
    error::{CallError, Repeat},
    message::Message,
};

/// Longest wait for a connection, TLS included. Without a connection the request was not made, and may be repeated.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept. The host is an edge network that is known to drop kept connections. A create on
/// a dropped connection would have an unknown outcome, for no benefit.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The two keys of a LeadSquared user. Every write carries that user's name.
///
/// They travel as headers and never in an address, as LeadSquared itself recommends. Access keys hold a literal `$`
/// that addresses mangle, and addresses are logged along the way. Source: LeadSquared authentication page.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Sent as the header `x-LSQ-AccessKey`.
    pub access_key: SecretString,
    /// Sent as the header `x-LSQ-SecretKey`.
    pub secret_key: SecretString,
}

/// Why a [`Client`] could not be built. No variant quotes the value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The access key is empty or has a character that a header cannot carry, such as a line end.
    #[error("the LeadSquared access key is empty or holds a character that an HTTP header cannot carry")]
    AccessKey,
    /// The secret key is empty or has a character that a header cannot carry.
    #[error("the LeadSquared secret key is empty or holds a character that an HTTP header cannot carry")]
    SecretKey,
    /// The base address is no absolute http or https address, or has a query, a fragment or a password in it.
    #[error("the LeadSquared base address is not a plain http or https address: {0}")]
    BaseUrl(&'static str),
    /// The timeout of one request is zero.
    #[error("the limit for one LeadSquared call is zero")]
    CallTimeout,
    /// The TLS set-up of this machine failed.
    #[error("no HTTP client could be made")]
    Http(#[source] reqwest::Error),
}

/// A client for one account. Cloning is cheap and shares the connections. The client repeats no request and follows no
/// redirect.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    /// Builds the requests.
    http: reqwest::Client,
    transport: Arc<dyn Transport>,
    base_url: Url,
}

impl Client {
    /// A client for the API at `base_url`, which ends in the version (`…/v2`): the region's host, or a stand-in.
    ///
    /// `call_timeout` bounds one whole request, from the connection to the end of the answer. Connecting is bounded
    /// separately: 5 s, or half of `call_timeout` if that is less.
    pub fn new(base_url: &str, credentials: &Credentials, call_timeout: Duration) -> Result<Self, BuildError> {
        if call_timeout.is_zero() {
            return Err(BuildError::CallTimeout);
        }
        let mut headers = HeaderMap::new();
        let access_key = secret_header(&credentials.access_key).ok_or(BuildError::AccessKey)?;
        headers.insert(HeaderName::from_static("x-lsq-accesskey"), access_key);
        let secret_key = secret_header(&credentials.secret_key).ok_or(BuildError::SecretKey)?;
        headers.insert(HeaderName::from_static("x-lsq-secretkey"), secret_key);
        let base_url = plain_base(base_url)?;
        let http = vendor_http::client_builder()
            .default_headers(headers)
            .user_agent(concat!("recado/", env!("CARGO_PKG_VERSION")))
            .timeout(call_timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(call_timeout / 2))
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // By default the stack replays a request that a server refuses at the HTTP/2 level; a replay also costs
            // quota.
            .retry(reqwest::retry::never())
            .build()
            .map_err(BuildError::Http)?;
        let transport = Arc::new(http.clone());
        Ok(Self { shared: Arc::new(Shared { http, transport, base_url }) })
    }

    /// The same client, whose requests go through `transport` instead of HTTP. The keys do not pass through it.
    #[must_use]
    pub fn through(&self, transport: Arc<dyn Transport>) -> Self {
        let (http, base_url) = (self.shared.http.clone(), self.shared.base_url.clone());
        Self { shared: Arc::new(Shared { http, transport, base_url }) }
    }

    /// `GET {base}/{path}?{query}`.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CallError> {
        self.get_dated(path, query).await.map(|(answer, _)| answer)
    }

    /// The same with the answer's `Date`, in ms since 1970 (whole seconds).
    pub(crate) async fn get_dated(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<(Value, Option<i64>), CallError> {
        let call = self.shared.http.get(self.url(path, query));
        self.run(call, Repeat::Harmless).await
    }

    /// `POST {base}/{path}?{query}` with a JSON body.
    pub(crate) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &Value,
        repeat: Repeat,
    ) -> Result<Value, CallError> {
        let call = self.shared.http.post(self.url(path, query)).header(CONTENT_TYPE, "application/json");
        self.run(call.body(body.to_string()), repeat).await.map(|(answer, _)| answer)
    }

    /// Makes a request, once: the only place where requests leave.
    async fn run(&self, call: reqwest::RequestBuilder, repeat: Repeat) -> Result<(Value, Option<i64>), CallError> {
        let sent = match call.build() {
            Ok(request) => self.shared.transport.call(request).await,
            Err(error) => Err(Fault::of(&error)),
        };
        let mut response = sent.map_err(|fault| no_answer(fault, repeat))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(repeat.failed("the answer is longer than this client reads")),
                // A broken refusal is still a refusal; a broken success has lost its rows.
                Err(_) if status.is_success() => return Err(repeat.failed("the answer broke off")),
                Ok(None) | Err(_) => break,
            }
        }
        let date = headers.get(DATE).and_then(|date| rfc2822::parse(date.to_str().ok()?).ok());
        let date_ms = date.map(|date| date.timestamp().as_millisecond());
        answer::read(status, &headers, &body, repeat).map(|answer| (answer, date_ms))
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.shared.base_url.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The HTTP client's own output is not used: it lists its default headers, which are the keys.
        f.debug_struct("Client").field("base_url", &self.shared.base_url.as_str()).finish_non_exhaustive()
    }
}

fn no_answer(fault: Fault, repeat: Repeat) -> CallError {
    match fault {
        Fault::Connect => CallError::Transient { reason: Message::new("no connection could be made") },
        Fault::Timeout => repeat.failed("no answer came in time"),
        Fault::Lost => repeat.failed("the connection was lost before an answer"),
    }
}

/// A header that the HTTP stack neither prints nor indexes. Spaces around a pasted value are dropped.
fn secret_header(secret: &SecretString) -> Option<HeaderValue> {
    let text = secret.expose_secret().trim();
    let mut value = HeaderValue::from_str(text).ok().filter(|_| !text.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

fn plain_base(base_url: &str) -> Result<Url, BuildError> {
    let url = Url::parse(base_url.trim()).map_err(|_| BuildError::BaseUrl("it cannot be parsed"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(BuildError::BaseUrl("it is not http or https with a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::BaseUrl("it holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BuildError::BaseUrl("it holds a query or a fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{BuildError, Client, Credentials};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn credentials(access_key: &str, secret_key: &str) -> Credentials {
        Credentials { access_key: access_key.into(), secret_key: secret_key.into() }
    }

    #[test]
    fn a_build_error_names_the_culprit_and_not_its_value() {
        let build = |url: &str, access: &str, secret: &str| Client::new(url, &credentials(access, secret), SECOND);
        let error = build("https://example.com/v2", "u$r\nmine", "s").unwrap_err();
        assert!(matches!(error, BuildError::AccessKey) && !error.to_string().contains("mine"), "{error}");
        assert!(matches!(build("https://example.com/v2", "u$r", "").unwrap_err(), BuildError::SecretKey));
        for url in ["", "example.com/v2", "ftp://example.com", "https://u@example.com", "https://example.com/v2#x"] {
            let error = build(url, "u$r", "s").unwrap_err();
            assert!(matches!(error, BuildError::BaseUrl(_)), "{url}: {error}");
        }
    }

    #[test]
    fn addresses_are_joined_and_escaped_and_nothing_prints_the_keys() {
        let keys = credentials("u$r-of-mine", "s-of-mine");
        let client = Client::new("https://example.com/v2/", &keys, SECOND).unwrap();
        let url = client.url("LeadManagement.svc/Leads.GetById", &[("id", "a+b&c")]);
        assert_eq!(url.as_str(), "https://example.com/v2/LeadManagement.svc/Leads.GetById?id=a%2Bb%26c");
        let printed = format!("{keys:?} {client:?}");
        assert!(!printed.contains("of-mine"), "{printed}");
    }
}
