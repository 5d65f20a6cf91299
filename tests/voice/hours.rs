//! LigueLead's own day, on the real clock.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::{CALL, Files, add, mp3};
use crate::support::{Installation, Lead, Setup};

/// Minutes since midnight in São Paulo.
fn minute() -> i32 {
    let now = Timestamp::now().to_zoned(TimeZone::get("America/Sao_Paulo").unwrap());
    i32::from(now.hour()) * 60 + i32::from(now.minute())
}

/// By day the voice call goes out at once and its redials end at 21:44. By night, and in the last minutes of the day,
/// it waits until 08:00. The hour of a run decides which case it tests; `shared/core` tests both in virtual time.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_by_day_and_waits_by_night() {
    const OPENS: i32 = 8 * 60;
    const LAST_START: i32 = 21 * 60 + 32;
    // Away from the boundaries, so that the test does not cross one.
    while [OPENS, LAST_START].iter().any(|edge| (edge - 2..=edge + 1).contains(&minute())) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let installation = Installation::start(Setup::new(CALL)).await;
    add(&installation, &Files::new().write("call.mp3", &mp3(5, 1))).await.json();
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    if (OPENS..LAST_START).contains(&minute()) {
        installation.comes_to(&lead.id, "answered").await;
        let redials = installation.liguelead.received().campaigns[0].redials.clone().unwrap();
        assert_eq!(redials.end_time.as_deref(), Some("21:44"));
    } else {
        let held = installation.comes_to(&lead.id, "held").await;
        let now = Timestamp::now().to_zoned(TimeZone::get("America/Sao_Paulo").unwrap());
        let date = if now.hour() < 8 { now.date() } else { now.date().checked_add(1.day()).unwrap() };
        let opens = date.at(8, 0, 0, 0).to_zoned(now.time_zone().clone()).unwrap();
        assert_eq!(held.due_ms, Some(opens.timestamp().as_millisecond()));
        assert!(installation.liguelead.received().campaigns.is_empty());
    }
}
