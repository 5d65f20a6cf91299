//! A file's lines as records: one line each, or several if a value in quotes holds line ends.

use csv::{ReaderBuilder, Trim};

/// The known delimiters. If two fit equally, the later one is used.
const DELIMITERS: [u8; 4] = [b',', b'|', b'\t', b';'];
/// Lines that are read to find the delimiter.
const SAMPLE_LINES: usize = 20;
/// The most lines of a value in quotes. So a quote that is never closed spoils only one line.
const MAX_LINES: usize = 20;

/// The bytes of the text that a record takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// One record.
pub(super) struct Record {
    /// The number of its first line, from 1.
    pub(super) number: u64,
    pub(super) at: Range,
    pub(super) cells: Vec<String>,
    /// Whether a quote in it is opened and never closed.
    pub(super) is_open: bool,
}

/// The text without a first line that names the delimiter (`sep=;`), and the delimiter.
pub(super) fn delimited(text: String) -> (String, u8) {
    let first = text.lines().next().unwrap_or_default();
    if let Some([delimiter]) = first.trim().trim_matches('"').strip_prefix("sep=").map(str::as_bytes) {
        let delimiter = *delimiter;
        // A blank line in its place keeps the numbers of the other lines.
        return (text.get(first.len()..).unwrap_or_default().to_owned(), delimiter);
    }
    let delimiter = DELIMITERS.into_iter().max_by_key(|delimiter| fits(&text, *delimiter)).unwrap_or(b',');
    (text, delimiter)
}

/// How well a delimiter fits: whether it divides the first line at all, then whether all lines have the same number of
/// values.
fn fits(text: &str, delimiter: u8) -> (bool, bool, usize) {
    let counts: Vec<usize> = records(text, delimiter).take(SAMPLE_LINES).map(|record| record.cells.len()).collect();
    let first = counts.first().copied().unwrap_or_default();
    (first > 1, first > 1 && counts.iter().all(|count| *count == first), first)
}

/// The records of a text, without blank ones.
pub(super) fn records(text: &str, delimiter: u8) -> impl Iterator<Item = Record> {
    let (mut at, mut number) = (0, 0);
    std::iter::from_fn(move || {
        while at < text.len() {
            let (to, lines) = end(text, at, delimiter);
            let (from, first) = (at, number + 1);
            let is_open = lines.is_none();
            at = to + 1;
            number += lines.unwrap_or(1);
            let cells = cells(text.get(from..to).unwrap_or_default(), delimiter);
            if cells.iter().any(|cell| !cell.is_empty()) {
                return Some(Record { number: first, at: Range { from, to }, cells, is_open });
            }
        }
        None
    })
}

/// The end of the record that begins at a byte, and its number of lines. None if a quote is never closed; then it is
/// one line.
fn end(text: &str, from: usize, delimiter: u8) -> (usize, Option<u64>) {
    let (mut is_quoted, mut is_start, mut lines) = (false, true, 1);
    let mut first_end = None;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'\n' if !is_quoted => return (at, Some(lines)),
            b'\n' => {
                first_end.get_or_insert(at);
                lines += 1;
                if lines > MAX_LINES as u64 {
                    break;
                }
            }
            // Two quotes within quotes stand for one: the value is closed and opened again.
            b'"' if is_quoted => is_quoted = false,
            b'"' => is_quoted = is_start || text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'"'),
            _ => {}
        }
        is_start = !is_quoted && (byte == delimiter || is_start && byte == b' ');
    }
    if is_quoted { (first_end.unwrap_or(text.len()), None) } else { (text.len(), Some(lines)) }
}

/// The values of a record, without blanks around them and without the marks that spreadsheets put before numbers.
pub(super) fn cells(record: &str, delimiter: u8) -> Vec<String> {
    if !record.contains('"') {
        return record.split(char::from(delimiter)).map(plain).collect();
    }
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .buffer_capacity(record.len().clamp(64, 8_192))
        .from_reader(record.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(plain).collect()
}

/// A value without a spreadsheet's marks: `'11999990000` and `="11999990000"` keep a number as text.
fn plain(cell: &str) -> String {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let formula = cell.strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"'));
    let number =
        cell.strip_prefix('\'').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "+(".contains(c)));
    formula.or(number).unwrap_or(cell).trim().to_owned()
}
