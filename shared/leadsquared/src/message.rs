//! The CRM's own words about a failure, made safe to log.

use std::fmt;

use vendor_http::mask_numbers;

/// Longest message shown, in characters.
pub const MAX_MESSAGE_CHARS: usize = 300;

/// LeadSquared's words. `Display` and `Debug` show at most [`MAX_MESSAGE_CHARS`] characters on one line. Every run of
/// eight or more digits is masked, since errors quote phones (`Duplicate entry '…'`). The raw words stay inside.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    words: String,
    /// The type of the exception beside the words. It is not shown.
    exception: Option<String>,
}

/// The exception type that alone says that the target of the write is gone.
const GONE_TYPE: &str = "InvalidEntityReference";
/// Objects that may be gone, and the words for it, in lower case.
const GONE_THINGS: [&str; 4] = ["lead", "prospect", "activity", "entity"];
const GONE_WORDS: [&str; 8] =
    ["not found", "be found", "not exist", "n't exist", "no longer exist", "deleted", "merged", "no such"];

impl Message {
    pub(crate) fn new(raw: impl Into<String>) -> Self {
        Self { words: raw.into(), exception: None }
    }

    /// Adds the exception's type.
    pub(crate) fn with(self, exception: Option<String>) -> Self {
        Self { exception, ..self }
    }

    /// Whether there are no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.trim().is_empty()
    }

    /// The schema names in `Attribute(s) does not exist - X,Y`, which refuses a whole lead or activity. A caller may
    /// drop these fields and try once more. Empty for any other message.
    #[must_use]
    pub fn unknown_attributes(&self) -> Vec<&str> {
        const SAYING: &str = "does not exist - ";
        let raw = self.raw();
        let Some(at) = raw.find("Attribute").filter(|_| raw.contains(SAYING)) else {
            return Vec::new();
        };
        let names = raw.get(at..).and_then(|rest| rest.split_once(SAYING)).map_or("", |(_, names)| names);
        names
            .split(',')
            .map(|name| name.trim().trim_end_matches('.'))
            .take_while(|name| name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_'))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Whether the message says, in any of LeadSquared's words, that the lead or the activity to be written is gone.
    /// Examples: `Lead does not exist in the system`, `Lead not found`, or the type
    /// `MXInvalidEntityReferenceException`. A lead that the keys' user may not edit is refused in the same words.
    /// Source: errors seen by public clients.
    #[must_use]
    pub fn says_missing(&self) -> bool {
        if !self.unknown_attributes().is_empty() {
            return false;
        }
        let words = self.raw().to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        words.contains("does not exist")
            || (has(&GONE_THINGS) && has(&GONE_WORDS))
            || self.exception.as_deref().is_some_and(|exception| exception.contains(GONE_TYPE))
    }

    /// The raw words, for reading facts out of them inside this crate; never shown.
    pub(crate) fn raw(&self) -> &str {
        &self.words
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no reason given");
        }
        let mut line = String::new();
        for word in
            self.words.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty())
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(word.chars().filter(|sign| !is_invisible(*sign)));
        }
        f.write_str(&mask_numbers(&line).chars().take(MAX_MESSAGE_CHARS).collect::<String>())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?})", self.to_string())
    }
}

/// Invisible characters, which could split a number before it is masked.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE_CHARS, Message};

    #[test]
    fn that_a_lead_is_gone_is_read_in_each_of_its_words() {
        let by_type = |name: &str| Message::new("Invalid reference").with(Some(name.to_owned()));
        assert!(by_type("MXInvalidEntityReferenceException").says_missing());
        assert!(!by_type("MXInvalidInputException").says_missing());
        for words in [
            "Lead does not exist in the system",
            "Lead does not exist",
            "Lead not found",
            "LEAD NOT FOUND.",
            "Prospect could not be found",
            "The lead doesn't exist",
            "The lead no longer exists",
            "Lead has been deleted",
            "Lead was merged with another lead",
            "No such lead",
            "Activity does not exist",
        ] {
            assert!(Message::new(words).says_missing(), "{words}");
        }
        for words in [
            "",
            "Attribute(s) does not exist - mx_Lead_Deleted",
            "Duplicate entry for key 'UQ_Prospect_Base_Phone'",
            "Lead is locked",
            "User not permitted",
            "Fields cannot be empty",
        ] {
            assert!(!Message::new(words).says_missing(), "{words}");
        }
    }

    #[test]
    fn neither_display_nor_debug_shows_a_phone() {
        let message = Message::new("Duplicate entry '+55-11988887777' for key\r\n'UQ_Prospect_Base_Phone'");
        let shown = "Duplicate entry '+[number]' for key 'UQ_Prospect_Base_Phone'";
        assert_eq!(message.to_string(), shown);
        assert!(!format!("{message:?}").contains("8888"));
        assert_eq!(Message::new("  ").to_string(), "no reason given");
        assert_eq!(Message::new("é".repeat(900)).to_string().chars().count(), MAX_MESSAGE_CHARS);
    }
}
