//! A CSV file of phones or leads, as people export it: with headings or without, with commas or semicolons, in any
//! encoding that keeps digits. A bad line is named by its number and does not stop the others.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;
use csv::{ByteRecord, ReaderBuilder, Trim};
use recado_core::phone::Phone;
use recado_ledger::{Kind, Subject, Suppression};
use serde::Serialize;

/// The largest file, in bytes: some millions of lines.
const MOST_BYTES: u64 = 256 * 1_048_576;
/// What most lines fit in, in bytes.
const LINE_BYTES: usize = 256;
/// The longest id of a lead, in characters.
const MOST_LEAD_CHARS: usize = 64;

/// A line that was not taken. Its reason holds nothing of the line.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct BadLine {
    pub(super) line: u64,
    pub(super) why: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) rows: Vec<Suppression>,
    pub(super) lines: usize,
    pub(super) bad: Vec<BadLine>,
}

/// Where the columns are.
#[derive(Debug, Default, Clone, Copy)]
struct Columns {
    phone: Option<usize>,
    lead: Option<usize>,
    channel: Option<usize>,
}

pub(super) fn read(path: &Path, kinds: &[Kind], since_ms: i64, source: &str) -> anyhow::Result<Read> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).with_context(named)?;
    if bytes.len() as u64 > MOST_BYTES {
        anyhow::bail!("{}: larger than {} MiB; split it", named(), MOST_BYTES / 1_048_576);
    }
    Ok(parse(&bytes, kinds, since_ms, source))
}

fn parse(bytes: &[u8], kinds: &[Kind], since_ms: i64, source: &str) -> Read {
    // Spreadsheets write a mark of the encoding first.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if first_line.contains(&b';') { b';' } else { b',' };
    let (mut read, mut columns) = (Read::default(), None);
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let Some(record) = record(text, delimiter).filter(|record| record.iter().any(|cell| !cell.is_empty())) else {
            continue;
        };
        let columns = match columns {
            Some(columns) => columns,
            None => match headings(&record) {
                Some(found) => {
                    columns = Some(found);
                    continue;
                }
                None => *columns.insert(Columns { phone: Some(0), ..Columns::default() }),
            },
        };
        read.lines += 1;
        match row(&record, columns, kinds) {
            Ok((subject, kinds)) => read.rows.extend(kinds.into_iter().map(|kind| Suppression {
                subject: subject.clone(),
                kind,
                since_ms,
                source: source.to_owned(),
            })),
            Err(why) => read.bad.push(BadLine { line, why }),
        }
    }
    read
}

/// The cells of one line; none if it is blank. Each line is read for itself, so that a quote that is never closed
/// spoils one line and not the rest of the file.
fn record(line: &[u8], delimiter: u8) -> Option<ByteRecord> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .trim(Trim::All)
        .buffer_capacity(LINE_BYTES)
        .from_reader(line);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).ok()?.then_some(record)
}

/// The columns that the first line names, if it names any.
fn headings(record: &ByteRecord) -> Option<Columns> {
    let mut columns = Columns::default();
    for (place, name) in record.iter().enumerate() {
        match String::from_utf8_lossy(name).to_lowercase().as_str() {
            "phone" | "telefone" | "celular" | "mobile" => columns.phone = columns.phone.or(Some(place)),
            "lead" | "prospectid" | "lead_id" => columns.lead = columns.lead.or(Some(place)),
            "channel" | "canal" => columns.channel = columns.channel.or(Some(place)),
            _ => {}
        }
    }
    (columns.phone.is_some() || columns.lead.is_some()).then_some(columns)
}

fn row(record: &ByteRecord, columns: Columns, kinds: &[Kind]) -> Result<(Subject, Vec<Kind>), String> {
    let cell = |column: Option<usize>| {
        let text = String::from_utf8_lossy(record.get(column?)?).trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let subject = match (cell(columns.phone), cell(columns.lead)) {
        (Some(_), Some(_)) => return Err("it names a phone and a lead: two lines are needed".to_owned()),
        (Some(phone), None) => Subject::Phone(Phone::parse(&phone).map_err(|error| error.to_string())?),
        (None, Some(lead)) if lead.chars().count() > MOST_LEAD_CHARS => {
            return Err("the lead's id is too long".to_owned());
        }
        (None, Some(lead)) => Subject::Lead(lead),
        (None, None) => return Err("it names neither a phone nor a lead".to_owned()),
    };
    match cell(columns.channel).map(|channel| channel.to_lowercase()).as_deref() {
        None | Some("all" | "todos") => Ok((subject, kinds.to_vec())),
        Some("sms" | "flash") => Ok((subject, vec![Kind::Sms])),
        Some("voice" | "voz") => Ok((subject, vec![Kind::Voice])),
        Some(_) => Err("the channel is none of sms, voice and all".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> (Vec<(Subject, Kind)>, Vec<u64>) {
        let read = parse(text, &Kind::ALL, 1, "list.csv");
        (
            read.rows.into_iter().map(|row| (row.subject, row.kind)).collect(),
            read.bad.into_iter().map(|bad| bad.line).collect(),
        )
    }

    fn phone(text: &str) -> Subject {
        Subject::Phone(Phone::parse(text).unwrap())
    }

    #[test]
    fn headings_semicolons_and_marks_are_understood() {
        let (rows, bad) =
            parsed("\u{feff}Nome;Telefone;Canal\nAna;(11) 99999-9999;sms\nBia;;\n;+5511988888888;\n".as_bytes());
        let expected =
            [(phone("11999999999"), Kind::Sms), (phone("11988888888"), Kind::Sms), (phone("11988888888"), Kind::Voice)];
        assert_eq!((rows, bad), (expected.to_vec(), vec![3]));
    }

    #[test]
    fn without_headings_the_first_column_holds_phones_and_bad_lines_are_numbered() {
        let (rows, bad) = parsed(b"11999999999\n\nabc\n11888\n\xff\xfe,x\n11977777777,Caio\n");
        assert_eq!(rows.len(), 4);
        assert_eq!(bad, [3, 4, 5]);
    }

    #[test]
    fn leads_are_taken_too_and_a_line_with_both_is_bad() {
        let (rows, bad) = parsed(b"lead,phone,channel\nL-1,,voice\n,11999999999,all\nL-2,11999999999,\nL-3,,fax\n");
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0], (Subject::Lead("L-1".to_owned()), Kind::Voice));
        assert_eq!(bad, [4, 5]);
    }

    #[test]
    fn reasons_hold_nothing_of_the_line() {
        let read = parse(b"phone\n12345secret\n", &Kind::ALL, 1, "x");
        assert!(!read.bad[0].why.contains("secret") && !read.bad[0].why.contains("12345"));
    }
}
