//! LigueLead's reports: which ones are accepted, and what they change.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use recado_simulators::liguelead::Billing;
use recado_table::EmbeddedTable;

use super::WELCOME;
use crate::support::{CALLBACK_SECRET, Installation, Lead, Meter, PANEL_SECRET, Setup, answer, wait_until};

/// An installation whose only message was accepted, without a report so far.
async fn accepted(lead: &Lead) -> (Installation, String, String) {
    accepted_with(lead, Setup::new(WELCOME)).await
}

async fn accepted_with(lead: &Lead, mut setup: Setup) -> (Installation, String, String) {
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
    let (base, query) = address.split_once("?batch=").unwrap();
    let (batch, until) = query.split_once("&until=").unwrap();
    let other_batch = "0".repeat(32);
    let mut altered = signature.to_owned();
    altered.replace_range(0..1, if altered.starts_with('0') { "1" } else { "0" });
    for bad in [
        base.to_owned(),
        address.to_owned(),
        format!("{address}&sig="),
        format!("{address}&sig={altered}"),
        format!("{address}&sig={}", &signature[..signature.len() - 2]),
        format!("{base}?batch={other_batch}&until={until}&sig={signature}"),
        format!("{base}?batch=no-batch&until={until}&sig={signature}"),
        format!("{base}?batch={batch}&until={until}0&sig={signature}"),
        format!("{base}?batch={batch}&sig={signature}"),
        format!("{base}?secret=wrong"),
        format!("{base}?secret={CALLBACK_SECRET}"),
    ] {
        assert_eq!(report(&installation, &bad, &body).await, 401, "{bad}");
    }
    assert_eq!(installation.messages().await.of(&lead.id)[0].state, "accepted");
    assert_eq!(report(&installation, &url, &body).await, 200);
    installation.comes_to(&lead.id, "delivered").await;
    // A line logged before an answer may be read after the answer.
    wait_until("both requests to the panel's address are named", async || {
        let lines = installation.log.all();
        (lines.iter().filter(|line| line.contains("\"why\":\"panel_closed\"")).count() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_an_earlier_release_signed_is_good_after_the_upgrade() {
    let lead = Lead::new(1);
    let (installation, campaign, url) = accepted(&lead).await;
    let (base, batch) = (url.split_once('?').unwrap().0, url.split_once("batch=").unwrap().1[..32].to_owned());
    // As that release signed: the secret itself is the key, and no time is signed.
    let mut mac = Hmac::<Sha256>::new_from_slice(CALLBACK_SECRET.as_bytes()).unwrap();
    mac.update(b"recado callback");
    mac.update(&hex::decode(&batch).unwrap());
    let signature = hex::encode(&mac.finalize().into_bytes()[..16]);
    let old = format!("{base}?batch={batch}&sig={signature}");
    let body = lead.callback(&campaign, "delivered", "2026-11-20T12:00:00.000Z");
    assert_eq!(report(&installation, &old, &body).await, 200);
    installation.comes_to(&lead.id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_values_beyond_every_bound_is_applied_as_far_as_it_can_be_and_holds_up_no_other() {
    let (mad, other) = (Lead::new(1), Lead::new(2));
    let (installation, campaign, url) = accepted(&mad).await;
    let mut body = mad.callback(&campaign, "delivered", &"9".repeat(2_000));
    body["campaign"]["id"] = json!("c".repeat(3_000));
    body["campaign"]["credits_required"] = json!(4_000_000_000_u32);
    assert_eq!(report(&installation, &url, &body).await, 200);
    installation.comes_to(&mad.id, "delivered").await;
    installation.says("callback.price_implausible").await;
    installation.take(&other.created()).await;
    installation.comes_to(&other.id, "delivered").await;
    let used = installation.usage().await;
    let credits = used["limits"].as_array().unwrap().iter().find(|one| one["name"] == "credits a day").unwrap().clone();
    assert_eq!(credits["used"], 2, "what such a report says of its price is not believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spooled_report_that_the_table_never_takes_is_set_aside_and_the_others_are_applied() {
    let lead = Lead::new(1);
    let (mut installation, campaign, url) = accepted(&lead).await;
    assert_eq!(installation.stop().await, 0);
    let (_, batch) = url.split_once("batch=").unwrap();
    let line = |status: &str| {
        let line = json!({
            "batch": &batch[..32], "campaign_id": campaign, "phone": lead.phone, "status": status,
            "occurred_at": "2026-11-20T12:00:00.000Z", "credits": 1, "text_digest": null, "received_ms": 1,
        });
        format!("{line}\n")
    };
    // An earlier release wrote such a line, and tried it for ever.
    let lines = [line(&"x".repeat(2_000)), line("delivered")].concat();
    let data = std::path::Path::new(installation.data());
    std::fs::write(data.join("callbacks.replay"), lines).unwrap();
    let quarantine = data.join("callbacks.quarantine");
    installation.restart().await;
    installation.comes_to(&lead.id, "delivered").await;
    installation.says("callback.refused").await;
    wait_until("the spool is empty", async || {
        (!std::path::Path::new(installation.data()).join("callbacks.replay").exists()).then_some(())
    })
    .await;
    assert_eq!(std::fs::read_to_string(&quarantine).unwrap().lines().count(), 1);
    let mode = std::fs::metadata(&quarantine).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds a phone");
    let finished = installation.command("doctor", &[]).await;
    assert!(finished.stdout.contains("the table refused 1 delivery reports for good"), "{}", finished.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_late_reports_change_nothing_that_is_newer() {
    let lead = Lead::new(1);
    let setup = Setup::new(WELCOME).variable("RECADO_PANEL_SECRET", PANEL_SECRET);
    let (installation, campaign, url) = accepted_with(&lead, setup).await;
    let at = |status, time| lead.callback(&campaign, status, time);
    let steps = [
        // The callback URL of LigueLead's panel, with its secret, may report on any campaign.
        (at("undelivered", "2026-11-20T12:00:02.000Z"), "undelivered"),
        (at("sent", "2026-11-20T12:00:01.000Z"), "undelivered"),
        // It was delivered after all.
        (at("delivered", "2026-11-20T12:00:03.000Z"), "delivered"),
        (at("delivered", "2026-11-20T12:00:03.000Z"), "delivered"),
        (at("undelivered", "2026-11-20T12:00:02.000Z"), "delivered"),
        (at("failed", "2026-11-20T12:00:09.000Z"), "delivered"),
        (at("sent", "2026-11-20T12:00:09.000Z"), "delivered"),
        (at("a word of tomorrow", "2026-11-20T12:00:10.000Z"), "delivered"),
    ];
    let panel = format!("{}?secret={PANEL_SECRET}", url.split_once('?').unwrap().0);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_answered_within_a_second_while_the_table_is_slow_and_is_not_lost() {
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let slow = Meter::start(&table).await;
    let lead = Lead::new(1);
    let mut setup =
        Setup::new(WELCOME).on_table(table, "slow").await.variable("AWS_ENDPOINT_URL_DYNAMODB", slow.endpoint());
    setup.liguelead.callbacks.silent_endings = vec![lead.phone[7..].to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "accepted").await;
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let body = lead.callback(&campaign.id, "delivered", "2026-11-20T12:00:00.000Z");
    slow.slow_down(Duration::from_secs(4));
    let begun = Instant::now();
    assert_eq!(report(&installation, &campaign.webhook_url.unwrap(), &body).await, 200);
    // The answer comes after 0.6 s, however slow the table is; a busy machine may add to it.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    installation.says("callback.spooled").await;
    slow.slow_down(Duration::ZERO);
    installation.comes_to(&lead.id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_that_reports_tell_corrects_the_books_once() {
    let text = "a".repeat(312);
    let rules = format!("  - {{ id: long, on: lead.created, sms: \"{text}\", quota: {{ credits_per_day: 100 }} }}\n");
    let mut setup = Setup::new(&rules).and("quotas: { credits_per_day: 200 }\n");
    // Three credits by our estimate, two by the vendor's own table. Each report comes twice.
    setup.liguelead.billing = Billing::FirstPart160;
    setup.liguelead.callbacks.duplicate_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    let leads: Vec<Lead> = (1..=5).map(Lead::new).collect();
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    wait_until("all are delivered", async || (installation.messages().await.in_state("delivered") == 5).then_some(()))
        .await;
    assert_eq!(installation.liguelead.received().credits, 10);
    let used = wait_until("the books are right", async || {
        let usage = installation.usage().await;
        let limits = usage["limits"].as_array().unwrap().clone();
        let used = |name: &str| limits.iter().find(|one| one["name"] == name).map(|one| one["used"].clone()).unwrap();
        let all =
            ["credits a day", "messages a day", "credits a day of rule long", "messages a day of rule long"].map(used);
        (all[0] == 10).then_some(all)
    })
    .await;
    assert_eq!(used, [json!(10), json!(5), json!(10), json!(5)]);
    // One more late report changes nothing.
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let mut body = leads[0].callback(&campaign.id, "sent", "2026-11-20T12:00:07.000Z");
    body["campaign"]["credits_required"] = json!(2);
    assert_eq!(report(&installation, &campaign.webhook_url.unwrap(), &body).await, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(installation.usage().await["limits"][1]["used"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_to_the_panels_address_settles_a_request_whose_answer_was_lost_by_text_and_phone() {
    let mut setup = Setup::new(WELCOME).liguelead_faults(&["lose-answer@first=1@/sms"]);
    // Both messages in one request, however the table's stream divides them.
    setup.config = setup.config.replace("unknown_after: 1m", "unknown_after: 1m, linger: 1s");
    let leads: Vec<Lead> = (1..=2).map(Lead::new).collect();
    setup = setup.variable("RECADO_PANEL_SECRET", PANEL_SECRET);
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    for lead in &leads {
        installation.comes_to(&lead.id, "unknown").await;
    }
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let base = campaign.webhook_url.unwrap().split_once('?').unwrap().0.to_owned();
    let panel = format!("{base}?secret={PANEL_SECRET}");
    let mut body = leads[0].callback(&campaign.id, "delivered", "2026-11-20T12:00:00.000Z");
    body["app_id"] = json!("00000000-0000-4000-8000-000000000000");
    body["campaign"]["message"] = json!("Boas-vindas.");
    assert_eq!(report(&installation, &panel, &body).await, 401, "another app's");
    body.as_object_mut().unwrap().remove("app_id");
    assert_eq!(report(&installation, &panel, &body).await, 401, "no app's");
    body["app_id"] = json!("5b1d5c1e-3f0a-4f7e-9a51-0c8f6a2d7e11");
    let mut other = body.clone();
    other["campaign"]["message"] = json!("Outro texto.");
    other["campaign"]["id"] = json!("11111111-0000-4000-8000-000000000000");
    assert_eq!(report(&installation, &panel, &other).await, 200);
    assert_eq!(installation.messages().await.in_state("unknown"), 2, "what another text's report says is of nobody");
    assert_eq!(report(&installation, &panel, &body).await, 200);
    installation.comes_to(&leads[0].id, "delivered").await;
    // A delivered message proves that LigueLead took the request, so the other message is accepted.
    installation.comes_to(&leads[1].id, "accepted").await;
    // From now on the campaign is known, with or without the text.
    let mut body = leads[1].callback(&campaign.id, "um novo estado", "2026-11-20T12:00:01.000Z");
    assert_eq!(report(&installation, &panel, &body).await, 200);
    body["campaign"]["status"] = Value::Null;
    body["event"] = json!("campaign.read");
    assert_eq!(report(&installation, &panel, &body).await, 200);
    let message = installation.comes_to(&leads[1].id, "delivered").await;
    let shown = installation.command("messages", &[&message.id]).await;
    assert!(shown.stdout.contains("report um novo estado"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_text_that_ligue_lead_folded_settles_its_request() {
    let rules = "  - { id: welcome, on: lead.created, sms: \"Olá {{ lead.FirstName | first_name }}, recebemos o seu contato! 🎉\" }\n";
    let mut setup = Setup::new(rules).liguelead_faults(&["lose-answer@first=1@/sms"]);
    setup = setup.variable("RECADO_PANEL_SECRET", PANEL_SECRET);
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    let mut body = lead.created();
    body["FirstName"] = json!("JOÃO");
    installation.take(&body).await;
    installation.comes_to(&lead.id, "unknown").await;
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let base = campaign.webhook_url.unwrap().split_once('?').unwrap().0.to_owned();
    let panel = format!("{base}?secret={PANEL_SECRET}");
    let mut body = lead.callback(&campaign.id, "delivered", "2026-11-20T12:00:00.000Z");
    body["campaign"]["message"] = json!("Ola Jose recebemos o seu contato");
    assert_eq!(report(&installation, &panel, &body).await, 200);
    assert_eq!(installation.messages().await.in_state("unknown"), 1, "it is about another text");
    body["campaign"]["message"] = json!("Ola Joao recebemos o seu contato");
    body["occurred_at"] = json!("2026-11-20T12:00:01.000Z");
    assert_eq!(report(&installation, &panel, &body).await, 200);
    installation.comes_to(&lead.id, "delivered").await;
}
