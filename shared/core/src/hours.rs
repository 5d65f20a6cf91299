//! The hours in which messages may start, on the recipient's own clock.
//!
//! `"08:00-20:00 mon-sat"` is a wall-clock rule: what counts is what the recipient's clock shows. So the check reads
//! that clock. The search for the next opening tries only instants where the answer can change: the start of each range
//! and the zone's own transitions. That stays right when a clock is put forward over a start or back over an end,
//! whatever a government decides next.

mod parse;
mod sending;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

pub use parse::HoursError;
pub(crate) use parse::MAX_RANGES;
pub use sending::SendingHours;

use crate::{holidays::is_national_holiday, zone::Zone};

const MINUTES_PER_DAY: u16 = 24 * 60;
const MS_PER_DAY: i64 = 86_400_000;
/// How far to look for an opening. Any range recurs within a week. A second week covers a range that a clock change
/// swallows whole. Two more weeks cover two holidays: Christmas and New Year's Day fall on the same day of the week.
const SEARCH_DAYS: i64 = 29;

/// Opening hours: at least one range, each on at least one day of the week, none over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Always,
    Ranges(Ranges),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranges {
    of_the_week: Vec<Range>,
    /// Closed on Brazil's national holidays.
    but_holidays: bool,
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

    /// The same, closed on Brazil's national holidays as well, by the date on the recipient's clock.
    #[must_use]
    pub fn but_holidays(self) -> Self {
        Self(Kind::Ranges(Ranges { but_holidays: true, ..self.ranges() }))
    }

    /// Open when both are open; `None` if they never are.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        let (ours, theirs) = match (&self.0, &other.0) {
            (Kind::Always, _) => return Some(other.clone()),
            (_, Kind::Always) => return Some(self.clone()),
            (Kind::Ranges(ours), Kind::Ranges(theirs)) => (ours, theirs),
        };
        let pairs = ours.of_the_week.iter().flat_map(|one| theirs.of_the_week.iter().map(move |other| (one, other)));
        let of_the_week: Vec<Range> = pairs.filter_map(|(one, other)| one.and(*other)).collect();
        let but_holidays = ours.but_holidays || theirs.but_holidays;
        (!of_the_week.is_empty()).then_some(Self(Kind::Ranges(Ranges { of_the_week, but_holidays })))
    }

    fn ranges(self) -> Ranges {
        match self.0 {
            Kind::Ranges(ranges) => ranges,
            Kind::Always => {
                let whole_day = Range { start: 0, end: MINUTES_PER_DAY, days: Days::ALL };
                Ranges { of_the_week: vec![whole_day], but_holidays: false }
            }
        }
    }

    /// Whether messages may start at this instant (milliseconds since 1970, UTC) on the zone's clock.
    ///
    /// An instant outside the calendar (years beyond 9999) is closed, unless the hours are [`Hours::ALWAYS`].
    #[must_use]
    pub fn is_open(&self, now_ms: i64, zone: &Zone) -> bool {
        match &self.0 {
            Kind::Always => true,
            Kind::Ranges(ranges) => {
                Timestamp::from_millisecond(now_ms).is_ok_and(|now| ranges.open_at(now, zone.time_zone()))
            }
        }
    }

    /// The first instant from now on at which messages may start, in milliseconds since 1970. It is `now_ms` itself if
    /// they may start at once.
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
            .and_then(|now| ranges.next_opening(now, zone))
            // This happens only at the very end of the calendar: look again tomorrow.
            .unwrap_or_else(|| now_ms.saturating_add(MS_PER_DAY))
    }

    /// The first instant from now on at which messages may no longer start, in milliseconds since 1970. It is `now_ms`
    /// itself if the hours are closed now, and `None` if they never close.
    #[must_use]
    pub fn next_close_ms(&self, now_ms: i64, zone: &Zone) -> Option<i64> {
        let Kind::Ranges(ranges) = &self.0 else {
            return None;
        };
        if !self.is_open(now_ms, zone) {
            return Some(now_ms);
        }
        let now = Timestamp::from_millisecond(now_ms).ok()?;
        ranges.next_closing(now, zone.time_zone())
    }
}

impl Range {
    /// The overlap of both ranges, if there is one.
    fn and(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        let days = Days(self.days.0 & other.days.0);
        (start < end && days.0 != 0).then_some(Self { start, end, days })
    }
}

impl Ranges {
    fn open_at(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = zone.to_datetime(at);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let is_in = |range: &Range| range.days.has(local.weekday()) && (range.start..range.end).contains(&minute);
        self.of_the_week.iter().any(is_in) && !(self.but_holidays && is_national_holiday(local.date()))
    }

    /// The earliest instant after `now` at which the clock says open.
    fn next_opening(&self, now: Timestamp, zone: &TimeZone) -> Option<i64> {
        self.next(now, zone, |range, date| starts(range, date, zone).collect(), |at| self.open_at(at, zone))
    }

    /// The earliest instant after `now` at which the clock says closed.
    fn next_closing(&self, now: Timestamp, zone: &TimeZone) -> Option<i64> {
        self.next(now, zone, |range, date| ends(range, date, zone).collect(), |at| !self.open_at(at, zone))
    }

    /// The earliest instant after `now` at which `holds` is true, among the ranges' `moments` and the zone's
    /// transitions.
    fn next(
        &self,
        now: Timestamp,
        zone: &TimeZone,
        moments: impl Fn(Range, Date) -> Vec<Timestamp>,
        holds: impl Fn(Timestamp) -> bool,
    ) -> Option<i64> {
        let today = zone.to_datetime(now).date();
        let last = now.checked_add(Span::new().try_hours(SEARCH_DAYS * 24).ok()?).ok()?;
        let transitions = zone.following(now).map(|transition| transition.timestamp()).take_while(|at| *at <= last);
        (0..=SEARCH_DAYS)
            .filter_map(|offset| today.checked_add(offset.days()).ok())
            .flat_map(|date| self.of_the_week.iter().flat_map(|range| moments(*range, date)).collect::<Vec<_>>())
            .chain(transitions)
            .filter(|at| *at > now && holds(*at))
            .min()
            .map(Timestamp::as_millisecond)
    }
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

/// The instants at which the clock shows a minute of the day on a date: two if the clock shows it twice.
fn moments(minute: u16, date: Date, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    let time = Time::midnight().saturating_add(i64::from(minute).minutes());
    let moment = zone.to_ambiguous_zoned(date.to_datetime(time));
    let earlier = moment.clone().earlier().ok();
    let later = moment.later().ok();
    earlier.into_iter().chain(later).map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
