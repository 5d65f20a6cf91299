//! Diagnostics: what is wrong, where, and what to write instead.

use std::fmt;

use super::tree::Position;

/// More than anybody corrects at once.
const MAX_DIAGNOSTICS: usize = 200;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not do what its author expects.
    Warning,
}

/// One mistake in the file. `Display` gives `12:9: message; write …`; [`Diagnostic::render`] adds the file name in
/// front.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// The path in the structure: `rules[1].when`. Empty for the file as a whole.
    pub key: String,
}

impl Diagnostic {
    /// `recado.yaml:12:9: message; write …`, the form that editors and terminals turn into a link.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        format!("{file}:{self}")
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warning = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {warning}{}", self.line, self.column, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; write {suggestion}"),
            None => Ok(()),
        }
    }
}

/// A lead field that the file names, and its position. The file alone does not show whether LeadSquared has the field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedField {
    /// Its schema name, as written.
    pub name: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The path in the structure: `rules[1].when`.
    pub key: String,
}

/// A value that the file compares a lead field with, and its position. The file alone does not show whether the field
/// ever has this value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedValue {
    /// The field's schema name, as written.
    pub field: String,
    /// The value as it is compared.
    pub value: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The path in the structure: `rules[1].to`.
    pub key: String,
}

/// Everything recorded so far: mistakes, the fields that the file names, and the values that they are compared with.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Diagnostic>,
    fields: Vec<NamedField>,
    values: Vec<NamedValue>,
}

/// Everything recorded, in the file's order.
pub(super) struct Noticed {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether any diagnostic is an error.
    pub(super) has_errors: bool,
    pub(super) fields: Vec<NamedField>,
    pub(super) values: Vec<NamedValue>,
}

impl Problems {
    pub(super) fn error(
        &mut self,
        at: Position,
        key: &str,
        message: impl Into<String>,
        suggestion: impl Into<Option<String>>,
    ) {
        self.push(Severity::Error, at, key, message.into(), suggestion.into());
    }

    pub(super) fn warning(
        &mut self,
        at: Position,
        key: &str,
        message: impl Into<String>,
        suggestion: impl Into<Option<String>>,
    ) {
        self.push(Severity::Warning, at, key, message.into(), suggestion.into());
    }

    /// Records a lead field.
    pub(super) fn lead_field(&mut self, at: Position, key: &str, name: &str) {
        let (line, column) = (at.line, at.column);
        self.fields.push(NamedField { name: name.to_owned(), line, column, key: key.to_owned() });
    }

    /// Records a value that a lead field is compared with.
    pub(super) fn lead_value(&mut self, at: Position, key: &str, field: &str, value: &str) {
        let (field, value, key) = (field.to_owned(), value.to_owned(), key.to_owned());
        self.values.push(NamedValue { field, value, line: at.line, column: at.column, key });
    }

    /// Returns everything recorded.
    pub(super) fn finish(mut self) -> Noticed {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.fields.sort_by_key(|field| (field.line, field.column));
        self.values.sort_by_key(|value| (value.line, value.column));
        let has_errors = self.found.iter().any(|problem| problem.severity == Severity::Error);
        Noticed { diagnostics: self.found, has_errors, fields: self.fields, values: self.values }
    }

    fn push(&mut self, severity: Severity, at: Position, key: &str, message: String, suggestion: Option<String>) {
        // An error is always kept: a list full of warnings must not let the file pass.
        if self.found.len() < MAX_DIAGNOSTICS || severity == Severity::Error && self.found.len() < 2 * MAX_DIAGNOSTICS {
            let (line, column) = (at.line, at.column);
            self.found.push(Diagnostic { severity, line, column, message, suggestion, key: key.to_owned() });
        }
    }
}
