//! A file of people, as spreadsheets and CRMs save it: any usual encoding and delimiter. Headings are in Portuguese or
//! English, as LeadSquared exports them, or missing.
//!
//! Nothing is guessed that could reach a stranger. Without a known column the file is refused. A line whose values may
//! have moved into other columns is a bad line, and a bad line never stops the others. Reasons hold nothing of a line.

mod columns;
mod encoding;
mod records;

use std::collections::BTreeSet;

use crate::{
    fields::Fields,
    phone::{Phone, PhoneError, PhoneRules, Reading},
    spelling::closest,
};

pub use columns::ListError;
use columns::{Columns, Headings};
use records::{Record, records};

/// Columns that the caller names, by heading or by number from 1. A named column overrides what the file suggests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The column of phones.
    pub phone: Option<String>,
    /// The column of leads' ids.
    pub lead: Option<String>,
}

/// The content of a file. It has no `Debug`: its lines are people.
pub struct List {
    text: String,
    delimiter: u8,
    headings: Headings,
    columns: Columns,
    /// The good lines, in the file's order.
    pub lines: Vec<Line>,
    /// The lines that name nobody for certain.
    pub bad: Vec<BadLine>,
}

/// A line that names somebody. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The lead's id.
    pub lead: Option<String>,
    /// The phones as written, from mobile columns first.
    pub phones: Vec<String>,
    /// The channel that the line is for, in the file's words.
    pub channel: Option<String>,
    at: records::Range,
}

/// A line that is refused, and why. The reason holds nothing of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Why, for a person to read.
    pub why: String,
    at: records::Range,
}

/// The columns that a text uses, by their names in the text: `valor` of `row.valor`.
pub struct RowColumns(Vec<(String, usize)>);

impl List {
    /// Reads a file. The error is for a person to read: it names the headings, and no value of a line.
    pub fn parse(bytes: &[u8], named: &Named, rules: PhoneRules) -> Result<Self, ListError> {
        let (text, delimiter) = records::delimited(encoding::decoded(bytes));
        let (columns, headings) = columns::of(records(&text, delimiter), named, rules)?;
        let (mut lines, mut bad) = (Vec::new(), Vec::new());
        for record in records(&text, delimiter).skip(usize::from(headings.are_there)) {
            let at = record.at;
            match line(record, &columns, &headings, rules) {
                Ok(line) => lines.push(line),
                Err((number, why)) => bad.push(BadLine { number, why: why.to_owned(), at }),
            }
        }
        Ok(Self { text, delimiter, headings, columns, lines, bad })
    }

    /// The columns that a text uses as `row.…`. Names are compared in small letters, without accents and signs: `Valor
    /// da dívida` is `row.valor_da_divida`.
    pub fn row_columns(&self, names: &BTreeSet<String>) -> Result<RowColumns, ListError> {
        let known: Vec<String> = self.headings.names.iter().map(|heading| columns::row_name(heading)).collect();
        let place = |name: &String| {
            let wanted = columns::row_name(name);
            let mut places = known.iter().enumerate().filter(|(_, known)| **known == wanted).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok((name.clone(), place)),
                (Some(_), Some(_)) => Err(ListError::TwoColumns { name: name.clone() }),
                (None, _) => Err(ListError::NoColumn {
                    name: name.clone(),
                    near: closest(&wanted, &known.iter().map(String::as_str).collect::<Vec<_>>()).map(str::to_owned),
                    headings: self.headings.names.clone(),
                }),
            }
        };
        Ok(RowColumns(names.iter().map(place).collect::<Result<_, _>>()?))
    }

    /// The line's values in these columns.
    #[must_use]
    pub fn row(&self, line: &Line, columns: &RowColumns) -> Fields {
        if columns.0.is_empty() {
            return Fields::new();
        }
        let cells = records::cells(self.raw(line.at), self.delimiter);
        let value = |place: usize| cells.get(place).filter(|cell| !cell.is_empty()).cloned();
        columns.0.iter().map(|(name, place)| (name.clone(), value(*place))).collect()
    }

    /// Turns a line into a bad one.
    #[must_use]
    pub fn reject(&self, line: &Line, why: String) -> BadLine {
        BadLine { number: line.number, why, at: line.at }
    }

    /// A file of the bad lines, unchanged, with their numbers and reasons in front. With its headings it can be read
    /// again once the lines are corrected. It holds phones.
    #[must_use]
    pub fn rejected(&self, bad: &[BadLine]) -> String {
        let delimiter = char::from(self.delimiter).to_string();
        // Spreadsheets recognise the encoding by this mark.
        let mut file = format!("\u{feff}line{delimiter}reason");
        for place in 0..self.headings.names.len() {
            file.push_str(&delimiter);
            let heading = self.headings.names.get(place).filter(|_| self.headings.are_there);
            file.push_str(&quoted(heading.map_or(&self.columns.heading(place), |heading| heading)));
        }
        for line in bad {
            let (number, why, raw) = (line.number.to_string(), quoted(&line.why), self.raw(line.at));
            file.extend(["\n", &number, &delimiter, &why, &delimiter, raw]);
        }
        file.push('\n');
        file
    }

    fn raw(&self, at: records::Range) -> &str {
        self.text.get(at.from..at.to).unwrap_or_default()
    }
}

/// A value in quotes, as in CSV files, so that it may hold anything.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// The phones or the lead that a line names.
fn line(
    record: Record,
    columns: &Columns,
    headings: &Headings,
    rules: PhoneRules,
) -> Result<Line, (u64, &'static str)> {
    let refused = |why| Err((record.number, why));
    if record.is_open {
        return refused("a quote is opened and never closed");
    }
    let is_first = columns.phones.iter().chain(&columns.lead).all(|place| *place == 0);
    if record.cells.len() > headings.names.len() && (headings.are_there || !is_first) {
        return refused("it has more values than the first line; a delimiter inside of a value needs quotes around it");
    }
    let cell = |place: usize| record.cells.get(place).filter(|cell| !cell.is_empty()).cloned();
    let mut phones: Vec<String> = columns.phones.iter().filter_map(|place| cell(*place)).collect();
    if let ([phone], Some(area)) = (phones.as_mut_slice(), columns.area.and_then(cell)) {
        // The area code has a column of its own.
        if Phone::read(phone, rules) == Reading::None(PhoneError::MissingAreaCode) {
            *phone = format!("({area}) {phone}");
        }
    }
    let (lead, channel) = (columns.lead.and_then(cell), columns.channel.and_then(cell));
    if lead.is_none() && phones.is_empty() {
        return refused("it names neither a phone nor a lead");
    }
    Ok(Line { number: record.number, lead, phones, channel, at: record.at })
}

#[cfg(test)]
mod tests;
