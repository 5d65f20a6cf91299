//! Which requests are accepted: the handshake, the secret, and other paths.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::WELCOME;
use crate::support::{Installation, Lead, SECRET, Setup, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_of_the_address_is_answered_200_without_a_secret() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    for vendor in ["leadsquared", "liguelead"] {
        for method in [Method::HEAD, Method::GET, Method::POST] {
            let request = installation.http.request(method.clone(), installation.url(vendor, ""));
            assert_eq!(answer(request).await.0, 200, "{method} {vendor}");
        }
    }
    let body = answer(installation.http.post(installation.url("leadsquared", "event=lead.created"))).await.1;
    assert_eq!(body, json!({ "Status": "Success", "StatusReason": "" }));
    assert_eq!(installation.messages().await.total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_taken_from_header_or_query_and_two_values_are_good_at_once() {
    let setup = Setup::new(WELCOME)
        .variable("RECADO_WEBHOOK_SECRET", "the-new-secret-of-the-longest-test, an-old-secret-of-the-test");
    let installation = Installation::start(setup).await;
    let post = async |number: u32, header: Option<&str>, query: &str| {
        let mut request = installation.http.post(installation.url("leadsquared", query));
        if let Some(secret) = header {
            request = request.header("x-recado-secret", secret);
        }
        answer(request.body(Lead::new(number).created().to_string())).await
    };
    let good = [
        (Some("the-new-secret-of-the-longest-test"), "event=lead.created"),
        (Some("an-old-secret-of-the-test"), "event=3"),
        (None, "secret=the-new-secret-of-the-longest-test&event=lead.created"),
        (None, "event=3&secret=an-old-secret-of-the-test"),
        (Some("an-old-secret-of-the-test"), "event=3&secret=anything"),
    ];
    for (number, (header, query)) in (1..).zip(good) {
        let (status, said) = post(number, header, query).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{header:?} {query}");
    }
    let bad = [
        (None, ""),
        (Some(""), ""),
        (Some("the-new-secret-of-the-longest-test, an-old-secret-of-the-test"), ""),
        (Some("the-new-on"), ""),
        (Some("the-new-secret-of-the-longest-test "), "event=3&secret="),
        (None, "secret=the-new-secret-of-the-longest-tests"),
        (None, "event=3&Secret=the-new-secret-of-the-longest-test"),
        (Some("wrong"), "secret=the-new-secret-of-the-longest-test"),
    ];
    let mut refused = 0;
    for (number, (header, query)) in (100..).zip(bad) {
        let (status, said) = post(number, header, query).await;
        // The status is 200, since ten failures in a row make LeadSquared switch the webhook off.
        assert_eq!(status, 200);
        refused += u32::from(said["Status"] == "Error");
    }
    // HTTP itself removes blanks at the end of a header, so one of them is the secret after all.
    assert_eq!(refused, 7);
    let report = installation.messages().await;
    assert_eq!(report.total, good.len() + 1, "{report:?}");
    assert!(report.events.is_empty(), "what shows no secret is not kept: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_are_not_found_and_a_slash_at_the_end_does_no_harm() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    for path in ["", "webhooks", "webhooks/leadsquare", "webhooks/leadsquared/x", "%2e%2e/etc/passwd"] {
        let request = installation.http.post(format!("http://{}/{path}", installation.address));
        assert_eq!(answer(request.body("{}")).await.0, 404, "{path}");
    }
    let address = format!("http://{}/webhooks/leadsquared/", installation.address);
    assert_eq!(answer(installation.http.get(address)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_the_secret_is_not_waited_for() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    for path in ["/webhooks/leadsquared?event=lead.created", "/webhooks/liguelead?secret=wrong"] {
        let mut connection = TcpStream::connect(installation.address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: recado\r\ncontent-length: 6000000\r\n\r\n{{\"ProspectID\":");
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 1_024];
        let begun = Instant::now();
        let read = connection.read(&mut answer).await.unwrap();
        assert!(String::from_utf8_lossy(&answer[..read]).contains("secret"), "{path}");
        // A body with the secret may take 20 s.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_stand_still_hold_up_neither_others_nor_the_end() {
    let mut installation = Installation::start(Setup::new(WELCOME)).await;
    let body =
        format!("POST /webhooks/leadsquared HTTP/1.1\r\nx-recado-secret: {SECRET}\r\ncontent-length: 900\r\n\r\n{{");
    let mut still = Vec::new();
    for number in 0..100 {
        let mut connection = TcpStream::connect(installation.address).await.unwrap();
        let half = if number % 2 == 0 { "POST /webhooks/leadsquared HTTP/1.1\r\nhost:" } else { body.as_str() };
        connection.write_all(half.as_bytes()).await.unwrap();
        still.push(connection);
    }
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    let begun = Instant::now();
    assert_eq!(installation.stop().await, 0);
    // Open requests have 10 s; the rest is for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    drop(still);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_very_many_elements_is_refused_whole_and_leaves_one_row() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let body = format!("[{}1]", "1,".repeat(1_000_000));
    let request = installation.http.post(installation.url("leadsquared", "event=lead.created"));
    let (status, said) = answer(request.header("x-recado-secret", SECRET).body(body)).await;
    assert_eq!((status, said["Status"].as_str()), (200, Some("Error")));
    assert!(said["StatusReason"].as_str().unwrap().contains("1000001 elements"), "{said}");
    let rows = format!("[{}1]", "1,".repeat(4_000));
    let request = installation.http.post(installation.url("leadsquared", "event=lead.created"));
    let (_, said) = answer(request.header("x-recado-secret", SECRET).body(rows)).await;
    assert!(said["StatusReason"].as_str().unwrap().starts_with("4001 of 4001 not understood"), "{said}");
    assert_eq!(installation.messages().await.events.len(), 1 + 1_000);
}
