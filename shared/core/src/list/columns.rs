//! Which columns hold phones, leads' ids and channels.

use super::{Named, records::Record};
use crate::{
    phone::{Phone, PhoneRules, Reading},
    unicode::without_marks,
};

/// Lines that are read to find columns without headings.
const SAMPLE_LINES: usize = 1_000;
/// Words for a column of mobiles.
const MOBILE: [&str; 12] = [
    "celular",
    "celulares",
    "cel",
    "mobile",
    "movel",
    "whatsapp",
    "whats",
    "zap",
    "wpp",
    "cell",
    "cellphone",
    "smartphone",
];
/// Words for a column of phones.
const PHONE: [&str; 8] = ["telefone", "telefones", "tel", "fone", "phone", "telephone", "phonenumber", "msisdn"];
/// Words for a column of landlines, or of phones that are seldom mobiles.
const LANDLINE: [&str; 10] =
    ["fixo", "landline", "residencial", "comercial", "trabalho", "casa", "home", "work", "office", "business"];
/// Words beside the others that change nothing. The owner of the phone does change it: `telefone do pai` is not known.
const BESIDE: [&str; 21] = [
    "app",
    "de",
    "do",
    "da",
    "o",
    "no",
    "n",
    "numero",
    "num",
    "nro",
    "number",
    "com",
    "ddd",
    "e",
    "principal",
    "primary",
    "main",
    "contato",
    "contact",
    "lead",
    "cliente",
];
/// Headings for columns of leads' ids, in small letters without blanks.
const LEAD: [&str; 8] =
    ["lead", "leadid", "prospectid", "relatedprospectid", "iddolead", "idlead", "leadguid", "leadprospectid"];
const CHANNEL: [&str; 2] = ["channel", "canal"];
/// Length of a `ProspectID`, a GUID with dashes.
const GUID_CHARS: usize = 36;

/// The file cannot be read as a list of people. The error names headings, and no value of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The file has no line.
    #[error("the file is empty")]
    Empty,
    /// The headings name no column of phones or leads.
    #[error(
        "no column has a known heading for phones or leads; the headings are: {}. Name one: --phone-column \"…\" or --lead-column \"…\"",
        .headings.join(", ")
    )]
    NoHeading {
        /// The headings.
        headings: Vec<String>,
    },
    /// Without headings no column holds phones, or several do.
    #[error("the file has no headings, and {} of its columns may hold phones; add headings, or name the column by its number: --phone-column 1", if *.columns == 0 { "none".to_owned() } else { .columns.to_string() })]
    NoHeadings {
        /// How many columns may hold phones.
        columns: usize,
    },
    /// A column that the caller names does not exist.
    #[error("there is no column \"{name}\"; the headings are: {}", .headings.join(", "))]
    NotThere {
        /// The name.
        name: String,
        /// The headings, or numbers if there are none.
        headings: Vec<String>,
    },
    /// A text names a column that does not exist.
    #[error(
        "the text uses row.{name}, but the file has no such column; {}its headings are: {}",
        .near.as_ref().map(|near| format!("did you mean row.{near}? ")).unwrap_or_default(),
        .headings.join(", ")
    )]
    NoColumn {
        /// The name after `row.`.
        name: String,
        /// The name that is probably meant.
        near: Option<String>,
        /// The headings.
        headings: Vec<String>,
    },
    /// Two columns have the name that a text or the caller uses.
    #[error("two columns are called \"{name}\"; rename one of them")]
    TwoColumns {
        /// The name.
        name: String,
    },
}

/// The headings in the first line, or numbers if there are none.
pub(super) struct Headings {
    pub(super) names: Vec<String>,
    pub(super) are_there: bool,
}

/// The columns' places, from 0.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// Columns of mobiles first, of landlines last.
    pub(super) phones: Vec<usize>,
    /// The area codes, if they have a column of their own.
    pub(super) area: Option<usize>,
    pub(super) lead: Option<usize>,
    pub(super) channel: Option<usize>,
}

impl Columns {
    /// A heading by which a column is recognised later, for a file that had no headings.
    pub(super) fn heading(&self, place: usize) -> String {
        match () {
            () if self.lead == Some(place) => "lead".to_owned(),
            () if self.phones.contains(&place) => "phone".to_owned(),
            () => format!("column {}", place + 1),
        }
    }
}

/// The places of a file's columns, and whether its first line holds headings.
pub(super) fn of(
    mut records: impl Iterator<Item = Record>,
    named: &Named,
    rules: PhoneRules,
) -> Result<(Columns, Headings), ListError> {
    let first = records.next().ok_or(ListError::Empty)?;
    let is_named = named.phone.iter().chain(&named.lead).any(|name| first.cells.iter().any(|cell| same(cell, name)));
    let known = known(&first.cells);
    let has_digits = first.cells.iter().any(|cell| cell.contains(|c: char| c.is_numeric()));
    let are_there = is_named || !has_digits || known != Columns::default();
    let numbers = || (1..=first.cells.len()).map(|number| number.to_string()).collect();
    let names = if are_there { first.cells.clone() } else { numbers() };
    let headings = Headings { names, are_there };
    let columns = if named.phone.is_some() || named.lead.is_some() {
        let place = |name: &Option<String>| name.as_ref().map(|name| place(name, &headings)).transpose();
        Columns { phones: place(&named.phone)?.into_iter().collect(), area: None, lead: place(&named.lead)?, ..known }
    } else if are_there {
        if known.phones.is_empty() && known.lead.is_none() {
            return Err(ListError::NoHeading { headings: headings.names });
        }
        known
    } else {
        by_content(std::iter::once(first).chain(records), rules)?
    };
    Ok((columns, headings))
}

/// The columns that are known by their headings.
fn known(cells: &[String]) -> Columns {
    let find = |names: &[&str]| cells.iter().position(|cell| names.contains(&joined(cell).as_str()));
    let mut phones: Vec<(u8, usize)> =
        cells.iter().enumerate().filter_map(|(place, cell)| Some((phone_rank(cell)?, place))).collect();
    phones.sort_unstable();
    let phones: Vec<usize> = phones.into_iter().map(|(_, place)| place).collect();
    let area = find(&["ddd", "codigodearea", "areacode"]).filter(|_| phones.len() == 1);
    Columns { phones, area, lead: find(&LEAD), channel: find(&CHANNEL) }
}

/// The rank of a phone column by its heading: 0 for mobiles, 1 for phones, 2 for landlines. None for other columns.
fn phone_rank(heading: &str) -> Option<u8> {
    let words = words(heading);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let all_known = words.iter().all(|word| {
        let word = word.as_str();
        let of_people = MOBILE.contains(&word) || PHONE.contains(&word) || LANDLINE.contains(&word);
        of_people || BESIDE.contains(&word) || word.parse::<u8>().is_ok()
    });
    match () {
        () if !all_known => None,
        () if has(&MOBILE) => Some(0),
        () if has(&PHONE) && !has(&LANDLINE) => Some(1),
        () if has(&PHONE) || has(&["fixo", "landline"]) => Some(2),
        () => None,
    }
}

/// The words of a heading in small letters without accents: `MobileNumber` and `Mobile number` have two.
fn words(heading: &str) -> Vec<String> {
    let (mut spaced, mut was_small) = (String::new(), false);
    for c in without_marks(heading.chars()).chars() {
        if c.is_uppercase() && was_small {
            spaced.push(' ');
        }
        was_small = c.is_lowercase();
        spaced.push(c);
    }
    spaced
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A heading in small letters, without accents, blanks and signs.
fn joined(heading: &str) -> String {
    let letters = without_marks(heading.chars()).to_lowercase();
    letters.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn same(heading: &str, name: &str) -> bool {
    !joined(heading).is_empty() && joined(heading) == joined(name)
}

/// The name of a heading after `row.`: `Valor da dívida` is `valor_da_divida`.
pub(super) fn row_name(heading: &str) -> String {
    let letters = without_marks(heading.chars()).to_lowercase();
    let words: Vec<&str> = letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// The column that the caller names, by its heading or its number.
fn place(name: &str, headings: &Headings) -> Result<usize, ListError> {
    let mut places =
        headings.names.iter().enumerate().filter(|(_, heading)| same(heading, name)).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => return Ok(place),
        (Some(_), Some(_)) => return Err(ListError::TwoColumns { name: name.to_owned() }),
        (None, _) => {}
    }
    let number = name.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let not_there = || ListError::NotThere { name: name.to_owned(), headings: headings.names.clone() };
    number.filter(|place| *place < headings.names.len()).ok_or_else(not_there)
}

/// The columns of a file without headings: the column of leads' ids, or else the only column of phones.
fn by_content(records: impl Iterator<Item = Record>, rules: PhoneRules) -> Result<Columns, ListError> {
    let records: Vec<Record> = records.take(SAMPLE_LINES).collect();
    let width = records.iter().map(|record| record.cells.len()).max().unwrap_or_default();
    let holding = |is_it: &dyn Fn(&String) -> bool| -> Vec<usize> {
        let holds = |place: &usize| records.iter().filter_map(|record| record.cells.get(*place)).any(is_it);
        (0..width).filter(holds).collect()
    };
    let leads = holding(&|cell| is_guid(cell));
    let phones = holding(&|cell| matches!(Phone::read(cell, rules), Reading::One(_) | Reading::Several(_)));
    match (leads.as_slice(), phones.as_slice()) {
        ([lead], _) => Ok(Columns { lead: Some(*lead), ..Columns::default() }),
        (_, [phone]) => Ok(Columns { phones: vec![*phone], ..Columns::default() }),
        (_, []) if width == 1 => Ok(Columns { phones: vec![0], ..Columns::default() }),
        (_, phones) => Err(ListError::NoHeadings { columns: phones.len() }),
    }
}

fn is_guid(cell: &str) -> bool {
    cell.len() == GUID_CHARS && cell.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}
