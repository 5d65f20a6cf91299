//! Limits on a value in a text.
//!
//! A text's own words are the customer's. Its values come from the CRM, and so from whatever anybody typed into a
//! public form. So a value must be short, on one line, and no link, unless the rule says `| trusted`.

use super::{address::contains_address, error::Refusal};
use crate::unicode::{Class, class};

/// The longest value, in characters.
const MAX_VALUE_CHARS: usize = 60;

/// The value without control characters at its ends, or why it may not be used in a text.
pub(super) fn guarded(value: &str) -> Result<&str, Refusal> {
    let value = value.trim_matches(char::is_control);
    if value.chars().any(|c| class(c) == Class::LineEnd) {
        return Err(Refusal::Unfit("the value has several lines; write | trusted after it to allow this"));
    }
    if value.chars().any(|c| c.is_control() || is_direction(c)) {
        return Err(Refusal::Unfit("the value has invisible characters; write | trusted after it to allow this"));
    }
    if value.chars().count() > MAX_VALUE_CHARS {
        return Err(Refusal::Unfit(
            "the value has more than 60 characters; write | truncate(60) after it, or | trusted to allow this",
        ));
    }
    if contains_address(value) {
        return Err(Refusal::Unfit("the value contains a web address; write | trusted after it to allow this"));
    }
    Ok(value)
}

/// Marks that change the direction of a text, and so can make it look like another text.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_short_of_one_line_and_no_link() {
        assert_eq!(guarded("Ana"), Ok("Ana"));
        assert_eq!(guarded("Ana\r\n"), Ok("Ana"));
        assert_eq!(guarded(&"é".repeat(60)).map(str::len), Ok(120));
        for value in [
            "a\nb",
            "a\u{2028}b",
            "a\u{0}b",
            "a\tb",
            "\u{202e}exe.otiva",
            "a\u{200f}b",
            "veja premio.example",
            "ana@loja.com.br",
        ] {
            assert!(guarded(value).is_err(), "{value:?}");
        }
        assert!(guarded(&"a".repeat(61)).is_err());
    }
}
