//! The class of a character, and the plain characters that it looks like.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// What a character is for a reader of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// An invisible character: marks of direction, joiners, variation selectors, byte order marks.
    Invisible,
    /// A dash of any length, or a minus.
    Dash,
    /// A blank of any width.
    Blank,
    /// The end of a line or of a paragraph.
    LineEnd,
    /// A digit with its value, 0 to 9, of scripts whose digits have plain forms.
    Digit(char),
    /// An accent or the like on the character before it.
    Mark,
    /// A letter.
    Letter,
    /// A lost or invalid character: U+FFFD, controls, private and unassigned ones; also numbers that are no digits
    /// (`²`, `½`, `①`).
    Lost,
    /// Anything else: punctuation, signs, pictures.
    Other,
}

/// The class of a character.
pub(crate) fn class(c: char) -> Class {
    match c {
        '0'..='9' => return Class::Digit(c),
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => return Class::LineEnd,
        '\t' => return Class::Blank,
        '\u{2212}' => return Class::Dash,
        '\u{fffd}' => return Class::Lost,
        _ => {}
    }
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Format => Class::Invisible,
        _ if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) => Class::Invisible,
        GeneralCategory::DashPunctuation => Class::Dash,
        GeneralCategory::SpaceSeparator => Class::Blank,
        GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Class::LineEnd,
        GeneralCategory::DecimalNumber => {
            decomposed(c).next().filter(char::is_ascii_digit).map_or(Class::Lost, Class::Digit)
        }
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark => Class::Mark,
        GeneralCategory::Control
        | GeneralCategory::PrivateUse
        | GeneralCategory::Unassigned
        | GeneralCategory::Surrogate
        | GeneralCategory::LetterNumber
        | GeneralCategory::OtherNumber => Class::Lost,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

/// The characters that a character is made of or looks like (NFKD): `ã` is `a` and a tilde, `／` is `/`.
pub(crate) fn decomposed(c: char) -> impl Iterator<Item = char> {
    DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(c))
}

/// The text without accents, and each other character replaced by what it looks like (NFKD without marks): `João` is
/// `Joao`.
pub(crate) fn without_marks(text: impl Iterator<Item = char>) -> String {
    text.flat_map(decomposed).filter(|c| class(*c) != Class::Mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_told_apart() {
        for (c, is) in [
            ('\u{200b}', Class::Invisible),
            ('\u{202a}', Class::Invisible),
            ('\u{fe0f}', Class::Invisible),
            ('\u{feff}', Class::Invisible),
            ('\u{2013}', Class::Dash),
            ('\u{2212}', Class::Dash),
            ('\u{a0}', Class::Blank),
            ('\u{2028}', Class::LineEnd),
            ('\u{ff11}', Class::Digit('1')),
            ('𝟗', Class::Digit('9')),
            ('\u{661}', Class::Lost),
            ('²', Class::Lost),
            ('\u{fffd}', Class::Lost),
            ('\u{303}', Class::Mark),
            ('ã', Class::Letter),
            ('😀', Class::Other),
            ('/', Class::Other),
        ] {
            assert_eq!(class(c), is, "{c:?}");
        }
        assert_eq!(decomposed('ã').collect::<String>(), "a\u{303}");
        assert_eq!(decomposed('\u{ff0f}').collect::<String>(), "/");
        assert_eq!(without_marks("João\u{ff0f}Zoe\u{308}".chars()), "Joao/Zoe");
    }
}
