//! A meter in front of the table: counts its requests and units. It passes everything on unchanged. The only change is
//! that it asks the table to report what each request consumed. On demand it is slow, or refuses some writes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use recado_table::EmbeddedTable;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Operations whose answers can report what they consumed.
const METERED: [&str; 9] = [
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "BatchExecuteStatement",
    "TransactWriteItems",
];
const READS: [&str; 4] = ["GetItem", "Query", "Scan", "BatchGetItem"];

/// The counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metered {
    /// Requests by operation.
    pub(crate) requests: BTreeMap<String, u32>,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
}

impl Metered {
    /// The number of requests, without those for the stream.
    pub(crate) fn requests_in_all(&self) -> u32 {
        self.requests.iter().filter(|(name, _)| METERED.contains(&name.as_str())).map(|(_, count)| count).sum()
    }
}

/// A running meter.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    endpoint: String,
    metered: Arc<Mutex<Metered>>,
    delay_ms: Arc<AtomicU64>,
    /// Writes whose body holds this are refused.
    refused: Arc<Mutex<Option<String>>>,
    http: reqwest::Client,
    table: String,
}

impl Meter {
    /// Starts a meter before the table at `table`.
    pub(crate) async fn start(table: &EmbeddedTable) -> Self {
        let table = table.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let http = vendor_http::client_builder().pool_max_idle_per_host(64).build().unwrap();
        let (metered, delay_ms, refused) = (Arc::default(), Arc::default(), Arc::default());
        let meter = Self { endpoint, metered, delay_ms, refused, http, table };
        let app = Router::new().fallback(pass).with_state(meter.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        meter
    }

    /// The URL where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes each request take `delay` longer.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Refuses each write whose body holds `text`, as IAM would.
    pub(crate) fn refuse(&self, text: Option<&str>) {
        *self.refused.lock().unwrap() = text.map(str::to_owned);
    }

    /// Returns the counts since the last take.
    pub(crate) fn take(&self) -> Metered {
        std::mem::take(&mut *self.metered.lock().unwrap())
    }
}

async fn pass(State(meter): State<Meter>, request: Request) -> Response {
    tokio::time::sleep(Duration::from_millis(meter.delay_ms.load(Ordering::Relaxed))).await;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let operation = operation(&parts.headers);
    let refused = meter.refused.lock().unwrap().clone();
    if refused.is_some_and(|text| !READS.contains(&operation.as_str()) && body_holds(&body, &text)) {
        let answer = json!({ "__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "message": "no" });
        let kind = [("content-type", "application/x-amz-json-1.0")];
        return (StatusCode::BAD_REQUEST, kind, answer.to_string()).into_response();
    }
    let is_metered = METERED.contains(&operation.as_str());
    let body = if is_metered { asking(&body) } else { body };
    let mut headers = parts.headers.clone();
    for name in ["host", "content-length", "authorization", "x-amz-content-sha256"] {
        headers.remove(name);
    }
    headers.insert("authorization", parts.headers["authorization"].clone());
    let sent = meter.http.post(&meter.table).headers(headers).body(body).send().await.unwrap();
    let status = StatusCode::from_u16(sent.status().as_u16()).unwrap();
    let kind = sent.headers().get("content-type").cloned();
    let answer = sent.bytes().await.unwrap();
    let mut metered = meter.metered.lock().unwrap();
    *metered.requests.entry(operation.clone()).or_default() += 1;
    if is_metered {
        let units = units(&serde_json::from_slice(&answer).unwrap_or_default());
        if READS.contains(&operation.as_str()) {
            metered.read_units += units;
        } else {
            metered.write_units += units;
        }
    }
    drop(metered);
    let mut response = (status, answer).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("content-type", kind);
    }
    response
}

fn operation(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

fn body_holds(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}

fn asking(body: &[u8]) -> Bytes {
    let mut request: Value = serde_json::from_slice(body).unwrap();
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    request.to_string().into()
}

/// The units in an answer, for one table or for several.
fn units(answer: &Value) -> f64 {
    match &answer["ConsumedCapacity"] {
        Value::Array(all) => all.iter().filter_map(|one| one["CapacityUnits"].as_f64()).sum(),
        one => one["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
