//! LigueLead's sends over HTTP: acceptance and validation.

use crate::common::LigueLead;
use recado_simulators::liguelead::{Channel, Options};
use reqwest::Method;
use serde_json::{Value, json};

const PHONE: &str = "11987654321";

#[tokio::test]
async fn an_accepted_sms_is_answered_with_a_campaign_and_recorded() {
    let vendor = LigueLead::start(Options::default()).await;
    let body =
        json!({ "message": "Olá", "phones": [PHONE, "+5521987654321"], "title": "T", "is_flash": true, "odd": 1 });
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
