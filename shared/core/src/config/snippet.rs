//! Positions inside a scalar: where in the file the third column of a condition is.
//!
//! YAML folds lines, drops indentation and unescapes quotes, but it never adds, drops or reorders a character that is
//! not blank. So the n-th non-blank character of a text is the n-th of its source, whatever the style.

use granit_parser::ScalarStyle;

use super::tree::{Position, Scalar};

/// The position in the file of a line and a column (from 1) of a scalar's text.
pub(super) fn locate(scalar: &Scalar, at: Position, line: usize, column: usize) -> Position {
    let solid_before = solid_before(&scalar.text, line, column);
    let chars: Vec<char> = scalar.raw.chars().collect();
    let mut source = Source { chars: &chars, at };
    source.skip_opening(scalar.style);
    let mut left = solid_before;
    let mut end = source.at;
    while let Some((length, is_solid)) = source.next(scalar.style) {
        if is_solid && left == 0 {
            return source.at;
        }
        source.skip(length);
        if is_solid {
            left -= 1;
            end = source.at;
        }
    }
    end
}

/// How many non-blank characters come before a position in the text.
fn solid_before(text: &str, line: usize, column: usize) -> usize {
    let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let mut lines = text.split('\n');
    let whole: usize = lines.by_ref().take(line - 1).map(solid).sum();
    let rest = lines.next().unwrap_or_default();
    whole + rest.chars().take(column - 1).filter(|c| !c.is_whitespace()).count()
}

/// The rest of a scalar's source, and its position.
struct Source<'r> {
    chars: &'r [char],
    at: Position,
}

impl Source<'_> {
    /// Skips the opening quote, or the header line of a block.
    fn skip_opening(&mut self, style: ScalarStyle) {
        match (style, self.chars.first()) {
            (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, _) => self.skip(1),
            (ScalarStyle::Literal | ScalarStyle::Folded, Some('|' | '>')) => {
                let header = self.chars.iter().position(|c| *c == '\n');
                self.skip(header.map_or(self.chars.len(), |newline| newline + 1));
            }
            _ => {}
        }
    }

    /// The length in the source of the next character, and whether it is non-blank.
    fn next(&self, style: ScalarStyle) -> Option<(usize, bool)> {
        let first = self.chars.first()?;
        Some(match (style, self.chars) {
            (ScalarStyle::SingleQuoted, ['\'', '\'', ..]) => (2, true),
            (ScalarStyle::SingleQuoted, ['\'']) | (ScalarStyle::DoubleQuoted, ['"']) => {
                return None;
            }
            (ScalarStyle::DoubleQuoted, ['\\', escape, ..]) => escaped(*escape),
            _ => (1, !first.is_whitespace()),
        })
    }

    fn skip(&mut self, count: usize) {
        for c in self.chars.iter().take(count) {
            if *c == '\n' {
                self.at = Position { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.chars = self.chars.get(count..).unwrap_or_default();
    }
}

/// The length of an escape between double quotes, and whether it stands for a non-blank character.
fn escaped(escape: char) -> (usize, bool) {
    match escape {
        'x' => (4, true),
        'u' => (6, true),
        'U' => (10, true),
        'n' | 't' | 'r' | ' ' | '\n' | '\t' | 'N' | '_' | 'L' | 'P' | 'v' | 'f' => (2, false),
        _ => (2, true),
    }
}
