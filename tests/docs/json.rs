//! Compares the examples in `docs/json.md` with the JSON output of each command.

use std::{collections::BTreeMap, fs, io, process::Command};

use serde_json::{Map, Value};

use super::pages::{self, Page, Problem};

/// Objects whose keys are data, such as states and reasons, by the key of the object.
const MAPS: [&str; 15] = [
    "answer",
    "callbacks",
    "errors",
    "later",
    "leadsquared_calls",
    "left_out",
    "messages_by_channel",
    "messages_by_state",
    "not_added",
    "not_asked",
    "rules",
    "skipped",
    "states",
    "waiting",
    "why_not",
];
/// The mark of a block with an example.
const MARK: &str = "json recado";

/// The examples of the page, by schema.
pub(crate) struct Examples {
    page: Page,
    by_schema: BTreeMap<String, Value>,
}

impl Examples {
    pub(crate) fn read() -> io::Result<Self> {
        let page = Page::read("docs/json.md")?;
        let blocks = page.parts().0.into_iter().filter(|block| block.info == MARK);
        let by_schema = blocks
            .flat_map(|block| {
                let text = block.lines.join("\n");
                let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
                let read = values.map(|value| value.map_err(|error| page.problem(block.line, error.to_string())));
                read.collect::<Vec<_>>()
            })
            .map(|value| value.map_err(io::Error::other))
            .map(|value| value.map(|value| (schema(&value).to_owned(), value)))
            .collect::<io::Result<_>>()?;
        Ok(Self { page, by_schema })
    }

    /// The differences between an output and its example, in keys and types. If `RECADO_WRITE_JSON` is set, the page
    /// gets the output instead.
    pub(crate) fn compare(&mut self, answer: &Value) -> Vec<Problem> {
        let name = schema(answer).to_owned();
        let Some(example) = self.by_schema.get_mut(&name) else {
            return vec![format!("docs/json.md has no example of \"{name}\"")];
        };
        if std::env::var_os("RECADO_WRITE_JSON").is_some() {
            let (old, new) = (fullness(example), shortened(answer, false));
            if fullness(&new) > old {
                *example = new;
            }
            return Vec::new();
        }
        differences(example, answer, &name)
    }

    /// The schemas of the page.
    pub(crate) fn schemas(&self) -> Vec<String> {
        self.by_schema.keys().cloned().collect()
    }

    /// Commands that take `--json`, but that no code span of the page shows with it.
    pub(crate) fn verbs_left_out(&self) -> io::Result<Vec<Problem>> {
        let shown: Vec<String> = self.page.spans().iter().map(|(_, span)| (*span).to_owned()).collect();
        let is_shown = |verb: &String| shown.iter().any(|span| span.starts_with(&format!("recado {verb} --json")));
        Ok(verbs_with_json("")?.into_iter().filter(|verb| !is_shown(verb)).collect())
    }

    /// Writes the page again, if `RECADO_WRITE_JSON` is set.
    pub(crate) fn keep(&self) -> io::Result<()> {
        if std::env::var_os("RECADO_WRITE_JSON").is_none() {
            return Ok(());
        }
        let mut text = String::new();
        let mut block: Option<String> = None;
        for line in self.page.text.lines() {
            match (&mut block, line) {
                (None, line) => {
                    text.extend([line, "\n"]);
                    block = line.strip_prefix("```").filter(|info| *info == MARK).map(|_| String::new());
                }
                (Some(old), "```") => {
                    for value in serde_json::Deserializer::from_str(old).into_iter::<Value>() {
                        let name = schema(&value.map_err(io::Error::other)?).to_owned();
                        text.push_str(&written(&name, &self.by_schema[&name])?);
                        text.push('\n');
                    }
                    text.push_str("```\n");
                    block = None;
                }
                (Some(old), line) => old.extend([line, "\n"]),
            }
        }
        fs::write(pages::root().join("docs/json.md"), text)
    }
}

fn schema(answer: &Value) -> &str {
    answer["schema"].as_str().unwrap_or("no schema")
}

/// An example with its schema as the first key.
fn written(name: &str, example: &Value) -> io::Result<String> {
    let mut rest = example.clone();
    if let Some(object) = rest.as_object_mut() {
        object.remove("schema");
    }
    Ok(serde_json::to_string_pretty(&rest)?.replacen('{', &format!("{{\n  \"schema\": \"{name}\","), 1))
}

/// `null` matches everything. The one element of an example's list matches each element of a list.
fn differences(example: &Value, answer: &Value, at: &str) -> Vec<Problem> {
    if example.is_null() || answer.is_null() {
        return Vec::new();
    }
    match (example, answer) {
        (Value::Object(example), Value::Object(answer)) => of_objects(example, answer, at),
        (Value::Array(example), Value::Array(answer)) => match example.first() {
            None if !answer.is_empty() => vec![format!("{at}: the example shows no element")],
            None => Vec::new(),
            Some(one) => answer.iter().flat_map(|other| differences(one, other, &format!("{at}[]"))).collect(),
        },
        _ if std::mem::discriminant(example) == std::mem::discriminant(answer) => Vec::new(),
        _ => vec![format!("{at}: {answer} is of another type than {example}")],
    }
}

fn of_objects(example: &Map<String, Value>, answer: &Map<String, Value>, at: &str) -> Vec<Problem> {
    let last = at.rsplit('.').next().unwrap_or_default();
    if MAPS.contains(&last) {
        let Some(one) = example.values().next() else { return Vec::new() };
        return answer.values().flat_map(|other| differences(one, other, &format!("{at}.*"))).collect();
    }
    let mut found: Vec<Problem> = example
        .keys()
        .filter(|key| !answer.contains_key(*key))
        .map(|key| format!("{at}: the answer has no `{key}`"))
        .collect();
    for (key, value) in answer {
        match example.get(key) {
            Some(example) => found.extend(differences(example, value, &format!("{at}.{key}"))),
            None => found.push(format!("{at}: the example has no `{key}`")),
        }
    }
    found
}

/// An output with one element of each list, and one entry of each object whose keys are data.
fn shortened(answer: &Value, is_map: bool) -> Value {
    match answer {
        Value::Array(list) => {
            let fullest = list.iter().map(|one| shortened(one, false)).max_by_key(fullness);
            Value::Array(fullest.into_iter().collect())
        }
        Value::Object(object) => {
            let entries =
                object.iter().map(|(key, value)| (key.clone(), shortened(value, MAPS.contains(&key.as_str()))));
            entries.take(if is_map { 1 } else { usize::MAX }).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// The number of values in an example.
fn fullness(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(list) => 1 + list.iter().map(fullness).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(fullness).sum::<usize>(),
        _ => 1,
    }
}

/// The commands below `verb` that take `--json`, according to the binary.
fn verbs_with_json(verb: &str) -> io::Result<Vec<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_recado")).args(verb.split_whitespace()).arg("--help").output()?;
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, commands)) = help.split_once("Commands:\n") else {
        let takes = help.split_whitespace().any(|word| word == "--json");
        return Ok(takes.then(|| verb.to_owned()).into_iter().collect());
    };
    let names =
        commands.lines().take_while(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next());
    let mut found = Vec::new();
    for name in names.filter(|name| *name != "help") {
        found.extend(verbs_with_json(format!("{verb} {name}").trim())?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn an_answer_of_another_form_is_found() {
        let example =
            json!({ "schema": "x", "total": 1, "why": null, "states": { "held": 1 }, "lines": [{ "id": "a" }] });
        let with = |key: &str, value| {
            let mut answer = example.clone();
            answer[key] = value;
            differences(&example, &answer, "x")
        };
        assert!(with("total", json!(2)).is_empty());
        assert!(with("why", json!("so")).is_empty());
        assert!(with("states", json!({ "sent": 3, "held": 2 })).is_empty());
        assert_eq!(with("total", json!("2")), ["x.total: \"2\" is of another type than 1"]);
        assert_eq!(with("states", json!({ "sent": "3" })).len(), 1);
        assert_eq!(with("new", json!(1)), ["x: the example has no `new`"]);
        assert_eq!(
            with("lines", json!([{ "id": "b" }, { "no": 1 }])),
            ["x.lines[]: the answer has no `id`", "x.lines[]: the example has no `no`"]
        );
    }
}
