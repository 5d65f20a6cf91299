//! The HTTP server for webhooks.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use recado_pipeline::{
    http::{Body as WebhookBody, HttpAnswer, HttpRequest, MAX_BODY_BYTES},
    proof::Prover,
    secrets::{CALLBACK_PATH, WEBHOOK_PATH},
};
use tokio::{net::TcpListener, sync::watch};
use tracing::Instrument as _;

use super::{current::Current, reports::Desk, triggers::told};

/// The name under which other paths are logged.
const OTHER: &str = "other";
/// The header that carries the secret of LeadSquared's webhooks.
const SECRET_HEADER: &str = "x-recado-secret";
/// The timeout for a body to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(20);
/// How many bytes of an oversized body are read and discarded, so that its sender reads the answer.
const DRAINED_BYTES: usize = 32 * 1_048_576;

/// The services behind the server.
#[derive(Clone)]
struct Doors {
    current: Current,
    desk: Arc<Desk>,
    prover: Prover,
}

/// Serves until told to stop, then finishes the open requests.
pub(super) async fn serve(
    listener: TcpListener,
    current: Current,
    (desk, prover): (Desk, Prover),
    mut stopped: watch::Receiver<bool>,
) {
    let app = Router::new().fallback(answer).with_state(Doors { current, desk: Arc::new(desk), prover });
    let stop = async move { told(&mut stopped).await };
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
        tracing::error!(error = %error, "serve.listener_failed");
    }
}

async fn answer(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let span = tracing::info_span!("request", request.id = %uuid::Uuid::new_v4(), request.path = known(&path));
    async move {
        if known(&path) == OTHER {
            return (StatusCode::NOT_FOUND, "not found\n").into_response();
        }
        let request = decode(&parts, body).await;
        encode(match doors.prover.answer(&request).await {
            Some(proof) => proof,
            None if path == CALLBACK_PATH => doors.desk.answer(&request).await,
            None => doors.current.now().installation.intake.webhook(&request).await,
        })
    }
    .instrument(span)
    .await
}

/// The name of a path in the log. Other paths may contain anything, so they are not logged.
fn known(path: &str) -> &'static str {
    match path {
        WEBHOOK_PATH => WEBHOOK_PATH,
        CALLBACK_PATH => CALLBACK_PATH,
        _ => OTHER,
    }
}

async fn decode(parts: &Parts, body: Body) -> HttpRequest {
    let query = parts.uri.query().unwrap_or_default();
    HttpRequest {
        method: parts.method.to_string(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
        secret: header(&parts.headers, SECRET_HEADER),
        body: read(body.into_data_stream()).await,
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Reads a body, as much as is useful. A body that is cut off is kept as it is: it will not parse, and is recorded.
async fn read(mut stream: BodyDataStream) -> WebhookBody {
    let (mut whole, mut seen) = (Vec::new(), 0);
    let reading = async {
        while let Some(Ok(piece)) = stream.next().await {
            seen += piece.len();
            // One byte more shows that the body is too large.
            let wanted = (MAX_BODY_BYTES + 1 - whole.len()).min(piece.len());
            whole.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            if seen > DRAINED_BYTES {
                break;
            }
        }
    };
    // A body that is too slow counts as cut off.
    let _ = tokio::time::timeout(BODY_WITHIN, reading).await;
    WebhookBody::of(whole)
}

fn encode(answer: HttpAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
