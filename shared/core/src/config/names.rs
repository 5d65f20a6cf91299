//! Names whose form is checked once, when they are made.

use std::collections::BTreeMap;
use std::fmt;

use super::diagnostic::Problems;
use super::key::{Key, Kind};
use super::section::{Item, Section};
use super::tree::Position;

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
    /// Takes an id of the right form, also one that was stored.
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

    /// The valid id that is nearest to a text.
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

/// The ids read so far, and the earlier ids of rules.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The position of each id.
    here: BTreeMap<RuleId, Position>,
    /// The position of each earlier id, and its key.
    was: BTreeMap<RuleId, (Position, String)>,
}

/// `id` of a rule.
pub(super) const ID: Key =
    Key::required("id", Kind::Id, "welcome", "The rule's name, a part of each message's identity.").more(
        "Under a new id the rule answers again to an event that is delivered again, unless it says what it `was`.",
    );
/// `was` of a rule.
pub(super) const WAS: Key = Key::optional(
    "was",
    Kind::Ids(20),
    "none",
    "The ids that the rule had earlier, [the first one first](#a-new-name-for-a-rule).",
)
.limit("not the id of a rule or campaign of the file, nor in two rules")
.example("greeting");

impl Ids {
    /// Reads the `id` of a rule or a campaign.
    pub(super) fn read(&mut self, section: &Section<'_>, problems: &mut Problems) -> Option<RuleId> {
        let item = section.required("id", problems)?;
        let id = id_of(&item, problems)?;
        self.claim(id, &item, problems)
    }

    /// Reads `was`: a rule's earlier ids, one or a list, the first one first.
    pub(super) fn read_was(&mut self, section: &Section<'_>, problems: &mut Problems) -> Vec<RuleId> {
        let Some(item) = section.get("was", problems) else { return Vec::new() };
        let items = if item.is_single() { vec![item] } else { section.list("was", "was: welcome", problems) };
        let mut was = Vec::new();
        for item in items {
            let Some(id) = id_of(&item, problems) else { continue };
            if let Some((first, _)) = self.was.get(&id) {
                let message = format!("the id \"{id}\" is already an earlier id on line {}", first.line);
                item.error(message, "it in one rule only", problems);
                continue;
            }
            self.was.insert(id.clone(), (item.node.at, item.key));
            was.push(id);
        }
        was
    }

    /// Refuses an earlier id that a rule or campaign still has.
    pub(super) fn check_was(&self, problems: &mut Problems) {
        for (id, (at, key)) in &self.was {
            if let Some(here) = self.here.get(id) {
                let message =
                    format!("the id \"{id}\" is still in use on line {}, so it is not an earlier id", here.line);
                problems.error(*at, key, message, "an id that no rule or campaign uses now".to_owned());
            }
        }
    }

    /// The position of each id: its line and column.
    pub(super) fn places(self) -> BTreeMap<RuleId, (usize, usize)> {
        self.here.into_iter().map(|(id, at)| (id, (at.line, at.column))).collect()
    }

    fn claim(&mut self, id: RuleId, item: &Item<'_>, problems: &mut Problems) -> Option<RuleId> {
        if let Some(first) = self.here.get(&id) {
            let message = format!("the id \"{id}\" is already on line {}", first.line);
            item.error(message, "another id: each rule and campaign needs its own", problems);
            return None;
        }
        self.here.insert(id.clone(), item.node.at);
        Some(id)
    }
}

fn id_of(item: &Item<'_>, problems: &mut Problems) -> Option<RuleId> {
    item.parsed(problems, |text| {
        RuleId::parse(text).ok_or_else(|| {
            let message =
                format!("the id \"{text}\" must have 1 to {MAX_ID_CHARS} of the characters a-z, 0-9, _ and -");
            (message, RuleId::mend(text))
        })
    })
}
