//! Voice calls against a real HTTP server.

use super::server::serve;
use liguelead::{Outcome, Scope, VoiceRequest};
use serde_json::json;

fn request() -> VoiceRequest {
    VoiceRequest {
        title: "Qualified".into(),
        voice_upload_id: 436_514,
        phones: vec!["11988887777".into()],
        retry_attempts: 2,
        retry_interval_min: 30,
        retry_end_time: Some("17:59".into()),
        group_id: None,
        webhook_url: Some("https://example.com/cb?b=1".into()),
    }
}

#[tokio::test]
async fn a_call_is_posted_with_its_redials_and_accepted() {
    let server =
        serve(202, &[], json!({"message": "Voice accepted successfully", "data": {"campaign_id": "v-1"}})).await;
    let outcome = server.client.send_voice(&request()).await.outcome;
    assert_eq!(outcome, Outcome::Accepted { campaign_id: Some("v-1".into()), accepted_at: None });
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v1/voice");
    assert_eq!(asked.headers["content-type"], "application/json");
    let expected = json!({
        "title": "Qualified", "voice_upload_id": 436_514, "phones": ["11988887777"], "retry_attempts": 2,
        "retry_interval_min": 30, "retry_end_time": "17:59", "webhook_url": "https://example.com/cb?b=1",
    });
    assert_eq!(asked.body, expected);
}

#[tokio::test]
async fn a_refusal_of_the_recording_is_told_from_others() {
    let field = |name: &str| json!({"error": [{"field": name, "message": "não encontrado"}]}).to_string();
    for (status, body, expected) in [
        (404, String::new(), Scope::Upload),
        (422, field("voice_upload_id"), Scope::Upload),
        (422, field("phones"), Scope::Request),
        (403, "{}".to_owned(), Scope::Account),
        (400, field("retry_end_time"), Scope::Request),
    ] {
        let server = serve(status, &[], &body).await;
        let outcome = server.client.send_voice(&request()).await.outcome;
        let Outcome::Refused { scope, .. } = outcome else { panic!("{status}: {outcome:?}") };
        assert_eq!(scope, expected, "{status} {body}");
        server.asked_once();
    }
}

#[tokio::test]
async fn what_is_outside_the_documented_ranges_never_leaves() {
    let server = serve(202, &[], "").await;
    let outcome = server.client.send_voice(&VoiceRequest { retry_attempts: 0, ..request() }).await.outcome;
    assert!(matches!(outcome, Outcome::Refused { scope: Scope::Request, .. }), "{outcome:?}");
    assert!(!server.was_asked());
}
