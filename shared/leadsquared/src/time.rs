//! LeadSquared's three ways of writing a time, all UTC unless they name an offset.
//! Source: LeadSquared API overview page (first form), and bodies seen (the other two, and offsets).

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};

/// Formats beyond the ISO-like one: `8/8/2026 5:52:30 AM` is month/day, in notes and `ActivityFields`.
const FORMATS: [&str; 1] = ["%m/%d/%Y %I:%M:%S %p"];

/// The first and the last millisecond with a year of four digits.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_207_199_999;

/// Parses a LeadSquared time to milliseconds since 1970, as UTC: `2026-08-08 05:52:30`, the same with `.000`, or
/// `8/8/2026 5:52:30 AM`. The first form may end in an offset, as in `+05:30`, which then counts. `None` for anything
/// else; day and month are never guessed.
#[must_use]
pub fn parse_time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(at) = with_offset(text) {
        return Some(at.as_millisecond());
    }
    let at = iso(text).or_else(|| FORMATS.iter().find_map(|format| written(format, text)))?;
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_millisecond())
}

/// The time (ms since 1970) in the form that LeadSquared takes: `yyyy-MM-dd HH:mm:ss`, UTC, its fraction cut off. A
/// time outside of the years 0 to 9999 becomes the nearest one inside.
#[must_use]
pub fn format_time(ms: i64) -> String {
    let inside = ms.clamp(FIRST_MS, LAST_MS);
    Timestamp::from_millisecond(inside).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same, but a fraction of a second is rounded up.
pub(crate) fn format_time_after(ms: i64) -> String {
    format_time(ms.saturating_add(999))
}

/// `yyyy-MM-dd HH:mm:ss+05:30`.
fn with_offset(text: &str) -> Option<Timestamp> {
    let (time, _) = text.rsplit_once(['+', '-'])?;
    // The dash of a date does not count.
    if time.contains(':') { text.parse().ok() } else { None }
}

/// `yyyy-MM-dd HH:mm:ss[.fff]`, also with `T` and `Z`, which bodies composed by customers may hold. A date alone is
/// no time.
fn iso(text: &str) -> Option<DateTime> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let plain = text.len() >= "yyyy-MM-dd HH:mm".len()
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b' ' | b'T'));
    // An offset, as in `-03:00`, would be a third dash.
    (plain && text.bytes().filter(|byte| *byte == b'-').count() == 2).then(|| text.parse().ok())?
}

fn written(format: &str, text: &str) -> Option<DateTime> {
    strtime::parse(format, text).ok()?.to_datetime().ok()
}

#[cfg(test)]
mod tests {
    use super::{format_time, format_time_after, parse_time_ms};

    const SEEN_MS: i64 = 1_786_168_350_000;

    #[test]
    fn the_three_documented_forms_are_one_instant() {
        for text in ["2026-08-08 05:52:30", "2026-08-08 05:52:30.000", "8/8/2026 5:52:30 AM", " 2026-08-08T05:52:30Z "]
        {
            assert_eq!(parse_time_ms(text), Some(SEEN_MS), "{text}");
        }
        assert_eq!(parse_time_ms("2026-08-08 05:52:30.250"), Some(SEEN_MS + 250));
    }

    #[test]
    fn an_offset_counts() {
        for text in ["2026-08-08 02:52:30-03:00", "2026-08-08T11:22:30+05:30", "2026-08-08T05:52:30.000+00:00"] {
            assert_eq!(parse_time_ms(text), Some(SEEN_MS), "{text}");
        }
        assert_eq!(parse_time_ms("2026-08-08 02:52:30-99:00"), None);
    }

    #[test]
    fn the_american_form_is_month_first() {
        assert_eq!(parse_time_ms("12/31/2026 12:00:00 AM"), parse_time_ms("2026-12-31 00:00:00"));
        assert_eq!(parse_time_ms("1/2/2026 12:05:09 PM"), parse_time_ms("2026-01-02 12:05:09"));
        assert_eq!(parse_time_ms("31/12/2026 5:52:30 AM"), None);
    }

    #[test]
    fn times_are_written_in_whole_seconds() {
        assert_eq!(format_time(SEEN_MS + 999), "2026-08-08 05:52:30");
        assert_eq!(format_time_after(SEEN_MS), "2026-08-08 05:52:30");
        assert_eq!(format_time_after(SEEN_MS + 1), "2026-08-08 05:52:31");
        assert_eq!(format_time(i64::MIN), "0000-01-01 00:00:00");
        assert_eq!(format_time_after(i64::MAX), "9999-12-30 21:59:59");
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in ["", "2026-08-08", "now", "2026-13-08 05:52:30", "1786168350", "2026-08-08-03:00"] {
            assert_eq!(parse_time_ms(text), None, "{text}");
        }
    }
}
