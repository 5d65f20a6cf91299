//! Conditions (`when:`) and texts (`sms:`), in MiniJinja's expression language.
//!
//! A rule's author decides what is sent, but may forget something. So a misspelt field is an error, never an empty
//! text. A field that the CRM left empty is an error, never the word "none". Every evaluation is bounded.
//!
//! The language is a part of MiniJinja's: expressions, filters from a short list, and `{% if %}`. Loops, assignments,
//! macros and includes are refused when the snippet is read. They could grow without bound, and a text message has no
//! use for them.
//!
//! | name | what it holds |
//! | --- | --- |
//! | `lead.X` | the lead as the event shows it; every value is a text, as LeadSquared sends it |
//! | `before.X` | the lead before the change; only for `lead.changed` |
//! | `activity.X` | the activity; only for `activity.…` |
//! | `task.X`, `opportunity.X`, `landing_page.X` | what the event is about, for their events |
//! | `row.X` | the columns of a file's line; only for campaigns of a file |
//! | `event.X` | `kind` and what else the caller puts in |
//! | `now` | the instant of evaluation, in LeadSquared's own form (UTC), so that `now \| date` works like any field |
//!
//! | filter | example |
//! | --- | --- |
//! | `first_name` | `MARIA DA SILVA` gives `Maria`; a value that is no name gives nothing |
//! | `proper` | `MARIA DA SILVA` gives `Maria da Silva` |
//! | `brl` | `1234.5` gives `R$ 1.234,50` |
//! | `date`, `time` | `2026-08-08 05:52:30` gives `08/08/2026`, `02:52`; both take a strftime format and a zone. Midnight is a day, which has no time |
//! | `number` | for comparisons: `lead.Score \| number > 50`; `number(0)` names a value for an empty field |
//! | `digits` | the digits alone |
//! | `trusted` | the value, which may then be long or hold a web address |
//! | `default`, `length`, `lower`, `replace`, `round`, `trim`, `truncate`, `upper` | as in Jinja |
//!
//! Tests beside Jinja's: `is filled`, `is blank` (null, empty or blanks), `is yes` (`1`, `true`, `yes`, `sim`).

mod address;
mod context;
mod dates;
mod error;
mod filters;
mod greeting;
mod guard;
mod lint;
mod names;
mod numbers;
mod product;
mod scan;
mod settled;
mod tests_of_values;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::{AutoEscape, Environment, Expression, UndefinedBehavior, Value};

pub use context::Context;
pub use error::{SnippetError, TextError};
pub use settled::Known;

use greeting::Greeting;

/// The most instructions in one evaluation. A long text with thirty expressions takes about 200.
pub const MAX_INSTRUCTIONS: u64 = 50_000;
/// The longest snippet, in characters. MiniJinja counts lines and columns in 16 bits.
pub const MAX_SNIPPET_CHARS: usize = 8_000;
/// The longest rendered text, in characters. LigueLead takes 1,600; the margin lets the error say by how much a text is
/// too long.
pub const MAX_OUTPUT_CHARS: usize = 10_000;
/// How deep values and calls may nest.
const MAX_RECURSION: usize = 50;

/// The name under which each environment keeps its only text.
const TEMPLATE_NAME: &str = "text";

/// What all conditions and texts share: filters, tests and bounds. Built once per process. It holds no text itself; the
/// copy that each [`Template`] keeps shares its tables.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(MAX_INSTRUCTIONS));
    env.set_recursion_limit(MAX_RECURSION);
    // Without debug mode an error cannot say which expression failed. The values that debug mode keeps are never
    // printed: only kinds of error and the snippet's own words leave this module.
    env.set_debug(true);
    env.set_formatter(filters::print);
    filters::register(&mut env);
    tests_of_values::register(&mut env);
    env
});

/// A compiled condition. Cheap to clone.
#[derive(Clone)]
pub struct Condition {
    expression: Arc<Expression<'static, 'static>>,
    snippet: Arc<Snippet>,
}

/// A compiled text. Cheap to clone.
#[derive(Clone)]
pub struct Template {
    env: Arc<Environment<'static>>,
    snippet: Arc<Snippet>,
    literals: Arc<[(usize, String)]>,
    greetings: Arc<[Greeting]>,
    has_blocks: bool,
}

/// A dotted name, such as `lead.Source`, and its position: line and column in characters, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAt {
    /// The name, its root included.
    pub name: String,
    /// Line inside the snippet.
    pub line: usize,
    /// Column inside the line.
    pub column: usize,
}

/// A text that a dotted name is compared with, and its position: line and column in characters, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedAt {
    /// The name, its root included.
    pub name: String,
    /// The text.
    pub value: String,
    /// Line inside the snippet.
    pub line: usize,
    /// Column inside the line.
    pub column: usize,
}

/// What conditions and texts have in common.
struct Snippet {
    source: String,
    references: BTreeSet<String>,
    warnings: Vec<SnippetError>,
}

impl Condition {
    /// Compiles `lead.Source == "Site"`. Names, filters and tests that do not exist are errors here, not later. The
    /// error holds [all](SnippetError::all) mistakes.
    pub fn compile(source: &str) -> Result<Self, SnippetError> {
        let (scanned, mut errors) = readable(scan::condition(source))?;
        let expression = ENGINE
            .compile_expression_owned(source.to_owned())
            .map_err(|error| first_or(errors.clone(), &error, source))?;
        let (mistakes, warnings) = lint::names(&scanned, &expression.undeclared_variables(false));
        errors.extend(mistakes);
        none_of(errors)?;
        let references = expression.undeclared_variables(true).into_iter().collect();
        Ok(Self {
            expression: Arc::new(expression),
            snippet: Arc::new(Snippet { source: source.to_owned(), references, warnings }),
        })
    }

    /// Whether the condition holds.
    pub fn eval(&self, context: &Context) -> Result<bool, TextError> {
        let value = self.expression.eval(context.value()).map_err(|error| self.snippet.failure(&error, context))?;
        if value.is_undefined() {
            return Err(TextError::Undefined { name: self.snippet.source.trim().to_owned() });
        }
        Ok(tests_of_values::holds(&value))
    }

    /// The dotted names that the condition may look up, such as `lead.Source`. A bare `lead` stands for a field whose
    /// name is computed (`lead[…]`).
    #[must_use]
    pub fn references(&self) -> &BTreeSet<String> {
        &self.snippet.references
    }

    /// The dotted names in the condition, with their positions.
    #[must_use]
    pub fn names(&self) -> Vec<NameAt> {
        scan::condition(self.source()).map(|scanned| names_at(&scanned)).unwrap_or_default()
    }

    /// The texts that the condition compares names with by `==`, `!=` or `in`, with their positions.
    #[must_use]
    pub fn compared(&self) -> Vec<ComparedAt> {
        scan::condition(self.source()).map(|scanned| compared_at(&scanned)).unwrap_or_default()
    }

    /// What is legal in the condition but probably a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[SnippetError] {
        &self.snippet.warnings
    }

    /// The condition as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.snippet.source
    }
}

impl Template {
    /// Compiles `Olá {{ lead.FirstName }}`. Names, filters and tests that do not exist are errors here, not later. The
    /// error holds [all](SnippetError::all) mistakes.
    pub fn compile(source: &str) -> Result<Self, SnippetError> {
        let (scanned, mut errors) = readable(scan::template(source))?;
        let mut env = ENGINE.clone();
        let added = env.add_template_owned(TEMPLATE_NAME, source.to_owned());
        added.map_err(|error| first_or(errors.clone(), &error, source))?;
        let compiled = env.get_template(TEMPLATE_NAME).map_err(|error| first_or(errors.clone(), &error, source))?;
        let (mistakes, warnings) = lint::names(&scanned, &compiled.undeclared_variables(false));
        errors.extend(mistakes);
        none_of(errors)?;
        let references = compiled.undeclared_variables(true).into_iter().collect();
        let greetings = greeting::without_default(&scanned).into();
        let literals = scanned.literals.into();
        let has_blocks = scanned.has_blocks;
        Ok(Self {
            env: Arc::new(env),
            snippet: Arc::new(Snippet { source: source.to_owned(), references, warnings }),
            literals,
            greetings,
            has_blocks,
        })
    }

    /// Renders the text for one recipient, at most [`MAX_OUTPUT_CHARS`] long.
    ///
    /// A value that the rule's author may not expect is an error. That is a value with a web address, several lines,
    /// invisible characters, or more than 60 characters. The filter `trusted` lets such a value pass. A greeting for a
    /// lead without a name is an error too.
    pub fn render(&self, context: &Context) -> Result<String, TextError> {
        let has_none = |greeting: &&Greeting| context.text(&greeting.name).is_some_and(|name| name.trim().is_empty());
        match self.greetings.iter().find(has_none) {
            Some(Greeting { expression, .. }) => Err(TextError::Empty { expression: expression.clone() }),
            None => self.render_label(&context.guarded()),
        }
    }

    /// Renders a text that no recipient sees, such as a title in a report. Its values may be anything.
    pub fn render_label(&self, context: &Context) -> Result<String, TextError> {
        let mut out = Bounded(Vec::new());
        let rendered = self
            .env
            .get_template(TEMPLATE_NAME)
            .and_then(|template| template.render_captured_to(context.value(), &mut out).map(drop));
        rendered.map_err(|error| self.snippet.failure(&error, context))?;
        let text = String::from_utf8(out.0).map_err(|_| TextError::TooLong)?;
        if text.chars().count() > MAX_OUTPUT_CHARS { Err(TextError::TooLong) } else { Ok(text) }
    }

    /// The dotted names that the text may look up; see [`Condition::references`].
    #[must_use]
    pub fn references(&self) -> &BTreeSet<String> {
        &self.snippet.references
    }

    /// The dotted names in the text, with their positions.
    #[must_use]
    pub fn names(&self) -> Vec<NameAt> {
        scan::template(self.source()).map(|scanned| names_at(&scanned)).unwrap_or_default()
    }

    /// The texts that the text compares names with by `==`, `!=` or `in`, with their positions.
    #[must_use]
    pub fn compared(&self) -> Vec<ComparedAt> {
        scan::template(self.source()).map(|scanned| compared_at(&scanned)).unwrap_or_default()
    }

    /// What is legal in the text but probably a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[SnippetError] {
        &self.snippet.warnings
    }

    /// What is legal in a title but probably a mistake in a text to a person: greetings that are empty without a lead's
    /// name.
    pub fn greeting_warnings(&self) -> impl Iterator<Item = SnippetError> {
        self.greetings.iter().map(|greeting| greeting.warning(self.source()))
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.snippet.source
    }

    /// The literal pieces between the expressions, which are sent unchanged.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().map(|(_, literal)| literal.as_str())
    }

    /// The text as it may [arrive](crate::folding), with its expressions unchanged.
    #[must_use]
    pub fn folded(&self) -> String {
        let (mut folded, mut at) = (String::new(), 0);
        for (start, literal) in self.literals.iter() {
            folded.push_str(self.source().get(at..*start).unwrap_or_default());
            folded.push_str(&crate::folding::piece(literal));
            at = start + literal.len();
        }
        folded.push_str(self.source().get(at..).unwrap_or_default());
        folded.trim().to_owned()
    }

    /// The least length of any rendering in characters, without blanks at the ends. It is 0 if `{% if %}` may leave
    /// pieces out.
    #[must_use]
    pub fn least_chars(&self) -> usize {
        self.least(|text| text.chars().count())
    }

    /// [`least_chars`](Self::least_chars) in another unit of length.
    pub fn least(&self, length: impl Fn(&str) -> usize) -> usize {
        if self.has_blocks { 0 } else { length(self.literals().collect::<String>().trim()) }
    }
}

/// Decides whether MiniJinja may compile the snippet, and returns the mistakes in its words. MiniJinja needs bounds,
/// and only a snippet that can be read and uses no foreign signs has them.
fn readable<'s>(
    read: Result<scan::Scanned<'s>, scan::Broken<'s>>,
) -> Result<(scan::Scanned<'s>, Vec<SnippetError>), SnippetError> {
    let (scanned, unread) = match read {
        Ok(scanned) => (scanned, Vec::new()),
        Err(scan::Broken { scanned, errors }) => (scanned, errors),
    };
    let unbounded = [unread, lint::signs(&scanned)].concat();
    let words = lint::words(&scanned);
    if unbounded.is_empty() {
        return Ok((scanned, words));
    }
    none_of([unbounded, words].concat()).map(|()| (scanned, Vec::new()))
}

/// The mistakes found here, or else MiniJinja's error: MiniJinja fails at the same words.
fn first_or(found: Vec<SnippetError>, error: &minijinja::Error, source: &str) -> SnippetError {
    SnippetError::of_all(found).unwrap_or_else(|| SnippetError::of_engine(error, source))
}

fn none_of(errors: Vec<SnippetError>) -> Result<(), SnippetError> {
    SnippetError::of_all(errors).map_or(Ok(()), Err)
}

/// The dotted names in a text or a condition, even in one that does not compile.
#[must_use]
pub fn names_written(source: &str) -> BTreeSet<String> {
    let scanned = match scan::template(source) {
        Ok(scanned) | Err(scan::Broken { scanned, .. }) => scanned,
    };
    lint::paths(&scanned).into_iter().map(|(name, _)| name).collect()
}

fn names_at(scanned: &scan::Scanned<'_>) -> Vec<NameAt> {
    let place = |(name, at): (String, usize)| {
        let (line, column) = error::place(scanned.source, at);
        NameAt { name, line, column }
    };
    lint::paths(scanned).into_iter().map(place).collect()
}

fn compared_at(scanned: &scan::Scanned<'_>) -> Vec<ComparedAt> {
    let place = |(name, value, at): (String, String, usize)| {
        let (line, column) = error::place(scanned.source, at);
        ComparedAt { name, value, line, column }
    };
    lint::compared(scanned).into_iter().map(place).collect()
}

impl Snippet {
    fn failure(&self, error: &minijinja::Error, context: &Context) -> TextError {
        TextError::of_engine(error, &self.source, &self.references, context)
    }
}

/// Two conditions are equal when they are written alike.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

/// Two texts are equal when they are written alike.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source()).finish()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source()).finish()
    }
}

/// Refuses bytes beyond the longest output, so that a text cannot fill the memory before its length is checked.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_CHARS * 4 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Parses a number as people and LeadSquared write it: `0.09`, `0,09`, `R$ 1.234,50`. `1.500` has two readings, so it
/// is an error.
///
/// The error says why the text is no number.
pub fn number(text: &str) -> Result<f64, &'static str> {
    numbers::parse(text).map_err(|error| match error {
        numbers::NotANumber::None => "it is not a number",
        numbers::NotANumber::Ambiguous => {
            "it is ambiguous; write no thousands mark, and two digits after the decimal mark"
        }
    })
}

/// Whether a person would call the value empty: none, or only blanks.
fn is_blank(value: &Value) -> bool {
    value.is_none() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests;
