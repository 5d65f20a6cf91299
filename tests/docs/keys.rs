//! Compares the configuration keys in the code with the keys in the documentation.

use std::collections::BTreeSet;

use recado_core::config::{Config, Diagnostic};

use super::pages::{Page, Problem};

/// A section of the configuration, and its place in the documentation.
pub(crate) struct Section {
    /// The heading, without its marks.
    heading: &'static str,
    /// The prefix of its keys in the documentation, such as `opt_out.`.
    prefix: &'static str,
    /// A configuration with `KEY: VALUE` in the section.
    with_key: &'static str,
    /// Keys that another section documents.
    elsewhere: &'static [&'static str],
}

const fn section(heading: &'static str, prefix: &'static str, with_key: &'static str) -> Section {
    Section { heading, prefix, with_key, elsewhere: &[] }
}

/// Every section.
pub(crate) const KNOWN: [Section; 16] = [
    section("Top level", "", "leadsquared: { plan: standard }\nKEY: VALUE"),
    section("`leadsquared`", "", "leadsquared: { plan: standard, KEY: VALUE }"),
    section("`leadsquared`", "opt_out.", "leadsquared: { plan: standard, opt_out: { KEY: VALUE } }"),
    section("`leadsquared`", "write_back.", "leadsquared: { plan: standard, write_back: { KEY: VALUE } }"),
    section("`liguelead`", "", "liguelead: { KEY: VALUE }"),
    section("`phones`", "", "phones: { KEY: VALUE }"),
    section("`quotas`", "", "quotas: { KEY: VALUE }"),
    section("`hours`", "", "hours: { KEY: VALUE }"),
    section("`caps`", "", "caps: [ { KEY: VALUE } ]"),
    section("`send`", "", "send: { KEY: VALUE }"),
    section("`rules`", "", "rules: [ { id: r, on: lead.created, sms: Oi, KEY: VALUE } ]"),
    section("`rules`", "quota.", "rules: [ { id: r, on: lead.created, sms: Oi, quota: { KEY: VALUE } } ]"),
    section("`else`", "", "rules: [ { id: r, on: lead.created, sms: Oi, else: { KEY: VALUE } } ]"),
    section("`voice`", "", "rules: [ { id: r, on: lead.created, voice: { audio: a.mp3, title: T, KEY: VALUE } } ]"),
    Section {
        elsewhere: &["expires", "flash", "group_id", "id", "quota", "sms", "title", "voice"],
        ..section("`campaigns`", "", "campaigns: [ { KEY: VALUE } ]")
    },
    section("`campaigns`", "audience.", "campaigns: [ { audience: { KEY: VALUE } } ]"),
];

/// Sections whose keys have separate defaults.
const WITH_DEFAULTS: [&str; 7] =
    ["Top level", "`leadsquared`", "`liguelead`", "`phones`", "`hours`", "`send`", "`voice`"];

impl Section {
    /// The heading in the documentation, and the prefix of the keys there.
    pub(crate) fn place(&self) -> (&'static str, &'static str) {
        (self.heading, self.prefix)
    }

    /// The diagnostics for a configuration with this value; `None` if the key is already in it.
    pub(crate) fn with(&self, key: &str, value: &str) -> Option<Vec<Diagnostic>> {
        let is_there = self.with_key.contains(&format!("{key}:"));
        // Some values are read only beside the values that they need.
        let with_key = match (self.heading, key) {
            ("`caps`", "max") => "caps: [ { every: 1h, KEY: VALUE } ]".to_owned(),
            ("`caps`", _) => "caps: [ { max: 1, KEY: VALUE, every: 1h } ]".to_owned(),
            ("`rules`", "activity") => self.with_key.replace("lead.created", "activity.created"),
            _ => self.with_key.to_owned(),
        };
        let text = format!("version: 1\n{}\n", with_key.replace("KEY", key).replace("VALUE", value));
        (!is_there && key != "version").then(|| Config::parse(&text).err().unwrap_or_default())
    }

    /// The keys that the code accepts here. The code lists them in the error about an unknown key.
    pub(crate) fn known(&self) -> Vec<String> {
        const UNKNOWN: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";
        let text = format!("version: 1\n{}\n", self.with_key.replace("KEY", UNKNOWN).replace("VALUE", "1"));
        let found = Config::parse(&text).err().unwrap_or_default();
        let listed = found
            .iter()
            .filter(|one| one.message.contains(UNKNOWN))
            .find_map(|one| one.suggestion.as_deref().and_then(|suggestion| suggestion.strip_prefix("one of ")));
        listed.into_iter().flat_map(|keys| keys.split(", ")).map(str::to_owned).collect()
    }
}

/// A row of a table: its cells, without the bars.
pub(crate) struct Row<'p> {
    heading: &'p str,
    line: usize,
    cells: Vec<&'p str>,
}

impl Row<'_> {
    pub(crate) fn heading(&self) -> &str {
        self.heading
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The code spans of the first cell.
    pub(crate) fn names(&self) -> Vec<String> {
        self.cell(0).split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    pub(crate) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).copied().unwrap_or_default()
    }
}

/// The rows of all tables whose first column has the heading `first`.
pub(crate) fn rows<'p>(page: &'p Page, first: &str) -> Vec<Row<'p>> {
    let (mut rows, mut heading, mut table) = (Vec::new(), "", None);
    for (number, line) in page.parts().1 {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim();
        }
        let Some(inside) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            table = None;
            continue;
        };
        let cells: Vec<&str> = inside.split(" | ").map(str::trim).collect();
        match &table {
            None => table = cells.first().copied(),
            Some(name) if *name == first && !inside.starts_with("---") => {
                rows.push(Row { heading, line: number, cells });
            }
            Some(_) => {}
        }
    }
    rows
}

/// Compares the documented keys with the known ones. Returns the problems and the number of keys.
pub(crate) fn documented(page: &Page) -> (Vec<Problem>, usize) {
    let listed: BTreeSet<(String, String)> = rows(page, "key")
        .iter()
        .flat_map(|row| row.names().into_iter().map(|name| (row.heading.to_owned(), name)).collect::<Vec<_>>())
        .collect();
    let mut known = BTreeSet::new();
    for section in &KNOWN {
        let keys = section.known().into_iter().filter(|key| !section.elsewhere.contains(&key.as_str()));
        known.extend(keys.map(|key| (section.heading.to_owned(), format!("{}{key}", section.prefix))));
    }
    let missing = known.difference(&listed).map(|key| page.problem(1, format!("not documented: {key:?}")));
    let invented = listed.difference(&known).map(|key| page.problem(1, format!("not a key: {key:?}")));
    (missing.chain(invented).collect(), known.len())
}

/// Compares each documented default, written out, with a configuration without the key. Returns the problems and the
/// number of defaults.
pub(crate) fn defaults(page: &Page) -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for row in rows(page, "key").iter().filter(|row| WITH_DEFAULTS.contains(&row.heading)) {
        let names = row.names();
        let (Some(value), [name]) = (literal(row.cell(2)), names.as_slice()) else { continue };
        let of_row = KNOWN.iter().filter(|section| section.heading == row.heading);
        let fits = of_row.filter_map(|section| Some((section, name.strip_prefix(section.prefix)?)));
        let Some((section, key)) = fits.max_by_key(|(section, _)| section.prefix.len()) else { continue };
        count += 1;
        let written = section.with_key.replace("KEY", key).replace("VALUE", &value);
        let left_out = section.with_key.replace(", KEY: VALUE", "").replace("KEY: VALUE", "");
        let parse = |text: &str| Config::parse(&format!("version: 1\n{text}\n")).map(|checked| checked.config);
        let (written, left_out) = (parse(&written), parse(&left_out));
        if written.is_err() || written != left_out {
            problems.push(page.problem(row.line, format!("`{name}: {value}` is not the default")));
        }
    }
    (problems, count)
}

/// A default that can be written as it is: a single code span, or a number.
pub(crate) fn literal(cell: &str) -> Option<String> {
    if let Some(span) = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        return Some(span.to_owned());
    }
    let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    is_number.then(|| cell.replace(',', ""))
}

/// A cell without Markdown marks; links become their text.
pub(crate) fn plain(cell: &str) -> String {
    let text = cell.replace(['`'], "").replace("**", "").replace("\\|", "|");
    let mut parts = text.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let (words, rest) = part.split_once("](").unwrap_or((part, ")"));
        let (_, rest) = rest.split_once(')').unwrap_or_default();
        done + words + rest
    })
}

/// The example with every setting that stands behind a `#` without a blank.
pub(crate) fn uncommented(example: &str) -> String {
    let uncomment = |line: &str| {
        let setting = line.trim_start().strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        let indent = line.len() - line.trim_start().len();
        setting.map_or_else(|| line.to_owned(), |setting| format!("{}{setting}", " ".repeat(indent)))
    };
    example.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}
