//! The declaration of each key of `recado.yaml`: its name, values, default and meaning, in one place.
//!
//! The reader takes the known keys of a section, their ranges and their defaults from here. The schema for editors, the
//! tables of `docs/configuration.md` and `recado.example.yaml` are made from the same declarations. Each section is
//! declared beside its reader; [`FILE`](super::FILE) leads to all of them.

use std::ops::RangeInclusive;

use super::values::{percent, written};

/// The keys of one section, in the order for readers.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The section's heading in `docs/configuration.md`. Empty: the table of the section around it lists its keys.
    pub heading: &'static str,
    /// The keys.
    pub all: &'static [Key],
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// What applies if it is missing.
    pub absent: Absent,
    /// What it means, in one sentence. Markdown, like the other texts.
    pub doc: &'static str,
    /// Further sentences; empty if one is enough.
    pub more: &'static str,
    /// A further limit, in words; may be empty.
    pub limit: &'static str,
    /// Another key that must be there too; may be empty.
    pub needs: &'static str,
    /// An example of a value, as written in the file; may be empty if there is a default.
    pub example: &'static str,
}

/// The values of a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The version of the format.
    Version,
    /// The name of a time zone.
    Zone,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// A duration from the first to the second, in milliseconds.
    Duration(u64, u64),
    /// A percentage from the first to the second, in per mille.
    Percent(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text.
    Text,
    /// A text of 1 to this many characters.
    TextUpTo(u64),
    /// The schema name of a field.
    Field,
    /// The id of a rule or a campaign.
    Id,
    /// An id, or a list of at most this many ids.
    Ids(u64),
    /// Opening hours.
    Hours,
    /// When a campaign starts.
    Schedule,
    /// An expression that is true or false.
    Condition,
    /// The text of a message, with expressions.
    Template,
    /// A title with expressions: at most this many UTF-16 units once filled in.
    Title(u64),
    /// The file name of a recording, of at most this many characters.
    Audio(u64),
    /// A mapping.
    Section(&'static Keys),
    /// This word, or a mapping.
    WordOrSection(&'static str, &'static Keys),
    /// A list of at most this many mappings.
    List(&'static Keys, u64),
}

/// What applies if a key is missing.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// A missing key is an error.
    Required,
    /// Exactly one of the section's keys of this sort must be there.
    OneOf,
    /// This value, as written in the file.
    Default(&'static str),
    /// What this describes, such as "no limit".
    Means(&'static str),
}

impl Keys {
    /// No keys.
    pub(super) const NONE: Self = Self::new("", &[]);

    pub(super) const fn new(heading: &'static str, all: &'static [Key]) -> Self {
        Self { heading, all }
    }

    /// The key with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.all.iter().find(|key| key.name == name)
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|key| key.name).collect()
    }
}

impl Key {
    /// A key that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Self {
        Self { example, ..Self::new(name, kind, Absent::Required, doc) }
    }

    /// A key of a choice: exactly one of the section's keys of this sort must be there.
    pub(super) const fn one_of(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(name, kind, Absent::OneOf, doc)
    }

    /// A key with a default, as written in the file.
    pub(super) const fn with_default(name: &'static str, kind: Kind, value: &'static str, doc: &'static str) -> Self {
        Self::new(name, kind, Absent::Default(value), doc)
    }

    /// A key that may be missing; `absent` describes what applies then.
    pub(super) const fn optional(name: &'static str, kind: Kind, absent: &'static str, doc: &'static str) -> Self {
        Self::new(name, kind, Absent::Means(absent), doc)
    }

    const fn new(name: &'static str, kind: Kind, absent: Absent, doc: &'static str) -> Self {
        Self { name, kind, absent, doc, more: "", limit: "", needs: "", example: "" }
    }

    pub(super) const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    pub(super) const fn limit(self, limit: &'static str) -> Self {
        Self { limit, ..self }
    }

    pub(super) const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// Its default, as written in the file.
    #[must_use]
    pub const fn default(&self) -> Option<&'static str> {
        match self.absent {
            Absent::Default(value) => Some(value),
            Absent::Required | Absent::OneOf | Absent::Means(_) => None,
        }
    }

    /// The key with its example, as written in the file.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.name, self.example)
    }

    /// The range of its values for readers, in Markdown; empty if there is nothing to say.
    #[must_use]
    pub fn range(&self) -> String {
        let needs = if self.needs.is_empty() { String::new() } else { format!("only with `{}`", self.needs) };
        let parts = [self.kind.range(), needs, self.limit.to_owned()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// Its whole description, without links.
    #[must_use]
    pub fn description(&self) -> String {
        let more = if self.more.is_empty() { String::new() } else { format!(" {}", self.more) };
        plain(&format!("{}{more}{}", self.doc, self.facts()))
    }

    /// The first sentence of its description, its range, and what applies if it is missing, without links.
    #[must_use]
    pub fn summary(&self) -> String {
        plain(&format!("{}{}", self.doc, self.facts()))
    }

    /// Its range, and what applies if it is missing.
    fn facts(&self) -> String {
        let label = match self.kind {
            Kind::Version | Kind::Zone | Kind::Word(_) | Kind::Schedule | Kind::Audio(_) => "Values",
            _ => "Limits",
        };
        let range = Some(self.range()).filter(|range| !range.is_empty()).map(|range| format!(" {label}: {range}."));
        let absent = match (self.kind, self.absent) {
            (Kind::Section(_), _) | (_, Absent::Means("none")) => String::new(),
            (_, Absent::Means(absent)) => format!(" Default: {absent}."),
            _ => String::new(),
        };
        range.unwrap_or_default() + &absent
    }
}

impl Kind {
    /// The bounds of a number, a length or a count; all numbers where there is none.
    pub(super) fn bounds(self) -> RangeInclusive<u64> {
        match self {
            Self::Whole(least, most) | Self::Duration(least, most) | Self::Percent(least, most) => least..=most,
            Self::TextUpTo(most) | Self::Ids(most) | Self::List(_, most) => 0..=most,
            _ => 0..=u64::MAX,
        }
    }

    /// The keys of a section or of a list's elements.
    #[must_use]
    pub const fn keys(self) -> Option<&'static Keys> {
        match self {
            Self::Section(keys) | Self::WordOrSection(_, keys) | Self::List(keys, _) => Some(keys),
            _ => None,
        }
    }

    fn range(self) -> String {
        match self {
            Self::Version => "1".to_owned(),
            Self::Zone => "any IANA zone".to_owned(),
            Self::Whole(least, most) => format!("{} to {}", grouped(least), grouped(most)),
            Self::Duration(least, most) => format!("`{}` to `{}`", written(least), written(most)),
            Self::Percent(least, most) => format!("`{}` to `{}`", percent(least), percent(most)),
            Self::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::TextUpTo(most) => format!("1 to {most} characters"),
            Self::Ids(most) => format!("at most {most} ids"),
            Self::Hours => format!("at most {} ranges", crate::hours::MAX_RANGES),
            Self::Schedule => "`cron(…)`, `rate(…)`, `at(…)`".to_owned(),
            Self::Title(most) => format!("at most {most} characters once filled in, where an emoji counts as two"),
            Self::Audio(most) => {
                format!("a file name that ends in `.mp3` or `.wav`, without a path, at most {most} characters")
            }
            Self::List(_, most) => format!("at most {most} elements"),
            _ => String::new(),
        }
    }
}

/// `600,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Markdown without links and emphasis: links become their words.
fn plain(markdown: &str) -> String {
    let text = markdown.replace('*', "");
    let mut parts = text.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        match part.split_once("](").and_then(|(words, rest)| Some((words, rest.split_once(')')?.1))) {
            Some((words, rest)) => done + words + rest,
            None => done + "[" + part,
        }
    })
}
