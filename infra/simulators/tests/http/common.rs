//! Helpers of every test: clients of both simulators, and a receiver of webhooks.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing};
use recado_simulators::{leadsquared, liguelead};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// A received body, with the query of its URL.
pub(crate) type Got = (String, Value);

/// A web server that answers every POST with one status and keeps the bodies in order of arrival.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) async fn start(status: u16) -> Self {
        let got = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let keep = move |State(got): State<Arc<Mutex<Vec<Got>>>>, uri: axum::http::Uri, Json(body): Json<Value>| async move {
            got.lock().unwrap().push((uri.query().unwrap_or_default().to_owned(), body));
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/hook", routing::post(keep)).with_state(Arc::clone(&got));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until `count` bodies have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        eventually(|| self.got().len() >= count).await;
        self.got()
    }
}

/// Waits up to a minute until a condition holds. Only a failure waits that long.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in 60 s");
}

pub(crate) struct LigueLead {
    pub(crate) simulator: liguelead::Simulator,
    client: Client,
}

impl LigueLead {
    pub(crate) async fn start(options: liguelead::Options) -> Self {
        Self {
            simulator: liguelead::start_local(options).await.unwrap(),
            client: vendor_http::client_builder().build().unwrap(),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let options = liguelead::Options::default();
        self.client
            .request(method, format!("{}{path}", self.simulator.base_url()))
            .header("api-token", options.api_token)
            .header("app-id", options.app_id)
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> reqwest::Result<Response> {
        self.request(Method::POST, path).json(&body).send().await
    }

    /// Status and body of a POST that must get an answer.
    pub(crate) async fn answer(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.post(path, body).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn send(&self, phones: &[&str], message: &str) -> reqwest::Result<Response> {
        self.post("/sms", json!({ "message": message, "phones": phones })).await
    }
}

pub(crate) struct LeadSquared {
    pub(crate) simulator: leadsquared::Simulator,
    client: Client,
}

impl LeadSquared {
    pub(crate) async fn start(options: leadsquared::Options) -> Self {
        Self {
            simulator: leadsquared::start_local(options).await.unwrap(),
            client: vendor_http::client_builder().build().unwrap(),
        }
    }

    /// Options with limits that no other test reaches.
    pub(crate) fn roomy() -> leadsquared::Options {
        leadsquared::Options {
            calls_per_5s: Some(1_000),
            bulk_calls_per_5s: 1_000,
            activity_types: vec![(206, "Message".to_owned())],
            accept_unknown_leads: false,
            ..leadsquared::Options::default()
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let options = leadsquared::Options::default();
        self.client
            .request(method, format!("{}/{path}", self.simulator.base_url()))
            .header("x-LSQ-AccessKey", options.access_key)
            .header("x-LSQ-SecretKey", options.secret_key)
    }

    /// Status and JSON of a POST that must get an answer. A text body becomes a JSON string.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// `[{"Attribute", "Value"}]`.
pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| json!({ "Attribute": name, "Value": value })).collect()
}
