//! Writes what is made of the declared keys: the tables of `docs/configuration.md` and `recado.example.yaml`.

use recado_core::config::{Absent, FILE, Key, Keys, Kind};

use super::keys::choices;

/// Characters in a line of the example.
const WIDTH: usize = 120;
const HEAD: &str = "\
# yaml-language-server: $schema=recado.schema.json
# Every key of recado.yaml. A line that starts with `#` and a key directly after it is a setting that has no default:
# take the `#` away to use it. All other settings stand with their defaults and may be left out, but for `version`.
# What each key means in full, and more examples: docs/configuration.md. Check a file with `recado check FILE`.
";
/// Settings without a default that stand in the example without `#`: where they are missing, `recado check` warns.
const CHOSEN: [&str; 2] = ["plan", "caps"];

/// An element of a list in the example.
struct Element {
    about: &'static str,
    /// Whether it stands without `#`.
    is_active: bool,
    /// The keys that it shows, and values for those whose own example or default does not fit.
    shows: Shows,
}

enum Shows {
    /// All but these.
    AllBut(&'static [&'static str]),
    /// These alone.
    Only(&'static [(&'static str, &'static str)]),
}

const RULES: [Element; 4] = [
    Element {
        about: "",
        is_active: true,
        shows: Shows::AllBut(&["field", "from", "to", "activity", "flash", "voice", "urgent", "reason"]),
    },
    Element {
        about: "A change of one field, from one value to another. `lead.stage` is lead.changed on ProspectStage.",
        is_active: false,
        shows: Shows::Only(&[
            ("id", "customer"),
            ("on", "lead.changed"),
            ("field", ""),
            ("from", ""),
            ("to", ""),
            ("sms", "\"Boas-vindas! O seu cadastro foi aprovado.\""),
        ]),
    },
    Element {
        about: "An activity, by LeadSquared's code of its type.",
        is_active: false,
        shows: Shows::Only(&[
            ("id", "missed-call"),
            ("on", "activity.created"),
            ("activity", ""),
            ("urgent", "true"),
            ("reason", "\"the lead called us a moment ago\""),
            ("when", "activity.Status == \"NotAnswered\""),
            ("flash", ""),
        ]),
    },
    Element {
        about: "A voice call. `recado audio add welcome.mp3` adds the recording; until then the calls wait.",
        is_active: false,
        shows: Shows::Only(&[("id", "call-back"), ("on", "lead.stage"), ("to", "Qualified"), ("voice", "")]),
    },
];
const CAMPAIGNS: [Element; 1] = [Element { about: "", is_active: false, shows: Shows::AllBut(&["flash", "voice"]) }];
const FALLBACKS: Shows = Shows::AllBut(&["sms", "flash", "title"]);

/// The example: each key with its sentence, its default or an example.
pub(crate) fn example() -> String {
    let mut example = Example { lines: HEAD.lines().map(str::to_owned).collect(), told: Vec::new() };
    for key in FILE.all {
        example.lines.push(String::new());
        example.key(&FILE, key, "", Place { indent: 0, mark: "", is_active: true });
    }
    example.lines.join("\n") + "\n"
}

struct Example {
    lines: Vec<String>,
    /// The keys whose sentences are written already, with the headings of their sections.
    told: Vec<(&'static str, &'static str)>,
}

/// Where a line stands.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    /// `- ` on the first line of a list's element.
    mark: &'static str,
    /// Whether it stands without `#`.
    is_active: bool,
}

impl Place {
    fn inside(self) -> Self {
        Self { indent: self.indent + 2, mark: "", ..self }
    }
}

impl Example {
    /// A key with its value: the given one, or else its default or its example.
    fn key(&mut self, keys: &Keys, key: &Key, value: &str, place: Place) {
        let name = (keys.heading, key.name);
        if !self.told.contains(&name) {
            self.told.push(name);
            self.comment(&key.summary(), place.indent);
        }
        let is_set = !matches!(key.absent, Absent::Means(_)) || CHOSEN.contains(&key.name) && !key.example.is_empty();
        let is_active = place.is_active && is_set;
        match key.kind {
            Kind::List(keys, _) if key.example.is_empty() => self.list(key, keys, place),
            Kind::Section(keys) | Kind::WordOrSection(_, keys) => {
                // Without a section that has no defaults something else holds.
                let is_active = place.is_active && !matches!(key.absent, Absent::Means("none"));
                let place = Place { is_active, ..place };
                self.line(&format!("{}:", key.name), place);
                let shows = if key.name == "else" { &FALLBACKS } else { &Shows::AllBut(&[]) };
                self.keys(keys, shows, place.inside());
            }
            _ => {
                let value = [value, key.example].into_iter().find(|value| !value.is_empty()).map(str::to_owned);
                let value = value.or_else(|| default(key)).unwrap_or_default();
                self.line(&format!("{}: {value}", key.name), Place { is_active, ..place });
            }
        }
    }

    fn list(&mut self, key: &Key, keys: &Keys, place: Place) {
        let elements: &[Element] = match key.name {
            "rules" => &RULES,
            "campaigns" => &CAMPAIGNS,
            _ => &[Element { about: "", is_active: false, shows: Shows::AllBut(&[]) }],
        };
        let is_active = place.is_active && elements.iter().any(|element| element.is_active);
        self.line(&format!("{}:", key.name), Place { is_active, ..place });
        for element in elements {
            let place = Place { is_active: element.is_active, ..place.inside() };
            if !element.about.is_empty() {
                self.lines.push(String::new());
                self.comment(element.about, place.indent);
            }
            self.keys(keys, &element.shows, Place { mark: "- ", ..place });
        }
    }

    fn keys(&mut self, keys: &Keys, shows: &Shows, place: Place) {
        let mut place = place;
        let mut show = |key: &Key, value: &str| {
            self.key(keys, key, value, place);
            if !place.mark.is_empty() {
                place = place.inside();
            }
        };
        match shows {
            Shows::AllBut(without) => {
                keys.all.iter().filter(|key| !without.contains(&key.name)).for_each(|key| show(key, ""));
            }
            Shows::Only(these) => these.iter().for_each(|(name, value)| show(keys.get(name).unwrap(), value)),
        }
    }

    fn line(&mut self, text: &str, Place { indent, mark, is_active }: Place) {
        let sign = if is_active { "" } else { "#" };
        self.lines.push(format!("{}{sign}{mark}{text}", " ".repeat(indent)));
    }

    fn comment(&mut self, text: &str, indent: usize) {
        let start = format!("{}#", " ".repeat(indent));
        let mut line = start.clone();
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.lines.push(std::mem::replace(&mut line, start.clone()));
            }
            line.push(' ');
            line.push_str(word);
        }
        self.lines.push(line);
    }
}

/// The default as YAML.
fn default(key: &Key) -> Option<String> {
    let default = key.default()?;
    Some(if matches!(key.kind, Kind::Hours) { format!("\"{default}\"") } else { default.to_owned() })
}

/// The page with its tables of keys made anew. A section without a table on the page is an error.
pub(crate) fn page(text: &str) -> Result<String, String> {
    let mut sections = Vec::new();
    collect(&FILE, &mut sections);
    sections.into_iter().try_fold(text.to_owned(), |text, keys| with_table(&text, keys))
}

/// The sections that have a heading, each once.
fn collect(keys: &'static Keys, found: &mut Vec<&'static Keys>) {
    if !keys.heading.is_empty() && !found.iter().any(|one| one.heading == keys.heading) {
        found.push(keys);
    }
    keys.all.iter().filter_map(|key| key.kind.keys()).for_each(|inner| collect(inner, found));
}

/// The page with the table below the heading of this section.
fn with_table(text: &str, keys: &Keys) -> Result<String, String> {
    let missing = || format!("docs/configuration.md: no table of keys below {}", keys.heading);
    let lines: Vec<&str> = text.lines().collect();
    let is_heading = |line: &&str| line.trim_start_matches('#').strip_prefix(' ') == Some(keys.heading);
    let heading = lines.iter().position(|line| line.starts_with("##") && is_heading(line)).ok_or_else(missing)?;
    let below = |wanted: fn(&str) -> bool, from: usize| {
        lines.iter().skip(from).position(|line| wanted(line)).map(|count| from + count)
    };
    let first = below(|line| line.starts_with("| key |"), heading).ok_or_else(missing)?;
    let end = below(|line| !line.starts_with('|'), first).unwrap_or(lines.len());
    let table = table(keys);
    let made = lines.iter().take(first).copied().chain(table.lines()).chain(lines.iter().skip(end).copied());
    Ok(made.collect::<Vec<_>>().join("\n") + "\n")
}

fn table(keys: &Keys) -> String {
    let head = "| key | type | default | range | meaning |\n| --- | --- | --- | --- | --- |\n";
    head.to_owned() + &rows(keys, "")
}

/// A row for each key. Below the row of a section without a heading stand the rows of its own keys.
fn rows(keys: &Keys, prefix: &str) -> String {
    let choices = choices(keys).iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let row = |key: &Key| {
        let default = match key.absent {
            Absent::Required => "none, required".to_owned(),
            Absent::OneOf => format!("exactly one of {choices}"),
            Absent::Default(_) => format!("`{}`", default(key).unwrap_or_default()),
            Absent::Means(words) => words.to_owned(),
        };
        let inner = key.kind.keys();
        let link = inner.filter(|inner| !inner.heading.is_empty()).map(|inner| {
            let name = inner.heading.trim_matches('`');
            format!("Its keys: [`{name}`](#{name}).")
        });
        let meaning: Vec<&str> = [key.doc, key.more, link.as_deref().unwrap_or_default()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let range = key.range();
        let cells = [&format!("`{prefix}{}`", key.name), type_of(key.kind), &default, &range, &meaning.join(" ")];
        let row = cells.iter().map(|cell| format!("| {cell} ").replace("|  ", "| ")).collect::<String>() + "|\n";
        let below = inner.filter(|inner| inner.heading.is_empty());
        row + &below.map(|inner| rows(inner, &format!("{prefix}{}.", key.name))).unwrap_or_default()
    };
    keys.all.iter().map(row).collect()
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Version | Kind::Whole(..) => "whole number",
        Kind::Zone => "time zone",
        Kind::Duration(..) => "duration",
        Kind::Percent(..) => "percentage",
        Kind::Flag => "flag",
        Kind::Word(_) => "word",
        Kind::Field => "field",
        Kind::Id => "id",
        Kind::Ids(_) => "id, or list of ids",
        Kind::Hours => "hours",
        Kind::Condition => "condition",
        Kind::Text | Kind::TextUpTo(_) | Kind::Schedule | Kind::Template | Kind::Title(_) | Kind::Audio(_) => "text",
        Kind::Section(_) => "section",
        Kind::WordOrSection(..) => "word, or section",
        Kind::List(..) => "list",
    }
}
