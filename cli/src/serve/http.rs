//! The HTTP server for webhooks.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::BodyDataStream,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use recado_pipeline::{
    http::{Body as WebhookBody, HttpAnswer, HttpRequest, MAX_BODY_BYTES},
    proof::Prover,
    secrets::{CALLBACK_PATH, WEBHOOK_PATH},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::Instrument as _;

use super::{current::Current, reports::Desk, stop::told};

/// The name under which other paths are logged.
const OTHER: &str = "other";
/// The header that carries the secret of LeadSquared's webhooks.
const SECRET_HEADER: &str = "x-recado-secret";
/// How a body is read.
#[derive(Clone, Copy)]
struct Reading {
    /// The most bytes that are kept.
    kept: usize,
    /// The most bytes that are read, so that the sender of a body that is too large reads the answer.
    read: usize,
    /// The timeout for the body to arrive.
    within: Duration,
}

/// The body of a request that shows the secret. One byte more shows that it is too large.
const VOUCHED_FOR: Reading =
    Reading { kept: MAX_BODY_BYTES + 1, read: 32 * 1_048_576, within: Duration::from_secs(20) };
/// The body of any other request: whether it is empty is all that matters.
const OTHERS: Reading = Reading { kept: 1, read: 65_536, within: Duration::from_secs(2) };
/// The most connections at once. Vendors' webhooks take a few hundred; the rest of the process's files, 1,024 on most
/// systems, is for its own requests and the table.
const CONNECTIONS_MAX: usize = 700;
/// The timeout for the headers of a request, and for the next request of an open connection. A shorter one would close
/// connections just when LigueLead reuses them, and it repeats no report.
const HEADERS_WITHIN: Duration = Duration::from_mins(1);
/// How long open requests may take once the server was told to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, as when the process has no more files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

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
    let (open, mut connections) = (GracefulShutdown::new(), JoinSet::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    loop {
        let accepted = tokio::select! {
            () = told(&mut stopped) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
        };
        let stream = match accepted.and_then(|(stream, _)| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(error = %error, "serve.not_accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(app.clone());
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            // The error is the caller's: it went away, or was too slow.
            let _ = connection.await;
        });
    }
    drop(listener);
    if timeout(STOPS_WITHIN, open.shutdown()).await.is_err() {
        tracing::warn!("serve.requests_cut_off");
    }
    // What is left of them would hold up the parts behind the server.
    connections.shutdown().await;
}

async fn answer(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let span = tracing::info_span!("request", request.id = %uuid::Uuid::new_v4(), request.path = known(&path));
    async move {
        if known(&path) == OTHER {
            return (StatusCode::NOT_FOUND, "not found\n").into_response();
        }
        let mut request = head(&parts);
        let vouched_for = match path.as_str() {
            CALLBACK_PATH => doors.desk.is_vouched_for(&request),
            _ => doors.current.now().installation.intake.shows_secret(&request),
        };
        request.body = read(body.into_data_stream(), if vouched_for { VOUCHED_FOR } else { OTHERS }).await;
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

/// A request without its body.
fn head(parts: &Parts) -> HttpRequest {
    let query = parts.uri.query().unwrap_or_default();
    HttpRequest {
        method: parts.method.to_string(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
        secret: header(&parts.headers, SECRET_HEADER),
        body: WebhookBody::Whole(Vec::new()),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Reads a body, as much as is useful. A body that is cut off is kept as it is: it will not parse, and is recorded.
async fn read(mut stream: BodyDataStream, how: Reading) -> WebhookBody {
    let (mut whole, mut seen) = (Vec::new(), 0);
    let reading = async {
        while let Some(Ok(piece)) = stream.next().await {
            seen += piece.len();
            let wanted = (how.kept - whole.len()).min(piece.len());
            whole.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            if seen > how.read {
                break;
            }
        }
    };
    // A body that is too slow counts as cut off.
    let _ = timeout(how.within, reading).await;
    WebhookBody::of(whole)
}

fn encode(answer: HttpAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
