//! `recado demo`: the whole system on this machine, with both vendors simulated.

mod cases;
mod report;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use recado_core::config::Config;
use recado_pipeline::audio::AudioStore;
use recado_simulators::{
    faults::{FaultKind, FaultRule, Faults, When},
    leadsquared as crm_simulator, liguelead as sms_simulator,
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::{
    cases::CASES,
    report::{Report, at_rest},
};
use super::{
    configs::put_in_force,
    lines::{self, Report as Rows},
    select::Filter,
    serve::interrupted,
    usage,
    vendors::Vendors,
};
use crate::{
    data::{Location, Store},
    logging, output,
    serve::{Pace, Server},
};

/// The configuration of the demonstration.
const CONFIG: &str = include_str!("../../../tests/fixtures/leadsquared/demo.yaml");
/// The timeout of the demonstration.
const AT_MOST: Duration = Duration::from_secs(19);
/// A shorter interval than the minute of a real installation, so that nobody waits.
const PACE: Pace = Pace { schedule: Duration::from_millis(500), follow: Duration::from_secs(1) };
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);
/// A limit above the number of rows that the demonstration makes.
const ALL: usize = 1_000;

/// Show Recado at work.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Keep running at the end, so that other commands can look around, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("error")?;
        let started = Instant::now();
        let stage = Stage::set(self.stay).await?;
        stage.deliver().await?;
        let rows = stage.wait_for_rest(started).await?;
        let usage = usage::report(&stage.config, &stage.store).await?;
        let report = Report::new(
            &rows,
            &stage.vendors.liguelead.received(),
            &stage.vendors.leadsquared.received(),
            usage,
            started.elapsed().as_millis(),
        );
        if self.json {
            output::json("demo", &report)?;
        } else {
            report.show();
        }
        if let Some(home) = &stage.home {
            let home = home.path().display();
            output::say(&format!("it runs until Ctrl-C; look around: recado messages --data {home}"));
            interrupted().await;
        }
        stage.strike().await;
        Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// Everything that runs during the demonstration.
struct Stage {
    config: Arc<Config>,
    vendors: Vendors,
    store: Store,
    server: Server,
    /// The directory of the table, if it is kept for other commands.
    home: Option<TempDir>,
}

impl Stage {
    async fn set(stay: bool) -> anyhow::Result<Self> {
        let Ok(checked) = Config::parse(CONFIG) else { bail!("the demonstration's own configuration is bad") };
        let config = Arc::new(checked.config);
        let mut sms = sms_simulator::Options::default();
        sms.callbacks.undelivered_endings = vec!["0001".to_owned()];
        sms.callbacks.failed_endings = vec!["0002".to_owned()];
        // LigueLead takes the first request, but its answer is lost: the callbacks must settle it.
        sms.faults = Faults::of([FaultRule::new(FaultKind::LoseAnswer, When::First(1)).on("/sms")]);
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no loopback port")?;
        let address = listener.local_addr()?;
        let vendors = Vendors::start(address, sms, crm_simulator::Options::default(), [0, 0]).await?;
        let (store, home) = if stay { stays(&config).await? } else { (Store::empty(config.retention_ms).await?, None) };
        let version = if stay { put_in_force(&store.ledger, CONFIG, "recado demo").await? } else { 0 };
        // The demonstration makes no voice calls: its rules name no recording.
        let audio_store = AudioStore::Beside(PathBuf::from("."));
        let running = (Arc::clone(&config), version);
        let server = Server::start(listener, running, &vendors.environment, &store, audio_store, PACE).await?;
        output::complain(&format!(
            "LigueLead simulated at {}, LeadSquared at {}, Recado at http://{address}",
            vendors.liguelead.base_url(),
            vendors.leadsquared.base_url()
        ));
        Ok(Self { config, vendors, store, server, home })
    }

    /// Delivers every fixture as LeadSquared would.
    async fn deliver(&self) -> anyhow::Result<()> {
        let client = vendor_http::client_builder().build()?;
        let url = format!("http://{}/webhooks/leadsquared", self.server.address());
        for case in CASES {
            let query: Vec<(&str, &str)> = case.event.map(|event| ("event", event)).into_iter().collect();
            let url = url::Url::parse_with_params(&url, query)?;
            let answer = client
                .post(url)
                .header("x-recado-secret", self.vendors.secret.expose_secret())
                .header("content-type", case.content_type)
                .body(case.body)
                .send()
                .await
                .with_context(|| format!("delivering {}", case.file))?;
            if !answer.status().is_success() {
                bail!("delivering {}: {}", case.file, answer.status());
            }
        }
        output::complain(&format!("{} webhooks delivered", CASES.len()));
        Ok(())
    }

    /// Waits until no message is on its way, and shows the progress.
    async fn wait_for_rest(&self, started: Instant) -> anyhow::Result<Rows> {
        let mut shown = None;
        loop {
            let rows = lines::report(&self.store.ledger, &Filter::default(), ALL).await?;
            if at_rest(&rows) || started.elapsed() > AT_MOST {
                return Ok(rows);
            }
            let delivered = rows.messages.iter().filter(|message| message.state == "delivered").count();
            let waiting = rows.messages.iter().filter(|message| message.crm_waits).count();
            let progress = format!(
                "{} messages, {delivered} delivered, {waiting} outcomes waiting for LeadSquared's next bulk call",
                rows.messages.len()
            );
            if shown.as_ref() != Some(&progress) {
                output::complain(&format!("{:4.1} s  {progress}", started.elapsed().as_secs_f64()));
                shown = Some(progress);
            }
            tokio::time::sleep(PROGRESS).await;
        }
    }

    async fn strike(self) {
        self.server.stop().await;
        self.store.close().await;
        self.vendors.stop().await;
    }
}

/// Opens a table in a directory, so that other processes find it. The directory is removed at the end.
async fn stays(config: &Config) -> anyhow::Result<(Store, Option<TempDir>)> {
    let home = tempfile::tempdir().context("a directory for the demonstration")?;
    let store = Store::own(&Location::Directory(home.path().to_owned()), config.retention_ms).await?;
    Ok((store, Some(home)))
}
