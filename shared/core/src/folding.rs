//! What LigueLead does to a text before it is stored, charged and sent.
//!
//! Source: LigueLead's own engineering notes, against its page of limits ("full UTF-8 with emoji and accents"). Accents
//! are folded, emoji and some punctuation (`,`, `!`) are removed; `: / ? # = & %` are kept. Other signs are not
//! documented, so a sign without a plain form counts as removed. Whether `/v1` folds texts must be seen with a first
//! text on a live account; see `liguelead.folds_text` in `docs/configuration.md`.

use crate::unicode::{Class, class, decomposed};

/// Signs that are removed although they are plain.
const REMOVED: [char; 2] = [',', '!'];

/// The text as it may arrive: in ASCII, without accents, emoji, commas and exclamation marks; runs of blanks as one.
///
/// Folding twice is folding once. The result may be longer than the text: `…` becomes three dots.
///
/// ```
/// use recado_core::folding::folded;
/// assert_eq!(folded("Olá João, recebemos o seu contato! 🎉"), "Ola Joao recebemos o seu contato");
/// ```
#[must_use]
pub fn folded(text: &str) -> String {
    piece(text).trim_ascii().to_owned()
}

/// Folds a piece of a text, and keeps the blanks at its ends.
pub(crate) fn piece(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut push = |c: char| {
        if c != ' ' || !folded.ends_with(' ') {
            folded.push(c);
        }
    };
    for c in text.chars() {
        match class(c) {
            Class::Dash => push('-'),
            Class::Blank | Class::LineEnd => push(' '),
            // Some signs are a blank and a mark: `¯`.
            _ => decomposed(c).filter(|part| part.is_ascii() && !REMOVED.contains(part)).for_each(&mut push),
        }
    }
    folded
}

/// The key by which a text is recognised in a report, however it was changed on the way: its letters and digits,
/// folded.
#[must_use]
pub fn known_by(text: &str) -> String {
    folded(text).chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_emoji_commas_and_exclamation_marks_go() {
        for (text, arrives) in [
            ("Olá João, recebemos o seu contato.", "Ola Joao recebemos o seu contato."),
            ("Promoção! 🎉 Só hoje", "Promocao So hoje"),
            ("R$ 1.234,50", "R$ 1.23450"),
            ("https://loja.example/a?b=c&d=e%20#f", "https://loja.example/a?b=c&d=e%20#f"),
            ("Às 10:30 – “até já”…", "As 10:30 - ate ja..."),
            ("D\u{2019}Ávila nº 1ª", "DAvila no 1a"),
            ("a\r\nb\u{a0}c", "a b c"),
            ("🎉", ""),
            ("plain: text/?#=&%", "plain: text/?#=&%"),
        ] {
            assert_eq!(folded(text), arrives, "{text}");
        }
    }

    #[test]
    fn a_text_is_known_again_by_its_letters_and_digits() {
        let said = "Olá João, recebemos o seu contato! 🎉";
        for arrived in [
            said,
            "Ola Joao recebemos o seu contato",
            "Ola Joao recebemos o seu contato.",
            "Ola  Joao, recebemos o seu contato!",
        ] {
            assert_eq!(known_by(said), known_by(arrived));
        }
        assert_ne!(known_by("Olá Ana"), known_by("Olá Bia"));
        assert_ne!(known_by("R$ 10"), known_by("R$ 11"));
    }

    #[test]
    fn a_sign_that_is_a_blank_and_a_mark_is_one_blank() {
        assert_eq!(folded("0 \u{af}a"), "0 a");
        assert_eq!(folded(&folded("0 \u{af}a")), "0 a");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once_and_keeps_what_a_text_is_known_by(text in "\\PC{0,80}") {
            let once = folded(&text);
            prop_assert!(once.is_ascii());
            prop_assert_eq!(folded(&once), once.clone());
            prop_assert_eq!(known_by(&once), known_by(&text));
        }
    }
}
