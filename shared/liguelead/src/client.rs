//! The client: one connection pool, the two credentials, and the rules for every request.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use vendor_http::{Fault, Transport};

/// Longest wait for a connection, TLS included. Without a connection the send was certainly not made, so it pays to
/// find that out well before the request's own timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept. Well below a minute, after which load balancers drop it silently. A send on a
/// dropped connection would have an unknown outcome, for no benefit.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The two values from the client area, Integrations > API Token. Source: LigueLead getting-started page.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Sent as the header `api-token`.
    pub api_token: SecretString,
    /// Sent as the header `app-id`; looks like a UUID. It scopes audios and templates, and is not a display name.
    pub app_id: SecretString,
}

/// Why a [`Client`] could not be built. No variant quotes the value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The token is empty or has a character that a header cannot carry, such as a line end.
    #[error("the LigueLead API token is empty or holds a character that an HTTP header cannot carry")]
    ApiToken,
    /// The app id is empty or has a character that a header cannot carry.
    #[error("the LigueLead app id is empty or holds a character that an HTTP header cannot carry")]
    AppId,
    /// The base address is no absolute http or https address, or has a query, a fragment or a password in it.
    #[error("the LigueLead base address is not a plain http or https address: {0}")]
    BaseUrl(&'static str),
    /// The timeout of one request is zero.
    #[error("the limit for one LigueLead call is zero")]
    CallTimeout,
    /// The TLS set-up of this machine failed.
    #[error("no HTTP client could be made")]
    Http(#[source] reqwest::Error),
}

/// A client for one app of one account. Cloning is cheap and shares the connections.
///
/// The client follows no redirect, repeats no request, and stops reading an answer at a fixed size.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    /// Builds the requests, with the credentials.
    http: reqwest::Client,
    transport: Arc<dyn Transport>,
    /// Without a trailing slash.
    base_url: String,
}

impl Client {
    /// A client for the API at `base_url`, which ends in the version: [`crate::DEFAULT_BASE_URL`] or a stand-in.
    ///
    /// `call_timeout` bounds one whole request, from the connection to the end of the answer. The vendor answers within
    /// 2 s normally and 30 s at most (source: LigueLead API limits page), so less than 30 s causes unknown outcomes.
    /// Connecting is bounded separately: 5 s, or half of `call_timeout` if that is less.
    pub fn new(base_url: &str, credentials: &Credentials, call_timeout: Duration) -> Result<Self, BuildError> {
        if call_timeout.is_zero() {
            return Err(BuildError::CallTimeout);
        }
        let mut headers = HeaderMap::new();
        let token = secret_header(&credentials.api_token).map_err(|_| BuildError::ApiToken)?;
        headers.insert(HeaderName::from_static("api-token"), token);
        let app_id = secret_header(&credentials.app_id).map_err(|_| BuildError::AppId)?;
        headers.insert(HeaderName::from_static("app-id"), app_id);
        let http = vendor_http::client_builder()
            .default_headers(headers)
            .user_agent(concat!("recado/", env!("CARGO_PKG_VERSION")))
            .timeout(call_timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(call_timeout / 2))
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // By default the stack replays a request that a server refuses at the HTTP/2 level. Only code that knows
            // what a send is may repeat one.
            .retry(reqwest::retry::never())
            .build()
            .map_err(BuildError::Http)?;
        let base_url = plain_base(base_url)?;
        let transport = Arc::new(http.clone());
        Ok(Self { shared: Arc::new(Shared { http, transport, base_url }) })
    }

    /// The same client, whose requests go through `transport` instead of HTTP. The credentials do not pass through it.
    #[must_use]
    pub fn through(&self, transport: Arc<dyn Transport>) -> Self {
        let (http, base_url) = (self.shared.http.clone(), self.shared.base_url.clone());
        Self { shared: Arc::new(Shared { http, transport, base_url }) }
    }

    /// Makes a request, once: the only place where requests leave.
    pub(crate) async fn call(&self, call: reqwest::RequestBuilder) -> Result<reqwest::Response, Fault> {
        let request = call.build().map_err(|error| Fault::of(&error))?;
        self.shared.transport.call(request).await
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.shared.http.post(self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.shared.http.get(self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.base_url)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The HTTP client's own output is not used: it lists its default headers, which are the credentials.
        f.debug_struct("Client").field("base_url", &self.shared.base_url).finish_non_exhaustive()
    }
}

/// A header that the HTTP stack neither prints nor indexes. Spaces around a pasted value are dropped.
fn secret_header(secret: &SecretString) -> Result<HeaderValue, Option<InvalidHeaderValue>> {
    let text = secret.expose_secret().trim();
    if text.is_empty() {
        return Err(None);
    }
    let mut value = HeaderValue::from_str(text).map_err(Some)?;
    value.set_sensitive(true);
    Ok(value)
}

fn plain_base(base_url: &str) -> Result<String, BuildError> {
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
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{BuildError, Client, Credentials};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn credentials(token: &str, app_id: &str) -> Credentials {
        Credentials { api_token: token.into(), app_id: app_id.into() }
    }

    #[test]
    fn a_build_error_names_the_culprit_and_not_its_value() {
        let good = credentials("t0ken", "app");
        let bad_token = Client::new("https://example.com/v1", &credentials("t0ken\nx", "app"), SECOND).unwrap_err();
        assert!(matches!(bad_token, BuildError::ApiToken), "{bad_token}");
        assert!(!bad_token.to_string().contains("t0ken"));
        let bad_app = Client::new("https://example.com/v1", &credentials("t0ken", " "), SECOND).unwrap_err();
        assert!(matches!(bad_app, BuildError::AppId), "{bad_app}");
        for url in ["", "example.com/v1", "ftp://example.com", "https://u:p@example.com", "https://example.com/v1?a=b"]
        {
            let error = Client::new(url, &good, SECOND).unwrap_err();
            assert!(matches!(error, BuildError::BaseUrl(_)), "{url}: {error}");
        }
        let zero = Client::new("https://example.com/v1", &good, Duration::ZERO).unwrap_err();
        assert!(matches!(zero, BuildError::CallTimeout), "{zero}");
    }

    #[test]
    fn nothing_prints_the_credentials() {
        let secret = credentials("t0ken-of-mine", "app-of-mine");
        let client = Client::new("https://example.com/v1/", &secret, SECOND).unwrap();
        let printed = format!("{secret:?} {client:?}");
        assert!(!printed.contains("of-mine"), "{printed}");
        assert_eq!(client.url("/sms"), "https://example.com/v1/sms");
    }
}
