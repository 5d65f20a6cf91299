use proptest::prelude::*;

use super::*;
use crate::{config::Config, hours::Hours};

fn hours(line: &str) -> SendingHours {
    let text = format!("version: 1\nleadsquared: {{ plan: pro }}\nhours: {line}\nrules: []\n");
    Config::parse(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).config.hours
}

fn ms(utc: &str) -> i64 {
    utc.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Whether and until when a voice call to `zone` may be dialled at a UTC time of Monday, 23 November 2026.
fn at(line: &str, zone: &str, utc: &str) -> Dial {
    dial(&hours(line), &Zone::parse(zone).unwrap(), ms(&format!("2026-11-23T{utc}Z")))
}

fn now_until(utc: &str) -> Dial {
    Dial::Now { redial_until_ms: Some(ms(utc)) }
}

const SP: &str = "America/Sao_Paulo";
const ACRE: &str = "America/Rio_Branco";

#[test]
fn ligueleads_own_day_is_from_eight_until_twelve_minutes_before_its_last_minute() {
    // São Paulo is three hours behind UTC. 21:44 there is 00:44 UTC of the next day.
    assert_eq!(at("{}", SP, "10:59:59"), Dial::NotBefore(ms("2026-11-23T11:00:00Z")));
    assert_eq!(at("{}", SP, "11:00:00"), now_until("2026-11-24T00:44:00Z"));
    let night = |time| dial(&hours("{}"), &Zone::parse(SP).unwrap(), ms(&format!("2026-11-24T{time}Z")));
    assert_eq!(night("00:32:00"), now_until("2026-11-24T00:44:00Z"));
    assert_eq!(night("00:32:01"), Dial::NotBefore(ms("2026-11-24T11:00:00Z")));
    assert_eq!(night("00:44:30"), Dial::NotBefore(ms("2026-11-24T11:00:00Z")));
}

#[test]
fn redials_end_with_the_recipients_own_hours() {
    let office = "{ voice: \"09:00-18:00 mon-fri\" }";
    assert_eq!(at(office, SP, "15:00:00"), now_until("2026-11-23T20:59:00Z"));
    assert_eq!(retry_end_time(ms("2026-11-23T20:59:00Z")), "17:59");
    // Acre is two hours behind São Paulo: it closes at 20:00 there.
    assert_eq!(at(office, ACRE, "15:00:00"), now_until("2026-11-23T22:59:00Z"));
    assert_eq!(retry_end_time(ms("2026-11-23T22:59:00Z")), "19:59");
    assert_eq!(at(office, SP, "20:47:00"), now_until("2026-11-23T20:59:00Z"));
    assert_eq!(at(office, SP, "20:47:01"), Dial::NotBefore(ms("2026-11-24T12:00:00Z")));
    // On Friday evening the next opening is Monday's.
    let friday = dial(&hours(office), &Zone::parse(SP).unwrap(), ms("2026-11-27T22:00:00Z"));
    assert_eq!(friday, Dial::NotBefore(ms("2026-11-30T12:00:00Z")));
}

#[test]
fn a_range_too_short_for_redials_is_passed_over() {
    let short = "{ voice: \"09:00-09:10 daily, 15:00-16:00 daily\" }";
    assert_eq!(at(short, SP, "12:00:00"), Dial::NotBefore(ms("2026-11-23T18:00:00Z")));
    // Ranges that meet are one.
    let joined = "{ voice: \"09:00-12:00 daily, 12:00-16:00 daily\" }";
    assert_eq!(at(joined, SP, "14:59:00"), now_until("2026-11-23T18:59:00Z"));
}

#[test]
fn hours_that_never_close_need_no_end_and_a_time_of_day_stays_on_its_day() {
    let always = "{ dialling: always, voice: always }";
    assert_eq!(at(always, SP, "05:00:00"), Dial::Now { redial_until_ms: None });
    // 22:00 in Acre is midnight in São Paulo, and LigueLead's clock is São Paulo's.
    let late = "{ dialling: always, voice: \"20:00-23:00 daily\" }";
    let dialled = dial(&hours(late), &Zone::parse(ACRE).unwrap(), ms("2026-11-24T01:30:00Z"));
    assert_eq!(dialled, now_until("2026-11-24T02:59:00Z"));
    assert_eq!(retry_end_time(ms("2026-11-24T02:59:00Z")), "23:59");
}

#[test]
fn redials_take_their_intervals_and_two_minutes_for_each_dial() {
    assert_eq!(redials_take_ms(1, 15), 19 * MINUTE_MS);
    assert_eq!(redials_take_ms(3, 180), 548 * MINUTE_MS);
}

#[test]
fn hours_without_any_call_are_found() {
    let with = |voice: &str| SendingHours { voice: Hours::parse(voice).unwrap(), ..hours("{}") };
    assert!(!ever(&with("22:00-23:30 daily")));
    assert!(!ever(&with("09:00-09:12 daily")));
    assert!(ever(&with("09:00-09:13 daily")));
    assert!(ever(&with("19:00-20:00 sun")));
}

proptest! {
    /// For any hours and any instant: a voice call that may be dialled is inside both hours, and so is the end of its
    /// redials. That end is far enough ahead and on the same day. A voice call that may not be dialled gets a later
    /// instant at which it may.
    #[test]
    fn a_call_is_inside_of_both_hours_to_the_last_redial(
        minute in 0_i64..60 * 24 * 14,
        start in 0_u32..23,
        length in 1_u32..20,
        area in 0_usize..3,
    ) {
        let end = (start + length).min(24);
        let voice = Hours::parse(&format!("{start:02}:00-{end:02}:00 mon-sat")).unwrap();
        let hours = SendingHours { voice, ..hours("{}") };
        prop_assume!(ever(&hours));
        let zone = Zone::parse(ZONES[area]).unwrap();
        let vendor = Zone::default();
        let now_ms = CHECKED_FROM_MS + minute * MINUTE_MS + 30_000;
        match dial(&hours, &zone, now_ms) {
            Dial::Now { redial_until_ms } => {
                let until_ms = redial_until_ms.unwrap();
                for at_ms in [now_ms, until_ms] {
                    prop_assert!(hours.voice.is_open(at_ms, &zone) && hours.dialling.is_open(at_ms, &vendor));
                }
                prop_assert!(until_ms - now_ms >= LET_THROUGH_MS);
                let day = |ms| Timestamp::from_millisecond(ms).unwrap().to_zoned(vendor.time_zone().clone()).date();
                prop_assert_eq!(day(now_ms), day(until_ms));
                let text = retry_end_time(until_ms);
                prop_assert!(("08:00"..="21:44").contains(&text.as_str()), "{}", text);
            }
            Dial::NotBefore(at_ms) => {
                prop_assert!(at_ms > now_ms);
                if next(&hours, &zone, now_ms).is_ok() {
                    let later = dial(&hours, &zone, at_ms);
                    prop_assert!(matches!(later, Dial::Now { .. }), "{later:?}");
                }
            }
        }
    }
}
