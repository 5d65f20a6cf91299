//! Lines without characters that steer a terminal. A lead's name may hold any character.

use std::borrow::Cow;

/// What a steering character becomes.
const SHOWN: char = '\u{fffd}';
/// The escape sequences of the colours in `colour.rs`, which pass.
const COLOURS: [&str; 4] = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m"];

/// The line with a mark in place of each character that steers a terminal or turns the direction of the text.
pub(super) fn printable(line: &str) -> Cow<'_, str> {
    if !line.contains(steers) {
        return Cow::Borrowed(line);
    }
    let (mut shown, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(sign) = rest.chars().next() {
        let colour = COLOURS.iter().find(|colour| rest.starts_with(**colour));
        let taken = colour.map_or(sign.len_utf8(), |colour| colour.len());
        let (piece, left) = rest.split_at(taken);
        if colour.is_none() && steers(sign) {
            shown.push(SHOWN);
        } else {
            shown.push_str(piece);
        }
        rest = left;
    }
    Cow::Owned(shown)
}

fn steers(sign: char) -> bool {
    let turns = matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (sign.is_control() && !matches!(sign, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Mood;

    #[test]
    fn what_steers_a_terminal_is_shown_as_a_mark_and_our_colours_pass() {
        for (text, shown) in [
            ("Ana\u{1b}]0;title\u{7}", "Ana\u{fffd}]0;title\u{fffd}"),
            ("Ana\u{1b}[8mhidden\u{1b}[2K\r", "Ana\u{fffd}[8mhidden\u{fffd}[2K\u{fffd}"),
            ("\u{9b}31m \u{202e}gnp.exe", "\u{fffd}31m \u{fffd}gnp.exe"),
            ("Zoë 👍\n\ttab", "Zoë 👍\n\ttab"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
        for mood in [Mood::Good, Mood::Look, Mood::Bad] {
            let painted = mood.paint("held");
            assert_eq!(printable(&painted), painted);
        }
    }
}
