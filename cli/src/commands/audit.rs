//! `recado audit`: what operators did.

use std::process::ExitCode;

use recado_core::audit::Entry;
use recado_runtime::installation;
use serde::Serialize;

use super::{Which, select::moment};
use crate::output;

/// Show what operators did, newest first: who, what, when and about what. It holds no phone and no text.
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    which: Which,
    /// Only since this ISO 8601 instant, or since a time ago such as `2h` or `7d`.
    #[arg(long, value_name = "WHEN", value_parser = moment, default_value = "90d")]
    since: jiff::Timestamp,
    /// The most entries to show, the newest ones.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    entries: Vec<Line>,
    /// Whether there may be older entries since then.
    more: bool,
}

/// An entry as reports show it.
#[derive(Serialize)]
pub(crate) struct Line {
    at_ms: i64,
    by: String,
    act: &'static str,
    /// The rule, the channel, the campaign or the filters, in words.
    scope: Option<String>,
    /// The messages; not all of them, if `count` is larger.
    messages: Vec<String>,
    count: Option<u64>,
    version: Option<u64>,
    /// The marks of people.
    people: Vec<String>,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        let Entry { at_ms, by, act, about } = entry;
        Self {
            at_ms,
            by: by.as_str().to_owned(),
            act: act.as_str(),
            scope: about.scope.map(|scope| scope.as_str().to_owned()),
            messages: about.ids.iter().map(ToString::to_string).collect(),
            count: about.count,
            version: about.version,
            people: about.people.iter().map(|mark| mark.as_str().to_owned()).collect(),
        }
    }
}

impl Line {
    /// What the entry is about, for people.
    fn about(&self) -> String {
        let version = self.version.map(|version| format!("version {version}"));
        let count = self.count.map(|count| format!("{count} in all"));
        let first = self.messages.first().and_then(|id| id.get(..8)).map(|id| match self.messages.len() {
            1 => format!("message {id}"),
            _ => format!("messages such as {id}"),
        });
        let person = self.people.first().and_then(|mark| mark.get(..8)).map(|mark| format!("person {mark}"));
        let parts = [version, self.scope.clone(), person, first, count];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Audit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (_, store) = self.which.open().await?;
        let now_ms = installation::world().now_ms();
        // Another operator's clock may be ahead of this one.
        let until_ms = now_ms + 86_400_000;
        let found = store.ledger.audit(self.since.as_millisecond(), until_ms, self.limit.saturating_add(1)).await?;
        let mut entries: Vec<Line> = found.into_iter().map(Line::from).collect();
        let more = entries.len() > self.limit;
        entries.truncate(self.limit);
        if self.json {
            output::json("audit", &Report { entries, more })?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = output::table(&["when", "who", "what", "about"]);
        for line in &entries {
            table.add_row([&output::instant(line.at_ms), &line.by, line.act, line.about().as_str()]);
        }
        output::say(&table.to_string());
        output::say(&output::counted(entries.len() as u64, "act"));
        if more {
            output::complain("there are more: pass a larger --limit, or a shorter --since");
        }
        Ok(ExitCode::SUCCESS)
    }
}
