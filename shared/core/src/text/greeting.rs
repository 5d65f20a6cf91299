//! Names in a text's greeting, without another word for a lead that has no name: `Olá {{ lead.FirstName }}, …`.
//!
//! LeadSquared writes a missing name as null or as an empty text, and forms often hold something that is no name. `Olá
//! , recebemos o seu contato` must not go out. So such a message is skipped, and `recado check` asks for a `default`.

use super::error::SnippetError;
use super::lint::Path;
use super::scan::{Kind, Region, Scanned, Token};
use crate::unicode::without_marks;

/// Fields that hold names of people.
const NAME_FIELDS: [&str; 4] = ["FirstName", "LastName", "FullName", "ProspectFirstName"];
/// Words before a name, in small letters without accents.
const WORDS: [&str; 22] = [
    "ola",
    "oi",
    "oie",
    "opa",
    "bom dia",
    "boa tarde",
    "boa noite",
    "prezado",
    "prezada",
    "prezado(a)",
    "prezada(o)",
    "caro",
    "cara",
    "caro(a)",
    "querido",
    "querida",
    "querido(a)",
    "hello",
    "hi",
    "dear",
    "sr.",
    "sra.",
];
/// Filters that give another word for an empty value.
const DEFAULTS: [&str; 2] = ["default", "d"];

/// A greeting without a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// The dotted name of the field.
    pub(super) name: String,
    /// The expression, without its braces.
    pub(super) expression: String,
    /// The byte of the snippet where the expression begins.
    pub(super) at: usize,
}

impl Greeting {
    /// The warning of `recado check` about this greeting.
    pub(super) fn warning(&self, source: &str) -> SnippetError {
        let message = format!("`{}` is empty for a lead without a name, and Recado skips the message", self.expression);
        SnippetError::at(source, self.at, message, Some(format!("{} | default('cliente')", self.expression)))
    }
}

/// The greetings of a text that are empty for a lead without a name. If a branch checks the field, its greeting is left
/// out.
pub(super) fn without_default(scanned: &Scanned<'_>) -> Vec<Greeting> {
    let asked = asked(scanned);
    let mut found = Vec::new();
    for (at, token) in scanned.tokens.iter().enumerate() {
        if token.kind != Kind::Open(Region::Print) {
            continue;
        }
        let behind = scanned.tokens.get(at + 1..).unwrap_or_default();
        let end = behind.iter().position(|token| token.kind == Kind::Close).unwrap_or(behind.len());
        let inside = behind.get(..end).unwrap_or_default();
        let (Some(path), Some(filters)) = (Path::at(inside, 0), filters(inside)) else { continue };
        let is_name = path.text.rsplit('.').next().is_some_and(|field| NAME_FIELDS.contains(&field));
        let greets = is_name || filters.contains(&"first_name") || ends_in_greeting(before(scanned.source, token.at));
        let has_default = filters.iter().any(|filter| DEFAULTS.contains(filter));
        if let (true, false, [first, .., last] | [first @ last]) =
            (greets, has_default || asked.contains(&path.text), inside)
        {
            let expression = scanned.source.get(first.at..last.at + last.text.len()).unwrap_or_default().to_owned();
            found.push(Greeting { name: path.text, expression, at: first.at });
        }
    }
    found
}

/// The names that a text's branches check.
fn asked(scanned: &Scanned<'_>) -> Vec<String> {
    let mut region = Region::Print;
    let mut names = Vec::new();
    for (at, token) in scanned.tokens.iter().enumerate() {
        if let Kind::Open(opened) = token.kind {
            region = opened;
        } else if region == Region::Block {
            names.extend(Path::at(&scanned.tokens, at).map(|path| path.text));
        }
    }
    names
}

/// The filters of an expression that consists of a name and filters alone. Any other expression handles empty values
/// itself.
fn filters<'s>(inside: &[Token<'s>]) -> Option<Vec<&'s str>> {
    let path = Path::at(inside, 0)?;
    let (mut filters, mut depth) = (Vec::new(), 0_usize);
    let mut rest = inside.get(path.to..)?.iter();
    while let Some(token) = rest.next() {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            "|" if depth == 0 => filters.push(rest.next()?.text),
            _ if depth > 0 => {}
            _ => return None,
        }
    }
    Some(filters)
}

/// The text's own words directly before a byte.
fn before(source: &str, at: usize) -> &str {
    let before = source.get(..at).unwrap_or_default();
    let start = ["}}", "%}", "#}"].iter().filter_map(|end| Some(before.rfind(end)? + end.len())).max();
    before.get(start.unwrap_or(0)..).unwrap_or_default()
}

fn ends_in_greeting(words: &str) -> bool {
    let words = without_marks(words.chars()).to_lowercase();
    let words = words.trim_end_matches([' ', ',', '\n']);
    WORDS.iter().filter_map(|word| words.strip_suffix(word)).any(|rest| !rest.ends_with(char::is_alphanumeric))
}
