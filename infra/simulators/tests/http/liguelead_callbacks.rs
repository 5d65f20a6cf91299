//! LigueLead's callbacks over HTTP.

use std::time::Duration;

use crate::common::{Got, LigueLead, Receiver, eventually};
use recado_simulators::liguelead::{CallbackOptions, Options};
use serde_json::{Value, json};

fn quick() -> CallbackOptions {
    CallbackOptions { sent_after_ms: 20, final_after_ms: 620, ..CallbackOptions::default() }
}

fn statuses(got: &[Got]) -> Vec<&str> {
    got.iter().filter_map(|(_, body)| body["campaign"]["status"].as_str()).collect()
}

#[tokio::test]
async fn a_campaign_is_called_back_as_the_guide_says() {
    let receiver = Receiver::start(200).await;
    let vendor = LigueLead::start(Options { callbacks: quick(), ..Options::default() }).await;
    let url = format!("{}?b=batch-1&s=a%2Fb", receiver.url);
    let body = json!({ "message": "a".repeat(161), "phones": ["11987654321"], "is_flash": true, "webhook_url": url });
    let (_, answer) = vendor.answer("/sms", body).await;
    let got = receiver.wait_for(2).await;
    assert_eq!(statuses(&got), ["sent", "delivered"]);
    let (query, body) = &got[1];
    assert_eq!(query, "b=batch-1&s=a%2Fb", "called exactly as written");
    let occurred_at = body["occurred_at"].as_str().unwrap();
    assert!(occurred_at.len() == 24 && occurred_at.ends_with('Z'), "{occurred_at}");
    let expected = json!({
        "event": "campaign.status",
        "app_id": Options::default().app_id,
        "occurred_at": occurred_at,
        "campaign": {
            "id": answer["data"]["campaign_id"],
            "type": "sms",
            "source": "api",
            "phone": "+5511987654321",
            "credits_required": 2,
            "sent_at": occurred_at[..10],
            "status": "delivered",
            "message": "a".repeat(161),
            "is_flash": true,
        },
    });
    assert_eq!(*body, expected);
    eventually(|| vendor.simulator.received().callbacks.len() == 2).await;
    assert!(vendor.simulator.received().callbacks.iter().all(|callback| callback.answer == Some(200)));
}

#[tokio::test]
async fn a_phone_decides_its_outcome_and_the_accounts_address_is_the_default() {
    let receiver = Receiver::start(200).await;
    let callbacks = CallbackOptions {
        undelivered_endings: vec!["0001".to_owned()],
        failed_endings: vec!["0002".to_owned()],
        silent_endings: vec!["0003".to_owned()],
        ..quick()
    };
    let vendor =
        LigueLead::start(Options { callbacks, webhook_url: Some(receiver.url.clone()), ..Options::default() }).await;
    vendor.send(&["11987650001", "11987650002", "11987650003", "11987654321"], "Oi").await.unwrap();
    let got = receiver.wait_for(6).await;
    let last = |phone: &str| {
        let of_phone = |body: &Value| body["campaign"]["phone"] == format!("+55{phone}");
        got.iter().rev().find(|(_, body)| of_phone(body)).map(|(_, body)| body["campaign"]["status"].clone())
    };
    assert_eq!(last("11987650001"), Some(json!("undelivered")));
    assert_eq!(last("11987650002"), Some(json!("failed")));
    assert_eq!(last("11987650003"), None);
    assert_eq!(last("11987654321"), Some(json!("delivered")));
}

#[tokio::test]
async fn a_failed_callback_is_lost_for_good() {
    let receiver = Receiver::start(500).await;
    let vendor =
        LigueLead::start(Options { callbacks: quick(), webhook_url: Some(receiver.url.clone()), ..Options::default() })
            .await;
    vendor.send(&["11987654321"], "Oi").await.unwrap();
    receiver.wait_for(2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.got().len(), 2);
    assert!(vendor.simulator.received().callbacks.iter().all(|callback| callback.answer == Some(500)));
}

#[tokio::test]
async fn callbacks_can_come_before_the_answer() {
    let receiver = Receiver::start(200).await;
    let callbacks = CallbackOptions { callbacks_before_answer: true, ..CallbackOptions::default() };
    let vendor =
        LigueLead::start(Options { callbacks, webhook_url: Some(receiver.url.clone()), ..Options::default() }).await;
    let answer = vendor.send(&["11987654321"], "Oi").await.unwrap();
    assert_eq!((answer.status().as_u16(), receiver.got().len()), (202, 2));
}

#[tokio::test]
async fn callbacks_can_be_out_of_order_doubled_and_lost() {
    let receiver = Receiver::start(200).await;
    let callbacks = CallbackOptions { callbacks_out_of_order: true, duplicate_callbacks_share: 1.0, ..quick() };
    let vendor =
        LigueLead::start(Options { callbacks, webhook_url: Some(receiver.url.clone()), ..Options::default() }).await;
    vendor.send(&["11987654321"], "Oi").await.unwrap();
    let got = receiver.wait_for(4).await;
    assert_eq!(statuses(&got), ["delivered", "delivered", "sent", "sent"]);
    assert!(got[0].1["occurred_at"].as_str() > got[2].1["occurred_at"].as_str());
    assert_eq!(got[0], got[1], "a duplicate is the same to the byte");

    let silent = CallbackOptions { lost_callbacks_share: 1.0, ..quick() };
    let vendor =
        LigueLead::start(Options { callbacks: silent, webhook_url: Some(receiver.url.clone()), ..Options::default() })
            .await;
    vendor.send(&["11987654321"], "Oi").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 4);
}

#[tokio::test]
async fn a_full_request_is_called_back_for_each_recipient_within_bounds() {
    let receiver = Receiver::start(200).await;
    let callbacks =
        CallbackOptions { sent_after_ms: 0, final_after_ms: 0, callbacks_at_once: 4, ..CallbackOptions::default() };
    let vendor =
        LigueLead::start(Options { callbacks, webhook_url: Some(receiver.url.clone()), ..Options::default() }).await;
    let phones: Vec<String> = (0..500).map(|number| format!("119{number:08}")).collect();
    vendor.post("/sms", json!({ "message": "Oi", "phones": phones })).await.unwrap();
    let mut seen: Vec<(String, String)> = receiver
        .wait_for(1_000)
        .await
        .iter()
        .map(|(_, body)| (body["campaign"]["phone"].to_string(), body["campaign"]["status"].to_string()))
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1_000);
}

#[tokio::test]
async fn voice_speaks_other_words() {
    let receiver = Receiver::start(200).await;
    let callbacks = CallbackOptions { undelivered_endings: vec!["0001".to_owned()], ..quick() };
    let options = Options { callbacks, voice_uploads: vec![1], dial_at_any_hour: true, ..Options::default() };
    let vendor = LigueLead::start(options).await;
    let body = json!({
        "title": "V", "voice_upload_id": 1, "phones": ["11987650001"], "webhook_url": receiver.url, "retry_attempts": 1,
    });
    assert_eq!(vendor.answer("/voice", body).await.0, 202);
    let got = receiver.wait_for(3).await;
    assert_eq!(statuses(&got), ["sent", "no_answer", "no_answer"]);
    assert_eq!((&got[0].1["campaign"]["type"], got[0].1["campaign"].get("message")), (&json!("voice"), None));
}
