//! Reads mappings and values. Each mistake is recorded, and reading goes on.

use std::ops::RangeInclusive;

use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::snippet;
use super::tree::{Entry, Node, Position, Scalar, Value};
use super::values::{self, Read};
use crate::spelling::closest;
use crate::text::{ComparedAt, NameAt, SnippetError};

/// A mapping whose keys are all declared.
#[derive(Clone, Debug)]
pub(super) struct Section<'n> {
    key: String,
    at: Position,
    entries: &'n [Entry],
    keys: &'static Keys,
}

/// A value under a key.
#[derive(Clone, Debug)]
pub(super) struct Item<'n> {
    /// The value's path: `rules[1].when`.
    pub(super) key: String,
    pub(super) node: &'n Node,
}

impl<'n> Section<'n> {
    /// The file itself.
    pub(super) fn root(node: &'n Node, keys: &'static Keys, problems: &mut Problems) -> Option<Self> {
        Item { key: String::new(), node }.section(keys, problems)
    }

    /// The declaration of a key.
    fn declared(&self, key: &str) -> Option<&'static Key> {
        self.keys.get(key)
    }

    /// The value of a key, if the key is there. A key without a value is a mistake.
    pub(super) fn get(&self, key: &str, problems: &mut Problems) -> Option<Item<'n>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let item = Item { key: self.path(key), node: &entry.node };
        if item.scalar().is_some_and(Scalar::is_null) {
            problems.error(
                entry.at,
                &item.key,
                format!("`{key}` has no value"),
                "a value, or leave the key out".to_owned(),
            );
            return None;
        }
        Some(item)
    }

    /// Whether the key is there, with or without a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The position of the key, or of the section if the key is missing.
    pub(super) fn at(&self, key: &str) -> Position {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.at, |entry| entry.at)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, problems: &mut Problems) -> Option<Item<'n>> {
        if !self.has(key) {
            problems.error(self.at, &self.path(key), format!("`{key}` is missing"), self.example(key));
        }
        self.get(key, problems)
    }

    /// The key with a value, as an example.
    pub(super) fn example(&self, key: &str) -> String {
        self.declared(key).map(Key::line).unwrap_or_default()
    }

    pub(super) fn text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        self.get(key, problems)?.text(problems)
    }

    /// A text that has a default.
    pub(super) fn text_or_default(&self, key: &str, problems: &mut Problems) -> String {
        let default = || self.declared(key).and_then(Key::default).unwrap_or_default().to_owned();
        self.text(key, problems).unwrap_or_else(default)
    }

    /// A text that is compared with the lead field `field`, if that is known.
    pub(super) fn value_of(&self, key: &str, field: Option<&str>, problems: &mut Problems) -> Option<String> {
        let item = self.get(key, problems)?;
        let value = item.text(problems)?;
        if let Some(field) = field {
            problems.lead_value(item.node.at, &item.key, field, &value);
        }
        Some(value)
    }

    /// The value that the file gives, read within the declared range.
    pub(super) fn given<T>(
        &self,
        key: &str,
        problems: &mut Problems,
        read: impl FnOnce(&str, &RangeInclusive<u64>) -> Read<T>,
    ) -> Option<T> {
        let range = self.declared(key)?.kind.bounds();
        self.get(key, problems)?.parsed(problems, |text| read(text, &range))
    }

    /// The value that the file gives, or else the declared default. A test reads every default.
    pub(super) fn value<T>(
        &self,
        key: &str,
        problems: &mut Problems,
        read: impl Fn(&str, &RangeInclusive<u64>) -> Read<T>,
    ) -> Option<T> {
        let default = || {
            let declared = self.declared(key)?;
            read(declared.default()?, &declared.kind.bounds()).ok()
        };
        self.given(key, problems, &read).or_else(default)
    }

    /// A number that has a default.
    pub(super) fn whole<T: TryFrom<u64> + Default>(&self, key: &str, problems: &mut Problems) -> T {
        let number = self.value(key, problems, values::whole);
        number.and_then(|number| T::try_from(number).ok()).unwrap_or_default()
    }

    /// A number, if the file gives one.
    pub(super) fn given_whole<T: TryFrom<u64>>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        T::try_from(self.given(key, problems, values::whole)?).ok()
    }

    /// A duration that has a default.
    pub(super) fn duration_ms(&self, key: &str, problems: &mut Problems) -> u64 {
        self.value(key, problems, values::duration_ms).unwrap_or_default()
    }

    /// A duration, if the file gives one.
    pub(super) fn given_duration_ms(&self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.given(key, problems, values::duration_ms)
    }

    /// A percentage that has a default.
    pub(super) fn per_mille(&self, key: &str, problems: &mut Problems) -> u16 {
        self.value(key, problems, values::per_mille).unwrap_or_default()
    }

    /// A flag; each has a default.
    pub(super) fn flag(&self, key: &str, problems: &mut Problems) -> bool {
        self.value(key, problems, |text, _| values::flag(text)).unwrap_or_default()
    }

    /// A word that has a default.
    pub(super) fn word<T: Default>(&self, key: &str, problems: &mut Problems, read: impl Fn(&str) -> Option<T>) -> T {
        let words = match self.declared(key).map(|key| key.kind) {
            Some(Kind::Word(words)) => values::either(words),
            _ => String::new(),
        };
        let wrong = |word: &str| (format!("unknown value \"{word}\""), words.clone());
        self.value(key, problems, |word, _| read(word).ok_or_else(|| wrong(word))).unwrap_or_default()
    }

    /// The section under a key, if it is there.
    pub(super) fn section(&self, key: &str, problems: &mut Problems) -> Option<Section<'n>> {
        self.get(key, problems)?.section(self.keys_under(key), problems)
    }

    /// The section under a key. If the file has none, it is empty: all its keys have their defaults.
    pub(super) fn section_or_empty(&self, key: &str, problems: &mut Problems) -> Section<'n> {
        self.section(key, problems).unwrap_or_else(|| self.empty(key))
    }

    /// A section without keys in the place of a missing one.
    pub(super) fn empty(&self, key: &str) -> Section<'n> {
        Section { key: self.path(key), at: self.at, entries: &[], keys: self.keys_under(key) }
    }

    fn keys_under(&self, key: &str) -> &'static Keys {
        self.declared(key).and_then(|key| key.kind.keys()).unwrap_or(&Keys::NONE)
    }

    /// The elements of a list; none if the key is missing.
    pub(super) fn list(&self, key: &str, example: &str, problems: &mut Problems) -> Vec<Item<'n>> {
        let most = self.declared(key).and_then(|key| usize::try_from(*key.kind.bounds().end()).ok());
        let most = most.unwrap_or(usize::MAX);
        let Some(item) = self.get(key, problems) else {
            return Vec::new();
        };
        let Value::List(nodes) = &item.node.value else {
            item.error(format!("`{key}` is not a list"), example, problems);
            return Vec::new();
        };
        if nodes.len() > most {
            item.error(format!("`{key}` has more than {most} elements"), "fewer elements", problems);
        }
        let elements = nodes.iter().take(most).enumerate();
        elements.map(|(index, node)| Item { key: format!("{}[{index}]", item.key), node }).collect()
    }

    pub(super) fn error(&self, key: &str, message: impl Into<String>, suggestion: &str, problems: &mut Problems) {
        problems.error(self.at(key), &self.path(key), message, suggestion.to_owned());
    }

    pub(super) fn warning(
        &self,
        key: &str,
        message: impl Into<String>,
        suggestion: Option<&str>,
        problems: &mut Problems,
    ) {
        problems.warning(self.at(key), &self.path(key), message, suggestion.map(ToOwned::to_owned));
    }

    fn path(&self, key: &str) -> String {
        match (self.key.as_str(), key) {
            ("", key) => key.to_owned(),
            (section, "") => section.to_owned(),
            (section, key) => format!("{section}.{key}"),
        }
    }
}

impl<'n> Item<'n> {
    fn scalar(&self) -> Option<&'n Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether this is a single value, neither a mapping nor a list.
    pub(super) fn is_single(&self) -> bool {
        self.scalar().is_some()
    }

    /// A single value as text.
    pub(super) fn text(&self, problems: &mut Problems) -> Option<String> {
        match self.scalar() {
            Some(scalar) if scalar.text.trim().is_empty() => {
                self.error("the value is empty", "a value, or leave the key out", problems);
                None
            }
            Some(scalar) => Some(scalar.text.clone()),
            None => {
                self.error(
                    "this key takes one value, not a list or a section",
                    "one value, in quotes if it starts with { or [",
                    problems,
                );
                None
            }
        }
    }

    /// A text that `read` parses. The error of `read` is the message and what to write instead.
    pub(super) fn parsed<T>(&self, problems: &mut Problems, read: impl FnOnce(&str) -> Read<T>) -> Option<T> {
        let text = self.text(problems)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err((message, suggestion)) => {
                self.error(message, suggestion, problems);
                None
            }
        }
    }

    /// A mapping; unknown keys are mistakes.
    pub(super) fn section(&self, keys: &'static Keys, problems: &mut Problems) -> Option<Section<'n>> {
        let known = keys.names();
        let Value::Map(entries) = &self.node.value else {
            let message = "this key takes a section with keys";
            self.error(message, format!("{}: …", known.first().unwrap_or(&"key")), problems);
            return None;
        };
        let section = Section { key: self.key.clone(), at: self.node.at, entries, keys };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let suggestion = match closest(&entry.key, &known) {
                Some(near) => format!("{near}:"),
                None => format!("one of {}", known.join(", ")),
            };
            problems.error(
                entry.at,
                &section.path(&entry.key),
                format!("there is no key `{}` here", entry.key),
                suggestion,
            );
        }
        Some(section)
    }

    pub(super) fn error(&self, message: impl Into<String>, suggestion: impl Into<String>, problems: &mut Problems) {
        problems.error(self.node.at, &self.key, message, suggestion.into());
    }

    /// Reports the mistakes inside the value's text.
    pub(super) fn snippet_error(&self, error: &SnippetError, problems: &mut Problems) {
        for error in error.all() {
            problems.error(self.place(error), &self.key, error.message.as_str(), error.suggestion.clone());
        }
    }

    /// Reports a warning inside the value's text.
    pub(super) fn snippet_warning(&self, error: &SnippetError, problems: &mut Problems) {
        problems.warning(self.place(error), &self.key, error.message.as_str(), error.suggestion.clone());
    }

    /// Records the lead fields that a condition or a text names, with their positions in the file.
    pub(super) fn note_lead_fields(&self, names: &[NameAt], problems: &mut Problems) {
        for NameAt { name, line, column } in names {
            let field = name.strip_prefix("lead.").or_else(|| name.strip_prefix("before."));
            if let Some(field) = field.and_then(|field| field.split('.').next()) {
                problems.lead_field(self.locate(*line, *column), &self.key, field);
            }
        }
    }

    /// Records the values that a condition or a text compares lead fields with.
    pub(super) fn note_lead_values(&self, compared: &[ComparedAt], problems: &mut Problems) {
        for ComparedAt { name, value, line, column } in compared {
            let field = name.strip_prefix("lead.").or_else(|| name.strip_prefix("before."));
            if let Some(field) = field.filter(|field| !field.contains('.')) {
                problems.lead_value(self.locate(*line, *column), &self.key, field, value);
            }
        }
    }

    fn place(&self, error: &SnippetError) -> Position {
        self.locate(error.line, error.column)
    }

    /// The position in the file of a line and a column of the value's text.
    fn locate(&self, line: usize, column: usize) -> Position {
        match self.scalar() {
            Some(scalar) => snippet::locate(scalar, self.node.at, line, column),
            None => self.node.at,
        }
    }
}
