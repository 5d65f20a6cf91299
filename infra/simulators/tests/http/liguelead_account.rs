//! LigueLead's sends over HTTP: credentials, limits, credits, and records.

use crate::common::LigueLead;
use recado_simulators::{liguelead::Options, record::Entry};
use reqwest::Method;
use serde_json::{Value, json};

const PHONE: &str = "11987654321";

#[tokio::test]
async fn both_credentials_are_needed_and_a_refusal_counts_nowhere() {
    let vendor = LigueLead::start(Options { requests_per_minute: 1, ..Options::default() }).await;
    let (token, app) = (Options::default().api_token, Options::default().app_id);
    let url = format!("{}/voice/uploads", vendor.simulator.base_url());
    for headers in
        [vec![], vec![("api-token", &token)], vec![("app-id", &app)], vec![("api-token", &app), ("app-id", &token)]]
    {
        let mut request = vendor_http::client_builder().build().unwrap().get(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["x-ratelimit-remaining"], "1");
        assert!(response.json::<Value>().await.unwrap()["error"].is_string());
    }
    let answer: Value = vendor.request(Method::GET, "/voice/uploads").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({ "data": [] }));
    let entries: Vec<Entry> = vendor.simulator.received().calls.iter().map(|call| call.entry).collect();
    assert_eq!(entries[3..], [Entry::Unauthorized, Entry::Admitted]);
}

#[tokio::test]
async fn the_limit_admits_exactly_its_number_and_tells_so() {
    let vendor = LigueLead::start(Options { requests_per_minute: 3, ..Options::default() }).await;
    for (remaining, status) in [("2", 202), ("1", 202), ("0", 202), ("0", 429), ("0", 429)] {
        let response = vendor.send(&[PHONE], "Oi").await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-ratelimit-limit"], "3");
        assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
    }
    let received = vendor.simulator.received();
    assert_eq!((received.campaigns.len(), received.most_calls_in_a_minute()), (3, 3));
    assert!(received.calls[3].is_throttled() && received.calls[4].is_throttled());
}

#[tokio::test]
async fn the_reset_is_when_a_place_is_free_or_the_next_minute() {
    let reset =
        |response: reqwest::Response| response.headers()["x-ratelimit-reset"].to_str().unwrap().parse::<u64>().unwrap();
    let vendor = LigueLead::start(Options::default()).await;
    let sliding = reset(vendor.send(&[PHONE], "Oi").await.unwrap());
    let first_ms = vendor.simulator.received().calls[0].at_ms;
    assert_eq!(sliding, (first_ms + 60_000).div_ceil(1_000));
    let vendor = LigueLead::start(Options { minute_aligned_reset: true, ..Options::default() }).await;
    assert_eq!(reset(vendor.send(&[PHONE], "Oi").await.unwrap()) % 60, 0);
}

#[tokio::test]
async fn calls_at_once_are_limited() {
    let faults = recado_simulators::faults::Faults { latency_ms: 300, ..Default::default() };
    let vendor = LigueLead::start(Options { concurrent: 2, faults, ..Options::default() }).await;
    let (a, b, c) = tokio::join!(vendor.send(&[PHONE], "1"), vendor.send(&[PHONE], "2"), vendor.send(&[PHONE], "3"));
    let mut statuses = [a, b, c].map(|answer| answer.unwrap().status().as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 202, 429]);
    assert_eq!(vendor.send(&[PHONE], "4").await.unwrap().status(), 202);
}

#[tokio::test]
async fn an_empty_balance_refuses_the_whole_request() {
    let vendor = LigueLead::start(Options { balance: Some(3), ..Options::default() }).await;
    assert_eq!(vendor.send(&[PHONE], &"a".repeat(161)).await.unwrap().status(), 202);
    let (status, answer) = vendor.answer("/sms", json!({ "message": "Oi", "phones": [PHONE, "21987654321"] })).await;
    assert_eq!((status, answer["error"].is_string()), (402, true));
    assert_eq!(vendor.send(&[PHONE], "Oi").await.unwrap().status(), 202);
    assert_eq!(vendor.simulator.received().credits, 3);
}

#[tokio::test]
async fn other_paths_and_methods_are_no_endpoints() {
    let vendor = LigueLead::start(Options::default()).await;
    for (method, path, expected) in [
        (Method::GET, "/health", 200),
        (Method::GET, "/sms", 405),
        (Method::GET, "/audio", 404),
        (Method::GET, "/voice/uploads/1", 404),
        (Method::POST, "/rcs", 404),
    ] {
        assert_eq!(vendor.request(method, path).send().await.unwrap().status(), expected, "{path}");
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    let vendor = LigueLead::start(Options { keep_phones: 3, keep_calls: 2, ..Options::default() }).await;
    for text in ["1", "2", "3"] {
        vendor.send(&[PHONE, "21987654321"], text).await.unwrap();
    }
    let received = vendor.simulator.received();
    assert_eq!((received.calls.len(), received.campaigns.len(), received.forgotten), (2, 1, 3));
    assert_eq!(received.campaigns[0].message, "3");
}
