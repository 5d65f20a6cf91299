//! Numbers and money, as LeadSquared and people write them.

/// Beyond this a float no longer holds whole cents.
const MAX_MAGNITUDE: f64 = 1e13;

/// Reads `1234.50`, `1.234,50`, `R$ 1.234,50`, `-5`, `1,234.50`.
///
/// With both signs the last one is the decimal mark; a sign that occurs twice marks thousands; a single one is the
/// decimal mark. So `1.234` is a little over one: that is how LeadSquared's API writes it.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let text = text.strip_prefix("R$").unwrap_or(text).trim();
    let plain = plain_decimal(text)?;
    let number: f64 = plain.parse().ok()?;
    (number <= MAX_MAGNITUDE).then_some(if negative { -number } else { number })
}

/// Digits with at most one dot, as Rust reads them.
fn plain_decimal(text: &str) -> Option<String> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',') {
        return None;
    }
    let decimal = match (text.rfind('.'), text.rfind(',')) {
        (Some(dot), Some(comma)) => Some(dot.max(comma)),
        (Some(dot), None) if text.find('.') == Some(dot) => Some(dot),
        (None, Some(comma)) if text.find(',') == Some(comma) => Some(comma),
        _ => None,
    };
    let (whole, fraction) = match decimal {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, ""),
    };
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    Some(if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") })
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
            ("1234.5", Some(1234.5)),
            ("1234.50", Some(1234.5)),
            ("1.234,50", Some(1234.5)),
            ("R$ 1.234,50", Some(1234.5)),
            ("-R$5", Some(-5.0)),
            ("1,234.50", Some(1234.5)),
            ("1.234.567", Some(1_234_567.0)),
            ("1,234,567", Some(1_234_567.0)),
            ("1234,5", Some(1234.5)),
            ("1.234", Some(1.234)),
            ("0", Some(0.0)),
            ("", None),
            ("abc", None),
            ("1e5", None),
            ("inf", None),
            (".5", None),
            ("5.", None),
            ("99999999999999999", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
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
