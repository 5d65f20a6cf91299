//! Secrets that a request must show.

mod callbacks;
mod keys;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

pub use callbacks::{CallbackDoor, CallbackUrls, NotVouchedFor, Panel, Vouched, present_form_since};

/// The path of LigueLead's callbacks.
pub const CALLBACK_PATH: &str = "/webhooks/liguelead";
/// The path of LeadSquared's webhooks.
pub const WEBHOOK_PATH: &str = "/webhooks/leadsquared";

/// The shortest secret, in characters: 24 random bytes have 32 characters in Base64 and 48 in hexadecimal.
const MIN_CHARS: usize = 32;
/// The shortest value before a change, in characters. Earlier releases took it, so a change must be able to begin with it.
const MIN_CHARS_BEFORE: usize = 24;
/// The fewest different characters. Random text of [`MIN_CHARS`] has more; `aaaa…` and `changeme…` have fewer.
const MIN_DIFFERENT: usize = 8;

/// One or more values of one secret. There are two while the secret is being changed.
#[derive(Debug, Clone)]
pub struct Secret(Vec<SecretString>);

/// Why a text is no secret. Its words hold nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// The text holds no value.
    #[error("holds no value")]
    Empty,
    /// The first value can be guessed.
    #[error("is too short to be safe: at least {MIN_CHARS} random characters, such as `openssl rand -hex 24` gives")]
    Short,
    /// A value before a change can be guessed.
    #[error("has an old value that is too short to be safe: leave out what has under {MIN_CHARS_BEFORE} characters")]
    ShortBefore,
}

impl Secret {
    /// Reads `value`, or `new,old` while the secret is being changed. The first value must not be guessable.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let values: Vec<&str> = text.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        let (newest, before) = values.split_first().ok_or(BadSecret::Empty)?;
        if !is_hard(newest, MIN_CHARS) {
            return Err(BadSecret::Short);
        }
        if !before.iter().all(|value| is_hard(value, MIN_CHARS_BEFORE)) {
            return Err(BadSecret::ShortBefore);
        }
        Ok(Self(values.into_iter().map(Into::into).collect()))
    }

    /// The value to use from now on: the first.
    #[must_use]
    pub fn newest(&self) -> SecretString {
        // `parse` guarantees at least one value.
        self.0.first().cloned().unwrap_or_default()
    }

    /// Whether `shown` is one of the values. The time of the comparison does not depend on how many characters match.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        let equal = self
            .0
            .iter()
            .fold(Choice::from(0), |found, value| found | digest(value.expose_secret()).ct_eq(&digest(shown)));
        equal.into()
    }

    /// Whether a value of this secret is a value of `other`, too.
    #[must_use]
    pub fn shares_a_value_with(&self, other: &Self) -> bool {
        self.0.iter().any(|value| other.is(value.expose_secret()))
    }
}

/// Whether a value is long enough, and not one character over and over.
fn is_hard(value: &str, min_chars: usize) -> bool {
    let different: std::collections::BTreeSet<char> = value.chars().collect();
    value.chars().count() >= min_chars && different.len() >= MIN_DIFFERENT
}

/// Comparing digests also hides the length.
fn digest(text: &str) -> [u8; 32] {
    use sha2::Digest as _;
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "the-new-secret-that-nobody-guesses";
    const OLD: &str = "the-old-secret-that-nobody-guesses";

    #[test]
    fn either_value_of_a_secret_opens_while_it_is_changed() {
        let secret = Secret::parse(&format!("{NEW}, {OLD}")).unwrap();
        assert!(secret.is(NEW) && secret.is(OLD));
        assert!(!secret.is(&format!("{NEW}, {OLD}")) && !secret.is("") && !secret.is(&NEW[..33]));
        assert!(!format!("{secret:?}").contains("old-secret"));
        assert!(secret.shares_a_value_with(&Secret::parse(OLD).unwrap()));
        assert!(!Secret::parse(NEW).unwrap().shares_a_value_with(&Secret::parse(OLD).unwrap()));
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_with_the_command_that_makes_a_good_one() {
        assert_eq!(Secret::parse(" , ").unwrap_err(), BadSecret::Empty);
        let hex = "0123456789abcdef0123456789abcdef";
        for short in [&hex[..31], "x.x", &"a".repeat(64), &"changeme".repeat(4)] {
            let error = Secret::parse(short).unwrap_err();
            assert_eq!(error, BadSecret::Short, "{short}");
            assert!(error.to_string().contains("openssl rand -hex 24") && !error.to_string().contains(short));
        }
        assert!(Secret::parse(hex).unwrap().is(hex));
        // An installation whose secret had the shortest length of earlier releases can change it without a gap.
        assert!(Secret::parse(&format!("{hex},{}", &hex[..24])).unwrap().is(&hex[..24]));
        assert_eq!(Secret::parse(&format!("{hex},{}", &hex[..23])).unwrap_err(), BadSecret::ShortBefore);
    }
}
