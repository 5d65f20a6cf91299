//! `recado dev`: an installation for trying rules, with both vendors simulated. Its data stays from one start to the
//! next.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use recado_simulators::{leadsquared, liguelead};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::{
    Which, parse, read,
    serve::{FOLLOW_HERE, Followed, begin},
    vendors::Vendors,
};
use crate::{
    data::{Location, Store},
    logging, output,
    serve::{Pace, Server},
};

/// The file beside the table that holds the address of `recado dev`.
const FILE: &str = "dev.json";
/// The preferred ports of the simulators: LigueLead, LeadSquared.
const PORTS: [u16; 2] = [4_001, 4_002];
/// A shorter interval than the minute of a real installation, so that nobody waits.
const PACE: Pace = Pace { schedule: Duration::from_secs(1), follow: FOLLOW_HERE };

/// Try rules on this machine with both vendors simulated. Nobody gets a message.
///
/// Each time you save the file, it is in force. `recado trigger` posts an event as LeadSquared would.
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    which: Which,
    /// The address to listen on for webhooks.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

/// The address of a running `recado dev`, and the secret that its webhooks need.
#[derive(Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) webhooks: String,
    pub(super) secret: String,
    /// The URL where the simulated LeadSquared stores a lead, as a user would enter it.
    pub(super) leads: String,
}

impl Running {
    fn of(address: SocketAddr, vendors: &Vendors) -> anyhow::Result<Self> {
        let leads = url::Url::parse(&vendors.leadsquared.base_url())?.join("/_recado/leads/")?;
        Ok(Self {
            webhooks: format!("http://{address}/webhooks/leadsquared"),
            secret: vendors.secret.expose_secret().to_owned(),
            leads: leads.to_string(),
        })
    }
}

impl Dev {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("warn")?;
        let (file, home) = (self.which.file(), self.which.home()?);
        let followed = Followed::begin(&file, true);
        let text = read(&file)?;
        let config = parse(&text, &file.display().to_string())?;
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("--listen {}: cannot listen there", self.listen))?;
        let address = listener.local_addr()?;
        let store = Store::own(&home, config.retention_ms).await?;
        let (version, config) = begin(&store, (&file, text, config), &home).await?;
        let (sms, crm) = (liguelead::Options::default(), leadsquared::Options::default());
        let vendors = Vendors::start(address, sms, crm, PORTS).await?;
        let running = (Arc::new(config), version);
        let audios = self.which.audio_store();
        let mut server = Server::start(listener, running, &vendors.environment, &store, audios, PACE).await?;
        let said = Said::write(&home, &Running::of(address, &vendors)?)?;
        output::say(&format!("LigueLead simulated at {}", vendors.liguelead.base_url()));
        output::say(&format!("LeadSquared simulated at {}", vendors.leadsquared.base_url()));
        output::say(&format!("listening on http://{address}; try: recado trigger lead.created"));
        let ended = followed.until_ended(&mut server, &store, &file).await;
        drop(said);
        server.stop().await;
        store.close().await;
        vendors.stop().await;
        ended
    }
}

/// The file with the address, which exists as long as `recado dev` answers.
struct Said(Option<PathBuf>);

impl Said {
    fn write(home: &Location, running: &Running) -> anyhow::Result<Self> {
        let Location::Directory(directory) = home else { return Ok(Self(None)) };
        let path = directory.join(FILE);
        output::write_private(&path, &serde_json::to_string(running)?).with_context(|| path.display().to_string())?;
        Ok(Self(Some(path)))
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // A file that stays names an address where nothing answers.
            let _ = fs::remove_file(path);
        }
    }
}

/// The address of the `recado dev` that runs on a directory.
pub(super) fn running(directory: &Path) -> anyhow::Result<Running> {
    let missing = || format!("recado dev does not run on {}", directory.display());
    let text = fs::read_to_string(directory.join(FILE)).with_context(missing)?;
    serde_json::from_str(&text).with_context(missing)
}
