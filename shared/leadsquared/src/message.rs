//! The CRM's own words about a failure, made safe to log.

use std::fmt;

use crate::mask::mask_numbers;

/// Longest message shown, in characters.
pub const MAX_MESSAGE_CHARS: usize = 300;

/// Words of LeadSquared's. `Display` and `Debug` show at most [`MAX_MESSAGE_CHARS`] characters on one line, with every
/// run of eight or more digits masked, since errors quote phones (`Duplicate entry '…'`). The raw words stay inside.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    pub(crate) fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// Whether there are no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The schema names in `Attribute(s) does not exist - X,Y`, which refuses a whole lead or activity: a caller may drop
    /// these fields and try once more. Empty for any other message.
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

    /// Whether it says that the lead or the activity that was to be written does not exist, as
    /// `Lead does not exist in the system`. A lead that the keys' user may not edit is refused in the same words.
    #[must_use]
    pub fn says_missing(&self) -> bool {
        let raw = self.raw().to_ascii_lowercase();
        raw.contains("does not exist") && self.unknown_attributes().is_empty()
    }

    /// For reading facts out of the words inside this crate; never shown.
    pub(crate) fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no reason given");
        }
        let mut line = String::new();
        for word in self.0.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty())
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

/// Signs that show nothing and could split a number before it is masked.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE_CHARS, Message};

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
