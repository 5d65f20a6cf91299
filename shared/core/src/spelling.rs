//! "Did you mean …?"

/// The known word that a misspelt word probably stands for. It is the nearest by edit distance, regardless of case, if
/// no more than a third of it differs.
#[must_use]
pub fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let (distance, near) = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), *candidate))
        .min()?;
    let length = word.chars().count().max(near.chars().count());
    (distance * 3 <= length).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["timezone", "rules", "hours", "on"];
        assert_eq!(closest("timezon", &known), Some("timezone"));
        assert_eq!(closest("ruels", &known), Some("rules"));
        assert_eq!(closest("Hours", &known), Some("hours"));
        assert_eq!(closest("when", &known), None);
        assert_eq!(closest("", &known), None);
        assert_eq!(closest("x", &[]), None);
    }
}
