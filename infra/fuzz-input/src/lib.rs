//! Inputs for the tests that give a reader anything.
//!
//! `bolero` makes the bytes. Random bytes alone are refused by the first line of a parser, so each input is also used as a
//! list of edits of a good example. With a fuzzing engine the examples are the corpus that it begins with.

use std::{fs, path::Path};

/// The most edits of one example.
const MOST_EDITS: usize = 8;

/// Reads the examples of a target: the files of its corpus, in the order of their names.
///
/// # Panics
///
/// If there is none: the target would find nothing.
#[must_use]
pub fn examples(corpus: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(Path::new(corpus)).into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|file| file.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let found: Vec<Vec<u8>> = paths.iter().filter_map(|path| fs::read(path).ok()).collect();
    assert!(!found.is_empty(), "{corpus} holds no example");
    found
}

/// The input itself, and an example that it edits.
#[must_use]
pub fn variants(input: &[u8], examples: &[Vec<u8>]) -> [Vec<u8>; 2] {
    let chosen = input.first().map_or(0, |byte| usize::from(*byte));
    let example = examples.get(chosen % examples.len().max(1)).map(Vec::as_slice).unwrap_or_default();
    [input.to_vec(), edited(input.get(1..).unwrap_or_default(), example)]
}

/// An example after the edits that `input` says. Each edit is a place (two bytes), how much goes, how much comes, and what
/// comes. An edit whose second part is large repeats the rest of the example instead.
fn edited(mut input: &[u8], example: &[u8]) -> Vec<u8> {
    let mut text = example.to_vec();
    for _ in 0..MOST_EDITS {
        let [high, low, goes, comes, rest @ ..] = input else { break };
        let place = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
        let end = (place + usize::from(*goes % 32)).min(text.len());
        if *comes >= 240 {
            let again = text.get(place..).unwrap_or_default().to_vec();
            text.extend(again);
            input = rest;
            continue;
        }
        let (new, left) = rest.split_at(usize::from(*comes % 24).min(rest.len()));
        text.splice(place..end, new.iter().copied());
        input = left;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_edits_an_example() {
        let examples = [b"11987654321".to_vec(), b"good".to_vec()];
        assert_eq!(variants(b"", &examples), [b"".to_vec(), b"11987654321".to_vec()]);
        // The second example: at place 1 two bytes go and three come; then the rest is repeated.
        let input = [1, 0, 1, 2, 3, b'a', b'b', b'c', 0, 3, 0, 240];
        assert_eq!(variants(&input, &examples), [input.to_vec(), b"gabcdcd".to_vec()]);
        assert_eq!(edited(&[255, 255, 255, 239, 1], b""), [1], "a place is always inside");
    }
}
