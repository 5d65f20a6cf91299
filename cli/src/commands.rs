//! One file for each verb, and what several of them take.

pub(crate) mod audio;
pub(crate) mod campaign;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod forget_limit;
pub(crate) mod messages;
pub(crate) mod operate;
pub(crate) mod pause;
pub(crate) mod phone;
pub(crate) mod plan;
pub(crate) mod schema;
mod select;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod simulate;
pub(crate) mod support_bundle;
pub(crate) mod suppress;
pub(crate) mod test;
pub(crate) mod usage;
pub(crate) mod versions;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use recado_core::config::{Checked, Config, Severity};
use recado_pipeline::audio::AudioStore;

use crate::{
    data::{Location, Store},
    output,
};

/// Where a data directory has the files of recordings.
const AUDIO_DIRECTORY: &str = "audio";

/// Which installation a verb is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "recado.yaml")]
    config: PathBuf,
    /// The installation's data: a directory, `memory` (nothing is kept), or `dynamodb:TABLE`.
    #[arg(long, value_name = "DATA", default_value = ".recado")]
    data: Location,
    /// A deployed installation, by the name of its stack: its table, and the configuration that is in force there.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "data"])]
    stack: Option<String>,
}

impl Which {
    /// The configuration, and the table as this process's own.
    pub(crate) async fn own(&self) -> anyhow::Result<(Config, Store)> {
        if self.stack.is_some() {
            bail!("--stack is for looking at a deployed installation; serve takes --data")
        }
        let config = load(&self.config)?;
        let store = Store::own(&self.data, config.retention_ms).await?;
        Ok((config, store))
    }

    /// Whether nothing outlives the process that runs the installation.
    pub(crate) fn is_kept_nowhere(&self) -> bool {
        self.data == Location::Memory
    }

    /// Where the files of recordings are kept: with the data where that is a directory, and beside the configuration.
    pub(crate) fn audio_store(&self) -> AudioStore {
        let beside = match self.config.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
            _ => PathBuf::from("."),
        };
        match &self.data {
            _ if self.stack.is_some() => AudioStore::Beside(beside),
            Location::Directory(data) => AudioStore::Directory { kept: data.join(AUDIO_DIRECTORY), beside },
            Location::Memory | Location::DynamoDb(_) => AudioStore::Beside(beside),
        }
    }

    /// The configuration, and the open table.
    pub(crate) async fn open(&self) -> anyhow::Result<(Config, Store)> {
        if let Some(stack) = &self.stack {
            return deployed(stack).await;
        }
        let config = load(&self.config)?;
        let store = Store::open(&self.data, config.retention_ms).await?;
        Ok((config, store))
    }
}

/// A stack's table, and the configuration that is in force there.
async fn deployed(stack: &str) -> anyhow::Result<(Config, Store)> {
    let store = Store::deployed(stack).await?;
    let version = store.ledger.config_version().await?;
    let version =
        version.with_context(|| format!("{stack} has no configuration yet: recado push FILE --stack {stack}"))?;
    let row = store.ledger.config(version).await?;
    let text = row.with_context(|| format!("version {version} of {stack}'s configuration is missing"))?.text;
    let config = parse(&text, &format!("version {version} of {stack}'s configuration"))?;
    let store = store.with_retention(config.retention_ms);
    Ok((config, store))
}

/// Reads a configuration that must be good. Warnings go to standard error.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    parse(&read(path)?, &path.display().to_string())
}

/// Reads the text of a configuration that must be good. Warnings go to standard error.
fn parse(text: &str, name: &str) -> anyhow::Result<Config> {
    Ok(checked(text, name)?.config)
}

/// The same, with what was found besides.
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

/// Reads a text file, naming it in the error.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
