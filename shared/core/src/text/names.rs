//! Names of people, as a letter would write them.
//!
//! A lead's `FirstName` is typed by people and by bots, copied from other systems, or written in capitals. A greeting
//! takes the name out of it, or nothing: `Olá Ana` is right, `Olá premio.example` is fraud under the customer's sender.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::address::contains_address;
use crate::unicode::{Class, class, decomposed, without_marks};

/// Words that stay lower case inside a Portuguese name.
const PARTICLES: [&str; 7] = ["da", "de", "do", "dos", "das", "e", "di"];
/// Titles before a name, by their letters without accents.
const TITLES: [&str; 35] = [
    "d",
    "sr",
    "sra",
    "srs",
    "srta",
    "srto",
    "senhor",
    "senhora",
    "senhorita",
    "dr",
    "dra",
    "drs",
    "doutor",
    "doutora",
    "prof",
    "profa",
    "professor",
    "professora",
    "eng",
    "enga",
    "engo",
    "arq",
    "arqa",
    "adv",
    "exmo",
    "exma",
    "ilmo",
    "ilma",
    "dona",
    "mr",
    "mrs",
    "ms",
    "miss",
    "msc",
    "phd",
];
/// Placeholders that forms and programs write for a missing name, in small letters without accents.
const PLACEHOLDERS: [&str; 21] = [
    "null",
    "none",
    "nil",
    "undefined",
    "nan",
    "na",
    "n/a",
    "test",
    "teste",
    "sem nome",
    "nao informado",
    "desconhecido",
    "desconhecida",
    "unknown",
    "anonimo",
    "anonymous",
    "no name",
    "cliente",
    "lead",
    "nome",
    "name",
];
/// The longest text that can be a person's name, in characters.
const MAX_NAME_CHARS: usize = 40;
/// The least letters of a name. One letter is an initial.
const MIN_LETTERS: usize = 2;
/// The most digits after a name, as forms add them to count (`Ana2`). More digits are a phone, so the text is no name.
const MAX_DIGITS: usize = 8;

/// `MARIA DA SILVA` gives `Maria`, `Dra. ANA` gives `Ana`. `None`: the text holds no name, or more than a name.
pub(super) fn first_name(text: &str) -> Option<String> {
    let text = html_escape::decode_html_entities(text);
    let plain = plain(&text);
    if text.chars().count() > MAX_NAME_CHARS || contains_address(&text) || !may_be_name(&plain) {
        return None;
    }
    let mut words = plain.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphabetic()));
    let first = words.find(|word| !word.is_empty() && !TITLES.contains(&letters(word).as_str()))?;
    let is_letters = first.chars().all(|c| c.is_alphabetic() || class(c) == Class::Mark || is_joint(c));
    let is_long_enough = letters(first).chars().count() >= MIN_LETTERS;
    let is_particle = PARTICLES.contains(&first.to_lowercase().as_str());
    (is_letters && is_long_enough && !is_particle).then(|| proper_word(first))
}

/// `MARIA DA SILVA` gives `Maria da Silva`. Runs of blanks become one.
pub(super) fn proper(text: &str) -> String {
    let words = text.split_whitespace().enumerate().map(|(index, word)| {
        let lower = word.to_lowercase();
        if index > 0 && PARTICLES.contains(&lower.as_str()) { lower } else { proper_word(word) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A name's characters in one form: composed, pictures as blanks, without invisible characters, `Dra.Ana` as two words.
fn plain(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let mut plain = String::with_capacity(composed.len());
    for c in composed.chars() {
        match class(c) {
            Class::Invisible => {}
            Class::Dash => plain.push('-'),
            Class::Blank | Class::LineEnd => plain.push(' '),
            // A lone accent, which some keyboards and old systems write for an apostrophe.
            _ if matches!(c, '´' | '`' | '\u{2bc}') => plain.push('\''),
            Class::Other if c == '\u{2019}' => plain.push(c),
            Class::Other if !c.is_ascii() => plain.push(' '),
            Class::Other if c == '.' => plain.push_str(". "),
            // A character lost inside of a word leaves no name; at the word's end it is cut off.
            Class::Lost => plain.push('\u{fffd}'),
            _ => plain.push(c),
        }
    }
    plain
}

/// Whether the text as a whole may be a name: no amount, no e-mail, no placeholder.
fn may_be_name(plain: &str) -> bool {
    let folded = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let folded = without_marks(folded.chars());
    let has_other = plain.chars().any(|c| "@$%=<>{}".contains(c)) || !plain.split_whitespace().all(may_be_numbered);
    !has_other && !PLACEHOLDERS.contains(&folded.trim().to_lowercase().as_str())
}

/// Whether a word has no digits, or a few at its end.
fn may_be_numbered(word: &str) -> bool {
    let is_digit = |c: char| matches!(class(c), Class::Digit(_));
    let name = word.trim_end_matches(is_digit);
    let digits = word.chars().count() - name.chars().count();
    digits == 0 && !name.contains(is_digit)
        || digits <= MAX_DIGITS && name.chars().all(char::is_alphabetic) && !name.is_empty()
}

/// A word's letters, small and without accents.
fn letters(word: &str) -> String {
    word.chars().flat_map(decomposed).filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// Whether the character joins the parts of one name.
fn is_joint(c: char) -> bool {
    matches!(c, '-' | '\'' | '\u{2019}')
}

/// Capitals at the start and after a hyphen or an apostrophe, small letters elsewhere. A word that mixes both and
/// starts with a capital (`McDonald`) stays as it is: somebody meant it.
fn proper_word(word: &str) -> String {
    let starts_upper = word.chars().next().is_some_and(char::is_uppercase);
    if starts_upper && word.chars().any(char::is_lowercase) {
        return word.to_owned();
    }
    let mut proper = String::with_capacity(word.len());
    let mut at_start = true;
    for c in word.chars() {
        if at_start {
            proper.extend(c.to_uppercase());
        } else {
            proper.extend(c.to_lowercase());
        }
        at_start = is_joint(c);
    }
    proper
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_names() {
        for (text, name) in [
            ("MARIA DA SILVA", "Maria"),
            ("maria", "Maria"),
            ("ana-clara souza", "Ana-Clara"),
            ("ANA\u{2011}CLARA", "Ana-Clara"),
            ("ÉRICA", "Érica"),
            ("E\u{301}RICA", "Érica"),
            ("érica lima", "Érica"),
            ("  JOÃO  PEDRO", "João"),
            ("McDonald", "McDonald"),
            ("d'ávila", "D'Ávila"),
            ("D&#039;ÁVILA", "D'Ávila"),
            ("D&apos;&Aacute;VILA", "D'Ávila"),
            ("D\u{2019}ÁVILA", "D\u{2019}Ávila"),
            ("D´AVILA", "D'Avila"),
            ("🌸ANA🌸", "Ana"),
            ("ANA🌸MARIA", "Ana"),
            ("\u{200e}ANA\u{200b}", "Ana"),
            ("\"Ana\"", "Ana"),
            ("*ANA*, SILVA", "Ana"),
            ("Ana & Paulo", "Ana"),
            ("Ana (mãe do Caio)", "Ana"),
            ("BIA\u{fffd}", "Bia"),
            ("ANA2", "Ana"),
            ("Ana12345678 Lima", "Ana"),
            ("Dra. ANA", "Ana"),
            ("DRA.ANA LIMA", "Ana"),
            ("dra.ana", "Ana"),
            ("Sr. Dr. José", "José"),
            ("Sr(a). Bia", "Bia"),
            ("Profª Rita", "Rita"),
            ("Eng. Caio", "Caio"),
            ("D. Maria", "Maria"),
            ("Ana\nMaria", "Ana"),
        ] {
            assert_eq!(first_name(text).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_nothing() {
        for text in [
            "",
            "   ",
            "-",
            "...",
            "🌸",
            "Dr.",
            "J. P. Silva",
            "DA SILVA",
            "http://premio.example/gratis",
            "premio.example",
            "bit.ly/x",
            "Acesse PREMIO.SHOP",
            "pre\u{200b}mio\u{ff0e}example",
            "ana@loja.example",
            "R$ 500",
            "Ganhe R$500 agora",
            "ANA 2",
            "2ANA",
            "Ana11999998888",
            "Ligue 08001234567",
            "11999998888",
            "N/A",
            "null",
            "Não informado",
            "JO\u{fffd}O",
            "ANA/PAULO",
            "{{ lead.FirstName }}",
            "Você ganhou um prêmio, ligue agora mesmo!!",
        ] {
            assert_eq!(first_name(text), None, "{text}");
        }
    }

    #[test]
    fn whole_names() {
        for (text, name) in [
            ("MARIA DA SILVA E SOUZA", "Maria da Silva e Souza"),
            ("joão  dos santos", "João dos Santos"),
            ("DE PAULA", "De Paula"),
            ("Maria Da Silva", "Maria da Silva"),
        ] {
            assert_eq!(proper(text), name, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_first_name_is_letters_and_never_long(text in "\\PC{0,50}") {
            if let Some(name) = first_name(&text) {
                prop_assert!(name.chars().count() <= 2 * MAX_NAME_CHARS);
                prop_assert!(name.chars().all(|c| c.is_alphabetic() || is_joint(c) || class(c) == Class::Mark), "{}", name);
                prop_assert!(!contains_address(&name));
            }
        }

        #[test]
        fn a_name_with_ornaments_is_that_name(
            name in prop::sample::select(vec!["ANA", "joão", "D'ÁVILA", "Ana-Clara", "ÍRIS"]),
            before in prop::sample::select(vec!["", " ", "🌸", "Dra. ", "sr ", "\u{202a}", "\"", "*"]),
            behind in prop::sample::select(vec!["", "  ", "🌸", "\u{200b}", ",", "!", " ❤️", "\"", "\u{fffd}", " da Silva"]),
        ) {
            prop_assert_eq!(first_name(&format!("{before}{name}{behind}")), Some(proper_word(name)));
        }
    }
}
