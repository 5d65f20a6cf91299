//! LigueLead's reports: who may make them, and what they change.

use serde_json::Value;

use crate::{
    WELCOME,
    support::{Installation, Lead, Setup, answer, wait_until},
};

/// An installation whose only message was accepted, and of which nothing was reported yet.
async fn accepted(lead: &Lead) -> (Installation, String, String) {
    let mut setup = Setup::new(WELCOME);
    setup.liguelead.callbacks.silent_endings = vec![lead.phone[7..].to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "accepted").await;
    let received = installation.liguelead.received();
    let campaign = received.campaigns[0].clone();
    (installation, campaign.id, campaign.webhook_url.unwrap())
}

async fn report(installation: &Installation, url: &str, body: &Value) -> u16 {
    answer(installation.http.post(url).json(body)).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_nobody_vouches_for_is_refused_and_changes_nothing() {
    let lead = Lead::new(1);
    let (installation, campaign, url) = accepted(&lead).await;
    let body = lead.callback(&campaign, "delivered", "2026-11-20T12:00:00.000Z");
    let (address, signature) = url.split_once("&sig=").unwrap();
    let (base, _) = url.split_once('?').unwrap();
    let other_batch = "0".repeat(32);
    let mut altered = signature.to_owned();
    altered.replace_range(0..1, if altered.starts_with('0') { "1" } else { "0" });
    for bad in [
        base.to_owned(),
        address.to_owned(),
        format!("{address}&sig="),
        format!("{address}&sig={altered}"),
        format!("{address}&sig={}", &signature[..signature.len() - 2]),
        format!("{base}?batch={other_batch}&sig={signature}"),
        format!("{base}?batch=no-batch&sig={signature}"),
        format!("{base}?secret=wrong"),
    ] {
        assert_eq!(report(&installation, &bad, &body).await, 401, "{bad}");
    }
    assert_eq!(installation.messages().await.of(&lead.id)[0].state, "accepted");
    assert_eq!(report(&installation, &url, &body).await, 200);
    installation.comes_to(&lead.id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_late_reports_change_nothing_that_is_newer() {
    let lead = Lead::new(1);
    let (installation, campaign, url) = accepted(&lead).await;
    let at = |status, time| lead.callback(&campaign, status, time);
    let steps = [
        // The panel's own address, by its secret, speaks of any campaign.
        (at("undelivered", "2026-11-20T12:00:02.000Z"), "undelivered"),
        (at("sent", "2026-11-20T12:00:01.000Z"), "undelivered"),
        // It arrived after all.
        (at("delivered", "2026-11-20T12:00:03.000Z"), "delivered"),
        (at("delivered", "2026-11-20T12:00:03.000Z"), "delivered"),
        (at("undelivered", "2026-11-20T12:00:02.000Z"), "delivered"),
        (at("failed", "2026-11-20T12:00:09.000Z"), "delivered"),
        (at("sent", "2026-11-20T12:00:09.000Z"), "delivered"),
        (at("a word of tomorrow", "2026-11-20T12:00:10.000Z"), "delivered"),
    ];
    let panel = format!("{}?secret=callback-secret-of-the-test", url.split_once('?').unwrap().0);
    for (place, (body, state)) in steps.iter().enumerate() {
        let url = if place == 0 { &panel } else { &url };
        assert_eq!(report(&installation, url, body).await, 200, "{place}");
        assert_eq!(installation.messages().await.of(&lead.id)[0].state, *state, "{place}");
    }
    installation.told().await;
    assert_eq!(installation.leadsquared.activities()[0].fields["mx_Custom_4"], "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_cannot_be_read_are_answered_200_and_change_nothing() {
    let lead = Lead::new(1);
    let (installation, campaign, url) = accepted(&lead).await;
    let good = lead.callback(&campaign, "delivered", "2026-11-20T12:00:00.000Z").to_string();
    let mut bodies: Vec<Vec<u8>> = (1..good.len()).map(|length| good.as_bytes()[..length].to_vec()).collect();
    bodies.extend([
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"{\"campaign\":{}}".to_vec(),
        b"\xff\xfe".to_vec(),
        "[".repeat(100_000).into_bytes(),
        vec![b' '; 2_000_000],
        good.replace(&lead.phone, "123").into_bytes(),
        good.replace("\"phone\"", "\"fone\"").into_bytes(),
    ]);
    for body in bodies {
        let length = body.len();
        assert_eq!(answer(installation.http.post(&url).body(body)).await.0, 200, "{length} bytes");
    }
    assert_eq!(installation.messages().await.of(&lead.id)[0].state, "accepted");
    assert_eq!(answer(installation.http.post(&url).body(good)).await.0, 200);
    installation.comes_to(&lead.id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_come_twice_in_disorder_or_before_the_answer_settle_their_message() {
    let mut setup = Setup::new(WELCOME);
    setup.liguelead.callbacks.callbacks_before_answer = true;
    setup.liguelead.callbacks.callbacks_out_of_order = true;
    setup.liguelead.callbacks.duplicate_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    let leads: Vec<Lead> = (1..=20).map(Lead::new).collect();
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    wait_until("all are delivered", async || (installation.messages().await.in_state("delivered") == 20).then_some(()))
        .await;
    wait_until("each report came twice and was answered", async || {
        let callbacks = installation.liguelead.received().callbacks;
        assert!(callbacks.iter().all(|one| one.answer == Some(200)), "{callbacks:?}");
        (callbacks.len() == 80).then_some(())
    })
    .await;
    let report = installation.told().await;
    assert_eq!(report.in_state("delivered"), 20);
    assert_eq!(installation.leadsquared.activities().len(), 20);
}
