//! `recado doctor` on the public address: which installation answers there.

use axum::Router;
use serde_json::Value;

use super::WELCOME;
use crate::support::{Installation, Setup, answer};

/// The doctor's findings about an address: each state with its text.
async fn said_of(installation: &mut Installation, address: &str) -> (Option<i32>, Vec<(String, String)>) {
    installation.environment.push(("RECADO_PUBLIC_URL".to_owned(), format!("http://{address}")));
    let finished = installation.command("doctor", &["--json"]).await;
    let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let of_address = findings.filter(|one| one["check"] == "callback address");
    (finished.code, of_address.map(|one| (text(one, "state"), text(one, "what"))).collect())
}

fn count(found: &[(String, String)], state: &str, part: &str) -> usize {
    found.iter().filter(|(is, what)| is == state && what.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_this_installation_from_others_and_from_other_servers() {
    // Both installations have the same secrets.
    let (mut ours, theirs) =
        tokio::join!(Installation::start(Setup::new(WELCOME)), Installation::start(Setup::new(WELCOME)));
    let own = ours.address.to_string();
    for _ in 0..2 {
        let (_, found) = said_of(&mut ours, &own).await;
        assert_eq!(count(&found, "good", "is this installation"), 2, "{found:?}");
        // It is the same installation after a kill.
        ours.kill();
        ours.restart().await;
    }
    let (code, found) = said_of(&mut ours, &theirs.address.to_string()).await;
    assert_eq!((code, count(&found, "wrong", "is another installation")), (Some(1), 2), "{found:?}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = listener.local_addr().unwrap().to_string();
    let server = Router::new().fallback(async || "{\"message\":\"ready\"}");
    let server = tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });
    let (code, found) = said_of(&mut ours, &other).await;
    assert_eq!((code, count(&found, "wrong", "is another server")), (Some(1), 2), "{found:?}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_with_nothing_but_its_proof() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let ask = async |challenge: &str| {
        answer(installation.http.get(installation.url("liguelead", &format!("challenge={challenge}")))).await
    };
    let one = ask("00112233445566778899aabbccddeeff").await;
    assert_eq!((one.0, one.1["message"].as_str(), one.1.as_object().unwrap().len()), (200, Some("ready"), 2));
    assert_eq!(one.1["proof"].as_str().unwrap().len(), 64);
    assert_eq!(ask("00112233445566778899aabbccddeeff").await, one);
    assert_ne!(ask("10112233445566778899aabbccddeeff").await.1["proof"], one.1["proof"]);
    // A text that is no challenge is answered as usual, and so is a webhook that contains a challenge.
    for other in ["", "00112233", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff00"] {
        let (status, said) = ask(other).await;
        assert!(status == 200 && said["proof"].is_null(), "{other}: {said}");
    }
    let url = installation.url("liguelead", "challenge=00112233445566778899aabbccddeeff");
    let (status, said) = answer(installation.http.post(url).body("{}")).await;
    assert_eq!((status, said["proof"].as_str()), (401, None));
}
