//! Mistakes in a snippet that MiniJinja would accept, or would notice too late.

use std::collections::HashSet;

use super::error::SnippetError;
use super::scan::{Kind, Region, Scanned, Token};
use super::{context, filters, product, tests_of_values};
use crate::spelling::closest;

/// Words of the language; a `(` after them is not a call.
const KEYWORDS: [&str; 9] = ["and", "or", "not", "in", "is", "if", "else", "elif", "endif"];
/// Roots whose fields are texts.
const TEXT_ROOTS: [&str; 8] = ["lead", "before", "activity", "event", "task", "opportunity", "landing_page", "row"];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", ">", "<=", ">="];

/// Checks operators before compiling. Its messages are better than a parser's, and signs that nest without a bound
/// (`{`, `!`) must not reach the parser.
pub(super) fn signs(scanned: &Scanned<'_>) -> Vec<SnippetError> {
    let tokens = &scanned.tokens;
    let signs = tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign);
    let problems = signs.filter_map(|(index, token)| Some((token.at, sign(token).or_else(|| product(tokens, index))?)));
    problems.map(|(at, (message, suggestion))| SnippetError::at(scanned.source, at, message, suggestion)).collect()
}

/// Checks filters, tests and calls.
pub(super) fn words(scanned: &Scanned<'_>) -> Vec<SnippetError> {
    let tokens = &scanned.tokens;
    let words = tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word);
    let problems = words.filter_map(|(index, token)| Some((token.at, word(tokens, index)?)));
    problems.map(|(at, (message, suggestion))| SnippetError::at(scanned.source, at, message, suggestion)).collect()
}

/// What is wrong, and what to write instead.
type Problem = (String, Option<String>);

fn sign(token: &Token<'_>) -> Option<Problem> {
    let instead = match token.text {
        "&&" | "&" => "and",
        "||" => "or",
        "!" => "not",
        "~" => "{{ a }}{{ b }}, two expressions side by side",
        "{" => "an expression without braces",
        "=" => "==",
        _ => return None,
    };
    Some((format!("`{}` is not an operator here", token.text), Some(instead.to_owned())))
}

/// A `*` that could repeat a text.
fn product(tokens: &[Token<'_>], index: usize) -> Option<Problem> {
    let is_refused = tokens.get(index)?.text == "*" && !product::is_of_numbers(tokens, index);
    is_refused.then(|| ("both sides of `*` must be numbers".to_owned(), Some("lead.Score | number * 2".to_owned())))
}

fn word(tokens: &[Token<'_>], index: usize) -> Option<Problem> {
    let at = |back: usize| index.checked_sub(back).and_then(|index| tokens.get(index)).map(|token| token.text);
    let name = tokens.get(index)?.text;
    if at(1) == Some("|") {
        return unknown("filter", name, &filters::NAMES);
    }
    if at(1) == Some("is") && name != "not" || at(1) == Some("not") && at(2) == Some("is") {
        return unknown("test", name, &tests_of_values::NAMES);
    }
    let called = tokens.get(index + 1).is_some_and(|next| next.text == "(");
    if called && !KEYWORDS.contains(&name) {
        let suggestion = closest(name, &filters::NAMES).map(|filter| format!("a filter: … | {filter}"));
        let message = format!("there is no function `{name}`");
        return Some((message, Some(suggestion.unwrap_or_else(filter_list))));
    }
    None
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Option<Problem> {
    if known.contains(&name) {
        return None;
    }
    let suggestion = match closest(name, known) {
        Some(near) => near.to_owned(),
        None => format!("one of {}", known.join(", ")),
    };
    Some((format!("there is no {what} `{name}`"), Some(suggestion)))
}

fn filter_list() -> String {
    format!("a filter after a value: … | {}", filters::NAMES.join(", "))
}

/// Checks names and comparisons: mistakes, and warnings. `roots` are the variables that the snippet looks up.
pub(super) fn names(scanned: &Scanned<'_>, roots: &HashSet<String>) -> (Vec<SnippetError>, Vec<SnippetError>) {
    let tokens = &scanned.tokens;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let mut region = Region::Condition;
    for (index, token) in tokens.iter().enumerate() {
        if let Kind::Open(opened) = token.kind {
            region = opened;
        }
        let member = index.checked_sub(1).and_then(|index| tokens.get(index)).is_some_and(|dot| dot.text == ".");
        if token.kind != Kind::Word || member {
            continue;
        }
        if roots.contains(token.text) && !context::ROOTS.contains(&token.text) {
            errors.push(unknown_root(scanned.source, token, tokens.get(index + 1)));
        }
        let Some(path) = Path::at(tokens, index) else {
            continue;
        };
        if let Some((message, suggestion)) = path.comparison(tokens) {
            errors.push(SnippetError::at(scanned.source, token.at, message, suggestion));
        }
        if path.is_bare_truth(tokens, region) {
            let message = format!("`{0}` alone is true for \"0\" and \"false\" too", path.text);
            let suggestion = format!("{0} is yes, or {0} is filled", path.text);
            warnings.push(SnippetError::at(scanned.source, token.at, message, Some(suggestion)));
        }
    }
    (errors, warnings)
}

/// Each dotted name in a snippet, and the byte where it starts.
pub(super) fn paths(scanned: &Scanned<'_>) -> Vec<(String, usize)> {
    let tokens = &scanned.tokens;
    let is_member = |at: usize| at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|dot| dot.text == ".");
    let words = tokens.iter().enumerate().filter(|(at, token)| token.kind == Kind::Word && !is_member(*at));
    words.filter_map(|(at, token)| Some((Path::at(tokens, at)?.text, token.at))).collect()
}

/// Each text that a dotted name is compared with by `==`, `!=` or `in`: the name, the text, and the byte where the text
/// starts. Filtered values, on either side, are left out, because a filter changes the value.
pub(super) fn compared(scanned: &Scanned<'_>) -> Vec<(String, String, usize)> {
    let tokens = &scanned.tokens;
    let is_sign = |token: &&Token<'_>| ["==", "!="].contains(&token.text);
    let is_filtered = |at: usize| tokens.get(at).is_some_and(|token| token.text == "|");
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let is_member = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|dot| dot.text == ".");
        let Some(path) = Path::at(tokens, at).filter(|path| !is_member && !is_filtered(path.to)) else { continue };
        let behind = path.to + usize::from(tokens.get(path.to).is_some_and(|token| token.text == "not"));
        let mut values: Vec<&Token<'_>> = Vec::new();
        if tokens.get(path.to).as_ref().is_some_and(is_sign) {
            values.extend(tokens.get(path.to + 1).filter(|_| !is_filtered(path.to + 2)));
        } else if tokens.get(behind).is_some_and(|token| token.text == "in") {
            let list = tokens.get(behind + 1..).unwrap_or_default();
            let is_list = list.first().is_some_and(|token| token.text == "[");
            values.extend(list.iter().take_while(|token| is_list && token.text != "]"));
        }
        if path.before(tokens, 1).as_ref().is_some_and(is_sign) {
            values.extend(path.before(tokens, 2));
        }
        found.extend(values.into_iter().filter_map(|token| Some((path.text.clone(), written(token)?, token.at))));
    }
    found
}

/// The text that a token stands for. A text with an escape is left out, because it would have to be read as MiniJinja
/// reads it.
pub(super) fn written(token: &Token<'_>) -> Option<String> {
    let is_plain = token.kind == Kind::Text && !token.text.contains('\\');
    let text = token.text.get(1..token.text.len().checked_sub(1)?)?;
    is_plain.then(|| text.to_owned())
}

fn unknown_root(source: &str, token: &Token<'_>, next: Option<&Token<'_>>) -> SnippetError {
    let name = token.text;
    let suggestion = match closest(name, &context::ROOTS) {
        Some(near) => near.to_owned(),
        // `FirstName` instead of `lead.FirstName` is the usual mistake.
        None if next.is_none_or(|next| next.text != ".") => {
            format!("lead.{name}, or \"{name}\" in quotes for a text")
        }
        None => format!("one of {}", context::ROOTS.join(", ")),
    };
    SnippetError::at(source, token.at, format!("there is no name `{name}` here"), Some(suggestion))
}

/// `lead.Name`: the tokens `from..to`.
pub(super) struct Path {
    pub(super) text: String,
    from: usize,
    pub(super) to: usize,
}

impl Path {
    pub(super) fn at(tokens: &[Token<'_>], from: usize) -> Option<Self> {
        let root = tokens.get(from).filter(|root| TEXT_ROOTS.contains(&root.text))?;
        let mut text = root.text.to_owned();
        let mut to = from + 1;
        while let (Some(dot), Some(name)) = (tokens.get(to), tokens.get(to + 1)) {
            if dot.text != "." || name.kind != Kind::Word {
                break;
            }
            text.push('.');
            text.push_str(name.text);
            to += 2;
        }
        (to > from + 1).then_some(Self { text, from, to })
    }

    fn before<'t, 's>(&self, tokens: &'t [Token<'s>], back: usize) -> Option<&'t Token<'s>> {
        tokens.get(self.from.checked_sub(back)?)
    }

    /// A comparison with a number or a truth value. A text never equals such a value and always orders the same way.
    fn comparison(&self, tokens: &[Token<'_>]) -> Option<Problem> {
        let is_sign = |token: &&Token<'_>| COMPARISONS.contains(&token.text);
        let (sign, other) = match tokens.get(self.to).filter(is_sign) {
            Some(sign) => {
                (sign.text, tokens.get(self.to + 1).filter(|token| token.text != "-").or(tokens.get(self.to + 2))?)
            }
            None if tokens.get(self.to).is_some_and(|next| next.text == "|") => return None,
            None => (flipped(self.before(tokens, 1).filter(is_sign)?.text), self.before(tokens, 2)?),
        };
        let path = &self.text;
        let (what, suggestion) = match (other.kind, other.text) {
            (Kind::Number, number) if sign == "==" || sign == "!=" => {
                ("a number", format!("{path} {sign} \"{number}\""))
            }
            (Kind::Number, number) => ("a number", format!("{path} | number {sign} {number}")),
            (Kind::Word, "true" | "True") if sign == "==" => ("true", format!("{path} is yes")),
            (Kind::Word, "true" | "True" | "false" | "False") => ("a truth value", format!("not ({path} is yes)")),
            _ => return None,
        };
        Some((format!("`{path}` is a text and is compared with {what}"), Some(suggestion)))
    }

    /// Whether the path alone decides a branch and is not the whole condition (whose "0" means no).
    fn is_bare_truth(&self, tokens: &[Token<'_>], region: Region) -> bool {
        let (Some(before), Some(next)) = (self.before(tokens, 1), tokens.get(self.to)) else {
            return false;
        };
        let ends = next.kind == Kind::Close || ["and", "or", ")", "else"].contains(&next.text);
        let whole = matches!(before.kind, Kind::Open(_)) && next.kind == Kind::Close;
        let starts = match before.text {
            "if" | "elif" | "not" => true,
            "and" | "or" | "(" => region != Region::Print,
            _ => before.kind == Kind::Open(Region::Condition),
        };
        starts && ends && !whole
    }
}

/// The sign for exchanged sides.
fn flipped(sign: &str) -> &str {
    match sign {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        same => same,
    }
}
