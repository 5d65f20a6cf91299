//! Uploads, and their list, which also tests credentials.

use std::time::Duration;

use super::server::{client, serve};
use liguelead::{
    AudioFile, AudioFormat, CHECKED_LOCALLY, CallFailed, MAX_AUDIO_BYTES, Scope, Upload, UploadAnswer, UploadOutcome,
};
use multer::Multipart;
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
    let dated = serve(200, &[("date", "Sun, 22 Nov 2026 03:00:01 GMT")], "[]").await.client.list_uploads_dated().await;
    assert_eq!(dated, Ok((vec![], Some(1_795_316_401_000))));
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

fn file(format: AudioFormat) -> AudioFile {
    AudioFile { title: "recado-0011 a.mp3".into(), stem: "0011".into(), format, bytes: b"RIFF, as it were".to_vec() }
}

#[tokio::test]
async fn an_upload_is_a_form_whose_file_carries_its_media_type() {
    for (format, name, kind) in
        [(AudioFormat::Mp3, "0011.mp3", "audio/mpeg"), (AudioFormat::Wav, "0011.wav", "audio/wav")]
    {
        let body = json!({"message": "Voice upload successful.", "data": {"id": 436_514, "title": "t"}});
        let server = serve(201, &[], body).await;
        let UploadAnswer { outcome, .. } = server.client.upload(file(format)).await;
        assert_eq!(outcome, UploadOutcome::Created(Upload { id: 436_514, title: Some("t".into()) }));
        let asked = server.asked_once();
        assert_eq!(asked.uri.to_string(), "/v1/voice/uploads");
        assert_eq!(asked.headers["api-token"], "t0ken");
        let boundary = multer::parse_boundary(asked.headers["content-type"].to_str().unwrap()).unwrap();
        let bytes = asked.bytes.clone();
        let mut form = Multipart::new(futures_stream(bytes), boundary);
        let title = form.next_field().await.unwrap().unwrap();
        assert_eq!((title.name(), title.file_name()), (Some("title"), None));
        assert_eq!(title.text().await.unwrap(), "recado-0011 a.mp3");
        let part = form.next_field().await.unwrap().unwrap();
        assert_eq!((part.name(), part.file_name()), (Some("file"), Some(name)));
        assert_eq!(part.content_type().unwrap().essence_str(), kind);
        assert_eq!(part.bytes().await.unwrap(), "RIFF, as it were");
        assert!(form.next_field().await.unwrap().is_none());
    }
}

/// All bytes at once, in the form that the parser of forms takes.
fn futures_stream(
    bytes: axum::body::Bytes,
) -> impl futures::Stream<Item = Result<axum::body::Bytes, std::convert::Infallible>> {
    futures::stream::iter([Ok(bytes)])
}

#[tokio::test]
async fn an_upload_ends_in_one_of_four_ways() {
    let with = async |status, headers: &[(&'static str, &str)], body: &str| {
        let server = serve(status, headers, body).await;
        let outcome = server.client.upload(file(AudioFormat::Mp3)).await.outcome;
        server.asked_once();
        outcome
    };
    let id = |id| UploadOutcome::Created(Upload { id, title: None });
    assert_eq!(with(201, &[], r#"{"id":"12"}"#).await, id(12));
    assert!(matches!(with(201, &[], "<html>").await, UploadOutcome::Unknown { .. }));
    assert!(matches!(with(504, &[], "").await, UploadOutcome::Unknown { .. }));
    for (status, expected) in [(415, Scope::Request), (422, Scope::Request), (401, Scope::Account)] {
        let outcome = with(status, &[], r#"{"error":"no"}"#).await;
        assert!(matches!(&outcome, UploadOutcome::Refused { scope, .. } if *scope == expected), "{outcome:?}");
    }
    let limited = with(429, &[("retry-after", "7")], "").await;
    let UploadOutcome::NotSent { retry_after_ms, rate_limited, .. } = limited else { panic!("{limited:?}") };
    assert_eq!((retry_after_ms, rate_limited), (Some(7_000), true));
    let nowhere = client("http://127.0.0.1:1/v1", Duration::from_secs(2)).upload(file(AudioFormat::Mp3)).await;
    assert!(matches!(nowhere.outcome, UploadOutcome::NotSent { rate_limited: false, .. }), "{nowhere:?}");
}

#[tokio::test]
async fn a_file_over_50_mb_never_leaves() {
    let server = serve(201, &[], "").await;
    let large = AudioFile { bytes: vec![0; MAX_AUDIO_BYTES + 1], ..file(AudioFormat::Wav) };
    let outcome = server.client.upload(large).await.outcome;
    assert!(matches!(outcome, UploadOutcome::Refused { status: CHECKED_LOCALLY, .. }), "{outcome:?}");
    assert!(!server.was_asked());
}
