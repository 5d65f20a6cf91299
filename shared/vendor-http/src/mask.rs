//! Masks anything that may be a phone number in text that others wrote.
//!
//! The vendor's errors quote the phones they complain about, in whatever form they were sent. A reason goes to logs and
//! to rows that people read. So every run of digits long enough to be a subscriber number is replaced.

/// Shortest run that is masked: a Brazilian landline without its area code. Shorter ones are limits, codes, years.
const MIN_MASKED_DIGITS: usize = 8;
/// Most characters allowed between two digits of one number, as in `(11) 9 9999-9999` or `+55 (11) ...`.
const MAX_SEPARATORS: usize = 3;
/// The replacement for a masked run.
const MASK: &str = "[number]";

/// Replaces runs of eight or more digits, also if spaces, dashes, parentheses, dots, slashes or `+` split them.
#[must_use]
pub fn mask_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    for sign in text.chars() {
        if sign.is_numeric() {
            run.digit(sign);
        } else if run.digits > 0 && is_separator(sign) && run.gap.chars().count() < MAX_SEPARATORS {
            run.gap.push(sign);
        } else {
            run.flush(&mut out);
            out.push(sign);
        }
    }
    run.flush(&mut out);
    out
}

fn is_separator(sign: char) -> bool {
    // Unicode has a dozen dashes and spaces, and number formatting likes the uncommon ones.
    sign.is_whitespace()
        || matches!(sign, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '(' | ')' | '+' | '.' | '/' | '_' | '*')
}

/// Digits read so far that may be one number, and the separators after the last of them.
#[derive(Default)]
struct Run {
    text: String,
    gap: String,
    digits: usize,
}

impl Run {
    fn digit(&mut self, sign: char) {
        self.text.push_str(&self.gap);
        self.gap.clear();
        self.text.push(sign);
        self.digits += 1;
    }

    fn flush(&mut self, out: &mut String) {
        out.push_str(if self.digits >= MIN_MASKED_DIGITS { MASK } else { &self.text });
        out.push_str(&self.gap);
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::mask_numbers;
    use proptest::prelude::*;

    #[test]
    fn phones_are_masked_in_every_common_form() {
        for phone in [
            "11999999999",
            "+5511999999999",
            "+55 11 99999-9999",
            "(11) 9 9999-9999",
            "+55-11999999999",
            "55.11.99999.9999",
            "3333-4444",
            "11\u{a0}99999\u{2011}9999",
        ] {
            let masked = mask_numbers(&format!("bad phone {phone}, sorry"));
            assert!(masked.contains("[number]"), "{phone}: {masked}");
            assert!(masked.ends_with(", sorry"), "{masked}");
            assert!(masked.chars().filter(|sign| sign.is_numeric()).count() == 0, "{phone}: {masked}");
        }
    }

    #[test]
    fn small_numbers_stay() {
        for text in ["at most 10000 phones", "limit of 25 in 5 second(s)", "HTTP 422", "code 1234567"] {
            assert_eq!(mask_numbers(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_long_run_survives(text in "[0-9a-c ()+-]{0,60}") {
            let masked = mask_numbers(&text);
            let longest = masked.split(|sign: char| !sign.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            prop_assert!(longest < 8, "{masked}");
        }
    }
}
