//! `recado test`: runs the user's test cases through the same code that plans real messages.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use recado_core::config::Config;
use recado_pipeline::plan::{Plan, PlannedMessage, plan};
use serde::{Deserialize, Serialize};

use super::{load, read};
use crate::output::{self, Mood};

/// Run your test cases: each has an event and the messages that it must make. Nothing is sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The cases.
    #[arg(default_value = "recado.tests.yaml")]
    cases: PathBuf,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "recado.yaml")]
    config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The result of one case.
#[derive(Serialize)]
struct Judged<'c> {
    name: &'c str,
    good: bool,
    /// The differences from the expectation.
    wrong: Vec<String>,
}

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The webhook's body.
    event: Option<serde_json::Value>,
    /// The file with the webhook's body instead; its path starts at the directory of the cases.
    file: Option<PathBuf>,
    /// The kind of event, as the webhook's URL would name it.
    kind: Option<String>,
    /// The instant of the event; the present by default.
    at: Option<jiff::Timestamp>,
    expect: Expectations,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expectations {
    /// `nothing`.
    Silence(String),
    /// The expected message of each rule. All other rules must be silent.
    Rules(BTreeMap<String, Expected>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expected {
    /// A message with this text that is sent at once.
    Text(String),
    Message(Details),
}

/// The expected message. A field that is left out may have any value.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    text: Option<String>,
    channel: Option<String>,
    state: Option<String>,
    /// A part of the reason why it is held or skipped.
    why: Option<String>,
    credits: Option<u32>,
    not_before: Option<jiff::Timestamp>,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let config = load(&self.config)?;
        let name = self.cases.display().to_string();
        let cases: Vec<Case> = serde_saphyr::from_str(&read(&self.cases)?).with_context(|| name.clone())?;
        if cases.is_empty() {
            bail!("{name} has no cases");
        }
        let beside = self.cases.parent().unwrap_or(Path::new(""));
        let mut judged = Vec::new();
        for case in &cases {
            let wrong = case.wrong(&config, beside).with_context(|| format!("{name}: {}", case.name))?;
            judged.push(Judged { name: &case.name, good: wrong.is_empty(), wrong });
        }
        let failed = judged.iter().filter(|case| !case.good).count();
        if self.json {
            output::json("test", &serde_json::json!({ "failed": failed, "cases": judged }))?;
        } else {
            show(&judged);
            output::say(&format!("{} case(s), {failed} failed", cases.len()));
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn show(judged: &[Judged<'_>]) {
    for case in judged {
        let mark = if case.good { Mood::Good.paint("ok    ") } else { Mood::Bad.paint("failed") };
        output::say(&format!("{mark} {}", case.name));
        for line in &case.wrong {
            output::say(&format!("         {line}"));
        }
    }
}

impl Case {
    /// The differences from the expectation.
    fn wrong(&self, config: &Config, beside: &Path) -> anyhow::Result<Vec<String>> {
        let body = match (&self.event, &self.file) {
            (Some(event), None) => serde_json::to_vec(event)?,
            (None, Some(file)) => {
                let path = beside.join(file);
                std::fs::read(&path).with_context(|| path.display().to_string())?
            }
            _ => bail!("a case needs either `event` or `file`"),
        };
        let query: Vec<_> = self.kind.iter().map(|kind| ("event".to_owned(), kind.clone())).collect();
        let now_ms = self.at.unwrap_or_else(jiff::Timestamp::now).as_millisecond();
        let planned = plan(config, &query, Some("application/json"), &body, now_ms, None)?;
        let silence = BTreeMap::new();
        let expected = match &self.expect {
            Expectations::Rules(rules) => rules,
            Expectations::Silence(word) if word == "nothing" => &silence,
            Expectations::Silence(word) => {
                bail!("expect: unknown value {word}; use nothing, or rules and their messages")
            }
        };
        if let Some(unknown) = expected.keys().find(|rule| config.rule(rule).is_none()) {
            bail!("there is no rule {unknown}");
        }
        Ok(compare(&planned, expected))
    }
}

/// The differences between the planned and the expected messages.
fn compare(planned: &Plan, expected: &BTreeMap<String, Expected>) -> Vec<String> {
    let rules = || planned.events.iter().flat_map(|event| &event.rules);
    let mut wrong = Vec::new();
    for rule in rules() {
        match (expected.get(&rule.rule), &rule.message) {
            (None, Some(message)) => wrong.push(format!("{}: {} instead of silence", rule.rule, shown(message))),
            (Some(expected), Some(message)) => {
                wrong.extend(expected.wrong(message).into_iter().map(|what| format!("{}: {what}", rule.rule)));
            }
            (_, None) => {}
        }
    }
    for rule in expected.keys() {
        if !rules().any(|one| one.rule == *rule && one.message.is_some()) {
            let of_rule = rules().filter(|one| one.rule == *rule).find_map(|one| one.why_not.clone());
            let of_event = || planned.events.iter().find_map(|event| event.not_asked.clone());
            let why = of_rule.or_else(of_event).unwrap_or_else(|| "no rule was asked".to_owned());
            wrong.push(format!("{rule}: silence ({why}) instead of a message"));
        }
    }
    wrong
}

fn shown(message: &PlannedMessage) -> String {
    let text = message.content.text.as_deref().map(|text| format!(" \"{text}\"")).unwrap_or_default();
    let why = message.why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{} {}{text}{why}", message.content.channel, message.state)
}

impl Expected {
    fn wrong(&self, message: &PlannedMessage) -> Vec<String> {
        let goes = Details { state: Some("pending".to_owned()), ..Details::default() };
        match self {
            Self::Text(text) => Details { text: Some(text.clone()), ..goes }.wrong(message),
            Self::Message(details) => details.wrong(message),
        }
    }
}

impl Details {
    fn wrong(&self, message: &PlannedMessage) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |what: &str, expected: Option<String>, found: Option<String>| {
            if let Some(expected) = expected
                && found.as_ref() != Some(&expected)
            {
                let found = found.map_or("nothing".to_owned(), |found| format!("\"{found}\""));
                wrong.push(format!("{what} is {found} instead of \"{expected}\""));
            }
        };
        let instant = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).ok();
        check("text", self.text.clone(), message.content.text.clone());
        check("channel", self.channel.clone(), Some(message.content.channel.clone()));
        check("state", self.state.clone(), Some(message.state.clone()));
        check("credits", self.credits.map(|credits| credits.to_string()), Some(message.content.credits.to_string()));
        check("not_before", self.not_before.map(|at| at.to_string()), message.not_before_ms.and_then(instant));
        if let Some(part) = &self.why
            && !message.why.as_ref().is_some_and(|why| why.contains(part))
        {
            let why = message.why.as_deref().unwrap_or("nothing");
            wrong.push(format!("why is \"{why}\", without \"{part}\""));
        }
        wrong
    }
}
