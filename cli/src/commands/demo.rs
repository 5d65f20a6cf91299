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
use tokio::net::TcpListener;

use self::{
    cases::CASES,
    report::{Report, at_rest},
};
use super::{
    messages::{self, Report as Rows},
    select::Filter,
    usage,
};
use crate::{
    data::Store,
    environment::{Environment, made_up_secret},
    logging, output,
    serve::{Pace, Server},
};

/// The configuration of the demonstration.
const CONFIG: &str = include_str!("../../../tests/fixtures/leadsquared/demo.yaml");
/// When the demonstration is given up.
const AT_MOST: Duration = Duration::from_secs(19);
/// A minute's schedule and a second's window, quickened so that nobody waits.
const PACE: Pace =
    Pace { schedule: Duration::from_millis(500), window: Duration::from_millis(300), follow: Duration::from_secs(1) };
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);
/// More rows than the demonstration makes.
const ALL: usize = 1_000;

/// Watch it work.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("error")?;
        let started = Instant::now();
        let stage = Stage::set().await?;
        stage.deliver().await?;
        let rows = stage.wait_for_rest(started).await?;
        let usage = usage::report(&stage.config, &stage.store).await?;
        let report = Report::new(
            &rows,
            &stage.liguelead.received(),
            &stage.leadsquared.received(),
            usage,
            started.elapsed().as_millis(),
        );
        stage.strike().await;
        if self.json {
            output::json(&report)?;
        } else {
            report.show();
        }
        Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// Everything that runs during the demonstration.
struct Stage {
    config: Arc<Config>,
    secret: String,
    liguelead: sms_simulator::Simulator,
    leadsquared: crm_simulator::Simulator,
    store: Store,
    server: Server,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let Ok(checked) = Config::parse(CONFIG) else { bail!("the demonstration's own configuration is bad") };
        let config = Arc::new(checked.config);
        let mut sms = sms_simulator::Options::default();
        sms.callbacks.undelivered_endings = vec!["0001".to_owned()];
        sms.callbacks.failed_endings = vec!["0002".to_owned()];
        // The first request is taken, but its answer never arrives: see how its callbacks settle it.
        sms.faults = Faults::of([FaultRule::new(FaultKind::LoseAnswer, When::First(1)).on("/sms")]);
        let crm = crm_simulator::Options::default();
        let (secret, callback_secret) = (made_up_secret(), made_up_secret());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no loopback port")?;
        let public_url = format!("http://{}", listener.local_addr()?);
        let mut environment = Environment {
            liguelead_base_url: String::new(),
            liguelead: liguelead::Credentials {
                api_token: sms.api_token.clone().into(),
                app_id: sms.app_id.clone().into(),
            },
            leadsquared_base_url: String::new(),
            leadsquared: leadsquared::Credentials {
                access_key: crm.access_key.clone().into(),
                secret_key: crm.secret_key.clone().into(),
            },
            webhook_secret: read_back(&secret)?,
            callback_secret: read_back(&callback_secret)?,
            public_url: Some(public_url.parse()?),
        };
        let liguelead = sms_simulator::start_local(sms).await?;
        let leadsquared = crm_simulator::start_local(crm).await?;
        environment.liguelead_base_url = liguelead.base_url();
        environment.leadsquared_base_url = leadsquared.base_url();
        let store = Store::empty(config.retention_ms).await?;
        // The demonstration makes no calls: its rules name no recording.
        let audio_store = AudioStore::Beside(PathBuf::from("."));
        let server = Server::start(listener, (Arc::clone(&config), 0), &environment, &store, audio_store, PACE).await?;
        output::complain(&format!(
            "LigueLead simulated at {}, LeadSquared at {}, Recado at {public_url}",
            liguelead.base_url(),
            leadsquared.base_url()
        ));
        Ok(Self { config, secret: secret.expose_secret().to_owned(), liguelead, leadsquared, store, server })
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
                .header("x-recado-secret", &self.secret)
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

    /// Waits until nothing is on its way any more, and shows how it goes.
    async fn wait_for_rest(&self, started: Instant) -> anyhow::Result<Rows> {
        let mut shown = None;
        loop {
            let rows = messages::report(&self.store.ledger, &Filter::default(), ALL).await?;
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
        self.liguelead.stop().await;
        self.leadsquared.stop().await;
    }
}

fn read_back(secret: &secrecy::SecretString) -> anyhow::Result<recado_pipeline::secrets::Secret> {
    recado_pipeline::secrets::Secret::parse(secret.expose_secret()).context("a secret of the demonstration")
}
