//! Names of people, as a letter would write them.

/// Words that stay lower case inside a Portuguese name.
const PARTICLES: [&str; 7] = ["da", "de", "do", "dos", "das", "e", "di"];

/// `MARIA DA SILVA` gives `Maria`; an empty text gives an empty one.
pub(super) fn first_name(text: &str) -> String {
    text.split_whitespace().next().map(proper_word).unwrap_or_default()
}

/// `MARIA DA SILVA` gives `Maria da Silva`. Runs of blanks become one.
pub(super) fn proper(text: &str) -> String {
    let words = text.split_whitespace().enumerate().map(|(index, word)| {
        let lower = word.to_lowercase();
        if index > 0 && PARTICLES.contains(&lower.as_str()) { lower } else { proper_word(word) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Capitals at the start and after a hyphen or an apostrophe, small letters elsewhere. A word that mixes both and
/// starts with a capital (`McDonald`) is left alone: somebody meant it.
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
        at_start = matches!(c, '-' | '\'' | '\u{2019}');
    }
    proper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_names() {
        for (text, name) in [
            ("MARIA DA SILVA", "Maria"),
            ("maria", "Maria"),
            ("ana-clara souza", "Ana-Clara"),
            ("ÉRICA", "Érica"),
            ("érica lima", "Érica"),
            ("  JOÃO  PEDRO", "João"),
            ("McDonald", "McDonald"),
            ("d'ávila", "D'Ávila"),
            ("", ""),
            ("   ", ""),
        ] {
            assert_eq!(first_name(text), name, "{text}");
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
}
