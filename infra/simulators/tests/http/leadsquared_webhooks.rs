//! The webhooks that LeadSquared sends, and their setup.

use std::time::Duration;

use crate::common::{LeadSquared, Receiver, attributes, eventually};
use recado_simulators::leadsquared::Options;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn webhooks_have_no_common_envelope() {
    let receiver = Receiver::start(200).await;
    let vendor =
        LeadSquared::start(Options { webhook_url: Some(format!("{}?secret=s", receiver.url)), ..LeadSquared::roomy() })
            .await;
    vendor.simulator.edit_lead("a", [("ProspectStage", "Fresh")]);
    let got = receiver.wait_for(1).await;
    assert_eq!((&got[0].1["ProspectID"], &got[0].1["ProspectStage"]), (&json!("a"), &json!("Fresh")));
    assert!(
        got[0].0.starts_with("secret=s&entityType=webhook&entityId=")
            && got[0].0.ends_with("&eventType=Lead_Post_Create")
    );

    let edits = format!("{}/_recado/leads/a", vendor.simulator.origin());
    let answer = vendor_http::client_builder()
        .build()
        .unwrap()
        .put(edits)
        .json(&json!({ "ProspectStage": "Engaged" }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    let (_, change) = receiver.wait_for(2).await.remove(1);
    assert_eq!(
        (&change["Before"]["ProspectStage"], &change["After"]["ProspectStage"]),
        (&json!("Fresh"), &json!("Engaged"))
    );
    assert_ne!(change["After"]["ModifiedBy"], json!(Options::default().user_id), "a person did it");

    let body = json!({ "RelatedProspectId": "a", "ActivityEvent": 206 });
    vendor.post("ProspectActivity.svc/Create", body).await;
    let (_, activities) = receiver.wait_for(3).await.remove(2);
    assert_eq!((&activities[0]["ActivityEvent"], &activities[0]["Score"]), (&json!("206"), &json!(0.0)));
}

#[tokio::test]
async fn an_update_by_the_api_is_silent_unless_it_asks() {
    let receiver = Receiver::start(200).await;
    let vendor = LeadSquared::start(Options { webhook_url: Some(receiver.url.clone()), ..LeadSquared::roomy() }).await;
    vendor.simulator.put_lead("a", []);
    let update = async |query: &str| {
        vendor.post(&format!("LeadManagement.svc/Lead.Update?leadId=a{query}"), attributes(&[("Notes", "x")])).await
    };
    update("").await;
    update("&postUpdatedLead=false").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.got().len(), 0);
    update("&postUpdatedLead=true").await;
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn a_webhook_is_tried_three_times_and_disabled_after_ten_failures() {
    let receiver = Receiver::start(202).await;
    let options = Options { webhook_retry_ms: 1, ..LeadSquared::roomy() };
    let vendor = LeadSquared::start(options).await;
    let body =
        json!({ "WebhookEvent": "3", "URL": receiver.url, "CustomHeaders": [{ "Key": "x-secret", "Value": "s" }] });
    let (_, created) = vendor.post("Webhook.svc/Create", body).await;
    let retrieve =
        json!({ "Parameter": { "WebhookEvent": "Lead_Post_Create", "WebhookId": created["Message"]["Id"] } });
    let status =
        async || vendor.post("Webhook.svc/Retrieve", retrieve.clone()).await.1["Response"][0]["StatusCode"].clone();
    assert_eq!(status().await, json!(0));
    for number in 0..10 {
        vendor.simulator.edit_lead(&format!("lead-{number}"), []);
        // A delivery is recorded when its answer has come back, which is after the receiver has it.
        eventually(|| vendor.simulator.received().deliveries.len() >= (number + 1) * 3).await;
    }
    assert_eq!(
        vendor.simulator.received().deliveries.last().map(|last| (last.event, last.attempt, last.answer)),
        Some((3, 3, Some(202)))
    );
    let mut code = status().await;
    for _ in 0..100 {
        if code == json!(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        code = status().await;
    }
    assert_eq!(code, json!(2), "only 200 is a success");
    vendor.simulator.edit_lead("one-more", []);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.got().len(), 30);
}

#[tokio::test]
async fn webhooks_are_set_up_with_the_oddities_that_probing_found() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    let create = async |event: &str, more: serde_json::Value| {
        let mut body = json!({ "WebhookEvent": event, "URL": "https://recado.example.com/" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        vendor.post("Webhook.svc/Create", body).await
    };
    let (status, error) = create("2", json!({})).await;
    assert_eq!((status, &error["ExceptionMessage"]), (500, &json!("You have not passed ActivityEvent.")));
    assert_eq!(create("2", json!({ "ActivityEvent": "206" })).await.0, 200);
    assert_eq!(create("5", json!({})).await.0, 500);
    assert_eq!(create("26", json!({ "WebhookProperties": { "a": 1 } })).await.0, 400);
    let (_, created) = create("26", json!({ "WebhookProperties": "{}" })).await;
    let id = created["Message"]["Id"].as_str().unwrap();
    let delete = format!("Webhook.svc/Delete?webhookId={id}");
    assert_eq!(vendor.request(Method::POST, &delete).send().await.unwrap().status(), 405);
    assert_eq!(vendor.get(&delete).await.0, 200);
    let (_, left) = vendor.post("Webhook.svc/Retrieve", json!({ "Parameter": {} })).await;
    assert_eq!(
        (&left["RecordCount"], &left["Response"][0]["EventCode"]),
        (&json!(1), &json!("LeadActivity_Post_Create"))
    );
}
