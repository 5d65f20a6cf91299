//! `recado serve`.

use std::{
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use recado_core::{
    audit::{About, Act},
    config::Config,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{Which, audited, configs::put_in_force, in_force, parse, read};
use crate::{
    data::{Location, Store},
    environment::{Environment, probe},
    installation::{crm, liguelead_account},
    logging, output,
    serve::{Pace, Server},
};

/// How often a table on this machine is checked for a new configuration.
pub(super) const FOLLOW_HERE: Duration = Duration::from_millis(500);
/// How often a table on DynamoDB is checked, where each read costs money.
const FOLLOW_DYNAMODB: Duration = Duration::from_secs(10);
/// The setting with the version under which the file was last put in force.
const SERVED: &str = "served";
/// How often `--watch` looks at the file.
const WATCH: Duration = Duration::from_millis(500);

/// Run an installation on this machine, until Ctrl-C.
///
/// It puts the file in force if the file changed. SIGHUP does the same while it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    which: Which,
    /// The address to listen on for webhooks.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Seconds between sweeps, and between write-backs.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    schedule_s: u64,
    /// Put the file in force each time it is saved. A file with a mistake changes nothing.
    #[arg(long)]
    watch: bool,
}

impl Serve {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("info")?;
        let environment = Environment::read()?;
        let (file, home) = (self.which.file(), self.which.home()?);
        let followed = Followed::begin(&file, self.watch);
        let text = read(&file)?;
        let config = parse(&text, &file.display().to_string())?;
        let store = Store::own(&home, config.retention_ms).await?;
        let (liguelead, leadsquared) = environment.clients(Duration::from_millis(config.send.call_timeout_ms))?;
        let rate = liguelead_account(&config, &store.ledger);
        probe((&liguelead, &rate), &crm(&config, leadsquared, &store.ledger)).await?;
        match (&environment.public_url, &environment.panel_secret) {
            (Some(_), _) => {}
            (None, Some(_)) => output::complain(
                "RECADO_PUBLIC_URL is not set: delivery reports come only if LigueLead's panel holds this \
                 installation's address, /webhooks/liguelead?secret=… with RECADO_PANEL_SECRET",
            ),
            (None, None) => output::complain(
                "RECADO_PUBLIC_URL and RECADO_PANEL_SECRET are not set: Recado accepts no delivery report",
            ),
        }
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("--listen {}: cannot listen there", self.listen))?;
        let (version, config) = begin(&store, (&file, text, config), &home).await?;
        let follow = if matches!(home, Location::DynamoDb(_)) { FOLLOW_DYNAMODB } else { FOLLOW_HERE };
        let pace = Pace { schedule: Duration::from_secs(self.schedule_s), follow };
        introduce(&environment, &config);
        let running = (Arc::new(config), version);
        let mut server = Server::start(listener, running, &environment, &store, self.which.audio_store(), pace).await?;
        output::say(&format!("listening on http://{}", server.address()));
        let ended = followed.until_ended(&mut server, &store, &file).await;
        server.stop().await;
        store.close().await;
        ended
    }
}

/// Says which vendors' hosts it uses, and what it is about to do.
fn introduce(environment: &Environment, config: &Config) {
    let callbacks = environment.public_url.as_ref().map_or("nowhere", |url| url.as_str());
    for line in [
        format!("LigueLead at {}", environment.liguelead_base_url),
        format!("LeadSquared at {}", environment.leadsquared_base_url),
        format!("callbacks to {callbacks}"),
        format!(
            "{} rule(s), {} campaign(s), on the clock of {}",
            config.rules.len(),
            config.campaigns.len(),
            config.timezone
        ),
    ] {
        output::say(&line);
    }
}

/// Puts the file in force if it changed since it was last put in force. Returns the number and the configuration in
/// force.
///
/// An unchanged file changes nothing. If another version was put in force since then, by a rollback, the operator
/// wanted that version.
pub(super) async fn begin(
    store: &Store,
    (file, text, config): (&Path, String, Config),
    home: &Location,
) -> anyhow::Result<(u64, Config)> {
    let (ledger, name) = (&store.ledger, file.display());
    let before = ledger.config_version().await?;
    let served = ledger.setting(SERVED).await?.and_then(|version| version.parse().ok());
    if let (Some(version), Some(served)) = (before, served)
        && version != served
        && ledger.config(served).await?.is_some_and(|row| row.text == text)
    {
        let (row, config) = in_force(store, &home.to_string()).await?;
        let (by, since) = (&row.author, output::instant(row.pushed_ms));
        output::say(&format!("recado at {home}: version {version} is in force, by {by} since {since}"));
        output::complain(&format!(
            "{name} has not changed since version {served}; to put it in force again: recado apply {name}"
        ));
        return Ok((version, config));
    }
    let version = put_file_in_force(store, &text).await?;
    output::say(&match before {
        Some(before) if before == version => {
            format!("recado at {home}: version {version} is in force, the same as {name}")
        }
        _ => format!("recado at {home}: version {version} is in force, from {name}"),
    });
    Ok((version, config))
}

/// Puts the text of the file in force, and records its version.
async fn put_file_in_force(store: &Store, text: &str) -> anyhow::Result<u64> {
    let before = store.ledger.config_version().await?;
    let author = store.author(None).await;
    let version = put_in_force(&store.ledger, text, &author).await?;
    if before != Some(version) {
        audited::record_by(&store.ledger, &author, Act::Serve, About::default().of_version(version)).await;
    }
    store.ledger.set_setting(SERVED, &version.to_string()).await?;
    Ok(version)
}

/// Reads the file only once, so that the checked text is the text put in force.
async fn put_checked_in_force(store: &Store, file: &Path) -> anyhow::Result<u64> {
    let text = read(file)?;
    parse(&text, &file.display().to_string())?;
    put_file_in_force(store, &text).await
}

/// The file, followed since before it was first read. A SIGHUP or a save during the start is not lost.
pub(super) struct Followed {
    hang_up: Option<Signal>,
    watch: bool,
    seen: Option<SystemTime>,
}

impl Followed {
    /// Listens for SIGHUP from now on. With `watch` it also sees when the file is saved.
    pub(super) fn begin(file: &Path, watch: bool) -> Self {
        Self { hang_up: signal(SignalKind::hangup()).ok(), watch, seen: saved(file) }
    }

    /// Follows the file until the process is asked to end, or a part of the server ends by itself.
    pub(super) async fn until_ended(self, server: &mut Server, store: &Store, file: &Path) -> anyhow::Result<ExitCode> {
        tokio::select! {
            () = interrupted() => Ok(ExitCode::SUCCESS),
            () = self.follow(store, file) => Ok(ExitCode::SUCCESS),
            error = server.failed() => Err(error),
        }
    }

    /// Puts the file in force again at each SIGHUP, and with `watch` also at each save.
    async fn follow(self, store: &Store, file: &Path) {
        let Self { hang_up: Some(mut hang_up), watch, mut seen } = self else { return std::future::pending().await };
        loop {
            let is_asked = tokio::select! {
                _ = hang_up.recv() => true,
                () = tokio::time::sleep(WATCH), if watch => false,
            };
            let now = saved(file);
            if !is_asked && now == seen {
                continue;
            }
            seen = now;
            match put_checked_in_force(store, file).await {
                Ok(version) => output::say(&format!("version {version} is in force, from {}", file.display())),
                Err(error) => output::complain(&format!("recado: {error:#}; the version in force stays")),
            }
        }
    }
}

/// When the file was last saved.
fn saved(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|file| file.modified()).ok()
}

/// Waits for an interrupt or a SIGTERM.
pub(crate) async fn interrupted() {
    let Ok(mut end) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = end.recv() => {}
        // An error means that interrupts cannot be received. To end at once is less surprising than never to end.
        _ = tokio::signal::ctrl_c() => {}
    }
}
