//! Dates as LeadSquared writes them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::error::Refusal;
use crate::zone::Zone;

/// The longest strftime format, in characters.
const MAX_FORMAT_CHARS: usize = 100;

/// Formats a date-time of LeadSquared's API (`2026-08-08 05:52:30`, with or without a fraction, always UTC) on the
/// zone's clock. A date without a time is formatted as it stands: it has no zone to come from.
///
/// `8/8/2026 5:52:30 AM`, the form inside notes, is refused: day and month cannot be told apart.
pub(super) fn format(text: &str, format: &str, zone: &Zone) -> Result<String, Refusal> {
    const NOT_A_DATE: Refusal = Refusal::Unfit("the value is not a date such as 2026-08-08 05:52:30");
    const BAD_FORMAT: Refusal = Refusal::Unfit("the format is not one such as \"%d/%m/%Y\"");
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if format.chars().count() > MAX_FORMAT_CHARS {
        return Err(BAD_FORMAT);
    }
    let zoned = if text.len() == "2026-08-08".len() {
        let date: Date = text.parse().map_err(|_| NOT_A_DATE)?;
        date.to_zoned(TimeZone::UTC)
    } else {
        let moment: DateTime = text.parse().map_err(|_| NOT_A_DATE)?;
        moment.to_zoned(TimeZone::UTC).map(|utc| utc.with_time_zone(zone.time_zone().clone()))
    };
    let zoned = zoned.map_err(|_| NOT_A_DATE)?;
    jiff::fmt::strtime::format(format, &zoned).map_err(|_| BAD_FORMAT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Result<String, Refusal> {
        format(text, "%d/%m/%Y %H:%M", &Zone::default())
    }

    #[test]
    fn utc_becomes_the_tenants_clock() {
        for text in ["2026-08-08 01:52:30", "2026-08-08 01:52:30.000", "2026-08-08T01:52:30Z"] {
            assert_eq!(day(text).as_deref(), Ok("07/08/2026 22:52"), "{text}");
        }
        assert_eq!(day("1990-05-01").as_deref(), Ok("01/05/1990 00:00"));
    }

    #[test]
    fn what_could_be_two_dates_is_none() {
        for text in ["8/8/2026 5:52:30 AM", "08/08/2026", "", "amanhã", "2026-13-01 00:00:00"] {
            assert!(day(text).is_err(), "{text}");
        }
        assert!(format("2026-08-08", "%", &Zone::default()).is_err());
        assert!(format("2026-08-08", &"%d".repeat(60), &Zone::default()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_and_no_format_panics(text in "\\PC{0,30}", pattern in "[%a-zA-Z0-9:._-]{0,20}") {
            let _ = day(&text);
            let _ = format("2026-08-08 05:52:30", &pattern, &Zone::default());
        }
    }
}
