//! Numbers and money, as LeadSquared and people write them.

/// Beyond this a float no longer holds whole cents.
const MAX_MAGNITUDE: f64 = 1e13;

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotANumber {
    /// It is not a number.
    None,
    /// It is one number in Brazil and another elsewhere: `1.500`, `R$ 1,500`.
    Ambiguous,
}

/// Parses `1234.50`, `1.234,50`, `R$ 1.234,50`, `-5`, `1,234.50`.
///
/// If both signs occur, the last one is the decimal mark. A sign that occurs twice marks thousands. A single sign with
/// three digits after it could be either. `R$` means Brazilian notation. More than three digits before the sign, or a
/// zero, mean that it does not mark thousands: LeadSquared writes `50000.000`. Everything else is ambiguous.
pub(super) fn parse(text: &str) -> Result<f64, NotANumber> {
    let text = text.trim();
    let (negative, text) = unsigned(text);
    let (is_brazilian, text) = match text.strip_prefix("R$").or_else(|| text.strip_prefix("r$")) {
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    let (also_negative, text) = if is_brazilian && !negative { unsigned(text) } else { (false, text) };
    let number: f64 = plain_decimal(text, is_brazilian)?.parse().map_err(|_| NotANumber::None)?;
    if number > MAX_MAGNITUDE {
        return Err(NotANumber::None);
    }
    Ok(if negative || also_negative { -number } else { number })
}

fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    }
}

/// Digits with at most one dot, as Rust reads them.
fn plain_decimal(text: &str, is_brazilian: bool) -> Result<String, NotANumber> {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_fit = text.starts_with(is_digit) && text.ends_with(is_digit);
    if !is_fit || !text.chars().all(|c| is_digit(c) || c == '.' || c == ',') {
        return Err(NotANumber::None);
    }
    let marks: Vec<char> = text.chars().filter(|c| !is_digit(*c)).collect();
    let (thousands, decimal) = match marks.as_slice() {
        [] => (None, None),
        [only] => single(text, *only, is_brazilian)?,
        [first, .., last] if first == last => (Some(*first), None),
        [first, .., last] => (Some(*first), Some(*last)),
    };
    let (whole, fraction) = match decimal {
        Some(mark) => text.rsplit_once(mark).ok_or(NotANumber::None)?,
        None => (text, ""),
    };
    let whole = match thousands {
        Some(mark) => grouped(whole, mark).ok_or(NotANumber::None)?,
        None => whole.to_owned(),
    };
    Ok(if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") })
}

/// The role of a number's only mark: thousands, or decimals.
fn single(text: &str, mark: char, is_brazilian: bool) -> Result<(Option<char>, Option<char>), NotANumber> {
    let (whole, behind) = text.split_once(mark).ok_or(NotANumber::None)?;
    let may_group = behind.len() == 3 && whole.len() <= 3 && !whole.starts_with('0');
    match (may_group, is_brazilian, mark) {
        (false, ..) => Ok((None, Some(mark))),
        (true, true, '.') => Ok((Some(mark), None)),
        (true, ..) => Err(NotANumber::Ambiguous),
    }
}

/// The digits of a whole number that a mark divides into groups of three.
fn grouped(whole: &str, mark: char) -> Option<String> {
    let mut groups = whole.split(mark);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let rest: Option<String> = groups.map(|group| (group.len() == 3 && digits(group)).then_some(group)).collect();
    rest.filter(|_| digits(first)).map(|rest| format!("{first}{rest}"))
}

/// `R$ 1.234,50`; below zero `-R$ 5,00`.
pub(super) fn brl(number: f64) -> String {
    let cents = format!("{:.2}", number.abs());
    let (whole, fraction) = cents.split_once('.').unwrap_or((&cents, "00"));
    let sign = if number < 0.0 && cents != "0.00" { "-" } else { "" };
    format!("{sign}R$ {},{fraction}", thousands(whole))
}

/// A dot before each third digit from the right.
fn thousands(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_every_spelling() {
        for (text, number) in [
            ("1234.5", 1234.5),
            ("1234.50", 1234.5),
            ("1.234,50", 1234.5),
            ("R$ 1.234,50", 1234.5),
            ("R$\u{a0}1.500", 1500.0),
            ("r$ 1500", 1500.0),
            ("R$ 12.345", 12_345.0),
            ("R$ 10.50", 10.5),
            ("R$ 10,5", 10.5),
            ("-R$5", -5.0),
            ("R$ -5,00", -5.0),
            ("\u{2212}5", -5.0),
            ("1,234.50", 1234.5),
            ("1.234.567", 1_234_567.0),
            ("1,234,567", 1_234_567.0),
            ("1.234.567,89", 1_234_567.89),
            ("1234,5", 1234.5),
            ("1500,5", 1500.5),
            ("1500.00", 1500.0),
            ("50000.000", 50_000.0),
            ("1.50", 1.5),
            ("1.5000", 1.5),
            ("0.234", 0.234),
            ("0,234", 0.234),
            ("1500.0", 1500.0),
            ("0", 0.0),
        ] {
            assert_eq!(parse(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_has_two_readings_is_no_number() {
        for text in ["1.234", "1.500", "1,500", "500.000", "R$ 1,500", "12.345", "-1.500"] {
            assert_eq!(parse(text), Err(NotANumber::Ambiguous), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "",
            "abc",
            "1e5",
            "inf",
            ".5",
            "5.",
            "99999999999999999",
            "1.2345,00",
            "12.34.56",
            "1.500.00",
            "1.234,567,890",
            "1,2.3,4",
            "US$ 5",
            "5 reais",
            "(5)",
            "--5",
            "-R$ -5",
            "1 500",
        ] {
            assert_eq!(parse(text), Err(NotANumber::None), "{text}");
        }
    }

    #[test]
    fn money_is_written_the_brazilian_way() {
        for (number, text) in [
            (1234.5, "R$ 1.234,50"),
            (0.0, "R$ 0,00"),
            (-0.001, "R$ 0,00"),
            (-5.0, "-R$ 5,00"),
            (999.999, "R$ 1.000,00"),
            (1_234_567.891, "R$ 1.234.567,89"),
        ] {
            assert_eq!(brl(number), text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_money_reads_back(text in "\\PC{0,20}", cents in -1_000_000_000_i32..1_000_000_000) {
            let _ = parse(&text);
            let number = f64::from(cents) / 100.0;
            let back = parse(&brl(number)).unwrap();
            prop_assert!((back - number).abs() < 0.001);
        }
    }
}
