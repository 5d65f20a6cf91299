//! LigueLead's sends over HTTP: acceptance, validation, credentials, limits, credits.

mod common;

use common::LigueLead;
use recado_simulators::{
    liguelead::{Channel, Options},
    record::Entry,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const PHONE: &str = "11987654321";

#[tokio::test]
async fn an_accepted_sms_is_answered_with_a_campaign_and_recorded() {
    let vendor = LigueLead::start(Options::default()).await;
    let body = json!({ "message": "Olá", "phones": [PHONE, "+5521987654321"], "title": "T", "is_flash": true, "odd": 1 });
    let (status, answer) = vendor.answer("/sms", body).await;
    assert_eq!((status, &answer["message"]), (202, &json!("SMS accepted successfully")));
    let id = uuid::Uuid::parse_str(answer["data"]["campaign_id"].as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 4);
    let accepted_at = answer["data"]["accepted_at"].as_str().unwrap();
    assert!(accepted_at.len() == 24 && accepted_at.ends_with('Z'), "{accepted_at}");

    let received = vendor.simulator.received();
    let [campaign] = received.campaigns.as_slice() else { panic!("one campaign") };
    assert_eq!((campaign.id.clone(), campaign.channel, campaign.is_flash), (id.to_string(), Channel::Sms, true));
    assert_eq!(campaign.phones, [PHONE, "21987654321"]);
    assert_eq!((campaign.message.as_str(), campaign.title.as_deref()), ("Olá", Some("T")));
    let [call] = received.calls.as_slice() else { panic!("one call") };
    assert_eq!((call.path.as_str(), call.items, call.status, call.answer_lost), ("/v1/sms", 2, Some(202), false));
    assert_eq!(received.messages().values().copied().collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn each_rule_refuses_in_the_shape_of_fields() {
    let options = Options { reject_phones: vec!["11911111111".to_owned()], ..Options::default() };
    let vendor = LigueLead::start(options).await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "message": "Oi", "phones": [PHONE] });
        body[field] = value;
        body
    };
    for (field, value) in [
        ("message", json!("")),
        ("message", json!("a".repeat(1_601))),
        ("message", json!(5)),
        ("phones", json!([])),
        ("phones", json!(PHONE)),
        ("phones", json!(["1198765432"])),
        ("phones", json!([PHONE, 11_987_654_321_u64])),
        ("phones", json!([PHONE, "11911111111"])),
        ("phones", json!(vec![PHONE; 10_001])),
        ("title", json!("t".repeat(256))),
        ("title", json!(null)),
        ("is_flash", json!("true")),
        ("group_id", json!(3)),
        ("webhook_url", json!("https://my_host.example.com/")),
    ] {
        let (status, answer) = vendor.answer("/sms", with(field, value)).await;
        assert_eq!((status, answer["error"][0]["field"].as_str()), (422, Some(field)), "{answer}");
        assert!(!answer.to_string().contains("987654321"), "an answer never quotes a phone");
    }
    assert!(vendor.simulator.received().campaigns.is_empty());
}

#[tokio::test]
async fn the_largest_request_passes() {
    let vendor = LigueLead::start(Options::default()).await;
    let body = json!({ "message": "é".repeat(1_600), "phones": vec![PHONE; 10_000], "title": "t".repeat(255) });
    assert_eq!(vendor.answer("/sms", body).await.0, 202);
    assert_eq!(vendor.simulator.received().credits, 110_000);
}

#[tokio::test]
async fn a_flash_message_must_not_hold_a_link() {
    let vendor = LigueLead::start(Options::default()).await;
    let body = |flash: bool| json!({ "message": "veja loja.com.br", "phones": [PHONE], "is_flash": flash });
    let (status, answer) = vendor.answer("/sms", body(true)).await;
    assert_eq!((status, answer["error"][0]["field"].as_str()), (422, Some("message")));
    assert_eq!(vendor.answer("/sms", body(false)).await.0, 202);
}

#[tokio::test]
async fn strictness_and_private_addresses_are_options() {
    let body = json!({ "message": "Oi", "phones": ["11888888888"], "webhook_url": "http://127.0.0.1:9/" });
    let lenient = LigueLead::start(Options::default()).await;
    assert_eq!(lenient.answer("/sms", body.clone()).await.0, 202);
    let strict = Options { strict_phones: true, allow_private_webhooks: false, ..Options::default() };
    let (_, answer) = LigueLead::start(strict).await.answer("/sms", body).await;
    let fields: Vec<&str> = answer["error"].as_array().unwrap().iter().filter_map(|e| e["field"].as_str()).collect();
    assert_eq!(fields, ["phones", "webhook_url"]);
}

#[tokio::test]
async fn what_is_not_json_is_refused_before_its_fields() {
    let vendor = LigueLead::start(Options::default()).await;
    let send = |content_type: &'static str, body: &'static str| {
        vendor.request(Method::POST, "/sms").header("content-type", content_type).body(body).send()
    };
    for (content_type, body, expected) in
        [("application/json", "{", 400), ("application/json", "[]", 422), ("text/plain", "{}", 415)]
    {
        let response = send(content_type, body).await.unwrap();
        assert_eq!(response.status(), expected);
        assert!(response.json::<Value>().await.unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn both_credentials_are_needed_and_a_refusal_counts_nowhere() {
    let vendor = LigueLead::start(Options { requests_per_minute: 1, ..Options::default() }).await;
    let (token, app) = (Options::default().api_token, Options::default().app_id);
    let url = format!("{}/voice/uploads", vendor.simulator.base_url());
    for headers in [vec![], vec![("api-token", &token)], vec![("app-id", &app)], vec![("api-token", &app), ("app-id", &token)]] {
        let mut request = Client::new().get(&url);
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
        assert_eq!((&response.headers()["x-ratelimit-limit"], &response.headers()["x-ratelimit-remaining"]), (&"3", &remaining));
    }
    let received = vendor.simulator.received();
    assert_eq!((received.campaigns.len(), received.most_calls_in_a_minute()), (3, 3));
    assert!(received.calls[3].is_throttled() && received.calls[4].is_throttled());
}

#[tokio::test]
async fn the_reset_is_when_a_place_is_free_or_the_next_minute() {
    let reset = |response: reqwest::Response| response.headers()["x-ratelimit-reset"].to_str().unwrap().parse::<u64>().unwrap();
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
async fn voice_has_rules_of_its_own() {
    let vendor = LigueLead::start(Options { voice_uploads: vec![7], ..Options::default() }).await;
    let body = json!({ "title": "V", "voice_upload_id": 7, "phones": [PHONE], "retry_attempts": 1, "retry_interval_min": 180 });
    let (status, answer) = vendor.answer("/voice", body.clone()).await;
    assert_eq!((status, &answer["message"]), (202, &json!("Voice accepted successfully")));
    for (field, value) in [
        ("title", json!(1)),
        ("voice_upload_id", json!("7")),
        ("retry_attempts", json!(0)),
        ("retry_attempts", json!(4)),
        ("retry_interval_min", json!(4)),
        ("retry_interval_min", json!(181)),
        ("retry_end_time", json!("23:00")),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        let (status, answer) = vendor.answer("/voice", wrong).await;
        assert_eq!((status, answer["error"][0]["field"].as_str()), (422, Some(field)), "{answer}");
    }
    let mut unknown = body.clone();
    unknown["voice_upload_id"] = json!(8);
    assert_eq!(vendor.answer("/voice", unknown).await.0, 404);
    let (_, answer) = vendor.answer("/voice", json!({})).await;
    assert_eq!(answer["error"].as_array().unwrap().len(), 3);
    assert_eq!(vendor.simulator.received().campaigns[0].voice_upload_id, Some(7));
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
