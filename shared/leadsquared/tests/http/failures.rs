//! Requests without a proper answer.

use std::time::Duration;

use leadsquared::{CallError, MAX_ACTIVITIES_PER_CALL};
use tokio::net::TcpListener;

use super::{
    samples::{activity, lead, update},
    server::{admitted, client, rude, serve},
};

#[tokio::test]
async fn too_much_or_nothing_makes_no_call() {
    let server = serve(200, "{}").await;
    let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let too_many = |given, max| move |error: &CallError| matches!(error, CallError::TooMany { given: g, max: m, .. } if (*g, *m) == (given, max));
    let activities: Vec<_> = many.iter().take(MAX_ACTIVITIES_PER_CALL + 1).map(|id| activity(id)).collect();
    let updates: Vec<_> = many.iter().take(26).map(|id| update(id)).collect();
    let leads: Vec<_> = many.iter().take(26).map(|id| lead(id)).collect();
    let client = &server.client;
    assert!(admitted(client).leads_by_ids(&many, &[]).await.is_err_and(|error| too_many(10_001, 10_000)(&error)));
    assert!(admitted(client).add_activities(&activities).await.is_err_and(|error| too_many(26, 25)(&error)));
    assert!(admitted(client).update_activities(&updates).await.is_err_and(|error| too_many(26, 25)(&error)));
    assert!(admitted(client).update_leads(&leads).await.is_err_and(|error| too_many(26, 25)(&error)));
    let same = admitted(client).update_leads_same_value(&many[..51], "A", "1").await;
    assert!(same.is_err_and(|error| too_many(51, 50)(&error)));
    assert_eq!(admitted(client).add_activities(&[]).await, Ok(vec![]));
    assert_eq!(admitted(client).leads_by_ids(&[], &[]).await, Ok(vec![]));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_throttle_in_a_200_is_an_error_of_every_call() {
    let body = r#"{"Status":"Error","ExceptionType":"MXAPIRateLimitExceededException",
        "ExceptionMessage":"API calls exceeded the limit of 20 in 5 second(s)"}"#;
    let server = serve(200, body).await;
    let errors = [
        server.call().who_am_i().await.unwrap_err(),
        server.call().add_activities(&[activity("a")]).await.unwrap_err(),
        server.call().leads_by_ids(&["a".into()], &[]).await.unwrap_err(),
        server.call().update_leads(&[lead("a")]).await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, CallError::Throttled { limit: Some(limit), retry_after_ms: 5_200 }
            if limit.calls == 20 && limit.seconds == 5),
            "{error}"
        );
    }
    assert_eq!(server.asked().len(), 4, "nothing is repeated");
}

#[tokio::test]
async fn without_an_answer_only_harmless_calls_are_transient() {
    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"Resp";
    for (reply, hang) in [(&b""[..], false), (b"", true), (CUT, false), (b"nonsense\r\n\r\n", false)] {
        let client = &client(&rude(reply, hang).await, Duration::from_millis(300));
        let created = admitted(client).add_activities(&[activity("a")]).await.unwrap_err();
        assert!(matches!(created, CallError::Unknown { .. }), "{created}");
        let read = admitted(client).who_am_i().await.unwrap_err();
        assert!(matches!(read, CallError::Transient { .. }), "{read}");
        let updated = admitted(client).update_leads(&[lead("a")]).await.unwrap_err();
        assert!(matches!(updated, CallError::Transient { .. }), "{updated}");
    }
}

#[tokio::test]
async fn without_a_connection_even_a_create_may_be_repeated() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = &client(&format!("http://{free}/v2"), Duration::from_secs(2));
    let error = admitted(client).add_activities(&[activity("a")]).await.unwrap_err();
    assert!(matches!(error, CallError::Transient { .. }), "{error}");
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
}
