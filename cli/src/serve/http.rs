//! The webhooks' HTTP server.

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

/// What a path that is not ours is logged as.
const OTHER: &str = "other";
/// The header that carries the secret of LeadSquared's webhooks.
const SECRET_HEADER: &str = "x-recado-secret";
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(20);
/// How much of a body that is too large is read and thrown away, in bytes, so that its sender reads the answer.
const DRAINED_BYTES: usize = 32 * 1_048_576;

/// What is behind the server.
#[derive(Clone)]
struct Doors {
    current: Current,
    desk: Arc<Desk>,
    prover: Prover,
}

/// Serves until told to stop, then finishes the requests under way.
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

/// A path as it is logged: anything that is not ours may hold anything.
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

/// Reads a body as far as it is of use. One that is cut off is what came of it: it will not parse, and is kept as
/// such.
async fn read(mut stream: BodyDataStream) -> WebhookBody {
    let (mut whole, mut seen) = (Vec::new(), 0);
    let reading = async {
        while let Some(Ok(piece)) = stream.next().await {
            seen += piece.len();
            // One byte more tells that it is too large.
            let wanted = (MAX_BODY_BYTES + 1 - whole.len()).min(piece.len());
            whole.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            if seen > DRAINED_BYTES {
                break;
            }
        }
    };
    // Too slow is read as cut off.
    let _ = tokio::time::timeout(BODY_WITHIN, reading).await;
    WebhookBody::of(whole)
}

fn encode(answer: HttpAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
