//! Errors that name the snippet's own words and never a value, because they are logged and shown.

use std::collections::BTreeSet;
use std::error::Error as _;

use minijinja::ErrorKind;

use super::context::Context;

/// The longest piece of a snippet that an error quotes, in characters.
const MAX_QUOTE_CHARS: usize = 80;

/// A mistake in a snippet, found when it is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SnippetError {
    /// Line inside the snippet, from 1.
    pub line: usize,
    /// Column inside the line in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if known.
    pub suggestion: Option<String>,
    /// Further mistakes of the same snippet, in their order.
    more: Vec<Self>,
}

/// Why an evaluation gave no result. No variant holds a field's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A name that this event does not have, such as a field that the webhook left out.
    #[error("this event has no `{name}`")]
    Undefined {
        /// The dotted name.
        name: String,
    },
    /// A field that exists but is null where a text was to be printed, or a greeting for a lead without a name.
    #[error("`{expression}` is empty for this lead; write `{expression} | default('…')` for another text")]
    Empty {
        /// The expression as written.
        expression: String,
    },
    /// A whole lead, or something similar, where a text was to be printed.
    #[error("`{expression}` is not a text; write one of its fields")]
    NotText {
        /// The expression as written.
        expression: String,
    },
    /// More than [`MAX_INSTRUCTIONS`](super::MAX_INSTRUCTIONS).
    #[error("the expression takes too many steps")]
    OutOfFuel,
    /// Longer than [`MAX_OUTPUT_CHARS`](super::MAX_OUTPUT_CHARS).
    #[error("the text is longer than {} characters", super::MAX_OUTPUT_CHARS)]
    TooLong,
    /// Anything else, such as a filter on a value that does not fit it.
    #[error("`{expression}`: {reason}")]
    Other {
        /// The expression as written, or the start of it.
        expression: String,
        /// What went wrong, in general words.
        reason: String,
    },
}

/// Why one of Recado's filters, or the printer, gave no value. It passes through MiniJinja as an error's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the value is empty")]
    Empty,
    #[error("the value is not a text")]
    NotText,
    #[error("{0}")]
    Unfit(&'static str),
}

impl From<Refusal> for minijinja::Error {
    fn from(refusal: Refusal) -> Self {
        Self::from(ErrorKind::InvalidOperation).with_source(refusal)
    }
}

/// The line and column, from 1, of a byte of the snippet.
pub(super) fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

impl SnippetError {
    /// An error at a byte of the snippet.
    pub(super) fn at(source: &str, offset: usize, message: impl Into<String>, suggestion: Option<String>) -> Self {
        let (line, column) = place(source, offset);
        Self { line, column, message: message.into(), suggestion, more: Vec::new() }
    }

    /// All mistakes of a snippet as one error; none if there are no mistakes.
    pub(super) fn of_all(mut errors: Vec<Self>) -> Option<Self> {
        errors.sort_by_key(|error| (error.line, error.column));
        errors.dedup();
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        Some(Self { more: errors.collect(), ..first })
    }

    /// This mistake, and the others of the same snippet.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.more)
    }

    /// A syntax error of MiniJinja. It quotes the snippet alone, because there are no values yet.
    pub(super) fn of_engine(error: &minijinja::Error, source: &str) -> Self {
        let offset = error.range().map_or(0, |range| range.start);
        let detail = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
        let suggestion = detail.contains("unexpected end").then(|| "the part that is missing at the end".to_owned());
        Self::at(source, offset, format!("cannot read the expression: {detail}"), suggestion)
    }
}

impl TextError {
    pub(super) fn of_engine(
        error: &minijinja::Error,
        source: &str,
        references: &BTreeSet<String>,
        context: &Context,
    ) -> Self {
        let expression = quote(error, source);
        match error.kind() {
            ErrorKind::OutOfFuel => return Self::OutOfFuel,
            ErrorKind::WriteFailure => return Self::TooLong,
            ErrorKind::UndefinedError => {
                let name = undefined_name(error, source, references, context).unwrap_or(expression);
                return Self::Undefined { name };
            }
            _ => {}
        }
        match error.source().and_then(|source| source.downcast_ref::<Refusal>()) {
            Some(Refusal::Empty) => Self::Empty { expression },
            Some(Refusal::NotText) => Self::NotText { expression },
            Some(refusal) => Self::Other { expression, reason: refusal.to_string() },
            // The engine's detail may quote a value; its kind cannot.
            None => Self::Other { expression, reason: error.kind().to_string() },
        }
    }
}

/// The piece of the snippet that failed: the whole `{{ … }}` in a text, the chain of filters elsewhere.
fn quote(error: &minijinja::Error, source: &str) -> String {
    let range = error.range().unwrap_or(0..source.len());
    let end = range.end.min(source.len());
    let piece = printed(source, range.start, end).or_else(|| chain(source, range.start, end));
    piece.unwrap_or(source).trim().chars().take(MAX_QUOTE_CHARS).collect()
}

/// The content of the `{{ … }}` around a range.
fn printed(source: &str, start: usize, end: usize) -> Option<&str> {
    let before = source.get(..end)?;
    let open = before.rfind("{{").filter(|open| !before.get(*open..).unwrap_or("}}").contains("}}"));
    let from = open.or_else(|| source.get(start..)?.starts_with("{{").then_some(start))? + "{{".len();
    let inside = source.get(from..)?;
    Some(inside.split("}}").next().unwrap_or(inside).trim_matches('-'))
}

/// A range that starts after a `|`, with the values and filters before it.
fn chain(source: &str, start: usize, end: usize) -> Option<&str> {
    let mut from = start;
    while let Some(value) = source.get(..from)?.trim_end().strip_suffix('|') {
        let value = value.trim_end();
        from = value.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        if from >= value.len() {
            break;
        }
    }
    source.get(from..end)
}

/// The name that was looked up but not found.
///
/// The compiled snippet gives all names that it may look up, and the context shows which of them are missing. If
/// several are missing, the engine's error says which one came first. It is used only if the snippet contains it.
fn undefined_name(
    error: &minijinja::Error,
    source: &str,
    references: &BTreeSet<String>,
    context: &Context,
) -> Option<String> {
    let missing: Vec<&String> = references.iter().filter(|name| !context.has(name)).collect();
    if let [only] = missing.as_slice() {
        return Some((*only).clone());
    }
    let told = error.detail().and_then(|detail| detail.split('`').nth(1)).filter(|name| source.contains(name));
    told.map(ToOwned::to_owned).or_else(|| missing.first().map(|name| (*name).clone()))
}
