//! `recado serve`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::Which;
use crate::{
    environment::{Environment, probe},
    installation::{crm, liguelead_account},
    logging, output,
    serve::{Pace, Server},
};

/// How long the stream's wake-ups are gathered into one batch.
const WINDOW: Duration = Duration::from_secs(1);

/// Run an installation on this machine, until it is interrupted.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    which: Which,
    /// Where to listen for webhooks.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Seconds between sweeps, and between write-backs.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    schedule_s: u64,
}

impl Serve {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("info")?;
        let environment = Environment::read()?;
        let (config, store) = self.which.own().await?;
        let (liguelead, leadsquared) = environment.clients(Duration::from_millis(config.send.call_timeout_ms))?;
        let rate = liguelead_account(&config, &store.ledger);
        probe((&liguelead, &rate), &crm(&config, leadsquared, &store.ledger)).await?;
        if environment.public_url.is_none() {
            output::complain(
                "RECADO_PUBLIC_URL is not set: delivery reports come only if LigueLead's panel holds this \
                 installation's address, /webhooks/liguelead?secret=…",
            );
        }
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("--listen {}: cannot listen there", self.listen))?;
        let pace = Pace { schedule: Duration::from_secs(self.schedule_s), window: WINDOW };
        let server =
            Server::start(listener, Arc::new(config), &environment, &store, self.which.audio_store(), pace).await?;
        output::say(&format!("listening on http://{}", server.address()));
        interrupted().await;
        server.stop().await;
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Waits for an interrupt or a request to end.
pub(crate) async fn interrupted() {
    let Ok(mut end) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = end.recv() => {}
        // An error means that interrupts cannot be heard: ending at once would surprise less than never ending.
        _ = tokio::signal::ctrl_c() => {}
    }
}
