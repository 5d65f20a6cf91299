//! The keys of the configuration, section by section, and the tables of a page.

use recado_core::config::{Absent, Config, Diagnostic, FILE, Key, Keys, Kind};

use super::pages::{Page, Problem};

/// A section of the configuration.
pub(crate) struct Section {
    /// The keys that lead to it.
    path: &'static [&'static str],
    /// A configuration with `KEY: VALUE` in the section.
    with_key: &'static str,
}

const fn section(path: &'static [&'static str], with_key: &'static str) -> Section {
    Section { path, with_key }
}

/// Every section.
pub(crate) const KNOWN: [Section; 17] = [
    section(&[], "leadsquared: { plan: standard }\nKEY: VALUE"),
    section(&["leadsquared"], "leadsquared: { plan: standard, KEY: VALUE }"),
    section(&["leadsquared", "opt_out"], "leadsquared: { plan: standard, opt_out: { KEY: VALUE } }"),
    section(&["leadsquared", "write_back"], "leadsquared: { plan: standard, write_back: { KEY: VALUE } }"),
    section(&["liguelead"], "liguelead: { KEY: VALUE }"),
    section(&["phones"], "phones: { KEY: VALUE }"),
    section(&["quotas"], "quotas: { KEY: VALUE }"),
    section(&["hours"], "hours: { KEY: VALUE }"),
    section(&["caps"], "caps: [ { KEY: VALUE } ]"),
    section(&["send"], "send: { KEY: VALUE }"),
    section(&["rules"], "rules: [ { id: r, on: lead.created, sms: Oi, KEY: VALUE } ]"),
    section(&["rules", "quota"], "rules: [ { id: r, on: lead.created, sms: Oi, quota: { KEY: VALUE } } ]"),
    section(&["rules", "else"], "rules: [ { id: r, on: lead.created, sms: Oi, else: { KEY: VALUE } } ]"),
    section(
        &["rules", "voice"],
        "rules: [ { id: r, on: lead.created, voice: { audio: a.mp3, title: T, KEY: VALUE } } ]",
    ),
    section(&["campaigns"], "campaigns: [ { id: c, audience: csv, sms: Oi, KEY: VALUE } ]"),
    section(&["campaigns", "quota"], "campaigns: [ { id: c, audience: csv, sms: Oi, quota: { KEY: VALUE } } ]"),
    section(&["campaigns", "audience"], "campaigns: [ { audience: { KEY: VALUE } } ]"),
];

impl Section {
    /// Its declaration.
    pub(crate) fn keys(&self) -> &'static Keys {
        let step = |keys: &'static Keys, name: &&str| keys.get(name).and_then(|key| key.kind.keys()).unwrap();
        self.path.iter().fold(&FILE, step)
    }

    /// A configuration with `KEY: VALUE` for this key, beside the values that it needs; `None` if the key is already in
    /// it.
    fn place_for(&self, key: &str) -> Option<String> {
        let is_there = self.with_key.contains(&format!("{key}:"));
        let place = match (self.path, key) {
            (["caps"], "max") => "caps: [ { every: 1h, KEY: VALUE } ]".to_owned(),
            (["caps"], "every") => "caps: [ { max: 1, KEY: VALUE } ]".to_owned(),
            (["caps"], _) => "caps: [ { max: 1, every: 1h, KEY: VALUE } ]".to_owned(),
            (["rules"], "activity") => self.with_key.replace("lead.created", "activity.created"),
            _ => self.with_key.to_owned(),
        };
        (!is_there && key != "version").then_some(place)
    }
}

fn with(place: &str, key: &str, value: &str) -> Result<Config, Vec<Diagnostic>> {
    parse(&place.replace("KEY", key).replace("VALUE", value))
}

fn without(place: &str) -> Result<Config, Vec<Diagnostic>> {
    parse(&place.replace(", KEY: VALUE", "").replace("KEY: VALUE", ""))
}

fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
    Config::parse(&format!("version: 1\n{text}\n")).map(|checked| checked.config)
}

/// Tries the bounds and the words of every key. Returns the problems and the number of tries.
pub(crate) fn values() -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for section in &KNOWN {
        for key in section.keys().all {
            let Some(place) = section.place_for(key.name) else { continue };
            for (value, is_good) in tries(key) {
                count += 1;
                let found = with(&place, key.name, &value).err().unwrap_or_default();
                if found.iter().any(|one| is_about(one, key.name, &value)) == is_good {
                    let verdict = if is_good { "refuses" } else { "takes" };
                    problems.push(format!("{:?}: the code {verdict} {}: {value}", section.path, key.name));
                }
            }
        }
    }
    (problems, count)
}

/// Values at the edges of a key's range, and whether each is good.
fn tries(key: &Key) -> Vec<(String, bool)> {
    let edges = |least: u64, most: u64, written: fn(u64) -> String| {
        let below = least.checked_sub(1).map(|value| (written(value), false));
        let edges = [(written(least), true), (written(most), true), (written(most + 1), false)];
        edges.into_iter().chain(below).collect()
    };
    match key.kind {
        Kind::Whole(least, most) => edges(least, most, |number| number.to_string()),
        Kind::Duration(least, most) => edges(least / 1_000, most / 1_000, |seconds| format!("{seconds}s")),
        Kind::Percent(least, most) => edges(least, most, |per_mille| format!("{}.{}%", per_mille / 10, per_mille % 10)),
        Kind::Flag => {
            [("true", true), ("false", true), ("maybe", false)].map(|(word, good)| (word.to_owned(), good)).to_vec()
        }
        Kind::Word(words) => {
            words.iter().flat_map(|word| [(format!("\"{word}\""), true), (format!("\"{word}x\""), false)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a diagnostic is about this value of this key, not about a combination with other keys.
fn is_about(found: &Diagnostic, key: &str, value: &str) -> bool {
    let is_here = found.key.rsplit('.').next() == Some(key);
    let bare = value.trim_matches('"');
    is_here && (found.message.ends_with("is out of range") || found.message.contains(&format!("\"{bare}\"")))
}

/// Compares a configuration with each default written out and one without the key. Returns the problems and the number
/// of defaults.
pub(crate) fn defaults() -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for section in &KNOWN {
        for key in section.keys().all {
            // The default of `expires` is filled in when a message is made.
            let Some(default) = key.default().filter(|_| key.name != "expires") else { continue };
            let Some(place) = section.place_for(key.name) else { continue };
            count += 1;
            let written = with(&place, key.name, &format!("\"{default}\""));
            if written.is_err() || written.ok() != without(&place).ok() {
                problems.push(format!("{:?}: `{}: {default}` is not the default", section.path, key.name));
            }
        }
    }
    (problems, count)
}

/// The keys of a section among which exactly one must be there.
pub(crate) fn choices(keys: &Keys) -> Vec<&'static str> {
    keys.all.iter().filter(|key| matches!(key.absent, Absent::OneOf)).map(|key| key.name).collect()
}

/// A row of a table: its cells, without the bars.
pub(crate) struct Row<'p> {
    cells: Vec<&'p str>,
}

impl Row<'_> {
    /// The code spans of the first cell.
    pub(crate) fn names(&self) -> Vec<String> {
        let first = self.cells.first().copied().unwrap_or_default();
        first.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

/// The rows of all tables whose first column has the heading `first`.
pub(crate) fn rows<'p>(page: &'p Page, first: &str) -> Vec<Row<'p>> {
    let (mut rows, mut table) = (Vec::new(), None);
    for (_, line) in page.parts().1 {
        let Some(inside) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            table = None;
            continue;
        };
        let cells: Vec<&str> = inside.split(" | ").map(str::trim).collect();
        match &table {
            None => table = cells.first().copied(),
            Some(name) if *name == first && !inside.starts_with("---") => rows.push(Row { cells }),
            Some(_) => {}
        }
    }
    rows
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
