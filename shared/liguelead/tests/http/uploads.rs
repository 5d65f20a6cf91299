//! The list of uploads, which is also how credentials are tried.

use std::time::Duration;

use crate::server::{client, serve};
use liguelead::{CallFailed, Upload};
use serde_json::json;

#[tokio::test]
async fn both_shapes_of_the_list_are_read() {
    let list = json!([{"id": 436_514, "title": "Welcome"}, {"id": "7"}, {"id": "x"}, 5]);
    let expected = [Upload { id: 436_514, title: Some("Welcome".into()) }, Upload { id: 7, title: None }];
    for body in [list.clone(), json!({"data": list, "message": "ok"})] {
        let server = serve(200, &[], body).await;
        assert_eq!(server.client.list_uploads().await.unwrap(), expected);
        assert_eq!(server.asked_once().uri.to_string(), "/v1/voice/uploads");
    }
    assert_eq!(serve(200, &[], "[]").await.client.list_uploads().await, Ok(vec![]));
}

#[tokio::test]
async fn a_full_account_is_listed_whole() {
    let list: Vec<_> = (0..1_000).map(|id| json!({"id": id, "title": "t".repeat(255)})).collect();
    let uploads = serve(200, &[], json!({"data": list})).await.client.list_uploads().await.unwrap();
    assert_eq!(uploads.len(), 1_000);
}

#[tokio::test]
async fn bad_credentials_differ_from_everything_else() {
    for status in [401, 403] {
        let error = serve(status, &[], r#"{"error":"Invalid token"}"#).await.client.list_uploads().await.unwrap_err();
        assert!(matches!(&error, CallFailed::Credentials { status: told, .. } if *told == status), "{error}");
        assert!(error.to_string().contains("Invalid token"), "{error}");
    }
    let limited = serve(429, &[("retry-after", "3")], "").await.client.list_uploads().await.unwrap_err();
    assert!(matches!(limited, CallFailed::RateLimited { retry_after_ms: Some(3_000), .. }), "{limited}");
    for status in [302, 404, 500, 503] {
        let error = serve(status, &[], "x").await.client.list_uploads().await.unwrap_err();
        assert!(matches!(error, CallFailed::Status { status: told, .. } if told == status), "{error}");
    }
    let unread = serve(200, &[], r#"{"data":5}"#).await.client.list_uploads().await;
    assert_eq!(unread, Err(CallFailed::Unreadable));
    let nowhere = client("http://127.0.0.1:1/v1", Duration::from_secs(2)).list_uploads().await.unwrap_err();
    assert!(matches!(nowhere, CallFailed::NoAnswer { .. }) && !nowhere.to_string().contains("127"), "{nowhere}");
}
