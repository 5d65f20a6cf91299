//! Each fault over HTTP, and the control requests that set faults from another process.

use std::time::{Duration, Instant};

use crate::common::{LeadSquared, LigueLead, eventually};
use recado_simulators::{
    faults::{Failure, FailureBody, FaultKind, FaultRule, Faults, When},
    liguelead::Options,
};
use reqwest::Method;
use serde_json::{Value, json};

const PHONE: &str = "11987654321";

async fn with(kind: FaultKind) -> LigueLead {
    let vendor = LigueLead::start(Options::default()).await;
    vendor.simulator.set_faults(Faults::of([FaultRule::new(kind, When::First(1)).on("/sms")]));
    vendor
}

fn campaigns(vendor: &LigueLead) -> usize {
    vendor.simulator.received().campaigns.len()
}

#[tokio::test]
async fn a_lost_answer_did_the_work() {
    let vendor = with(FaultKind::LoseAnswer).await;
    let error = vendor.send(&[PHONE], "Oi").await.unwrap_err();
    assert!(error.is_request() && !error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(campaigns(&vendor), 1);
    eventually(|| vendor.simulator.received().calls[0].answer_lost).await;
    let call = vendor.simulator.received().calls[0].clone();
    assert_eq!((call.status, call.items, call.fault.as_deref()), (Some(202), 1, Some("lose-answer")));
    assert_eq!(vendor.send(&[PHONE], "Oi").await.unwrap().status(), 202, "only the first was to suffer");
}

#[tokio::test]
async fn not_a_byte_of_a_lost_answer_is_sent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let vendor = with(FaultKind::LoseAnswer).await;
    let address = vendor.simulator.origin().replace("http://", "");
    let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
    let body = json!({ "message": "Oi", "phones": [PHONE] }).to_string();
    let options = Options::default();
    let request = format!(
        "POST /v1/sms HTTP/1.1\r\nhost: x\r\napi-token: {}\r\napp-id: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        options.api_token,
        options.app_id,
        body.len(),
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    assert_eq!(socket.read_to_end(&mut answer).await.unwrap(), 0, "an orderly end without a byte");
    assert_eq!(campaigns(&vendor), 1);
}

#[tokio::test]
async fn a_reset_comes_before_the_work() {
    let vendor = with(FaultKind::Reset).await;
    let error = vendor.send(&[PHONE], "Oi").await.unwrap_err();
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(campaigns(&vendor), 0);
    assert_eq!(vendor.send(&[PHONE], "Oi").await.unwrap().status(), 202);
}

#[tokio::test]
async fn failing_answers_come_before_or_after_the_work() {
    for (kind, status, done) in [
        (FaultKind::before(500), 500, 0),
        (FaultKind::before(502), 502, 0),
        (FaultKind::before(503), 503, 0),
        (FaultKind::before(504), 504, 0),
        (FaultKind::after(500), 500, 1),
        (FaultKind::after(504), 504, 1),
    ] {
        let vendor = with(kind).await;
        let response = vendor.send(&[PHONE], "Oi").await.unwrap();
        assert_eq!((response.status().as_u16(), campaigns(&vendor)), (status, done));
        assert!(response.headers().contains_key("x-ratelimit-remaining"));
        assert!(response.json::<Value>().await.unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn a_failing_answer_can_be_a_page_or_nothing() {
    let page = with(FaultKind::After(Failure { status: 502, body: FailureBody::Html })).await;
    let response = page.send(&[PHONE], "Oi").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.text().await.unwrap().contains("502 Bad Gateway"));
    assert_eq!(campaigns(&page), 1);
    let nothing = with(FaultKind::Before(Failure { status: 500, body: FailureBody::Empty })).await;
    assert_eq!(nothing.send(&[PHONE], "Oi").await.unwrap().text().await.unwrap(), "");
}

#[tokio::test]
async fn a_simulated_throttle_does_no_work_and_takes_no_place() {
    let vendor = with(FaultKind::Throttle).await;
    let response = vendor.send(&[PHONE], "Oi").await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "600000");
    let received = vendor.simulator.received();
    assert!(received.campaigns.is_empty() && received.calls[0].is_throttled());
}

#[tokio::test]
async fn a_hanging_call_is_never_answered() {
    for (kind, done) in [(FaultKind::Hang, 0), (FaultKind::HangAfter, 1)] {
        let vendor = with(kind).await;
        let body = json!({ "message": "Oi", "phones": [PHONE] });
        let patience = Duration::from_millis(200);
        let error = vendor.request(Method::POST, "/sms").json(&body).timeout(patience).send().await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(campaigns(&vendor), done);
        eventually(|| vendor.simulator.received().calls[0].answer_lost).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_does_not_undo_the_work() {
    let vendor = LigueLead::start(Options::default()).await;
    vendor.simulator.set_faults(Faults { latency_ms: 300, ..Faults::default() });
    let body = json!({ "message": "Oi", "phones": [PHONE] });
    let patience = Duration::from_millis(100);
    assert!(vendor.request(Method::POST, "/sms").json(&body).timeout(patience).send().await.unwrap_err().is_timeout());
    assert_eq!(campaigns(&vendor), 0);
    eventually(|| campaigns(&vendor) == 1).await;
    assert!(vendor.simulator.received().calls[0].answer_lost);
}

#[tokio::test]
async fn latency_is_waited_for() {
    let vendor = LigueLead::start(Options::default()).await;
    vendor.simulator.set_faults(Faults { latency_ms: 150, jitter_ms: 50, ..Faults::default() });
    let started = Instant::now();
    vendor.send(&[PHONE], "Oi").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn another_process_sets_faults_and_reads_what_was_received() {
    let vendor = LigueLead::start(Options::default()).await;
    let (client, origin) = (vendor_http::client_builder().build().unwrap(), vendor.simulator.origin());
    let url = |path: &str| format!("{origin}/_recado/{path}");
    let faults = json!({ "rules": ["before-503@first=1@/sms"], "seed": 4 });
    assert_eq!(client.put(url("faults")).json(&faults).send().await.unwrap().status(), 204);
    assert_eq!(vendor.send(&[PHONE], "Oi").await.unwrap().status(), 503);
    assert_eq!(vendor.send(&[PHONE], "Oi").await.unwrap().status(), 202);
    let set: Value = client.get(url("faults")).send().await.unwrap().json().await.unwrap();
    assert_eq!(set, json!({ "rules": ["before-503@first=1@/sms"], "seed": 4, "latency_ms": 0, "jitter_ms": 0 }));
    let wrong = json!({ "rules": ["explode@first=1"] });
    assert_eq!(client.put(url("faults")).json(&wrong).send().await.unwrap().status(), 422);

    let received: Value = client.get(url("received")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (received["calls"].as_array().unwrap().len(), &received["campaigns"][0]["phones"]),
        (2, &json!([PHONE]))
    );
    assert_eq!(client.delete(url("received")).send().await.unwrap().status(), 204);
    assert!(vendor.simulator.received().calls.is_empty());
}

#[tokio::test]
async fn leadsquared_loses_the_answer_of_a_bulk_call_that_it_did() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.put_lead("lead-1", []);
    vendor.simulator.set_faults(Faults::of([FaultRule::new(FaultKind::LoseAnswer, When::First(1)).on("bulk")]));
    let path = "ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadId";
    let rows = json!([{ "RelatedProspectId": "lead-1", "ActivityEvent": 206 }]);
    assert!(vendor.request(Method::POST, path).json(&rows).send().await.is_err());
    assert_eq!(vendor.simulator.activities().len(), 1);
    // Nothing identifies the request, so a repeated request makes a second activity.
    assert_eq!(vendor.post(path, rows).await.0, 200);
    assert_eq!(vendor.simulator.activities().len(), 2);
}

#[tokio::test]
async fn leadsquared_hides_an_error_behind_a_200() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.set_faults(Faults::of([FaultRule::new(FaultKind::before(200), When::First(1))]));
    let (status, body) = vendor.get("Authentication.svc/UserByAccessKey.Get").await;
    assert_eq!((status, &body["Status"]), (200, &json!("Error")));
    vendor.simulator.set_faults(Faults::of([FaultRule::new(FaultKind::before(503), When::First(1))]));
    let (status, body) = vendor.get("Authentication.svc/UserByAccessKey.Get").await;
    assert_eq!((status, body), (503, json!("Service Unavailable")));
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port_and_a_dropped_one_closes_it() {
    let vendor = recado_simulators::liguelead::start_local(Options::default()).await.unwrap();
    let address = vendor.origin().replace("http://", "");
    vendor.stop().await;
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    let again = recado_simulators::liguelead::start(listener, Options::default()).unwrap();
    assert_eq!(again.origin(), format!("http://{address}"));
    drop(again);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        vendor_http::client_builder()
            .build()
            .unwrap()
            .get(format!("http://{address}/v1/health"))
            .send()
            .await
            .unwrap_err()
            .is_connect()
    );
}
