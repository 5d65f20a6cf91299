//! Compares `recado.schema.json` with the code that reads the configuration and the page that describes it.

use std::{collections::BTreeSet, fs, io};

use recado_core::{
    config::{Config, Diagnostic},
    kind::KIND_NAMES,
};
use serde_json::Value;

use super::{
    keys::{self, KNOWN, Section},
    pages::{Page, Problem, root},
};

const FILE: &str = "recado.schema.json";

/// The schema, as the binary prints it.
pub(crate) struct Schema {
    json: Value,
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    /// Reads and compiles the schema. An invalid schema is an error.
    pub(crate) fn read() -> io::Result<Self> {
        let json: Value = serde_json::from_str(&fs::read_to_string(root().join(FILE))?)?;
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource(FILE, json.clone()).map_err(|error| io::Error::other(error.to_string()))?;
        let index = compiler.compile(FILE, &mut schemas).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { json, schemas, index })
    }

    /// The mistakes that an editor would show in a file; `None` if it is no YAML with an equivalent in JSON.
    pub(crate) fn mistakes(&self, yaml: &str) -> Option<Vec<String>> {
        let value: Value = serde_saphyr::from_str(yaml).ok()?;
        Some(match self.schemas.validate(&value, self.index) {
            Ok(()) => Vec::new(),
            Err(error) => error.to_string().lines().map(str::to_owned).collect(),
        })
    }

    /// The schema of a section.
    fn section(&self, section: &Section) -> Option<&Value> {
        let rule = "/definitions/rule";
        let pointer = match section.place() {
            ("Top level", _) => String::new(),
            ("`rules`", "") => rule.to_owned(),
            ("`rules`", _) => format!("{rule}/properties/quota"),
            ("`voice`", _) => "/definitions/voice".to_owned(),
            ("`else`", _) => "/definitions/else".to_owned(),
            ("`caps`", _) => "/definitions/cap".to_owned(),
            ("`campaigns`", "") => "/definitions/campaign".to_owned(),
            // The second of the two forms; the first is the word csv.
            ("`campaigns`", _) => "/definitions/campaign/properties/audience/anyOf/1".to_owned(),
            (heading, "") => format!("/properties/{}", heading.trim_matches('`')),
            (heading, prefix) => {
                format!("/properties/{}/properties/{}", heading.trim_matches('`'), prefix.trim_end_matches('.'))
            }
        };
        self.json.pointer(&pointer)
    }

    /// Keys that the code accepts and the schema does not, and the reverse. Returns the problems and the number of
    /// keys.
    pub(crate) fn keys(&self) -> (Vec<Problem>, usize) {
        let (mut problems, mut count) = (Vec::new(), 0);
        for section in &KNOWN {
            let Some(schema) = self.section(section) else {
                problems.push(format!("{FILE}: nothing for {:?}", section.place()));
                continue;
            };
            let known: BTreeSet<String> = section.known().into_iter().collect();
            let properties = schema["properties"].as_object();
            let listed: BTreeSet<String> = properties.into_iter().flat_map(|all| all.keys().cloned()).collect();
            count += known.len();
            let missing = known.difference(&listed).map(|key| format!("{FILE}: {:?}: no {key}", section.place()));
            problems.extend(missing);
            let invented = listed.difference(&known).map(|key| format!("{FILE}: {:?}: {key}?", section.place()));
            problems.extend(invented);
            if schema["additionalProperties"] != false {
                problems.push(format!("{FILE}: {:?} takes any key", section.place()));
            }
        }
        let kinds = self.json.pointer("/definitions/rule/properties/on/enum").and_then(Value::as_array);
        if !kinds.into_iter().flatten().filter_map(Value::as_str).eq(KIND_NAMES) {
            problems.push(format!("{FILE}: other events than {KIND_NAMES:?}"));
        }
        (problems, count)
    }

    /// Meanings and defaults of the page that the schema does not repeat. Returns the problems and the number of rows.
    pub(crate) fn words(&self, page: &Page) -> (Vec<Problem>, usize) {
        let (mut problems, mut count) = (Vec::new(), 0);
        for row in keys::rows(page, "key") {
            let names = row.names();
            let Some(name) = names.first() else { continue };
            let sections = KNOWN.iter().filter(|section| section.place().0 == row.heading());
            let fits = sections.filter_map(|section| Some((section, name.strip_prefix(section.place().1)?)));
            let Some((section, key)) = fits.max_by_key(|(section, _)| section.place().1.len()) else { continue };
            count += 1;
            let property = self.section(section).map(|schema| &schema["properties"][key]);
            let described = property.and_then(|one| one["description"].as_str()).unwrap_or_default().to_lowercase();
            let meaning = keys::plain(row.cell(4)).to_lowercase();
            // The row of a section links to the section's own description.
            if meaning != "below" && !described.starts_with(&meaning) {
                problems.push(page.problem(row.line(), format!("{FILE} says otherwise: {described}")));
            }
            let default = property.map(|one| &one["default"]).filter(|default| !default.is_null());
            let written = default.map(|default| default.as_str().map_or_else(|| default.to_string(), str::to_owned));
            if written.is_some() && written != keys::literal(row.cell(2)) {
                problems.push(page.problem(row.line(), format!("{FILE} has another default: {written:?}")));
            }
        }
        (problems, count)
    }

    /// Bounds and words of the schema that differ from the code. Returns the problems and the number of tries.
    pub(crate) fn values(&self) -> (Vec<Problem>, usize) {
        let (mut problems, mut count) = (Vec::new(), 0);
        for section in &KNOWN {
            let properties = self.section(section).and_then(|schema| schema["properties"].as_object());
            for (key, property) in properties.into_iter().flatten() {
                let mut expect = |value: &str, good: bool| {
                    let Some(found) = section.with(key, value) else { return };
                    count += 1;
                    if found.iter().any(|one| is_about(one, key, value)) == good {
                        let verdict = if good { "refuses" } else { "takes" };
                        problems.push(format!("{FILE}: {:?}: the code {verdict} {key}: {value}", section.place()));
                    }
                };
                let whole = property["anyOf"].get(0).filter(|form| form["type"] == "integer");
                if let Some(form) = whole {
                    let (least, most) = (form["minimum"].as_u64().unwrap(), form["maximum"].as_u64().unwrap());
                    expect(&least.to_string(), true);
                    expect(&most.to_string(), true);
                    expect(&(most + 1).to_string(), false);
                    if least > 0 {
                        expect(&(least - 1).to_string(), false);
                    }
                }
                for word in property["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    expect(&format!("\"{word}\""), true);
                    expect(&format!("\"{word}x\""), false);
                }
            }
        }
        (problems, count)
    }
}

/// Whether a diagnostic is about this value of this key, not about a combination with other keys.
fn is_about(found: &Diagnostic, key: &str, value: &str) -> bool {
    let is_here = found.key.rsplit('.').next() == Some(key);
    let bare = value.trim_matches('"');
    is_here
        && (found.message.ends_with("is out of range")
            || found.message.contains(&format!("\"{bare}\""))
            || found.message.contains("is not known"))
}

/// The files of the code's own tests: those without a mistake, those with an unknown key, and the others.
pub(crate) fn fixtures() -> io::Result<[Vec<(String, String)>; 3]> {
    let mut sorted = [const { Vec::new() }; 3];
    for entry in fs::read_dir(root().join("shared/core/tests/config"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let place = match Config::parse(&text) {
            Ok(_) => 0,
            Err(found) if found.iter().any(|one| one.message.starts_with("there is no key")) => 1,
            Err(_) => 2,
        };
        sorted[place].push((path.display().to_string(), text));
    }
    Ok(sorted)
}
