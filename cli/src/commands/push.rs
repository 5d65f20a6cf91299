//! `recado push`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use recado_ledger::Pushed;
use recado_runtime::installation::world;

use super::{load, read};
use crate::{
    data::{Location, Store},
    output,
};

/// Store a configuration in the table as a version, and put it in force: deployed functions follow within a minute.
///
/// A configuration with a mistake is refused, and the version in force stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    /// The configuration.
    #[arg(default_value = "recado.yaml")]
    file: PathBuf,
    /// The installation: the name of its stack.
    #[arg(long, value_name = "NAME", conflicts_with = "data", required_unless_present = "data")]
    stack: Option<String>,
    /// The same by its data: a directory, or `dynamodb:TABLE`.
    #[arg(long, value_name = "DATA")]
    data: Option<Location>,
    /// Who pushes it, for its history.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    author: String,
}

impl Push {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = load(&self.file)?;
        let text = read(&self.file)?;
        let store = match (&self.stack, &self.data) {
            (Some(stack), _) => Store::deployed(stack).await?,
            (None, Some(data)) => Store::open(data, config.retention_ms).await?,
            (None, None) => bail!("name the installation: --stack NAME or --data DATA"),
        };
        let pushed = store.ledger.push_config(&text, &self.author, world().now_ms()).await;
        store.close().await;
        match pushed? {
            Pushed::Version(version) => output::say(&format!("version {version} is in force within a minute")),
            Pushed::Already(version) => output::say(&format!("version {version} holds the same; it is in force")),
            Pushed::Overtaken => bail!("somebody else pushed at the same time: look at theirs, then push again"),
            Pushed::TooLarge(bytes) => bail!("{} is over {bytes} bytes", self.file.display()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
