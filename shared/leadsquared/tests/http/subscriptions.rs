//! Webhooks, as they are set up, and custom lead fields.

use leadsquared::{CallError, LeadFieldKind, NewLeadField, NewWebhook, Page, WebhookEvent, WebhookStatus};
use serde_json::json;

use super::server::serve;

fn webhook(event: WebhookEvent, activity_code: Option<u32>) -> NewWebhook {
    NewWebhook {
        event,
        url: "https://recado.example/webhooks/leadsquared".into(),
        description: "Recado".into(),
        headers: vec![("x-recado-secret".into(), "hush".into())],
        activity_code,
    }
}

#[tokio::test]
async fn webhooks_are_made_by_number_with_their_headers() {
    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "w1"}})).await;
    assert_eq!(server.call().create_webhook(&webhook(WebhookEvent::LEAD_CREATED, None)).await.unwrap(), "w1");
    let asked = server.asked_once();
    assert_eq!(asked.uri.path(), "/v2/Webhook.svc/Create");
    assert_eq!((&asked.body["WebhookEvent"], &asked.body["Method"]), (&json!("3"), &json!("POST")));
    assert_eq!(asked.body["CustomHeaders"], json!([{"Key": "x-recado-secret", "Value": "hush"}]));
    assert_eq!((&asked.body["WebhookProperties"], asked.body.get("ActivityEvent")), (&json!(null), None));

    let server = serve(200, json!({"Status": "Success"})).await;
    server.call().update_webhook("w1", &webhook(WebhookEvent::ACTIVITY_CREATED, Some(206))).await.unwrap();
    let body = server.asked_once().body;
    assert_eq!((&body["WebhookId"], &body["ActivityEvent"]), (&json!("w1"), &json!("206")));
    let properties: serde_json::Value = serde_json::from_str(body["WebhookProperties"].as_str().unwrap()).unwrap();
    assert_eq!(properties["ActivityEvent"], "206", "the properties are JSON as text");

    let untold = serve(200, json!({"Status": "Success"})).await;
    let untold = untold.call().create_webhook(&webhook(WebhookEvent::LEAD_CREATED, None)).await;
    assert!(matches!(untold, Err(CallError::Unknown { .. })), "{untold:?}");
    let printed = format!("{:?}", webhook(WebhookEvent::LEAD_CREATED, None));
    assert!(!printed.contains("hush") && !printed.contains("https"), "{printed}");
}

#[tokio::test]
async fn webhooks_are_listed_by_name_or_number() {
    let rows = json!({"RecordCount": 3, "Response": [
        {"WebhookId": "w1", "EventName": "Lead Creation", "EventCode": "Lead_Post_Create", "StatusCode": 0,
            "URL": "https://recado.example/webhooks/leadsquared?secret=hush", "Description": ""},
        {"WebhookId": "w2", "EventCode": "2", "StatusCode": "2", "URL": "https://recado.example/",
            "WebhookProperties": "{\"ActivityEvent\":\"206\"}"},
        {"WebhookId": "w3", "EventCode": "Lead_Merge"},
    ]});
    let server = serve(200, rows).await;
    let found = server.call().webhooks(Some(WebhookStatus::DisabledByFailures), Page::first(100)).await.unwrap();
    assert_eq!((found[0].event, found[0].status), (Some(WebhookEvent::LEAD_CREATED), Some(WebhookStatus::Enabled)));
    assert_eq!((found[1].event, found[1].activity_code), (Some(WebhookEvent::ACTIVITY_CREATED), Some(206)));
    assert_eq!(found[1].status, Some(WebhookStatus::DisabledByFailures));
    assert_eq!((found[2].event, found[2].status), (None, None));
    assert!(!format!("{found:?}").contains("hush"));
    let parameter = server.asked_once().body["Parameter"].clone();
    assert_eq!(parameter, json!({"Type": "Webhook", "StatusCode": 2}));
    let none = serve(200, json!({"RecordCount": 0})).await.call().webhooks(None, Page::first(1)).await.unwrap();
    assert_eq!(none, []);

    let server = serve(200, json!({"Status": "Success"})).await;
    server.call().delete_webhook("w1").await.unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/Webhook.svc/Delete?webhookId=w1");
}

#[tokio::test]
async fn a_field_is_named_by_what_people_see() {
    let server = serve(200, json!({"Status": "Success"})).await;
    let new = NewLeadField::of_schema_name("mx_Message_Status", LeadFieldKind::Text(60)).unwrap();
    server.call().create_lead_field(&new).await.unwrap();
    let body = server.asked_once().body;
    assert_eq!((&body["DisplayName"], &body["DataType"]), (&json!("Message Status"), &json!("Text")));
    assert_eq!((&body["RenderTypeTextValue"], &body["MaxLength"]), (&json!("Textbox"), &json!("60")));
    assert_eq!(NewLeadField::of_schema_name("DoNotCall", LeadFieldKind::Boolean), None);
    assert_eq!(NewLeadField::of_schema_name("mx_", LeadFieldKind::Boolean), None);
}
