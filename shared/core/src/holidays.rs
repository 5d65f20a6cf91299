//! Brazil's national holidays.
//!
//! These are the holidays of federal law (662/1949 with 10.607/2002, 6.802/1980 and 14.759/2023), and Good Friday,
//! which the yearly ordinance adds. Carnival and Corpus Christi are optional days off. Holidays of a state or a city
//! are not known here.

use jiff::{ToSpan as _, civil::Date};

/// Month and day.
const FIXED: [(i8, i8); 9] = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25)];

/// Whether a date is a national holiday.
#[must_use]
pub fn is_national_holiday(date: Date) -> bool {
    FIXED.contains(&(date.month(), date.day()))
        || easter(date.year()).checked_sub(2.days()).is_ok_and(|day| day == date)
}

/// Easter Sunday in the Gregorian calendar, by the method of Meeus, Jones and Butcher.
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let epact = (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    let civil =
        |year: i32| Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    civil(year).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_falls_where_the_almanac_says() {
        let known = [
            date(1818, 3, 22),
            date(1961, 4, 2),
            date(2000, 4, 23),
            date(2024, 3, 31),
            date(2025, 4, 20),
            date(2026, 4, 5),
            date(2027, 3, 28),
            date(2038, 4, 25),
        ];
        for day in known {
            assert_eq!(easter(day.year()), day);
        }
    }

    #[test]
    fn the_holidays_of_2026() {
        let first = date(2026, 1, 1);
        let found: Vec<String> = first
            .series(1.day())
            .take_while(|day| day.year() == 2026)
            .filter(|day| is_national_holiday(*day))
            .map(|day| day.strftime("%m-%d").to_string())
            .collect();
        let expected = ["01-01", "04-03", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25"];
        assert_eq!(found, expected);
    }
}
