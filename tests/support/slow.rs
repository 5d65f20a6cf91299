//! A table that answers as late as a test wants: passes each request on as it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

/// A running delay before a table.
#[derive(Debug, Clone)]
pub(crate) struct SlowTable {
    endpoint: String,
    delay_ms: Arc<AtomicU64>,
    http: reqwest::Client,
    table: String,
}

impl SlowTable {
    /// Starts one before the table at `table`; it delays nothing yet.
    pub(crate) async fn start(table: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().pool_max_idle_per_host(64).build().unwrap();
        let slow = Self { endpoint, delay_ms: Arc::default(), http, table: table.to_owned() };
        let app = Router::new().fallback(pass).with_state(slow.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        slow
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes each request take so much longer.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

async fn pass(State(slow): State<SlowTable>, request: Request) -> Response {
    tokio::time::sleep(Duration::from_millis(slow.delay_ms.load(Ordering::Relaxed))).await;
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    for name in ["host", "content-length"] {
        parts.headers.remove(name);
    }
    let sent = slow.http.post(&slow.table).headers(parts.headers).body(body).send().await.unwrap();
    let status = StatusCode::from_u16(sent.status().as_u16()).unwrap();
    let kind = sent.headers().get("content-type").cloned();
    let mut response = (status, sent.bytes().await.unwrap()).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("content-type", kind);
    }
    response
}
