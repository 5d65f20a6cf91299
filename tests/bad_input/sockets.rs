//! Requests that are not proper HTTP, or that end in the middle.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Webhook, installation, post_all, still_well};
use crate::support::{Installation, Lead, SECRET, patience, wait_until};

/// Writes `bytes` and no more. Returns the answer, read until the other side closes or is silent for a while.
async fn exchange(installation: &Installation, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(installation.address).await.unwrap();
    // The server may close before everything was written.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(patience(), stream.read_to_end(&mut answer)).await.expect("it answers or closes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_turned_away_and_the_next_request_is_served() {
    let mut installation = installation().await;
    let long = "x".repeat(1_000_000);
    for bytes in [
        "\r\n\r\n".to_owned(),
        "hello\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01".to_owned(),
        "POST /webhooks/leadsquared HTTP/9.9\r\n\r\n".to_owned(),
        "POST /webhooks/leadsquared HTTP/1.1\r\ncontent-length: -5\r\n\r\n".to_owned(),
        "POST /webhooks/leadsquared HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef".to_owned(),
        "POST /webhooks/leadsquared HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
    ] {
        let answer = exchange(&installation, bytes.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 5"), "{answer:.200}");
    }
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_in_the_middle_is_kept_and_comes_to_its_end_when_it_comes_whole() {
    let installation = installation().await;
    let lead = Lead::new(1);
    let body = lead.created().to_string();
    let head = format!(
        "POST /webhooks/leadsquared HTTP/1.1\r\nhost: x\r\nx-recado-secret: {SECRET}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    exchange(&installation, format!("{head}{}", &body[..body.len() / 2]).as_bytes()).await;
    let report = wait_until("the half is kept", async || {
        let report = installation.messages().await;
        (report.events.len() == 1).then_some(report)
    })
    .await;
    assert_eq!((report.total, report.events[0].outcome.as_str()), (0, "not_understood"));
    installation.take(&lead.created()).await;
    wait_until("the whole is delivered", async || {
        (installation.messages().await.in_state("delivered") == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_keep_nobody_else_waiting() {
    let mut installation = installation().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(installation.address).await.unwrap();
        stream.write_all(b"POST /webhooks/leadsquared HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n").await.unwrap();
        silent.push(stream);
    }
    let webhook = Webhook::json(Lead::new(1).created().to_string());
    let answered = tokio::time::timeout(Duration::from_secs(10), post_all(&installation, [webhook])).await.unwrap();
    assert_eq!(answered, ["Success"]);
    still_well(&mut installation).await;
    drop(silent);
}
