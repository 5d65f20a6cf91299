//! YAML as nodes that remember their position.
//!
//! YAML that a settings file does not need is refused. That is anchors and aliases, because with them a few lines stand
//! for gigabytes. It is also tags, several documents, keys that are not words, duplicate keys and deep nesting.

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

/// Levels of lists and mappings within each other. The format needs five.
const MAX_DEPTH: usize = 16;

/// A position in the file: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// A value and where it starts.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the file's order, without duplicate keys.
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) node: Node,
}

/// A scalar's text, and its source for finding positions inside it.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    /// As written, quotes and block header included.
    pub(super) raw: String,
}

impl Scalar {
    /// Whether nothing was written, or YAML's null.
    pub(super) fn is_null(&self) -> bool {
        self.style == ScalarStyle::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// Why the text cannot be read as a tree.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Position,
    pub(super) message: String,
    pub(super) suggestion: String,
}

/// Reads a whole file; an empty one is an empty mapping.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let options = granit_parser::options! {
        disallow_directives: true,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder { text, parser: Parser::new_from_str_with_options(text, options) };
    let mut root = None;
    while let Some((event, span)) = builder.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd | Event::StreamEnd => {}
            _ if root.is_some() => {
                return Err(mistake(
                    start(&span),
                    "there is a second document in the file",
                    "one document, without ---",
                ));
            }
            event => root = Some(builder.node(event, &span, 0)?),
        }
    }
    Ok(root.unwrap_or(Node { at: Position::START, value: Value::Map(Vec::new()) }))
}

struct Builder<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Mistake> {
        self.parser.next_event().transpose().map_err(|error| syntax(&error))
    }

    /// The next event of an unfinished list or mapping.
    fn child(&mut self) -> Result<(Event<'t>, Span), Mistake> {
        let ended = || mistake(Position::START, "the file ends too early", "the part that is missing at the end");
        self.next()?.ok_or_else(ended)
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Mistake> {
        let at = start(span);
        if depth > MAX_DEPTH {
            return Err(mistake(at, "the nesting is too deep", "fewer levels, as in the example"));
        }
        refuse_extras(&event, at)?;
        let value = match event {
            Event::Scalar(text, style, ..) => {
                let raw = span.slice(self.text).unwrap_or_default().to_owned();
                Value::Scalar(Scalar { text: text.into_owned(), style, raw })
            }
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            _ => return Err(mistake(at, "a value is missing", "a value")),
        };
        Ok(Node { at, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Mistake> {
        let mut nodes = Vec::new();
        loop {
            match self.child()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, span) => nodes.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Mistake> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.child()?;
            let at = start(&span);
            refuse_extras(&event, at)?;
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(key, ..) => key.into_owned(),
                // To YAML, `sms: {{ lead.X }}` without quotes is a mapping with a mapping as key.
                _ => {
                    return Err(mistake(at, "a key must be a word", "quotes around a text that starts with {{"));
                }
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!("the key `{key}` is already on line {}", first.at.line);
                return Err(mistake(at, message, "it once"));
            }
            let (event, span) = self.child()?;
            entries.push(Entry { key, at, node: self.node(event, &span, depth + 1)? });
        }
    }
}

/// Refuses anchors, aliases and tags.
fn refuse_extras(event: &Event<'_>, at: Position) -> Result<(), Mistake> {
    if event.is_alias() || event.anchor_id().is_some_and(|id| id != 0) {
        return Err(mistake(at, "anchors and aliases are not allowed", "the value itself in each place"));
    }
    if event.tag().is_some() {
        return Err(mistake(at, "tags are not allowed", "the value without its !tag"));
    }
    Ok(())
}

fn start(span: &Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn mistake(at: Position, message: impl Into<String>, suggestion: impl Into<String>) -> Mistake {
    Mistake { at, message: message.into(), suggestion: suggestion.into() }
}

fn syntax(error: &ScanError) -> Mistake {
    let marker = error.marker();
    let at = Position { line: marker.line().max(1), column: marker.col() + 1 };
    let info = error.info();
    let suggestion = if info.contains("recursion limit") {
        "fewer levels, as in the example"
    } else if info.contains("directive") {
        "the file without lines that start with %"
    } else {
        "texts with \": \", \" #\" or \"{{\" in quotes, and spaces instead of tabs"
    };
    mistake(at, format!("invalid YAML: {info}"), suggestion)
}
