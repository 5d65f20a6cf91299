//! Web addresses in the values of a lead's fields.
//!
//! A phone makes a link of anything that looks like a domain. So a person who can write into a public form could put a
//! link into a text that the customer signs. This check is therefore stricter than [`contains_url`], which judges the
//! customer's own words. Anything that a phone might make a link of counts as an address.

use crate::{
    flash::contains_url,
    unicode::{Class, class, without_marks},
};

/// Endings of domains that are links in upper or lower case, beside those of [`contains_url`].
const ENDINGS: [&str; 56] = [
    "academy", "ai", "ar", "cc", "cf", "cl", "click", "cloud", "club", "cn", "co", "de", "digital", "es", "eu",
    "example", "fr", "fun", "ga", "gd", "gg", "gl", "gov", "gq", "icu", "in", "io", "it", "link", "live", "loan", "ly",
    "ml", "mobi", "mx", "online", "page", "pro", "pt", "pw", "ru", "sh", "shop", "site", "so", "space", "store",
    "tech", "tk", "to", "top", "tv", "uk", "us", "vip", "xyz",
];
/// Abbreviations before a dot that begin no domain: `av.paulista`.
const SHORTENED: [&str; 18] = [
    "sr", "sra", "srta", "dr", "dra", "prof", "profa", "eng", "av", "al", "pca", "sta", "sto", "tel", "cel", "apto",
    "obs", "ltda",
];

/// Whether a phone might make a link of a part of the text.
pub(super) fn contains_address(text: &str) -> bool {
    let plain = without_marks(text.chars().filter(|c| class(*c) != Class::Invisible)).replace('。', ".");
    contains_url(&plain) || plain.contains("://") || plain.split(is_between).any(is_address)
}

/// Whether the character ends a domain or a link.
fn is_between(c: char) -> bool {
    c.is_whitespace() || "()[]{}<>\"',;|!*".contains(c)
}

/// Whether a word without blanks holds a domain: labels with dots between them.
fn is_address(word: &str) -> bool {
    let is_label = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut from = word;
    while let Some((before, behind)) = from.split_once('.') {
        let label = before.rsplit(|c: char| !is_label(c)).next().unwrap_or_default();
        let ending = behind.split(|c: char| !is_label(c)).next().unwrap_or_default();
        let rest = behind.get(ending.len()..).unwrap_or_default();
        if !label.is_empty() && is_domain(label, ending, rest) {
            return true;
        }
        from = behind;
    }
    is_ip(word)
}

/// Whether `label.ending` is a domain, by the text after it.
fn is_domain(label: &str, ending: &str, rest: &str) -> bool {
    let is_letters = ending.len() >= 2 && ending.chars().all(|c| c.is_ascii_alphabetic());
    let lower = ending.to_lowercase();
    let is_long = label.chars().count() >= 2;
    let is_small = ending.chars().all(|c| c.is_ascii_lowercase());
    let goes_on = rest.starts_with(['/', '?', ':', '#']) && rest.len() > 1;
    let is_word = SHORTENED.contains(&label.to_lowercase().as_str());
    ENDINGS.contains(&lower.as_str()) && is_letters
        || lower.starts_with("xn--")
        || is_letters && is_long && goes_on
        || is_letters && is_long && is_small && !is_word
}

/// Whether a word begins with four numbers below 256 with dots between them.
fn is_ip(word: &str) -> bool {
    let numbers: Vec<&str> = word.split(['/', ':']).next().unwrap_or_default().split('.').collect();
    numbers.len() == 4 && numbers.iter().all(|number| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_makes_a_link_of_is_an_address() {
        for text in [
            "http://x",
            "ftp://x.y",
            "www.loja",
            "premio.example",
            "PREMIO.SHOP",
            "veja bit.ly/x",
            "(t.co/x)",
            "loja.qualquer/pix",
            "loja.qualquer",
            "a.b.c-d.online",
            "pre\u{200b}mio.site",
            "premio\u{ff0e}site",
            "premio。site",
            "ana@loja.qualquer",
            "192.168.0.1/pix",
            "xn--prmio-9ua.xn--p1ai",
        ] {
            assert!(contains_address(text), "{text}");
        }
    }

    #[test]
    fn what_people_write_without_a_blank_is_none() {
        for text in [
            "",
            "Ana",
            "Av.Paulista, 1000",
            "av.paulista",
            "AV.PAULISTA",
            "R.Augusta",
            "Dr.Pedro",
            "dra.ana",
            "Padaria S.A.",
            "R$ 1.500,00",
            "30.11.2026",
            "09.30h",
            "fim.Comece",
            "v1.2.3",
            "Ana/Paulo",
            "1.2.3",
            "km 7.5",
        ] {
            assert!(!contains_address(text), "{text}");
        }
    }
}
