//! The ways to the engine: from the SDK in this process, over a Unix socket from other processes, and over a requested
//! port. All of them carry DynamoDB's own bodies.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::header::{HOST, ORIGIN},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::engine::{Answer, Asked, Engine};

/// The header that names the operation.
const TARGET: &str = "x-amz-target";
/// The content type of DynamoDB's bodies.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// The largest request that is read, in bytes. Source: DynamoDB's limit.
const MOST_BYTES: usize = 16 * 1_048_576;

/// Where the engine runs.
#[derive(Clone)]
pub(crate) enum Door {
    /// In this process.
    Here(Engine),
    /// In the process that answers at this Unix socket.
    Socket(Arc<PathBuf>),
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Here"),
            Self::Socket(path) => write!(f, "Socket({})", path.display()),
        }
    }
}

impl Door {
    /// The HTTP client for an SDK, which sends its requests through this door.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Result<Answer, ConnectorError> {
        match self {
            Self::Here(engine) => {
                engine.ask(asked).await.ok_or_else(|| ConnectorError::io("the table has ended".into()))
            }
            Self::Socket(path) => over_socket(path, asked).await.map_err(ConnectorError::io),
        }
    }
}

impl HttpConnector for Door {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let door = self.clone();
        HttpConnectorFuture::new(async move {
            let operation = operation(request.headers().get(TARGET));
            let body = request.body().bytes().unwrap_or_default().to_vec();
            let answer = door.ask(Asked { operation, body }).await?;
            let status =
                StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            response.headers_mut().insert("content-type", CONTENT_TYPE);
            Ok(response)
        })
    }
}

/// The operation in the target of a request: the part after the name and version of the API.
fn operation(target: Option<&str>) -> String {
    target.unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned()
}

/// Sends a request to the process behind a socket. Each request opens its own connection. This costs next to nothing on
/// one machine, and no stale connection remains that the other process closed.
async fn over_socket(path: &PathBuf, asked: Asked) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(path).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::post("/")
        .header("host", "table")
        .header(TARGET, format!("DynamoDB_20120810.{}", asked.operation))
        .header("content-type", CONTENT_TYPE)
        .body(Full::new(Bytes::from(asked.body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes().to_vec();
    Ok(Answer { status, body })
}

/// The router that answers at a socket or a port.
pub(crate) fn router(engine: Engine) -> Router {
    Router::new().fallback(answer).with_state(engine)
}

/// The router that answers at a port. Web pages get nothing: not by their own origin, and, where `address` is a loopback
/// one, not by a name of theirs that leads to it.
pub(crate) fn router_at(engine: Engine, address: SocketAddr) -> Router {
    let refuse = move |request: Request, next: Next| async move {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let is_named = address.ip().is_loopback() && !is_loopback(host);
        if is_named || request.headers().contains_key(ORIGIN) {
            return http::StatusCode::FORBIDDEN.into_response();
        }
        next.run(request).await
    };
    router(engine).layer(from_fn(refuse))
}

/// Whether a `Host` header names this machine itself.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn answer(State(engine): State<Engine>, request: Request) -> Response {
    let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok());
    let operation = operation(target);
    let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
        return http::StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer = engine.ask(Asked { operation, body: body.to_vec() }).await;
    let Some(Answer { status, body }) = answer else { return http::StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let status = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", CONTENT_TYPE)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_are_loopback() {
        for host in ["127.0.0.1:4003", "localhost:4003", "localhost", "[::1]:4003", "127.8.8.8"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example:4003", "127.0.0.1.evil.example", "10.0.0.1:4003", "localhost.evil.example"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
