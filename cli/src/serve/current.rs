//! The configuration that this process runs, and the change to another one while it works.
//!
//! A job takes the current configuration at its beginning and keeps it to its end, so no batch sees a change half-way.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use recado_core::config::Config;
use recado_ledger::Ledger;
use recado_pipeline::{
    audio::{AudioStore, Audios},
    operate::Operator,
};
use tokio::{sync::watch, time::sleep};

use super::stop::told;
use crate::{
    environment::Environment,
    installation::{Installation, audios, world},
};

/// The use cases with one version of the configuration.
pub(crate) struct Running {
    pub(super) version: u64,
    pub(super) config: Arc<Config>,
    pub(super) installation: Installation,
    pub(super) audios: Audios,
}

/// The current use cases, and the signal to look at due rows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Current {
    running: watch::Receiver<Arc<Running>>,
    due: watch::Receiver<u64>,
}

impl Current {
    pub(super) fn now(&self) -> Arc<Running> {
        Arc::clone(&self.running.borrow())
    }

    /// Waits until another version is current.
    pub(super) async fn changed(&mut self) {
        if self.running.changed().await.is_err() {
            // Nothing can change it any more.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until an operator asks for a look at due rows.
    pub(super) async fn due(&mut self) {
        if self.due.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Builds the use cases, and follows the configuration in force.
pub(super) struct Follower {
    environment: Environment,
    /// Since when callback URLs are signed in their present form.
    present_form_since_ms: i64,
    ledger: Ledger,
    audio_store: AudioStore,
    running: watch::Sender<Arc<Running>>,
    due: watch::Sender<u64>,
}

impl Follower {
    /// Starts with a configuration; `version` is its version in the table.
    pub(super) fn start(
        config: Arc<Config>,
        version: u64,
        (environment, present_form_since_ms): (&Environment, i64),
        ledger: &Ledger,
        audio_store: AudioStore,
    ) -> anyhow::Result<(Self, Current)> {
        let (environment, ledger) = (environment.clone(), ledger.clone());
        let first = running(config, version, (&environment, present_form_since_ms), &ledger, &audio_store)?;
        let (running, is_running) = watch::channel(Arc::new(first));
        let (due, is_due) = watch::channel(0);
        let current = Current { running: is_running, due: is_due };
        Ok((Self { environment, present_form_since_ms, ledger, audio_store, running, due }, current))
    }

    /// Looks for another version in force, and for operators' requests to look at due rows.
    pub(super) async fn follow(self, every: Duration, mut stopped: watch::Receiver<bool>) {
        let mut wake = None;
        let mut failed = None;
        let mut is_first = true;
        loop {
            match self.ledger.signals().await {
                Ok(signals) => {
                    let another = signals.version.filter(|version| *version != self.running.borrow().version);
                    if let Some(version) = another.filter(|version| failed != Some(*version)) {
                        failed = self.change(version).await.err().map(|error| {
                            tracing::error!(error = %format!("{error:#}"), "configuration.not_read");
                            version
                        });
                    }
                    let asked = signals.wake.unwrap_or_default();
                    if wake.replace(asked.clone()).is_some_and(|before| before != asked) {
                        self.due.send_modify(|due| *due += 1);
                    }
                }
                Err(error) => tracing::warn!(error = %error, "configuration.not_looked_for"),
            }
            if std::mem::take(&mut is_first) {
                // The version may have changed while no process served it.
                self.look_again().await;
            }
            tokio::select! {
                () = told(&mut stopped) => return,
                () = sleep(every) => {}
            }
        }
    }

    /// Looks at held messages again: if hours, quotas or caps changed, some may go earlier.
    async fn look_again(&self) {
        let running = Arc::clone(&self.running.borrow());
        let operator = Operator { ledger: self.ledger.clone(), world: world() };
        match operator.follow_version(running.version, &running.config).await {
            Ok(Some(_)) => self.due.send_modify(|due| *due += 1),
            Ok(None) => {}
            Err(error) => tracing::warn!(error = %error, "configuration.not_looked_again"),
        }
    }

    async fn change(&self, version: u64) -> anyhow::Result<()> {
        let row = self.ledger.config(version).await?.context("the version in force is not in the table")?;
        let config = match Config::parse(&row.text) {
            Ok(checked) => Arc::new(checked.config),
            Err(_) => {
                anyhow::bail!("this recado cannot read version {version}: another release put it in force")
            }
        };
        let ledger = self.ledger.clone().with_retention(config.retention_ms);
        let vouched = (&self.environment, self.present_form_since_ms);
        let next = running(Arc::clone(&config), version, vouched, &ledger, &self.audio_store)?;
        self.running.send_replace(Arc::new(next));
        tracing::info!(configuration.version = version, "configuration.changed");
        self.look_again().await;
        self.due.send_modify(|due| *due += 1);
        Ok(())
    }
}

fn running(
    config: Arc<Config>,
    version: u64,
    (environment, present_form_since_ms): (&Environment, i64),
    ledger: &Ledger,
    audio_store: &AudioStore,
) -> anyhow::Result<Running> {
    let installation = Installation::new(Arc::clone(&config), environment, ledger, present_form_since_ms)?;
    let audios = audios(&config, installation.sender.liguelead.clone(), ledger, audio_store.clone());
    Ok(Running { version, config, installation, audios })
}
