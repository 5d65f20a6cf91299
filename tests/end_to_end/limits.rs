//! The daily quotas, and the hours.

use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, wait_until};

/// The present time in a zone.
fn now_in(zone: &str) -> Zoned {
    Timestamp::now().to_zoned(TimeZone::get(zone).unwrap())
}

/// A zone in which the day does not end during this test.
fn zone_of_a_long_day() -> &'static str {
    if now_in("America/Sao_Paulo").hour() == 23 { "Asia/Tokyo" } else { "America/Sao_Paulo" }
}

fn tomorrow_ms(zone: &str) -> i64 {
    let now = now_in(zone);
    let tomorrow = now.date().checked_add(1.day()).unwrap();
    tomorrow.to_zoned(now.time_zone().clone()).unwrap().timestamp().as_millisecond()
}

async fn runs_out(quotas: &str, limit: usize, others_left: u64) {
    let zone = zone_of_a_long_day();
    let mut setup = Setup::new(WELCOME).and(&format!("quotas: {quotas}\n"));
    setup.config = setup.config.replace("timezone: America/Sao_Paulo", &format!("timezone: {zone}"));
    let installation = Installation::start(setup).await;
    let leads: Vec<Lead> = (1..=5).map(Lead::new).collect();
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    let report = wait_until("three are delivered and two are held", async || {
        let report = installation.messages().await;
        (report.in_state("delivered") == 3 && report.in_state("held") == 2).then_some(report)
    })
    .await;
    for message in report.messages.iter().filter(|message| message.state == "held") {
        assert!(message.why.as_ref().is_some_and(|why| why.contains("quota")), "{message:?}");
        assert_eq!(message.due_ms, Some(tomorrow_ms(zone)));
    }
    let received = installation.liguelead.received();
    assert_eq!(received.messages().len(), 3);
    assert_eq!(received.calls.iter().filter(|call| call.path.ends_with("/sms")).count(), 1);
    let usage = installation.usage().await;
    assert_eq!(usage["limits"][limit]["left"], 0, "{usage}");
    assert_eq!(usage["limits"][0]["used"], 3, "{usage}");
    assert_eq!(usage["limits"][1 - limit]["left"].as_u64(), (others_left > 0).then_some(others_left), "{usage}");
    assert_eq!(usage["until_ms"].as_i64(), Some(tomorrow_ms(zone)));
    // A message that comes when nothing is left waits like the others.
    let late = Lead::new(6);
    installation.take(&late.created()).await;
    let message = installation.comes_to(&late.id, "held").await;
    assert!(message.why.is_some_and(|why| why.contains("quota")));
    assert_eq!(installation.liguelead.received().messages().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_days_quota_of_messages_is_spent_the_rest_is_held_until_tomorrow() {
    runs_out("{ messages_per_day: 3 }", 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_days_quota_of_credits_is_spent_the_rest_is_held_until_tomorrow() {
    runs_out("{ messages_per_day: 50, credits_per_day: 3 }", 1, 47).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_hour_holds_a_message_until_it_opens_on_the_recipients_clock() {
    // Hours that are far from now in São Paulo, and in Acre, where it is two hours earlier.
    let now = now_in("America/Sao_Paulo");
    let (range, opens_at, days) = if now.hour() < 12 { ("20:00-21:00", 20, 0) } else { ("06:00-07:00", 6, 1) };
    let opens = now.date().checked_add(days.days()).unwrap().at(opens_at, 0, 0, 0);
    let opens_ms = opens.to_zoned(now.time_zone().clone()).unwrap().timestamp().as_millisecond();

    let setup = Setup::new(WELCOME).and(&format!("hours: {{ sms: \"{range} daily\", spread: 0s }}\n"));
    let installation = Installation::start(setup).await;
    let (here, acre) = (Lead::new(1), Lead::in_area(68, 2));
    for (lead, opens_ms) in [(&here, opens_ms), (&acre, opens_ms + 2 * 3_600_000)] {
        installation.take(&lead.created()).await;
        let message = installation.comes_to(&lead.id, "held").await;
        assert!(message.why.as_ref().is_some_and(|why| why.contains("outside the hours")), "{message:?}");
        assert_eq!(message.due_ms, Some(opens_ms), "{message:?}");
    }
    assert!(installation.liguelead.received().campaigns.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_expiry_comes_before_its_hour_is_held_no_longer_than_that() {
    let now = now_in("America/Sao_Paulo");
    let range = if now.hour() < 12 { "20:00-21:00" } else { "06:00-07:00" };
    let rules = "  - { id: short, on: lead.created, sms: \"Só hoje.\", expires: 1m }\n";
    let setup = Setup::new(rules).and(&format!("hours: {{ sms: \"{range} daily\" }}\n"));
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    let message = installation.comes_to(&lead.id, "held").await;
    let expires_ms = message.due_ms.unwrap();
    let wait_ms = expires_ms - Timestamp::now().as_millisecond();
    assert!((40_000..=60_000).contains(&wait_ms), "it is looked at when it expires: {wait_ms} ms");
}
