//! Names that are checked once.

use std::collections::BTreeMap;
use std::fmt;

use super::diagnostic::Problems;
use super::section::{Item, Section};

/// The longest id of a rule or a campaign, in characters.
const MAX_ID_CHARS: usize = 64;
/// The longest schema name that is plausible, in characters.
const MAX_FIELD_CHARS: usize = 100;

/// The id of a rule or a campaign: 1 to 64 of `a-z 0-9 _ -`. Unique in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(String);

/// A LeadSquared schema name, such as `FirstName` or `mx_Message_Status`: a letter, then letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(String);

impl RuleId {
    /// Takes an id of the right form, also from where it was stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let fits = !text.is_empty() && text.len() <= MAX_ID_CHARS && text.chars().all(is_fit);
        fits.then(|| Self(text.to_owned()))
    }

    /// The id's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest text that is an id.
    fn mend(text: &str) -> String {
        let mended: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .take(MAX_ID_CHARS)
            .collect();
        let mended = mended.trim_matches('-');
        if mended.is_empty() { "welcome".to_owned() } else { mended.to_owned() }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FieldName {
    /// Takes a name of the right form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let fits = text.len() <= MAX_FIELD_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (starts && fits).then(|| Self(text.to_owned()))
    }

    /// The name's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The field name under a key.
    pub(super) fn read(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Self> {
        let item = section.get(key, problems)?;
        let name = item.parsed(problems, |text| {
            Self::parse(text).ok_or_else(|| {
                let message = format!("\"{text}\" is not the schema name of a field");
                (message, "its schema name in LeadSquared, such as mx_Message_Status".to_owned())
            })
        })?;
        problems.lead_field(item.node.at, &item.key, name.as_str());
        Some(name)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ids met so far, and the line of each.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeMap<RuleId, usize>);

impl Ids {
    /// Reads the `id` of a rule or a campaign.
    pub(super) fn read(&mut self, section: &Section<'_>, problems: &mut Problems) -> Option<RuleId> {
        let item = section.required("id", "id: welcome", problems)?;
        let id = item.parsed(problems, |text| {
            RuleId::parse(text).ok_or_else(|| {
                let message = format!("the id \"{text}\" is not 1 to {MAX_ID_CHARS} of a-z, 0-9, _ and -");
                (message, RuleId::mend(text))
            })
        })?;
        self.claim(id, &item, problems)
    }

    fn claim(&mut self, id: RuleId, item: &Item<'_>, problems: &mut Problems) -> Option<RuleId> {
        if let Some(line) = self.0.get(&id) {
            let message = format!("the id \"{id}\" is already on line {line}");
            item.error(message, "an id of its own: messages are told apart by it", problems);
            return None;
        }
        self.0.insert(id.clone(), item.node.at.line);
        Some(id)
    }
}
