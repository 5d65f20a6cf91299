//! One file for each command, and the options that several commands share.

pub(crate) mod apply;
pub(crate) mod audio;
pub(crate) mod audit;
mod audited;
pub(crate) mod campaign;
pub(crate) mod check;
mod configs;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod forget_limit;
pub(crate) mod init;
mod lines;
mod list;
pub(crate) mod listen;
pub(crate) mod messages;
pub(crate) mod operate;
pub(crate) mod pages;
pub(crate) mod pause;
pub(crate) mod person;
pub(crate) mod phone;
pub(crate) mod plan;
mod planned;
pub(crate) mod schema;
mod select;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod simulate;
pub(crate) mod support_bundle;
pub(crate) mod suppress;
pub(crate) mod test;
pub(crate) mod trigger;
pub(crate) mod usage;
mod vendors;
pub(crate) mod versions;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use recado_core::{
    config::{Checked, Config, Severity},
    spelling::closest,
};
use recado_ledger::{ConfigVersion, Ledger};
use recado_pipeline::audio::AudioStore;

use crate::{
    data::{Location, Store},
    output,
};

/// The directory of recordings inside a data directory.
const AUDIO_DIRECTORY: &str = "audio";

/// How many versions back the name of a rule is still known.
const REMEMBERED_VERSIONS: usize = 20;

/// The default file of the configuration.
const FILE: &str = "recado.yaml";

/// Which installation a verb is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The file that `serve`, `setup` and `doctor` read; by default recado.yaml. Other commands use the version in force.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// Where an installation is.
#[derive(Debug, clap::Args)]
pub(crate) struct At {
    /// The installation: its directory, or `dynamodb:TABLE`. By default the nearest `.recado`, from this directory upwards.
    /// `serve` also takes `memory`, which keeps nothing.
    #[arg(long, value_name = "DATA", env = "RECADO_DATA")]
    data: Option<Location>,
    /// The name of a deployed installation's stack, instead of --data.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

impl At {
    /// The installation's table and its name.
    pub(crate) async fn table(&self) -> anyhow::Result<(String, Store)> {
        if let Some(stack) = &self.stack {
            return Ok((format!("stack {stack}"), Store::deployed(stack).await?));
        }
        let location = Location::find(self.data.as_ref())?;
        let store = Store::open(&location).await?;
        Ok((location.to_string(), store))
    }
}

impl Which {
    /// The file of the configuration: the one that `--config` names, or the default.
    pub(crate) fn file(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| PathBuf::from(FILE))
    }

    /// The location where `serve` runs.
    pub(crate) fn home(&self) -> anyhow::Result<Location> {
        if self.at.stack.is_some() {
            bail!("serve takes --data; --stack is only for commands on a deployed installation")
        }
        Ok(self.at.data.clone().unwrap_or_else(Location::here))
    }

    /// Where the files of recordings are: in the data directory if there is one, and beside the configuration.
    pub(crate) fn audio_store(&self) -> AudioStore {
        let file = self.file();
        let beside = match file.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
            _ => PathBuf::from("."),
        };
        let data = self.at.data.clone().or_else(|| Location::find(None).ok()).unwrap_or_else(Location::here);
        match data {
            _ if self.at.stack.is_some() => AudioStore::Beside(beside),
            Location::Directory(data) => AudioStore::Directory { kept: data.join(AUDIO_DIRECTORY), beside },
            Location::Memory | Location::DynamoDb(_) => AudioStore::Beside(beside),
        }
    }

    /// Opens the installation that the command acts on: its table, and its configuration in force. Names both on
    /// standard error.
    pub(crate) async fn open(&self) -> anyhow::Result<(Config, Store)> {
        let (name, store) = self.at.table().await?;
        let (row, config) = in_force(&store, &name).await?;
        output::show_clock(&config.timezone);
        let (version, since) = (row.version, output::instant(row.pushed_ms));
        output::complain(&format!("recado at {name}, version {version} since {since}"));
        let store = store.with_retention(config.retention_ms);
        Ok((config, store))
    }

    /// Reads the configuration from the file, and opens the table of the installation if there is one. Commands that
    /// prepare a configuration use it: without an installation they work on an empty table.
    pub(crate) async fn prepare(&self) -> anyhow::Result<(Config, Store)> {
        if self.at.stack.is_some() {
            return self.open().await;
        }
        let config = load(&self.file())?;
        output::show_clock(&config.timezone);
        let store = match (&self.at.data, Location::find(self.at.data.as_ref())) {
            (_, Ok(location)) => Store::open(&location).await?.with_retention(config.retention_ms),
            (None | Some(Location::Memory), Err(_)) => Store::empty(config.retention_ms).await?,
            (Some(_), Err(error)) => return Err(error),
        };
        Ok((config, store))
    }

    /// Opens the installation if there is one; otherwise prepares the file as `prepare` does.
    pub(crate) async fn installed_or_prepared(&self) -> anyhow::Result<(Config, Store)> {
        if self.at.stack.is_some() || Location::find(self.at.data.as_ref()).is_ok() {
            self.open().await
        } else {
            self.prepare().await
        }
    }
}

/// The configuration in force, and its row.
async fn in_force(store: &Store, name: &str) -> anyhow::Result<(ConfigVersion, Config)> {
    let version = store.ledger.config_version().await?;
    let version = version
        .with_context(|| format!("{name} has no configuration yet; run recado apply FILE, or recado serve on it"))?;
    let row = store.ledger.config(version).await?;
    let row = row.with_context(|| format!("version {version} of {name}'s configuration is missing"))?;
    let text = format!("version {version} of {name}'s configuration");
    match Config::parse(&row.text) {
        // The warnings were shown when this version was applied.
        Ok(Checked { config, .. }) => Ok((row, config)),
        Err(_) => bail!("this recado cannot read {text}: another release put it in force"),
    }
}

/// Refuses a name that is not a rule or campaign, now or in one of the last versions. Messages of earlier versions may
/// still wait.
pub(crate) async fn known_rule(config: &Config, ledger: &Ledger, id: &str) -> anyhow::Result<()> {
    let mut known = names(config);
    if known.iter().any(|known| known == id) {
        return Ok(());
    }
    for entry in ledger.config_history(REMEMBERED_VERSIONS).await? {
        let earlier = ledger.config(entry.version).await?.and_then(|row| Config::parse(&row.text).ok());
        known.extend(earlier.iter().flat_map(|earlier| names(&earlier.config)));
        if known.iter().any(|known| known == id) {
            return Ok(());
        }
    }
    let near = closest(id, &known.iter().map(String::as_str).collect::<Vec<_>>());
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    bail!("there is no rule or campaign \"{id}\"{near}")
}

fn names(config: &Config) -> Vec<String> {
    let rules = config.rules.iter().map(|rule| rule.id.to_string());
    rules.chain(config.campaigns.iter().map(|campaign| campaign.id.to_string())).collect()
}

/// Reads a configuration that must be valid. Warnings go to standard error.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    parse(&read(path)?, &path.display().to_string())
}

/// Parses the text of a configuration that must be valid. Warnings go to standard error.
fn parse(text: &str, name: &str) -> anyhow::Result<Config> {
    Ok(checked(text, name)?.config)
}

/// Parses the text as `parse` does, and returns all findings with the configuration.
fn checked(text: &str, name: &str) -> anyhow::Result<Checked> {
    match Config::parse(text) {
        Ok(checked) => {
            for warning in &checked.warnings {
                output::complain(&warning.render(name));
            }
            Ok(checked)
        }
        Err(diagnostics) => {
            let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
            for diagnostic in diagnostics {
                output::complain(&diagnostic.render(name));
            }
            bail!("{name} has {errors} mistake{}", if errors == 1 { "" } else { "s" })
        }
    }
}

/// Reads a text file; errors name the file. A file that is not UTF-8 is refused with the position of its first invalid
/// byte.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        anyhow::anyhow!(
            "{}:{line}:{column}: this byte is not UTF-8; the file may be Windows-1252 or UTF-16: save it as UTF-8",
            path.display()
        )
    })
}
