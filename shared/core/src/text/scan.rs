//! A light scan of a snippet before MiniJinja's own. It finds mistakes that MiniJinja would only notice when a message
//! is due: unknown filters and tests, calls, comparisons that can never hold. It also keeps out everything without a
//! bound.
//!
//! It need not agree with MiniJinja on broken snippets, because those fail to compile anyway. It must see at least
//! every block tag that MiniJinja sees. It does: it looks at each `{%` in the source, wherever it is.

use super::MAX_SNIPPET_CHARS;
use super::error::SnippetError;

/// Block tags that are allowed in a text.
const BLOCKS: [&str; 4] = ["if", "elif", "else", "endif"];
/// Operators of two characters, which are one token.
const PAIRS: [&str; 8] = ["==", "!=", "<=", ">=", "&&", "||", "**", "//"];

/// Words and signs in one expression, and block tags in one text. MiniJinja compiles by recursion, so a chain of some
/// thousand operators would overflow the stack and end the process. These bounds fit a 512 KiB stack (there is a test),
/// and no real message comes near them.
const MAX_TOKENS: usize = 300;
const MAX_BLOCKS: usize = 60;
const MAX_OPEN_BRACKETS: usize = 20;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The start of an expression: of a condition, of `{{`, of `{%`.
    Open(Region),
    /// The end of an expression.
    Close,
    Word,
    Number,
    Text,
    Sign,
}

/// The place of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    Condition,
    Print,
    Block,
}

/// A token and the byte where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    pub(super) at: usize,
}

/// A snippet's tokens, and the pieces between its expressions.
#[derive(Debug)]
pub(super) struct Scanned<'s> {
    pub(super) source: &'s str,
    pub(super) tokens: Vec<Token<'s>>,
    /// The byte where each piece starts, and the piece.
    pub(super) literals: Vec<(usize, String)>,
    pub(super) has_blocks: bool,
}

/// A snippet that cannot be read: the parts that can be read, and each mistake.
pub(super) struct Broken<'s> {
    pub(super) scanned: Scanned<'s>,
    pub(super) errors: Vec<SnippetError>,
}

/// Reads a condition: one expression.
pub(super) fn condition(source: &str) -> Result<Scanned<'_>, Broken<'_>> {
    let mut scanned = start(source)?;
    if source.trim().is_empty() {
        let suggestion = Some("lead.Source == \"Site\", or leave the key out".to_owned());
        return Err(unread(source, SnippetError::at(source, 0, "the condition is empty", suggestion)));
    }
    if let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|mark| source.find(mark)).min() {
        let suggestion = Some("only the expression, without braces".to_owned());
        return Err(unread(source, SnippetError::at(source, at, "a condition takes no braces", suggestion)));
    }
    match expression(&mut scanned, Region::Condition, 0, 0, None) {
        Ok(_) => Ok(scanned),
        Err(error) => Err(Broken { scanned, errors: vec![error] }),
    }
}

/// Reads a text: pieces and expressions in turn. After an expression that cannot be read, the next one is still read.
pub(super) fn template(source: &str) -> Result<Scanned<'_>, Broken<'_>> {
    let mut scanned = start(source)?;
    let mut errors = bad_blocks(source);
    if !errors.is_empty() {
        return Err(Broken { scanned, errors });
    }
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let next = ["{{", "{%", "{#"].iter().filter_map(|mark| rest.find(mark)).min();
        let (literal, tag) = rest.split_at(next.unwrap_or(rest.len()));
        if !literal.is_empty() {
            scanned.literals.push((at, literal.to_owned()));
        }
        at += literal.len();
        if tag.is_empty() {
            break;
        }
        let (read, end) = if tag.starts_with("{#") {
            (after(source, at, "#}"), "#}")
        } else if tag.starts_with("{{") {
            (expression(&mut scanned, Region::Print, at, 2, Some("}}")), "}}")
        } else {
            scanned.has_blocks = true;
            (expression(&mut scanned, Region::Block, at, 2, Some("%}")), "%}")
        };
        match read.map_err(|error| errors.push(error)).or_else(|()| after(source, at, end)) {
            Ok(behind) => at = behind,
            // The expression has no end, and that mistake is recorded.
            Err(_) => break,
        }
    }
    if errors.is_empty() { Ok(scanned) } else { Err(Broken { scanned, errors }) }
}

fn start(source: &str) -> Result<Scanned<'_>, Broken<'_>> {
    if source.chars().count() > MAX_SNIPPET_CHARS {
        let message = format!("the text is longer than {MAX_SNIPPET_CHARS} characters");
        return Err(unread(source, SnippetError::at(source, 0, message, Some("a shorter text".to_owned()))));
    }
    Ok(nothing(source))
}

fn nothing(source: &str) -> Scanned<'_> {
    Scanned { source, tokens: Vec::new(), literals: Vec::new(), has_blocks: false }
}

fn unread(source: &str, error: SnippetError) -> Broken<'_> {
    Broken { scanned: nothing(source), errors: vec![error] }
}

/// Every `{%` that is not a branch, even inside a comment or a quoted text.
fn bad_blocks(source: &str) -> Vec<SnippetError> {
    let mut errors = Vec::new();
    for (index, (at, mark)) in source.match_indices("{%").enumerate() {
        if index >= MAX_BLOCKS {
            let message = format!("there are more than {MAX_BLOCKS} block tags");
            let suggestion = Some("several rules, each with its own condition".to_owned());
            errors.push(SnippetError::at(source, at, message, suggestion));
            break;
        }
        let rest = source.get(at + mark.len()..).unwrap_or_default();
        let rest = rest.trim_start_matches(['-', '+']).trim_start();
        let word = rest.split(|c: char| !is_word(c)).next().unwrap_or_default();
        // The end of a refused tag would only repeat the mistake.
        let is_end = word.starts_with("end") && !errors.is_empty();
        if !BLOCKS.contains(&word) && !is_end {
            let message = format!("`{{% {word}` is not allowed in messages");
            let suggestion = Some("expressions as {{ … }}, and {% if … %} … {% else %} … {% endif %}".to_owned());
            errors.push(SnippetError::at(source, at, message, suggestion));
        }
    }
    errors
}

/// The byte after the next `end`.
fn after(source: &str, from: usize, end: &str) -> Result<usize, SnippetError> {
    let rest = source.get(from..).unwrap_or_default();
    match rest.find(end) {
        Some(found) => Ok(from + found + end.len()),
        None => Err(unclosed(source, from, end)),
    }
}

fn unclosed(source: &str, at: usize, end: &str) -> SnippetError {
    let open: String = source.get(at..).unwrap_or_default().chars().take(2).collect();
    SnippetError::at(source, at, format!("`{open}` is not closed"), Some(format!("`{end}` after the expression")))
}

/// Reads an expression's tokens from after its opening mark to its end, and returns the byte after it.
fn expression(
    scanned: &mut Scanned<'_>,
    region: Region,
    open: usize,
    mark: usize,
    end: Option<&str>,
) -> Result<usize, SnippetError> {
    let source = scanned.source;
    let mut brackets = Brackets::default();
    let mut count = 0;
    let opening = Token { kind: Kind::Open(region), text: "", at: open };
    scanned.tokens.push(opening);
    let mut at = open + mark;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        if end.is_some_and(|end| rest.starts_with(end)) {
            break;
        }
        let (kind, length) = token(source, at, rest)?;
        if let Some(kind) = kind {
            let text = rest.get(..length).unwrap_or_default();
            let token = Token { kind, text, at };
            brackets.follow(source, &token)?;
            scanned.tokens.push(token);
            count += 1;
        }
        if count > MAX_TOKENS {
            let message = format!("the expression has more than {MAX_TOKENS} words and signs");
            let suggestion = Some("`lead.X in [\"a\", \"b\"]` for many values, or several rules".to_owned());
            return Err(SnippetError::at(source, open, message, suggestion));
        }
        at += length;
    }
    brackets.finish(source)?;
    scanned.tokens.push(Token { kind: Kind::Close, text: "", at });
    match end {
        Some(end) if at >= source.len() => Err(unclosed(source, open, end)),
        Some(end) => Ok(at + end.len()),
        None => Ok(at),
    }
}

/// The open brackets. MiniJinja does not end an expression inside brackets, so an expression with an open bracket would
/// reach further than it seems to.
#[derive(Default)]
struct Brackets(Vec<(char, usize)>);

impl Brackets {
    fn follow(&mut self, source: &str, token: &Token<'_>) -> Result<(), SnippetError> {
        let opening = match token.text {
            "(" => return self.open('(', source, token.at),
            "[" => return self.open('[', source, token.at),
            ")" => '(',
            "]" => '[',
            _ => return Ok(()),
        };
        match self.0.pop() {
            Some((open, _)) if open == opening => Ok(()),
            _ => {
                let message = format!("`{}` has no `{opening}` before it", token.text);
                let suggestion = Some(format!("`{opening}` before it, or leave it out"));
                Err(SnippetError::at(source, token.at, message, suggestion))
            }
        }
    }

    fn open(&mut self, bracket: char, source: &str, at: usize) -> Result<(), SnippetError> {
        if self.0.len() >= MAX_OPEN_BRACKETS {
            let message = format!("the brackets are nested more than {MAX_OPEN_BRACKETS} deep");
            let suggestion = Some("fewer brackets".to_owned());
            return Err(SnippetError::at(source, at, message, suggestion));
        }
        self.0.push((bracket, at));
        Ok(())
    }

    fn finish(mut self, source: &str) -> Result<(), SnippetError> {
        let Some((open, at)) = self.0.pop() else {
            return Ok(());
        };
        let close = if open == '(' { ')' } else { ']' };
        let suggestion = Some(format!("`{close}` after it"));
        Err(SnippetError::at(source, at, format!("`{open}` is not closed"), suggestion))
    }
}

/// The kind and length in bytes of the token at the start of `rest`; no kind for blanks.
fn token(source: &str, at: usize, rest: &str) -> Result<(Option<Kind>, usize), SnippetError> {
    let first = rest.chars().next().unwrap_or(' ');
    let run = |keep: fn(char) -> bool| rest.find(|c: char| !keep(c)).unwrap_or(rest.len());
    Ok(match first {
        c if c.is_whitespace() => (None, c.len_utf8()),
        '0'..='9' => (Some(Kind::Number), run(|c| is_word(c) || c == '.')),
        c if is_word(c) => (Some(Kind::Word), run(is_word)),
        '"' | '\'' => {
            let length = quoted(rest, first).ok_or_else(|| {
                let suggestion = Some(format!("{first} at the end of the quoted text"));
                SnippetError::at(source, at, "the quote is not closed", suggestion)
            })?;
            (Some(Kind::Text), length)
        }
        _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (Some(Kind::Sign), 2),
        c => (Some(Kind::Sign), c.len_utf8()),
    })
}

/// The length of a quoted text with its quotes.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
