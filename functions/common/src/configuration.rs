//! The configuration in force: a version in the table, checked once a minute.
//!
//! An invocation takes the configuration once, at its beginning, so it never sees a change half-way through a batch. A
//! version pushed with a newer `recado` may be unreadable here; then the version before it stays in force.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use recado_core::config::Config;
use recado_ledger::Ledger;
use recado_runtime::environment::optional;
use tokio::sync::Mutex;

/// How long a version is used before the table is checked again.
const LOOKED_FOR_EVERY: Duration = Duration::from_mins(1);

/// The variable that names a file instead of the table's version, for trying a function on a local machine.
const FILE_VARIABLE: &str = "RECADO_CONFIG";

/// The source of the configuration.
#[derive(Debug)]
pub struct Configuration {
    ledger: Ledger,
    in_force: Mutex<Option<InForce>>,
}

#[derive(Debug, Clone)]
struct InForce {
    version: u64,
    config: Arc<Config>,
    looked: Instant,
}

impl Configuration {
    /// The configuration that was pushed to this table.
    #[must_use]
    pub fn of(ledger: Ledger) -> Self {
        Self { ledger, in_force: Mutex::new(None) }
    }

    /// The configuration in force. The same `Arc` is returned until it changes.
    pub async fn current(&self) -> anyhow::Result<Arc<Config>> {
        Ok(self.current_version().await?.1)
    }

    /// The configuration in force, with its number.
    pub async fn current_version(&self) -> anyhow::Result<(u64, Arc<Config>)> {
        let mut in_force = self.in_force.lock().await;
        if let Some(known) = in_force.as_ref()
            && known.looked.elapsed() < LOOKED_FOR_EVERY
        {
            return Ok((known.version, Arc::clone(&known.config)));
        }
        let found = match self.look(in_force.as_ref()).await {
            Ok(found) => found,
            Err(error) => {
                let Some(known) = in_force.as_ref() else { return Err(error) };
                tracing::error!(error = %format!("{error:#}"), "configuration.not_read");
                InForce { looked: Instant::now(), ..known.clone() }
            }
        };
        let current = (found.version, Arc::clone(&found.config));
        *in_force = Some(found);
        Ok(current)
    }

    async fn look(&self, known: Option<&InForce>) -> anyhow::Result<InForce> {
        let looked = Instant::now();
        if let Some(file) = optional(FILE_VARIABLE) {
            let text = std::fs::read_to_string(&file).with_context(|| format!("{FILE_VARIABLE}={file}"))?;
            return Ok(InForce { version: 0, config: Arc::new(parse(&text, &file)?), looked });
        }
        let version = self
            .ledger
            .config_version()
            .await?
            .with_context(|| format!("no configuration was pushed: recado push --stack {}", self.ledger.table()))?;
        if let Some(known) = known.filter(|known| known.version == version) {
            return Ok(InForce { looked, ..known.clone() });
        }
        let row = self.ledger.config(version).await?;
        let text = row.with_context(|| format!("version {version} of the configuration is not in the table"))?.text;
        let config = Arc::new(parse(&text, &format!("version {version}"))?);
        tracing::info!(configuration.version = version, "configuration.changed");
        Ok(InForce { version, config, looked })
    }
}

fn parse(text: &str, name: &str) -> anyhow::Result<Config> {
    match Config::parse(text) {
        Ok(checked) => Ok(checked.config),
        Err(diagnostics) => {
            let first = diagnostics.first().map(|first| first.message.clone()).unwrap_or_default();
            bail!("this function cannot read {name} of the configuration ({first}); is it older than what pushed it?")
        }
    }
}
