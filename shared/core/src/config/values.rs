//! Numbers, durations and percentages.

use std::ops::RangeInclusive;

/// A value, or what is wrong and what to write instead.
pub(super) type Read<T> = Result<T, (String, String)>;

/// The units of a duration, longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// A whole number, with or without `_` between digits.
pub(super) fn whole(text: &str, range: &RangeInclusive<u64>) -> Read<u64> {
    let (least, most) = (range.start(), range.end());
    let digits = text.replace('_', "");
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    match number {
        Some(number) if range.contains(&number) => Ok(number),
        Some(_) => Err((format!("{text} is out of range"), format!("a number from {least} to {most}"))),
        None => Err(match thousands(text) {
            // In Brazil a `,` marks decimals, elsewhere thousands; a `.` is the other way round.
            Some(number) => {
                (format!("\"{text}\" is ambiguous"), format!("{number} or {}", text.replace(['.', ','], "_")))
            }
            None => (format!("\"{text}\" is not a whole number"), format!("a number from {least} to {most}")),
        }),
    }
}

/// The digits of a number in groups of three: `1,500`, `1.500.000`.
fn thousands(text: &str) -> Option<String> {
    let mut groups = text.split(['.', ',']);
    let is_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().filter(|first| first.len() <= 3 && is_digits(first))?;
    let rest: Vec<&str> = groups.collect();
    let is_grouped = !rest.is_empty() && rest.iter().all(|group| group.len() == 3 && is_digits(group));
    is_grouped.then(|| format!("{first}{}", rest.concat()))
}

/// `90s`, `15m`, `6h`, `7d`, in milliseconds.
pub(super) fn duration_ms(text: &str, range: &RangeInclusive<u64>) -> Read<u64> {
    let expected = || {
        format!("a duration from {} to {}, such as 90s, 15m, 6h or 7d", written(*range.start()), written(*range.end()))
    };
    let bad = || (format!("\"{text}\" is not a duration"), expected());
    let unit = UNITS.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)));
    let (digits, unit_ms) = unit.ok_or_else(bad)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let ms = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_ms));
    match ms.filter(|ms| range.contains(ms)) {
        Some(ms) => Ok(ms),
        None => Err((format!("{text} is out of range"), expected())),
    }
}

/// A duration in its longest exact unit.
pub(super) fn written(ms: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit_ms)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms));
    unit.map_or_else(|| format!("{}s", ms / 1_000), |(unit, unit_ms)| format!("{}{unit}", ms / unit_ms))
}

/// `20%`, `12.5%` or `12,5%` as per mille.
pub(super) fn per_mille(text: &str, range: &RangeInclusive<u64>) -> Read<u16> {
    let (least, most) = (percent(*range.start()), percent(*range.end()));
    let suggestion = format!("a percentage from {least} to {most}, such as 20%");
    let bad = || (format!("\"{text}\" is not a percentage"), suggestion.clone());
    let Some(digits) = text.strip_suffix('%').map(str::trim) else {
        // A bare number that would be valid with its sign.
        let signed = format!("{text}%");
        let (message, expected) = bad();
        return Err((message, if per_mille(&signed, range).is_ok() { signed } else { expected }));
    };
    let (whole, tenth) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(tenth) || tenth.len() > 1 {
        return Err(bad());
    }
    let number = |digits: &str| digits.parse::<u16>().ok();
    let value = number(whole).and_then(|whole| whole.checked_mul(10)?.checked_add(number(tenth)?));
    value
        .filter(|value| range.contains(&u64::from(*value)))
        .ok_or_else(|| (format!("{text} is out of range"), suggestion.clone()))
}

/// `12.5%`, from per mille.
pub(super) fn percent(per_mille: u64) -> String {
    match per_mille % 10 {
        0 => format!("{}%", per_mille / 10),
        tenth => format!("{}.{tenth}%", per_mille / 10),
    }
}

/// `all, failed or none`.
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Read<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err((format!("\"{text}\" is neither true nor false"), "true or false".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let any = 0..=u64::MAX;
        for (text, ms) in [("90s", 90_000), ("15m", 900_000), ("6h", 21_600_000), ("7d", 604_800_000), ("0s", 0)] {
            assert_eq!(duration_ms(text, &any), Ok(ms), "{text}");
        }
        for text in ["", "15", "m", "1.5h", "-5m", "+5m", "5 m", "1h30m", "5w", "5ms", "99999999999999999999d"] {
            assert!(duration_ms(text, &any).is_err(), "{text}");
        }
        let (message, suggestion) = duration_ms("2d", &(60_000..=86_400_000)).unwrap_err();
        assert_eq!(message, "2d is out of range");
        assert_eq!(suggestion, "a duration from 1m to 1d, such as 90s, 15m, 6h or 7d");
    }

    #[test]
    fn percentages() {
        for (text, value) in [("20%", 200), ("12.5%", 125), ("12,5%", 125), ("0%", 0), ("90%", 900), ("5 %", 50)] {
            assert_eq!(per_mille(text, &(0..=900)), Ok(value), "{text}");
        }
        for text in ["20", "%", "91%", "12.55%", "12,500%", "1,2.5%", "-1%", "99999%", ".5%", "a%"] {
            assert!(per_mille(text, &(0..=900)).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(whole("600_000", &(1..=1_000_000)), Ok(600_000));
        for text in ["", "-1", "+1", "1.0", "0", "1000001", "99999999999999999999", "_"] {
            assert!(whole(text, &(1..=1_000_000)).is_err(), "{text}");
        }
        for (text, instead) in
            [("1,500", "1500 or 1_500"), ("1.500", "1500 or 1_500"), ("1.500.000", "1500000 or 1_500_000")]
        {
            let (message, suggestion) = whole(text, &(1..=1_000_000)).unwrap_err();
            assert_eq!((message, suggestion.as_str()), (format!("\"{text}\" is ambiguous"), instead));
        }
        for text in ["0,5", "1,5", "1,50", "1234,567", ",500", "1,,500"] {
            assert!(whole(text, &(0..=1_000_000)).unwrap_err().0.ends_with("is not a whole number"), "{text}");
        }
    }
}
