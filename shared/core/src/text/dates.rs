//! Days and instants as LeadSquared, its automations and programs write them.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    fmt::strtime,
    tz::TimeZone,
};

use super::error::Refusal;
use crate::zone::Zone;

/// The longest strftime format, in characters.
const MAX_FORMAT_CHARS: usize = 100;
/// Characters of a day, `2026-08-08`.
const DAY_CHARS: usize = 10;
const NOT_A_DATE: Refusal = Refusal::Unfit("the value is not a date such as 2026-08-08 05:52:30");
const NO_TIME: Refusal = Refusal::Unfit("the value is a day, and has no time");
const BAD_FORMAT: Refusal = Refusal::Unfit("the format is not one such as \"%d/%m/%Y\"");

/// The meaning of midnight in a value that does not say it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Midnight {
    /// Midnight in UTC is how LeadSquared writes a day: its date fields come as `2026-11-30 00:00:00`.
    Day,
    /// The field is known to hold instants.
    Instant,
}

/// A day of the calendar, the same everywhere, or an instant.
#[derive(Debug)]
enum Moment {
    Day(Date),
    Instant(Zoned),
}

/// Formats a day unchanged, and an instant on the zone's clock. An instant is in UTC unless it has an offset.
///
/// `8/8/2026 5:52:30 AM`, the form inside notes, is refused: it is not known which number is the day and which the
/// month.
pub(super) fn format(text: &str, format: &str, zone: &Zone, midnight: Midnight) -> Result<String, Refusal> {
    if format.chars().count() > MAX_FORMAT_CHARS {
        return Err(BAD_FORMAT);
    }
    match Moment::parse(text.trim(), midnight).ok_or(NOT_A_DATE)? {
        Moment::Instant(instant) => {
            strtime::format(format, &instant.with_time_zone(zone.time_zone().clone())).map_err(|_| BAD_FORMAT)
        }
        Moment::Day(day) => strtime::format(format, day).map_err(|_| {
            let has_time = day.to_zoned(TimeZone::UTC).is_ok_and(|start| strtime::format(format, &start).is_ok());
            if has_time { NO_TIME } else { BAD_FORMAT }
        }),
    }
}

impl Moment {
    fn parse(text: &str, midnight: Midnight) -> Option<Self> {
        if text.chars().count() == DAY_CHARS {
            return text.parse().ok().map(Self::Day);
        }
        let (day, time) = text.split_at_checked(DAY_CHARS)?;
        let time = time.trim_start_matches(['T', 't']).trim_start();
        let (clock, offset) = match time.find(['+', '-', 'Z', 'z']) {
            Some(at) => time.split_at_checked(at)?,
            None => (time, ""),
        };
        let is_clock = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.');
        let clock = Some(clock.trim_end()).filter(|clock| clock.chars().all(is_clock))?;
        let moment: DateTime = format!("{day}T{clock}").parse().ok()?;
        let is_utc = ["", "Z", "z", "+00:00", "-00:00", "+0000", "+00"].contains(&offset);
        if is_utc && moment.time() == Time::midnight() && midnight == Midnight::Day {
            return Some(Self::Day(moment.date()));
        }
        let offset = if is_utc { "Z" } else { offset };
        let instant: Timestamp = format!("{moment}{offset}").parse().ok()?;
        Some(Self::Instant(instant.to_zoned(TimeZone::UTC)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_zone(text: &str, pattern: &str, zone: &str) -> Result<String, Refusal> {
        format(text, pattern, &Zone::parse(zone).unwrap(), Midnight::Day)
    }

    fn day(text: &str) -> Result<String, Refusal> {
        in_zone(text, "%d/%m/%Y", "America/Sao_Paulo")
    }

    fn moment(text: &str) -> Result<String, Refusal> {
        in_zone(text, "%d/%m/%Y %H:%M", "America/Sao_Paulo")
    }

    #[test]
    fn utc_becomes_the_tenants_clock() {
        for text in ["2026-08-08 01:52:30", "2026-08-08 01:52:30.000", "2026-08-08T01:52:30Z", "2026-08-08 01:52"] {
            assert_eq!(moment(text).as_deref(), Ok("07/08/2026 22:52"), "{text}");
        }
    }

    #[test]
    fn an_offset_counts() {
        for text in [
            "2026-07-15T09:30:00-03:00",
            "2026-07-15 09:30:00-03:00",
            "2026-07-15 09:30:00 -03:00",
            "2026-07-15T09:30:00.000-0300",
            "2026-07-15T09:30:00-03",
            "2026-07-15T12:30:00+00:00",
            "2026-07-15T14:30:00+02:00",
            "2026-07-15T12:30:00z",
        ] {
            assert_eq!(moment(text).as_deref(), Ok("15/07/2026 09:30"), "{text}");
        }
        assert_eq!(moment("2026-11-30T00:00:00-03:00").as_deref(), Ok("30/11/2026 00:00"));
    }

    #[test]
    fn a_day_is_the_same_everywhere_and_has_no_time() {
        for text in [
            "2026-11-30",
            "2026-11-30 00:00:00",
            "2026-11-30 00:00:00.000",
            "2026-11-30T00:00:00",
            "2026-11-30T00:00:00Z",
        ] {
            for zone in ["America/Sao_Paulo", "America/Rio_Branco", "UTC", "Asia/Tokyo"] {
                assert_eq!(in_zone(text, "%d/%m/%Y", zone).as_deref(), Ok("30/11/2026"), "{text}");
            }
            assert_eq!(moment(text), Err(NO_TIME), "{text}");
        }
        // In a field that is known to hold instants, one instant in 86,400 is at midnight.
        let zone = Zone::default();
        let known = format("2026-11-30 00:00:00", "%d/%m %H:%M", &zone, Midnight::Instant);
        assert_eq!(known.as_deref(), Ok("29/11 21:00"));
    }

    #[test]
    fn what_could_be_two_dates_is_none() {
        for text in [
            "8/8/2026 5:52:30 AM",
            "08/08/2026",
            "",
            "amanhã",
            "2026-13-01 00:00:00",
            "2026-02-30",
            "2026-07-15T09:30:00[America/Sao_Paulo]",
            "2026-07-15T09:30:00-99:00",
            "2026-07-15 -03:00",
            "2026-07-15 9h30",
        ] {
            assert_eq!(day(text), Err(NOT_A_DATE), "{text}");
        }
        assert_eq!(in_zone("2026-08-08", "%", "UTC"), Err(BAD_FORMAT));
        assert_eq!(in_zone("2026-08-08", &"%d".repeat(60), "UTC"), Err(BAD_FORMAT));
    }

    proptest! {
        #[test]
        fn no_text_and_no_format_panics(text in "\\PC{0,30}", pattern in "[%a-zA-Z0-9:._-]{0,20}") {
            let _ = moment(&text);
            let _ = in_zone("2026-08-08 05:52:30", &pattern, "UTC");
            let _ = in_zone("2026-08-08", &pattern, "UTC");
        }

        #[test]
        fn the_day_stays_and_an_offset_is_a_clock(
            month in 1_u8..=12, date in 1_u8..=28, hour in 0_u8..24, minute in 1_u8..60, offset in -12_i8..=12,
            fraction in prop::sample::select(vec!["", ".0", ".000", ".0000000"]), t in prop::sample::select(vec!["T", " "]),
        ) {
            let written = format!("2026-{month:02}-{date:02}");
            let shown = format!("{date:02}/{month:02}/2026");
            prop_assert_eq!(day(&format!("{written}{t}00:00:00{fraction}")).unwrap(), shown);
            let sign = if offset < 0 { '-' } else { '+' };
            let text = format!("{written}{t}{hour:02}:{minute:02}:00{fraction}{sign}{:02}:00", offset.abs());
            // On the clock of its own offset, it reads as written.
            let zone = format!("Etc/GMT{}{}", if offset < 0 { '+' } else { '-' }, offset.abs());
            let shown = format!("{date:02}/{month:02}/2026 {hour:02}:{minute:02}");
            prop_assert_eq!(in_zone(&text, "%d/%m/%Y %H:%M", &zone).unwrap(), shown);
        }
    }
}
