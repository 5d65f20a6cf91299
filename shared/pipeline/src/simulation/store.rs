//! The store: the embedded engine, in process below the store's own client, and everything that can go wrong between
//! them.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryPartition},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use recado_table::{Answer, dispatch, is_write};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::universe::{Process, Universe};

pub(super) const TABLE: &str = "recado";
/// The usual longest time of one way to the store, in ms.
const WAY_MS: u64 = 10;
const LATE_MS: u64 = 15_000;

/// What happens to one request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    /// The store answers that it cannot serve the request now.
    Refused,
    /// The request is carried out, but its response is lost.
    AnswerLost,
    /// The request is carried out seconds after its sender gave up.
    AppliedLate,
    /// The request takes longer than the timeout of an attempt.
    Slow,
}

/// The store's client for one process.
pub(super) fn client(universe: &Arc<Universe>, process: Process) -> Client {
    let wire = SharedHttpConnector::new(Wire { universe: Arc::clone(universe), process });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        // Signing takes an eighth of a schedule's work, and nobody checks the signature here.
        .allow_no_auth()
        .endpoint_url("http://store.invalid")
        .timeout_config(recado_ledger::timeouts())
        // The client's memory of failures belongs to one process, and dies with it.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_partition(RetryPartition::custom("simulated").build())
        .http_client(http_client_fn(move |_, _| wire.clone()))
        .build();
    Client::from_conf(config)
}

struct Wire {
    universe: Arc<Universe>,
    process: Process,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (universe, process) = (Arc::clone(&self.universe), self.process);
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
            carry(&universe, process, &operation, body).await
        })
    }
}

async fn carry(
    universe: &Arc<Universe>,
    process: Process,
    operation: &str,
    body: Value,
) -> Result<HttpResponse, ConnectorError> {
    universe.state().requests += 1;
    universe.step(process, WAY_MS).await;
    let fate = fate(universe, operation);
    if fate != Fate::Arrives {
        universe.tell(format_args!("process {}: store {operation}: {fate:?}", process.slot));
    }
    let lost = |what: &'static str| ConnectorError::io(what.into());
    match fate {
        Fate::Refused => {
            let code = "com.amazonaws.dynamodb.v20120810#InternalServerError";
            Ok(response(500, &json!({ "__type": code, "message": "simulated" })))
        }
        Fate::AnswerLost => {
            apply(universe, operation, body);
            universe.step(process, WAY_MS).await;
            Err(lost("the answer was lost"))
        }
        Fate::AppliedLate => {
            let (universe_then, operation) = (Arc::clone(universe), operation.to_owned());
            let late_ms = universe.draw(|rng| rng.u64(1..=LATE_MS));
            tokio::spawn(async move {
                sleep(Duration::from_millis(late_ms)).await;
                universe_then.tell(format_args!("store {operation}: applied late"));
                apply(&universe_then, &operation, body);
            });
            universe.step(process, WAY_MS).await;
            Err(lost("the connection was lost"))
        }
        Fate::Slow => {
            let (before_ms, after_ms) = universe.draw(|rng| (rng.u64(0..=LATE_MS), rng.u64(0..=LATE_MS)));
            sleep(Duration::from_millis(before_ms)).await;
            let answer = apply(universe, operation, body);
            sleep(Duration::from_millis(after_ms)).await;
            Ok(answer)
        }
        Fate::Arrives => {
            let answer = apply(universe, operation, body);
            universe.step(process, WAY_MS).await;
            Ok(answer)
        }
    }
}

fn fate(universe: &Universe, operation: &str) -> Fate {
    let elapsed_ms = universe.elapsed_ms();
    // A failed read costs time but decides little, and most requests are reads.
    let often = if is_write(operation) { 1.0 } else { 0.2 };
    if universe.happens(|weather| {
        let out = weather.outages.iter().any(|(from, until)| (*from..*until).contains(&elapsed_ms));
        if out { 0.9 } else { often * weather.store_loses_answer }
    }) {
        Fate::AnswerLost
    } else if universe.happens(|weather| often * weather.store_refuses) {
        Fate::Refused
    } else if is_write(operation) && universe.happens(|weather| weather.store_applies_late) {
        Fate::AppliedLate
    } else if universe.happens(|weather| often * weather.store_slow) {
        Fate::Slow
    } else {
        Fate::Arrives
    }
}

/// Carries a request out, and reads the rows that it changed.
fn apply(universe: &Arc<Universe>, operation: &str, mut body: Value) -> HttpResponse {
    let left_out = if operation == "BatchExecuteStatement" { leave_out(universe, &mut body) } else { Vec::new() };
    let Answer { status, body: mut answer } = dispatch(&universe.engine, operation, &body);
    let is_of_index = body.get("IndexName").is_some();
    if status == 200 && (is_of_index || !left_out.is_empty()) {
        let mut changed = serde_json::from_slice(&answer).unwrap_or_default();
        put_back(&mut changed, &left_out);
        if is_of_index {
            lag(universe, &mut changed);
        }
        answer = changed.to_string().into_bytes();
    }
    let answer = raw_response(status, answer);
    if is_write(operation) {
        super::rows::look(universe, &body);
    }
    answer
}

/// Takes some statements out of a request, as if the store could not take them for a passing reason.
fn leave_out(universe: &Universe, body: &mut Value) -> Vec<usize> {
    let Some(statements) = body["Statements"].as_array_mut() else { return Vec::new() };
    let out: Vec<usize> =
        (0..statements.len()).filter(|_| universe.happens(|weather| weather.store_takes_part)).collect();
    // The engine refuses an empty request.
    if out.len() == statements.len() {
        return Vec::new();
    }
    let mut at = 0;
    statements.retain(|_| {
        at += 1;
        !out.contains(&(at - 1))
    });
    out
}

fn put_back(answer: &mut Value, left_out: &[usize]) {
    let Some(responses) = answer.get_mut("Responses").and_then(Value::as_array_mut) else { return };
    for at in left_out {
        responses.insert(*at, json!({ "Error": { "Code": "ThrottlingError", "Message": "simulated" } }));
    }
}

/// Hides the newest writes from an index.
fn lag(universe: &Universe, answer: &mut Value) {
    if let Some(items) = answer.get_mut("Items").and_then(Value::as_array_mut) {
        items.retain(|_| !universe.happens(|weather| weather.index_lags));
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    raw_response(status, body.to_string().into_bytes())
}

fn raw_response(status: u16, body: Vec<u8>) -> HttpResponse {
    let status = StatusCode::try_from(status).unwrap_or_else(|_| unreachable!());
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

/// Runs one operation on the engine that never fails.
pub(super) fn ask(engine: &Database, operation: &str, body: &Value) -> Value {
    let Answer { status, body } = dispatch(engine, operation, body);
    assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap_or_default()
}
