//! What is wrong, where, and what to write instead.

use std::fmt;

use super::tree::Position;

/// More than anybody mends in one go.
const MAX_DIAGNOSTICS: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not do what is expected.
    Warning,
}

/// One mistake in the file. `Display` gives `12:9: message; write …`; [`Diagnostic::render`] puts a file name before.
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
    /// Where in the structure: `rules[1].when`. Empty for the file as a whole.
    pub key: String,
}

impl Diagnostic {
    /// `recado.yaml:12:9: message; write …`, as editors and terminals make it a link.
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

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Diagnostic>);

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

    /// All of them in the file's order, and whether any is an error.
    pub(super) fn finish(mut self) -> (Vec<Diagnostic>, bool) {
        self.0.sort_by_key(|problem| (problem.line, problem.column));
        let has_errors = self.0.iter().any(|problem| problem.severity == Severity::Error);
        (self.0, has_errors)
    }

    fn push(&mut self, severity: Severity, at: Position, key: &str, message: String, suggestion: Option<String>) {
        // An error is kept in any case: with the list full of warnings the file must still not pass.
        if self.0.len() < MAX_DIAGNOSTICS || severity == Severity::Error && self.0.len() < 2 * MAX_DIAGNOSTICS {
            let (line, column) = (at.line, at.column);
            self.0.push(Diagnostic { severity, line, column, message, suggestion, key: key.to_owned() });
        }
    }
}
