//! Parses opening hours, with a hint for each mistake.

use super::{Days, Hours, Kind, MINUTES_PER_DAY, Range, Ranges};

/// More ranges than anybody's week has; it bounds what is stored.
pub(crate) const MAX_RANGES: usize = 28;
const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Why a text is no opening hours. [`HoursError::hint`] says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoursError {
    /// Nothing was written.
    #[error("the hours are empty")]
    Empty,
    /// Not `HH:MM`, or past 24:00.
    #[error("\"{0}\" is not a time of day")]
    BadTime(String),
    /// No `-` between two times, or the days come first.
    #[error("\"{0}\" is not a range of hours")]
    BadRange(String),
    /// Not a day of the week.
    #[error("\"{0}\" is not a day of the week")]
    BadDay(String),
    /// The end is before the start.
    #[error("the range {0} goes over midnight")]
    OverMidnight(String),
    /// The end equals the start.
    #[error("the range {0} is empty")]
    Nothing(String),
    /// One of several ranges does not say its days.
    #[error("the range {0} does not say its days")]
    DaysMissing(String),
    /// More than 28 ranges.
    #[error("there are more than {MAX_RANGES} ranges")]
    TooMany,
}

impl HoursError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::OverMidnight(range) => {
                let (start, end) = range.split_once('-').unwrap_or(("22:00", "02:00"));
                format!("\"{start}-24:00 fri, 00:00-{end} sat\", two ranges with their own days")
            }
            Self::Nothing(_) => "\"00:00-24:00 daily\", or leave the key out, for every hour".to_owned(),
            Self::BadDay(_) => "days such as mon, mon-fri or daily".to_owned(),
            Self::BadTime(_) => "times such as 08:00 and 20:30, up to 24:00".to_owned(),
            Self::DaysMissing(range) => format!("\"{range} mon-fri\", the days after each range"),
            Self::TooMany => "fewer ranges, one for days with equal hours".to_owned(),
            Self::Empty | Self::BadRange(_) => "\"08:00-20:00 mon-sat\"".to_owned(),
        }
    }
}

/// A range whose days may still come after a comma.
struct Draft {
    written: String,
    start: u16,
    end: u16,
    days: u8,
}

pub(super) fn parse(text: &str) -> Result<Hours, HoursError> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return Err(HoursError::Empty);
    }
    if text == "always" {
        return Ok(Hours::ALWAYS);
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for piece in text.split([',', ';']).map(str::trim) {
        // A comma separates ranges and days alike; a range starts with a digit.
        if piece.starts_with(|c: char| c.is_ascii_digit()) || drafts.is_empty() {
            if drafts.len() >= MAX_RANGES {
                return Err(HoursError::TooMany);
            }
            drafts.push(draft(piece)?);
        } else if let Some(draft) = drafts.last_mut() {
            draft.days |= days(piece)?;
        }
    }
    if let [single] = drafts.as_mut_slice()
        && single.days == 0
    {
        single.days = Days::ALL.0;
    }
    let of_the_week = drafts.into_iter().map(finish).collect::<Result<Vec<_>, _>>()?;
    Ok(Hours(Kind::Ranges(Ranges { of_the_week, but_holidays: false })))
}

fn finish(draft: Draft) -> Result<Range, HoursError> {
    if draft.days == 0 {
        return Err(HoursError::DaysMissing(draft.written));
    }
    Ok(Range { start: draft.start, end: draft.end, days: Days(draft.days) })
}

/// `08:00-20:00`, and days after it if there are any.
fn draft(piece: &str) -> Result<Draft, HoursError> {
    let bad = || HoursError::BadRange(piece.to_owned());
    if !piece.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let (written, rest) = match piece.split_once(char::is_whitespace) {
        Some((range, rest)) => (range, rest.trim()),
        None => (piece, ""),
    };
    let (start, end) = written.split_once('-').ok_or_else(bad)?;
    let (start, end) = (minute(start)?, minute(end)?);
    let written = written.to_owned();
    if start == end {
        return Err(HoursError::Nothing(written));
    }
    if end < start {
        return Err(HoursError::OverMidnight(written));
    }
    let days = if rest.is_empty() { 0 } else { days(rest)? };
    Ok(Draft { written, start, end, days })
}

/// `HH:MM` as a minute of the day, 24:00 included.
fn minute(text: &str) -> Result<u16, HoursError> {
    let bad = || HoursError::BadTime(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
    let number = |digits: &str| match digits.len() {
        1 | 2 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u16>().map_err(|_| bad()),
        _ => Err(bad()),
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    if minute < 60 && total <= MINUTES_PER_DAY { Ok(total) } else { Err(bad()) }
}

/// A bit set of days from `mon-fri sun`, `daily` and similar words.
fn days(text: &str) -> Result<u8, HoursError> {
    text.split_whitespace().try_fold(0, |set, word| Ok(set | word_days(word)?))
}

fn word_days(word: &str) -> Result<u8, HoursError> {
    match word {
        "daily" => Ok(Days::ALL.0),
        "weekdays" => Ok(0b001_1111),
        "weekends" => Ok(0b110_0000),
        _ => match word.split_once('-') {
            Some((first, last)) => Ok(span(day(first)?, day(last)?)),
            None => Ok(1 << day(word)?),
        },
    }
}

/// The days from one to another, over the end of the week if necessary.
fn span(first: u8, last: u8) -> u8 {
    let count = (last + 7 - first) % 7 + 1;
    (0..count).fold(0, |set, step| set | 1 << ((first + step) % 7))
}

/// 0 for Monday. Full English names are understood too.
fn day(word: &str) -> Result<u8, HoursError> {
    const LONG: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let find = |names: [&str; 7]| names.iter().position(|name| *name == word);
    find(DAY_NAMES)
        .or_else(|| find(LONG))
        .and_then(|index| u8::try_from(index).ok())
        .ok_or_else(|| HoursError::BadDay(word.to_owned()))
}
