//! A file of phones or leads that a campaign goes to: with headings or without, with commas or semicolons. A line that
//! names nobody is counted and does not stop the others.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;
use csv::{ReaderBuilder, Trim};
use recado_core::identity::AudioId;
use recado_pipeline::campaigns::Entry;

/// The largest file, in bytes: five million lines.
const MOST_BYTES: u64 = 512 * 1_048_576;

/// What a file holds.
pub(crate) struct Audience {
    /// Who is in it, in its order.
    pub(crate) entries: Vec<Entry>,
    /// Its content's hash, by which the same file is known again.
    pub(crate) hash: String,
    /// Lines that name nobody.
    pub(crate) empty: u64,
}

/// Reads a file's audience.
pub(crate) fn read(path: &Path) -> anyhow::Result<Audience> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).with_context(named)?;
    if bytes.len() as u64 > MOST_BYTES {
        anyhow::bail!("{}: larger than {} MiB; split it", named(), MOST_BYTES / 1_048_576);
    }
    let audience = parse(&bytes);
    if audience.entries.is_empty() {
        anyhow::bail!("{}: it names nobody; a column `phone` or `lead` is needed", named());
    }
    Ok(audience)
}

/// The columns that hold leads and phones.
#[derive(Clone, Copy)]
struct Columns {
    lead: Option<usize>,
    phone: Option<usize>,
}

fn parse(bytes: &[u8]) -> Audience {
    let hash = AudioId::of(bytes).to_string();
    // Spreadsheets write a mark of the encoding first.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if first_line.contains(&b';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        // A quote that is never closed must not swallow the rest of the file.
        .quoting(first_line.contains(&b'"'))
        .trim(Trim::All)
        .from_reader(bytes);
    let (mut entries, mut empty, mut columns) = (Vec::new(), 0, None);
    for record in reader.byte_records() {
        let Ok(record) = record else {
            empty += 1;
            continue;
        };
        let columns = match columns {
            Some(columns) => columns,
            None => {
                let found = headings(&record);
                columns = Some(found.unwrap_or(Columns { lead: None, phone: Some(0) }));
                if found.is_some() {
                    continue;
                }
                Columns { lead: None, phone: Some(0) }
            }
        };
        let cell = |column: Option<usize>| {
            let text = String::from_utf8_lossy(record.get(column?)?).trim().trim_matches('"').to_owned();
            (!text.is_empty()).then_some(text)
        };
        // The lead says more than its phone: its fields, and whether it opted out.
        match (cell(columns.lead), cell(columns.phone)) {
            (Some(lead), _) => entries.push(Entry::Lead(lead)),
            (None, Some(phone)) => entries.push(Entry::Phone(phone)),
            (None, None) => empty += 1,
        }
    }
    Audience { entries, hash, empty }
}

/// The columns that the first line names, if it names any.
fn headings(record: &csv::ByteRecord) -> Option<Columns> {
    let mut columns = Columns { lead: None, phone: None };
    for (place, name) in record.iter().enumerate() {
        match String::from_utf8_lossy(name).to_lowercase().as_str() {
            "phone" | "telefone" | "celular" | "mobile" => columns.phone = columns.phone.or(Some(place)),
            "lead" | "prospectid" | "lead_id" => columns.lead = columns.lead.or(Some(place)),
            _ => {}
        }
    }
    (columns.phone.is_some() || columns.lead.is_some()).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_and_leads_are_told_apart() {
        let phone = |text: &str| Entry::Phone(text.to_owned());
        let lead = |text: &str| Entry::Lead(text.to_owned());
        let entries = |text: &str| parse(text.as_bytes()).entries;
        assert!(entries("11999990000\n\n11999990001\n") == [phone("11999990000"), phone("11999990001")]);
        assert!(entries("\u{feff}Nome;Celular\nAna;(11) 99999-0000\nBia;\n") == [phone("(11) 99999-0000")]);
        assert!(entries("ProspectID,Phone\nL-1,11999990000\n,11999990001\n") == [lead("L-1"), phone("11999990001")]);
        assert_eq!(parse(b"phone\n\"\"\n,\n").entries.len(), 0);
        assert_ne!(parse(b"1\n").hash, parse(b"2\n").hash);
    }
}
