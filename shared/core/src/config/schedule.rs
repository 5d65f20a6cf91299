//! When a campaign starts: `cron(…)`, `rate(…)` or `at(…)`, as EventBridge writes them, on the installation's clock.

use jiff::{Timestamp, civil::DateTime};

use crate::call::CHECKED_FROM_MS;
use crate::zone::Zone;

/// How far ahead the next start is searched, in minutes: slightly more than four years, so that 29 February is found.
const MOST_MINUTES: u32 = 4 * 366 * 24 * 60;
const EXAMPLE: &str = "\"cron(0 13 1 * ? *)\", \"rate(1 day)\" or \"at(2026-11-27T09:00:00)\"";
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule, whose instants are whole minutes of the installation's clock. Source: EventBridge's page on schedule
/// types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Minutes, hours, days of the month, months, days of the week (1 is Sunday), years.
    Cron(Box<[Field; 6]>),
    /// Every so many minutes, counted from midnight of 1 January 1970 on the installation's clock.
    Rate(u32),
    /// Once.
    At(DateTime),
}

/// The values that a field allows; none allows all.
type Field = Option<Vec<u16>>;

/// A mistake, and what to write instead.
type Mistake = (String, String);

impl Schedule {
    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last start in `(after_ms, until_ms]`, in ms since the epoch, if there is one. At most one day is searched.
    #[must_use]
    pub fn last_start_ms(&self, after_ms: i64, until_ms: i64, zone: &Zone) -> Option<i64> {
        let last = until_ms.div_euclid(60_000);
        let first = (after_ms.div_euclid(60_000) + 1).max(last - 24 * 60);
        (first..=last).rev().map(|minute| minute * 60_000).find(|&at_ms| self.starts(at_ms, zone))
    }

    /// The first start after `after_ms`, in ms since the epoch; none within four years.
    #[must_use]
    pub fn next_start_ms(&self, after_ms: i64, zone: &Zone) -> Option<i64> {
        if let Kind::At(at) = &self.kind {
            let at_ms = at.to_zoned(zone.time_zone().clone()).ok()?.timestamp().as_millisecond();
            return (at_ms > after_ms).then_some(at_ms);
        }
        let first = after_ms.div_euclid(60_000) + 1;
        let minutes = first..first + i64::from(MOST_MINUTES);
        minutes.map(|minute| minute * 60_000).find(|&at_ms| self.starts(at_ms, zone))
    }

    /// Sample starts that cover all times of day and days of the week, in ms since the epoch. For a recurring schedule
    /// they come from one week; days of the month, months and years are ignored.
    pub(super) fn starts_in_a_week(&self, zone: &Zone) -> Vec<i64> {
        if let Kind::At(_) = &self.kind {
            return self.next_start_ms(0, zone).into_iter().collect();
        }
        let any_week = match &self.kind {
            Kind::Cron(fields) => {
                let [minute, hour, _, _, weekday, _] = (**fields).clone();
                Kind::Cron(Box::new([minute, hour, None, None, weekday, None]))
            }
            // A rate that does not divide a day starts at other times each day.
            Kind::Rate(minutes) => Kind::Rate(if 24 * 60 % minutes == 0 { *minutes } else { 1 }),
            Kind::At(at) => Kind::At(*at),
        };
        let schedule = Self { text: String::new(), kind: any_week };
        let first = CHECKED_FROM_MS / 60_000;
        let minutes = (first..first + 7 * 24 * 60).map(|minute| minute * 60_000);
        minutes.filter(|&at_ms| schedule.starts(at_ms, zone)).collect()
    }

    /// Whether the schedule starts in the minute that begins at `at_ms`.
    fn starts(&self, at_ms: i64, zone: &Zone) -> bool {
        let Ok(instant) = Timestamp::from_millisecond(at_ms) else { return false };
        let zoned = instant.to_zoned(zone.time_zone().clone());
        let local = zoned.datetime();
        // If the clock shows an hour twice, the schedule starts in the first of them only.
        let is_first = local.to_zoned(zone.time_zone().clone()).is_ok_and(|first| first.timestamp() == instant);
        is_first
            && match &self.kind {
                Kind::At(at) => local == *at,
                Kind::Rate(minutes) => {
                    let seconds = at_ms / 1_000 + i64::from(zoned.offset().seconds());
                    (seconds.div_euclid(60)).rem_euclid(i64::from(*minutes)) == 0
                }
                Kind::Cron(fields) => {
                    let [minute, hour, day, month, weekday, year] = &**fields;
                    let is = |field: &Field, value: i16| {
                        let wanted = |all: &Vec<u16>| u16::try_from(value).is_ok_and(|value| all.contains(&value));
                        field.as_ref().is_none_or(wanted)
                    };
                    is(minute, local.minute().into())
                        && is(hour, local.hour().into())
                        && is(day, local.day().into())
                        && is(month, local.month().into())
                        && is(weekday, local.weekday().to_sunday_one_offset().into())
                        && is(year, local.year())
                }
            }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Mistake> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::trim);
        let kind = match (inside("cron"), inside("rate"), inside("at")) {
            (Some(cron), ..) => Kind::Cron(Box::new(cron_fields(cron)?)),
            (_, Some(rate), _) => Kind::Rate(rate_minutes(rate)?),
            (.., Some(at)) => Kind::At(instant(at)?),
            _ => return Err(("a schedule is cron(…), rate(…) or at(…)".to_owned(), EXAMPLE.to_owned())),
        };
        let schedule = Self { text: text.to_owned(), kind };
        if let Kind::Cron(_) = schedule.kind
            && schedule.never_starts()
        {
            let suggestion = "a day that the month has";
            return Err(("the schedule never starts".to_owned(), suggestion.to_owned()));
        }
        Ok(schedule)
    }

    /// Whether no month has such a day, as with 30 February.
    fn never_starts(&self) -> bool {
        let Kind::Cron(fields) = &self.kind else { return false };
        let [_, _, days, months, ..] = &**fields;
        let (Some(days), Some(months)) = (days, months) else { return false };
        let longest = |month: &u16| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        !months.iter().any(|month| days.iter().any(|day| *day <= longest(month)))
    }
}

/// Six fields; either day-of-month or day-of-week is `?`.
fn cron_fields(text: &str) -> Result<[Field; 6], Mistake> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday, year] = parts.as_slice() else {
        let message = format!("the cron has {} fields instead of 6", parts.len());
        return Err((message, "\"cron(minute hour day month weekday year)\"".to_owned()));
    };
    if (*day == "?") == (*weekday == "?") {
        let message = "exactly one of the day of the month and the day of the week must be ?";
        return Err((message.to_owned(), "\"cron(0 13 1 * ? *)\" or \"cron(0 13 ? * MON *)\"".to_owned()));
    }
    Ok([
        field(minute, "minute", 0..=59, &[])?,
        field(hour, "hour", 0..=23, &[])?,
        field(day, "day of the month", 1..=31, &[])?,
        field(month, "month", 1..=12, &MONTHS)?,
        field(weekday, "day of the week", 1..=7, &WEEKDAYS)?,
        field(year, "year", 1970..=2199, &[])?,
    ])
}

/// One field: `*`, values, ranges, steps, lists of these, and names.
fn field(text: &str, what: &str, range: std::ops::RangeInclusive<u16>, names: &[&str]) -> Result<Field, Mistake> {
    if matches!(text, "*" | "?") {
        return Ok(None);
    }
    let (first, last) = (*range.start(), *range.end());
    let bad = || {
        let message = format!("\"{text}\" is not a valid {what}");
        (message, format!("*, or {first} to {last}, with , - and /"))
    };
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|place| u16::try_from(place + 1).ok());
        named.or_else(|| text.parse().ok()).filter(|value| range.contains(value))
    };
    let mut values = Vec::new();
    for part in text.split(',') {
        let (part, step) = match part.split_once('/') {
            Some((part, step)) => (part, Some(step.parse::<usize>().ok().filter(|step| *step > 0).ok_or_else(bad)?)),
            None => (part, None),
        };
        let (from, to) = match part.split_once('-') {
            Some((from, to)) => (value(from).ok_or_else(bad)?, value(to).ok_or_else(bad)?),
            None if part == "*" => (first, last),
            None => {
                let from = value(part).ok_or_else(bad)?;
                (from, if step.is_some() { last } else { from })
            }
        };
        if from > to {
            return Err(bad());
        }
        values.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    values.sort_unstable();
    values.dedup();
    Ok(Some(values))
}

/// A positive number and a unit, singular for one.
fn rate_minutes(text: &str) -> Result<u32, Mistake> {
    let bad = || {
        (format!("\"{text}\" is not a rate"), "a number and its unit: \"rate(1 day)\", \"rate(2 hours)\"".to_owned())
    };
    let (count, unit) = text.split_once(' ').ok_or_else(bad)?;
    let count: u32 = count.parse().ok().filter(|count| (1..=100_000).contains(count)).ok_or_else(bad)?;
    let minutes = match (count, unit.trim()) {
        (1, "minute") | (2.., "minutes") => 1,
        (1, "hour") | (2.., "hours") => 60,
        (1, "day") | (2.., "days") => 24 * 60,
        _ => return Err(bad()),
    };
    Ok(count * minutes)
}

fn instant(text: &str) -> Result<DateTime, Mistake> {
    let example = "\"at(2026-11-27T09:00:00)\", on the clock of `timezone`";
    let at: DateTime = text.parse().map_err(|_| (format!("\"{text}\" is not a date and time"), example.to_owned()))?;
    if at.second() != 0 || at.subsec_nanosecond() != 0 {
        return Err(("a campaign starts at a full minute".to_owned(), "\"at(2026-11-27T09:00:00)\"".to_owned()));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn next(schedule: &str, after: &str) -> Option<String> {
        let at_ms = Schedule::parse(schedule).unwrap().next_start_ms(ms(after), &Zone::default())?;
        Some(Timestamp::from_millisecond(at_ms).unwrap().to_string())
    }

    #[test]
    fn instants_are_on_the_tenants_clock() {
        // São Paulo is three hours behind UTC.
        for (schedule, after, expected) in [
            ("cron(0 13 1 * ? *)", "2026-11-22T12:00:00Z", Some("2026-12-01T16:00:00Z")),
            ("cron(0/20 9-10 ? * MON-FRI *)", "2026-11-20T13:21:00Z", Some("2026-11-20T13:40:00Z")),
            ("cron(0/20 9-10 ? * MON-FRI *)", "2026-11-20T13:40:00Z", Some("2026-11-23T12:00:00Z")),
            ("cron(30 8 ? * 2,4 2027)", "2026-11-20T13:40:00Z", Some("2027-01-04T11:30:00Z")),
            ("cron(0 0 29 2 ? *)", "2026-11-20T13:40:00Z", Some("2028-02-29T03:00:00Z")),
            ("rate(1 day)", "2026-11-22T12:00:00Z", Some("2026-11-23T03:00:00Z")),
            ("rate(2 hours)", "2026-11-22T12:00:00Z", Some("2026-11-22T13:00:00Z")),
            ("rate(15 minutes)", "2026-11-22T12:00:00Z", Some("2026-11-22T12:15:00Z")),
            ("at(2026-11-27T09:00:00)", "2026-11-22T12:00:00Z", Some("2026-11-27T12:00:00Z")),
            ("at(2026-11-27T09:00:00)", "2026-11-27T12:00:00Z", None),
            ("cron(0 13 1 * ? 2020)", "2026-11-27T12:00:00Z", None),
        ] {
            assert_eq!(next(schedule, after).as_deref(), expected, "{schedule} after {after}");
        }
    }

    #[test]
    fn the_last_start_of_a_period_is_found_and_its_beginning_is_not_in_it() {
        let schedule = Schedule::parse("cron(0/30 * * * ? *)").unwrap();
        let last = |after, until| schedule.last_start_ms(ms(after), ms(until), &Zone::default());
        assert_eq!(last("2026-11-22T12:00:00Z", "2026-11-22T12:29:59Z"), None);
        assert_eq!(last("2026-11-22T11:59:59Z", "2026-11-22T12:29:59Z"), Some(ms("2026-11-22T12:00:00Z")));
        assert_eq!(last("2026-11-22T12:00:00Z", "2026-11-22T13:10:00Z"), Some(ms("2026-11-22T13:00:00Z")));
    }

    #[test]
    fn an_hour_that_comes_twice_starts_once() {
        // New York's clock goes back from 02:00 to 01:00 on 1 November 2026.
        let zone = Zone::parse("America/New_York").unwrap();
        let schedule = Schedule::parse("cron(30 1 * * ? *)").unwrap();
        let first = schedule.next_start_ms(ms("2026-11-01T04:00:00Z"), &zone).unwrap();
        assert_eq!(first, ms("2026-11-01T05:30:00Z"));
        assert_eq!(schedule.next_start_ms(first, &zone), Some(ms("2026-11-02T06:30:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "0 13 1 * *",
            "cron(0 13 1 * *)",
            "cron(0 13 1 * * *)",
            "cron(0 13 ? * ? *)",
            "cron(60 13 1 * ? *)",
            "cron(0 13 L * ? *)",
            "cron(0 13 ? * FOO *)",
            "cron(0 13 30 2 ? *)",
            "cron(5-1 13 1 * ? *)",
            "cron(0/0 13 1 * ? *)",
            "rate(0 minutes)",
            "rate(1 days)",
            "rate(5)",
            "at(tomorrow)",
            "at(2026-11-27T09:00:30)",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
