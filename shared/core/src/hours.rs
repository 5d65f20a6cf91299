//! The hours in which messages may start, on the recipient's own clock.
//!
//! `"08:00-20:00 mon-sat"` is a wall-clock rule: what counts is what the recipient's clock shows, so openness is
//! asked of the clock, and the next opening is searched among the instants at which the answer can change: the start
//! of each range and the zone's own transitions. That stays right when a clock is put forward over a start or back
//! over an end, whatever a government decides next.

mod parse;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

pub use parse::HoursError;

use crate::zone::Zone;

const MINUTES_PER_DAY: u16 = 24 * 60;
const MS_PER_DAY: i64 = 86_400_000;
/// How far to look for an opening. Any range recurs within a week; a second week covers one that a clock change
/// swallows whole.
const SEARCH_DAYS: i64 = 15;

/// Opening hours: at least one range, each on at least one day of the week, none over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Always,
    Ranges(Vec<Range>),
}

/// From `start` inclusive to `end` exclusive, in minutes of the day; `start < end <= 1440`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u16,
    end: u16,
    days: Days,
}

/// A set of week days, bit 0 Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(u8);

impl Days {
    const ALL: Self = Self(0b111_1111);

    fn has(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

impl Hours {
    /// Open at every instant.
    pub const ALWAYS: Self = Self(Kind::Always);

    /// Reads `"08:00-20:00 mon-sat"`.
    ///
    /// Several ranges are separated by `,` or `;` (`"08:00-12:00 mon-fri, 14:00-18:00 mon-fri; 09:00-13:00 sat"`).
    /// Days are `mon` to `sun`, spans of them (`fri-mon` too), lists (`mon,wed`), `daily`, `weekdays` or `weekends`;
    /// a single range without days is daily. `24:00` ends a day; `always` is [`Hours::ALWAYS`].
    pub fn parse(text: &str) -> Result<Self, HoursError> {
        parse::parse(text)
    }

    /// Whether messages may start at this instant (milliseconds since 1970, UTC) on the zone's clock.
    ///
    /// An instant outside the calendar (years beyond 9999) is closed, unless the hours are [`Hours::ALWAYS`].
    #[must_use]
    pub fn is_open(&self, now_ms: i64, zone: &Zone) -> bool {
        match &self.0 {
            Kind::Always => true,
            Kind::Ranges(ranges) => {
                Timestamp::from_millisecond(now_ms).is_ok_and(|now| open_at(ranges, now, zone.time_zone()))
            }
        }
    }

    /// The first instant from now on at which messages may start, in milliseconds since 1970; `now_ms` itself when
    /// they may at once.
    #[must_use]
    pub fn next_open_ms(&self, now_ms: i64, zone: &Zone) -> i64 {
        let Kind::Ranges(ranges) = &self.0 else {
            return now_ms;
        };
        if self.is_open(now_ms, zone) {
            return now_ms;
        }
        let zone = zone.time_zone();
        Timestamp::from_millisecond(now_ms)
            .ok()
            .and_then(|now| next_opening(ranges, now, zone))
            // Only at the very end of the calendar: look again tomorrow.
            .unwrap_or_else(|| now_ms.saturating_add(MS_PER_DAY))
    }

    /// The first instant from now on at which messages may no longer start, in milliseconds since 1970; `now_ms`
    /// itself when they may not now, and `None` when the hours never close.
    #[must_use]
    pub fn next_close_ms(&self, now_ms: i64, zone: &Zone) -> Option<i64> {
        let Kind::Ranges(ranges) = &self.0 else {
            return None;
        };
        if !self.is_open(now_ms, zone) {
            return Some(now_ms);
        }
        let now = Timestamp::from_millisecond(now_ms).ok()?;
        next_closing(ranges, now, zone.time_zone())
    }
}

fn open_at(ranges: &[Range], at: Timestamp, zone: &TimeZone) -> bool {
    let local = zone.to_datetime(at);
    let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
    ranges.iter().any(|range| range.days.has(local.weekday()) && (range.start..range.end).contains(&minute))
}

/// The earliest candidate after `now` at which the clock says open.
fn next_opening(ranges: &[Range], now: Timestamp, zone: &TimeZone) -> Option<i64> {
    let today = zone.to_datetime(now).date();
    let last = now.checked_add(Span::new().try_hours(SEARCH_DAYS * 24).ok()?).ok()?;
    let transitions = zone.following(now).map(|transition| transition.timestamp()).take_while(|at| *at <= last);
    (0..=SEARCH_DAYS)
        .filter_map(|offset| today.checked_add(offset.days()).ok())
        .flat_map(|date| ranges.iter().flat_map(move |range| starts(*range, date, zone)))
        .chain(transitions)
        .filter(|at| *at > now && open_at(ranges, *at, zone))
        .min()
        .map(Timestamp::as_millisecond)
}

/// The earliest candidate after `now` at which the clock says closed.
fn next_closing(ranges: &[Range], now: Timestamp, zone: &TimeZone) -> Option<i64> {
    let today = zone.to_datetime(now).date();
    let last = now.checked_add(Span::new().try_hours(SEARCH_DAYS * 24).ok()?).ok()?;
    let transitions = zone.following(now).map(|transition| transition.timestamp()).take_while(|at| *at <= last);
    (0..=SEARCH_DAYS)
        .filter_map(|offset| today.checked_add(offset.days()).ok())
        .flat_map(|date| ranges.iter().flat_map(move |range| ends(*range, date, zone)))
        .chain(transitions)
        .filter(|at| *at > now && !open_at(ranges, *at, zone))
        .min()
        .map(Timestamp::as_millisecond)
}

/// The instants at which a range that started on a date ends.
fn ends(range: Range, date: Date, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    let (date, minute) = match range.end {
        MINUTES_PER_DAY => (date.tomorrow().unwrap_or(date), 0),
        end => (date, end),
    };
    moments(minute, date, zone)
}

/// The instants at which a range starts on a date.
fn starts(range: Range, date: Date, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    moments(range.start, date, zone)
}

/// The instants at which the clock shows a minute of the day on a date: two where it does so twice.
fn moments(minute: u16, date: Date, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    let time = Time::midnight().saturating_add(i64::from(minute).minutes());
    let moment = zone.to_ambiguous_zoned(date.to_datetime(time));
    let earlier = moment.clone().earlier().ok();
    let later = moment.later().ok();
    earlier.into_iter().chain(later).map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
