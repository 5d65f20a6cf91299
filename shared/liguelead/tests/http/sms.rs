//! Sends against a real HTTP server, one outcome at a time.

use std::{sync::atomic::Ordering, time::Duration};

use super::server::{client, closes_on_the_second, request, rude, serve};
use liguelead::{CHECKED_LOCALLY, NotSent, Outcome, RateHeaders, Scope, SmsRequest, Unknown};
use serde_json::json;
use tokio::net::TcpListener;

const ACCEPTED: &str = r#"{"message":"SMS accepted successfully",
    "data":{"campaign_id":"c-1","accepted_at":"2025-12-29T18:34:38.961Z"}}"#;

fn accepted(campaign_id: Option<&str>, accepted_at: Option<&str>) -> Outcome {
    Outcome::Accepted { campaign_id: campaign_id.map(Into::into), accepted_at: accepted_at.map(Into::into) }
}

#[tokio::test]
async fn a_send_carries_both_headers_and_is_accepted() {
    let rate = [("x-ratelimit-limit", "600000"), ("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "1640995260")];
    let server = serve(202, &rate, ACCEPTED).await;
    let answer = server.client.send_sms(&request()).await;
    assert_eq!(answer.outcome, accepted(Some("c-1"), Some("2025-12-29T18:34:38.961Z")));
    let expected = RateHeaders { limit: 600_000, remaining: 7, reset_epoch_s: 1_640_995_260 };
    assert_eq!(answer.rate, Some(expected));
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v1/sms");
    assert_eq!(asked.headers["api-token"], "t0ken");
    assert_eq!(asked.headers["app-id"], "an-app");
    assert_eq!(asked.headers["content-type"], "application/json");
    assert!(asked.headers["user-agent"].to_str().unwrap().starts_with("recado/"));
    assert_eq!(asked.body, json!({"message": "Olá, José 🙂", "phones": ["11988887777"]}));
}

#[tokio::test]
async fn any_2xx_is_accepted_even_if_unreadable() {
    for (status, body, expected) in [
        (200, r#"{"campaign_id":5}"#, accepted(Some("5"), None)),
        (201, r#"{"data":null}"#, accepted(None, None)),
        (202, "<html>", accepted(None, None)),
        (204, "", accepted(None, None)),
    ] {
        let server = serve(status, &[], body).await;
        assert_eq!(server.client.send_sms(&request()).await.outcome, expected, "{status} {body}");
    }
    let cut = b"HTTP/1.1 202 Accepted\r\ncontent-length: 900\r\n\r\n{\"data\":{\"camp";
    for hang in [false, true] {
        let (url, _) = rude(*cut, hang).await;
        let answer = client(&url, Duration::from_millis(300)).send_sms(&request()).await;
        assert_eq!(answer.outcome, accepted(None, None), "hang: {hang}");
    }
}

#[tokio::test]
async fn refusals_tell_the_account_from_the_request() {
    for status in [400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 451] {
        let body = json!({"error": [{"field": "phones", "message": "bad phone 11988887777"}]});
        let server = serve(status, &[], body).await;
        let outcome = server.client.send_sms(&request()).await.outcome;
        let Outcome::Refused { status: told, scope, reason, .. } = outcome else { panic!("{status}: {outcome:?}") };
        assert_eq!(told, status);
        assert_eq!(scope, if (401..=403).contains(&status) { Scope::Account } else { Scope::Request }, "{status}");
        assert_eq!(reason.to_string(), "phones: bad phone [number]");
        server.asked_once();
    }
}

#[tokio::test]
async fn throttles_and_503_were_not_sent() {
    let limited = serve(429, &[("retry-after", "7")], r#"{"error":"Too many"}"#).await;
    let outcome = limited.client.send_sms(&request()).await.outcome;
    let Outcome::NotSent { cause, retry_after_ms, reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!((cause, retry_after_ms, reason.as_str()), (NotSent::RateLimited, Some(7_000), "Too many"));
    limited.asked_once();

    let unavailable = serve(503, &[], "").await;
    let outcome = unavailable.client.send_sms(&request()).await.outcome;
    let Outcome::NotSent { cause, retry_after_ms, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((cause, retry_after_ms), (NotSent::Unavailable, None));
    unavailable.asked_once();
}

#[tokio::test]
async fn server_errors_and_redirects_are_unknown() {
    for status in [408, 500, 502, 504, 599] {
        let server = serve(status, &[], "x").await;
        let outcome = server.client.send_sms(&request()).await.outcome;
        assert!(matches!(outcome, Outcome::Unknown { cause: Unknown::ServerError(told), .. } if told == status));
        server.asked_once();
    }
    let server = serve(307, &[("location", "/v1/elsewhere")], "").await;
    let outcome = server.client.send_sms(&request()).await.outcome;
    assert!(matches!(outcome, Outcome::Unknown { cause: Unknown::UnexpectedStatus(307), .. }), "{outcome:?}");
    server.asked_once();
}

#[tokio::test]
async fn no_answer_is_unknown_and_not_repeated() {
    for (reply, hang, expected) in [
        (&b""[..], false, Unknown::ConnectionLost),
        (b"", true, Unknown::Timeout),
        (b"HTTP/1.1 20", false, Unknown::ConnectionLost),
        (b"nonsense\r\n\r\n", false, Unknown::ConnectionLost),
    ] {
        let (url, taken) = rude(reply, hang).await;
        let outcome = client(&url, Duration::from_millis(300)).send_sms(&request()).await.outcome;
        assert!(matches!(outcome, Outcome::Unknown { cause, .. } if cause == expected), "{outcome:?}");
        assert_eq!(taken.load(Ordering::SeqCst), 1, "{expected:?}");
    }
}

#[tokio::test]
async fn a_send_on_a_connection_that_dies_is_not_replayed_on_another() {
    let (url, taken) = closes_on_the_second().await;
    let client = client(&url, Duration::from_secs(5));
    assert_eq!(client.send_sms(&request()).await.outcome, accepted(None, None));
    let outcome = client.send_sms(&request()).await.outcome;
    assert!(matches!(outcome, Outcome::Unknown { cause: Unknown::ConnectionLost, .. }), "{outcome:?}");
    assert_eq!(taken.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    // No listener; a name that cannot exist; and a server without TLS.
    let (plain, _) = rude(*b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    let urls = [format!("http://{free}/v1"), "http://nowhere.invalid/v1".into(), plain.replace("http:", "https:")];
    for url in urls {
        let outcome = client(&url, Duration::from_secs(4)).send_sms(&request()).await.outcome;
        assert!(matches!(outcome, Outcome::NotSent { cause: NotSent::Connect, .. }), "{url}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_was_not_sent() {
    let (url, _) = rude(*b"", true).await;
    let outcome = client(&url.replace("http:", "https:"), Duration::from_secs(1)).send_sms(&request()).await.outcome;
    assert!(matches!(outcome, Outcome::NotSent { cause: NotSent::Connect, .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let mut reply = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 999999999\r\n\r\n".to_vec();
    reply.extend(std::iter::repeat_n(b'x', 300 * 1024));
    let (url, _) = rude(reply, true).await;
    let started = std::time::Instant::now();
    let outcome = client(&url, Duration::from_secs(20)).send_sms(&request()).await.outcome;
    assert!(matches!(outcome, Outcome::Refused { status: 400, .. }), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_is_over_a_maximum_never_leaves() {
    let server = serve(202, &[], ACCEPTED).await;
    let too_long = SmsRequest { message: "x".repeat(1_601).into(), ..request() };
    let outcome = server.client.send_sms(&too_long).await.outcome;
    let Outcome::Refused { status, scope, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((status, scope), (CHECKED_LOCALLY, Scope::Request));
    assert!(!server.was_asked());
}

#[tokio::test]
async fn ten_thousand_phones_go_in_one_request() {
    let server = serve(202, &[], ACCEPTED).await;
    let phones = (0..10_000).map(|n| format!("119{n:08}").into()).collect();
    server.client.send_sms(&SmsRequest { phones, ..request() }).await;
    let asked = server.asked_once();
    assert_eq!(asked.body["phones"].as_array().unwrap().len(), 10_000);
    assert_eq!(asked.body["phones"][9_999], "11900009999");
}
