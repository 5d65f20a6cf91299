//! `recado push`, `history`, `diff` and `rollback`: the versions of a deployed configuration.

use std::{path::PathBuf, process::ExitCode};

use recado_core::{
    audit::{About, Act},
    config::{Checked, Config, Diagnostic},
};
use recado_ledger::{ConfigVersion, Ledger};
use serde_json::json;
use similar::TextDiff;

use super::{
    At,
    apply::Proposal,
    audited, checked,
    configs::{in_force, put_in_force, renamed, version},
    read,
};
use crate::{data::Store, output};

/// Lines shown around a difference.
const CONTEXT_LINES: usize = 3;

/// Put a file in force without asking, for scripts. It acts within a second on one machine, within a minute on AWS.
///
/// `recado apply` does the same, and first shows what the file changes. A file with a mistake changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    /// The configuration.
    #[arg(default_value = "recado.yaml")]
    file: PathBuf,
    #[command(flatten)]
    at: At,
    /// The author in the history; by default the user of this machine. On AWS, the identity of the credentials is added.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Push {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let text = read(&self.file)?;
        let name = self.file.display().to_string();
        let checked = checked(&text, &name)?;
        let (_, store) = self.at.table().await?;
        self.publish(&store, &text, &checked).await
    }
}

impl Push {
    async fn publish(&self, store: &Store, text: &str, checked: &Checked) -> anyhow::Result<ExitCode> {
        let ledger = &store.ledger;
        let name = self.file.display().to_string();
        for warning in checked.undecided.iter().chain(&renamed(checked, ledger).await?) {
            output::complain(&warning.render(&name));
        }
        let before = ledger.config_version().await?;
        let author = store.author(self.author.as_deref()).await;
        let version = put_in_force(ledger, text, &author).await?;
        let changed = before != Some(version);
        if changed {
            audited::record_by(ledger, &author, Act::Push, About::scope(&name).of_version(version)).await;
        }
        if self.json {
            output::json("push", &json!({ "version": version, "changed": changed }))?;
        } else if changed {
            output::say(&format!(
                "version {version} is in force: within a second on one machine, within a minute on AWS"
            ));
        } else {
            output::say(&format!("version {version} is the same, and in force"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Show the versions of the configuration: number, time, author, and which one is in force.
#[derive(Debug, clap::Args)]
pub(crate) struct History {
    #[command(flatten)]
    at: At,
    /// The most versions to show, the newest ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl History {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (_, store) = self.at.table().await?;
        let (in_force, entries) =
            futures::future::try_join(store.ledger.config_version(), store.ledger.config_history(self.limit)).await?;
        if self.json {
            let entry = |one: &recado_ledger::ConfigEntry| {
                json!({
                    "version": one.version,
                    "pushed_ms": one.pushed_ms,
                    "author": one.author,
                    "in_force": in_force == Some(one.version),
                })
            };
            output::json("history", &json!({ "versions": entries.iter().map(entry).collect::<Vec<_>>() }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = output::table(&["version", "pushed", "by", ""]);
        for one in entries {
            let mark = if in_force == Some(one.version) { "in force" } else { "" };
            table.add_row([&one.version.to_string(), &output::instant(one.pushed_ms), &one.author, mark]);
        }
        output::say_table(&table, 3);
        Ok(ExitCode::SUCCESS)
    }
}

/// Show the differences between two versions, or between the version in force and a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The old version; by default the one in force.
    from: Option<u64>,
    /// The new version; by default the one in force, or the file if you pass no version.
    to: Option<u64>,
    /// The file to compare with the version in force, if you pass no version.
    #[arg(long, value_name = "FILE", default_value = "recado.yaml", conflicts_with = "from")]
    file: PathBuf,
    #[command(flatten)]
    at: At,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (_, store) = self.at.table().await?;
        let sides = self.sides(&store.ledger).await;
        let warnings = self.renamed(&store.ledger).await;
        let [(old, old_name), (new, new_name)] = sides?;
        let differences = TextDiff::from_lines(&old, &new);
        let shown = differences.unified_diff().context_radius(CONTEXT_LINES).header(&old_name, &new_name).to_string();
        let shown = shown.trim_end();
        if self.json {
            let answer = json!({ "from": old_name, "to": new_name, "is_same": shown.is_empty(), "unified": shown });
            output::json("diff", &answer)?;
        } else {
            output::say(if shown.is_empty() { "no difference" } else { shown });
        }
        for warning in warnings? {
            output::complain(&warning.render(&self.file.display().to_string()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Rules of the file that may be renamed rules of the version in force.
    async fn renamed(&self, ledger: &Ledger) -> anyhow::Result<Vec<Diagnostic>> {
        if self.from.is_some() {
            return Ok(Vec::new());
        }
        // A file with mistakes is compared as plain text.
        match Config::parse(&read(&self.file)?) {
            Ok(checked) => renamed(&checked, ledger).await,
            Err(_) => Ok(Vec::new()),
        }
    }

    /// The two texts with their names.
    async fn sides(&self, ledger: &Ledger) -> anyhow::Result<[(String, String); 2]> {
        let named = |one: ConfigVersion| {
            let name = format!("version {}, {} by {}", one.version, output::instant(one.pushed_ms), one.author);
            (one.text, name)
        };
        let Some(from) = self.from else {
            let old = in_force(ledger).await?;
            return Ok([named(old), (read(&self.file)?, self.file.display().to_string())]);
        };
        let new = match self.to {
            Some(to) => version(ledger, to).await?,
            None => in_force(ledger).await?,
        };
        Ok([named(version(ledger, from).await?), named(new)])
    }
}

/// Put an earlier version in force again, as a new version.
///
/// It shows the differences from the version in force, and asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    /// The number of the version, as `recado history` shows it.
    version: u64,
    #[command(flatten)]
    at: At,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// The author in the history; by default the user of this machine. On AWS, the identity of the credentials is added.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Print JSON. Without --yes it changes nothing.
    #[arg(long)]
    json: bool,
}

impl Rollback {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (name, store) = self.at.table().await?;
        self.roll_back(&store, &name).await
    }

    async fn roll_back(&self, store: &Store, name: &str) -> anyhow::Result<ExitCode> {
        let ledger = &store.ledger;
        let text = version(ledger, self.version).await?.text;
        let of = format!("version {}", self.version);
        // A version that was valid for the release that pushed it may be invalid for this release.
        let checked = checked(&text, &of)?;
        let author = store.author(self.author.as_deref()).await;
        let proposal = Proposal { act: Act::Rollback, of: &of, checked: &checked, text: &text, author: &author };
        proposal.put_in_force(ledger, name, self.yes, self.json).await
    }
}
