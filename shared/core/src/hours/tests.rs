use proptest::prelude::*;

use super::*;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn next(hours: &str, now: &str, zone_name: &str) -> String {
    let at = Hours::parse(hours).unwrap().next_open_ms(ms(now), &zone(zone_name));
    Timestamp::from_millisecond(at).unwrap().to_string()
}

#[test]
fn a_range_opens_at_its_start_and_closes_at_its_end() {
    let hours = Hours::parse("08:00-20:00 mon-sat").unwrap();
    let zone = zone("America/Sao_Paulo");
    // 2026-08-08 is a Saturday; São Paulo is three hours behind UTC.
    for (now, open) in [
        ("2026-08-08T10:59:59.999Z", false),
        ("2026-08-08T11:00:00Z", true),
        ("2026-08-08T22:59:59.999Z", true),
        ("2026-08-08T23:00:00Z", false),
        ("2026-08-09T15:00:00Z", false),
    ] {
        assert_eq!(hours.is_open(ms(now), &zone), open, "{now}");
    }
}

#[test]
fn the_same_instant_is_open_in_one_zone_and_closed_in_another() {
    let hours = Hours::parse("08:00-20:00 daily").unwrap();
    let now = ms("2026-08-08T11:30:00Z");
    assert!(hours.is_open(now, &zone("America/Sao_Paulo")));
    assert!(!hours.is_open(now, &zone("America/Manaus")));
    assert!(!hours.is_open(now, &zone("America/Rio_Branco")));
}

#[test]
fn the_next_opening_is_now_later_today_or_after_the_weekend() {
    let hours = "08:00-12:00 mon-fri, 14:00-18:00 mon-fri";
    let zone = "America/Sao_Paulo";
    assert_eq!(next(hours, "2026-08-07T14:00:00.123Z", zone), "2026-08-07T14:00:00.123Z");
    assert_eq!(next(hours, "2026-08-07T16:00:00Z", zone), "2026-08-07T17:00:00Z");
    assert_eq!(next(hours, "2026-08-07T21:00:00Z", zone), "2026-08-10T11:00:00Z");
    assert_eq!(next("10:00-11:00 sun", "2026-08-09T14:00:00Z", zone), "2026-08-16T13:00:00Z");
}

#[test]
fn holidays_are_closed_on_the_recipients_date() {
    let hours = Hours::parse("08:00-20:00 daily").unwrap().but_holidays();
    let sao_paulo = zone("America/Sao_Paulo");
    // Christmas Eve ends at 20:00, and Boxing Day begins at 08:00.
    let next_ms = hours.next_open_ms(ms("2026-12-24T23:30:00Z"), &sao_paulo);
    assert_eq!(next_ms, ms("2026-12-26T11:00:00Z"));
    // At 03:30 UTC it is still the 24th in Manaus.
    let always = Hours::ALWAYS.but_holidays();
    assert!(!always.is_open(ms("2026-12-25T03:30:00Z"), &sao_paulo));
    assert!(always.is_open(ms("2026-12-25T03:30:00Z"), &zone("America/Manaus")));
    assert_eq!(always.next_close_ms(ms("2026-12-24T12:00:00Z"), &sao_paulo), Some(ms("2026-12-25T03:00:00Z")));
    // Christmas and New Year's Day 2026 are both Fridays.
    let fridays = Hours::parse("09:00-10:00 fri").unwrap().but_holidays();
    assert_eq!(fridays.next_open_ms(ms("2026-12-19T12:00:00Z"), &sao_paulo), ms("2027-01-08T12:00:00Z"));
}

#[test]
fn two_hours_together_are_open_when_both_are() {
    let of = |text: &str| Hours::parse(text).unwrap();
    let both = of("08:00-20:00 mon-sat").and(&of("18:00-22:00 fri-sun, 06:00-09:00 mon")).unwrap();
    assert_eq!(both, of("18:00-20:00 fri-sat, 08:00-09:00 mon"));
    assert_eq!(of("08:00-20:00 mon").and(&Hours::ALWAYS), Some(of("08:00-20:00 mon")));
    assert_eq!(of("08:00-20:00 mon").and(&of("20:00-22:00 mon")), None);
    assert_eq!(of("08:00-20:00 mon").and(&of("08:00-20:00 tue")), None);
}

#[test]
fn a_clock_put_forward_over_the_start_opens_at_the_jump() {
    // São Paulo, 2018-11-04: midnight became 01:00. The range starts at 00:30, and the clock first shows a later time
    // at the jump.
    assert_eq!(next("00:30-02:00 sun", "2018-11-04T02:00:00Z", "America/Sao_Paulo"), "2018-11-04T03:00:00Z");
    // A range that the jump swallows whole waits for the next week.
    assert_eq!(next("00:10-00:50 sun", "2018-11-04T02:00:00Z", "America/Sao_Paulo"), "2018-11-11T02:10:00Z");
}

#[test]
fn a_clock_put_back_keeps_to_what_it_shows() {
    // New York, 2026-11-01: 02:00 EDT became 01:00 EST, so the clock shows 01:00 to 02:00 twice.
    let hours = Hours::parse("01:30-04:00 daily").unwrap();
    let zone = zone("America/New_York");
    assert!(hours.is_open(ms("2026-11-01T05:45:00Z"), &zone));
    assert!(!hours.is_open(ms("2026-11-01T06:15:00Z"), &zone));
    assert_eq!(hours.next_open_ms(ms("2026-11-01T06:15:00Z"), &zone), ms("2026-11-01T06:30:00Z"));
}

#[test]
fn days_are_read_in_every_spelling() {
    let same = |a: &str, b: &str| assert_eq!(Hours::parse(a).unwrap(), Hours::parse(b).unwrap(), "{a}");
    same("08:00-20:00", "08:00-20:00 daily");
    same("8:00-20:00 MON-Sun", "08:00-20:00 daily");
    same("08:00-20:00 mon,wed", "08:00-20:00 mon wed");
    same("08:00-20:00 mon, wed; 09:00-13:00 sat", "08:00-20:00 mon wed, 09:00-13:00 sat");
    same("08:00-20:00 sat-mon", "08:00-20:00 sat sun mon");
    same("08:00-20:00 weekdays", "08:00-20:00 monday-friday");
    same("08:00-20:00 weekends", "08:00-20:00 sat,sun");
    assert_eq!(Hours::parse("always").unwrap(), Hours::ALWAYS);
}

#[test]
fn a_day_can_end_at_midnight() {
    let hours = Hours::parse("20:00-24:00 fri").unwrap();
    let zone = zone("America/Sao_Paulo");
    assert!(hours.is_open(ms("2026-08-08T02:59:59Z"), &zone));
    assert!(!hours.is_open(ms("2026-08-08T03:00:00Z"), &zone));
}

#[test]
fn each_mistake_has_its_error_and_a_hint() {
    let table = [
        ("", HoursError::Empty),
        ("mon-sat", HoursError::BadRange("mon-sat".into())),
        ("mon-sat 08:00-20:00", HoursError::BadRange("mon-sat 08:00-20:00".into())),
        ("8h-20h", HoursError::BadTime("8h".into())),
        ("08:00-24:01", HoursError::BadTime("24:01".into())),
        ("08:60-20:00", HoursError::BadTime("08:60".into())),
        ("08:00-+9:00", HoursError::BadTime("+9:00".into())),
        ("08:00 20:00", HoursError::BadRange("08:00 20:00".into())),
        ("08:00-20:00 seg-sex", HoursError::BadDay("seg".into())),
        ("22:00-06:00 daily", HoursError::OverMidnight("22:00-06:00".into())),
        ("08:00-08:00 daily", HoursError::Nothing("08:00-08:00".into())),
        ("08:00-12:00, 14:00-18:00 mon", HoursError::DaysMissing("08:00-12:00".into())),
    ];
    for (text, error) in table {
        assert!(!error.hint().is_empty());
        assert_eq!(Hours::parse(text), Err(error), "{text}");
    }
    assert_eq!(
        HoursError::OverMidnight("22:00-06:00".into()).hint(),
        "\"22:00-24:00 fri, 00:00-06:00 sat\", two ranges with their own days"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,40}", like in "[0-9:,; a-z-]{0,40}") {
        for text in [text, like] {
            if let Err(error) = Hours::parse(&text) {
                prop_assert!(!error.hint().is_empty());
            }
        }
    }

    #[test]
    fn the_next_opening_is_open_and_nothing_opens_before_it(
        now_s in 1_500_000_000_i64..1_900_000_000,
        start in 0_u16..1_439,
        length in 1_u16..600,
        days in 1_u8..128,
        but_holidays in any::<bool>(),
        zone_name in prop::sample::select(vec!["America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    ) {
        let range = Range { start, end: (start + length).min(MINUTES_PER_DAY), days: Days(days) };
        let hours = Hours(Kind::Ranges(Ranges { of_the_week: vec![range], but_holidays }));
        let zone = zone(zone_name);
        let now_ms = now_s * 1_000;
        let next_ms = hours.next_open_ms(now_ms, &zone);
        prop_assert!(next_ms >= now_ms);
        prop_assert!(hours.is_open(next_ms, &zone));
        // Every minute between is closed; transitions and starts fall on whole minutes.
        let mut at_ms = now_ms;
        while at_ms < next_ms {
            prop_assert!(!hours.is_open(at_ms, &zone));
            at_ms += 60_000 * 7;
        }
        if next_ms > now_ms {
            prop_assert!(!hours.is_open(next_ms - 1, &zone));
        }
    }

    #[test]
    fn the_next_closing_is_the_first_closed_minute(
        now_s in 1_700_000_000_i64..1_800_000_000,
        start in 0_u16..1_439,
        length in 1_u16..600,
        days in 1_u8..128,
        but_holidays in any::<bool>(),
        zone_name in prop::sample::select(vec!["America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    ) {
        let range = Range { start, end: (start + length).min(MINUTES_PER_DAY), days: Days(days) };
        let hours = Hours(Kind::Ranges(Ranges { of_the_week: vec![range], but_holidays }));
        let zone = zone(zone_name);
        let now_ms = now_s * 1_000;
        let Some(close_ms) = hours.next_close_ms(now_ms, &zone) else {
            return Err(TestCaseError::fail("a range under ten hours closes"));
        };
        prop_assert!(!hours.is_open(close_ms, &zone));
        let mut at_ms = now_ms;
        while at_ms < close_ms {
            prop_assert!(hours.is_open(at_ms, &zone));
            at_ms += 60_000 * 7;
        }
        if close_ms > now_ms {
            prop_assert!(hours.is_open(close_ms - 1, &zone));
        }
    }

    #[test]
    fn hours_round_the_clock_never_close(now_s in 1_700_000_000_i64..1_800_000_000) {
        let daily = Hours::parse("00:00-12:00 daily, 12:00-24:00 daily").unwrap();
        prop_assert_eq!(daily.next_close_ms(now_s * 1_000, &Zone::default()), None);
        prop_assert_eq!(Hours::ALWAYS.next_close_ms(now_s * 1_000, &Zone::default()), None);
    }

    #[test]
    fn no_instant_panics(now_ms in any::<i64>()) {
        let hours = Hours::parse("08:00-20:00 mon-sat").unwrap();
        let _ = hours.is_open(now_ms, &Zone::default());
        let _ = hours.next_close_ms(now_ms, &Zone::default());
        prop_assert!(hours.next_open_ms(now_ms, &Zone::default()) >= now_ms);
    }
}
