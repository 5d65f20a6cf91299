//! The measured process, which takes webhooks, and the vendors behind it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use recado_simulators::{leadsquared, liguelead};
use serde_json::Value;
use tempfile::TempDir;

use crate::load::{Texts, phone};

const SECRET: &str = "the-webhook-secret-of-the-benchmark";
/// Clock ticks a second in the kernel's process times. Source: `USER_HZ` of Linux.
const TICKS_PER_S: f64 = 100.0;
/// The timeout for a contestant to send everything.
const SENT_WITHIN: Duration = Duration::from_mins(15);

/// The programs that are measured.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Recado,
    /// The script, under this Python.
    Script(OsString),
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Recado => "Recado",
            Self::Script(_) => "script",
        }
    }
}

/// A running contestant.
pub(crate) struct Contestant {
    liguelead: liguelead::Simulator,
    leadsquared: leadsquared::Simulator,
    process: Child,
    http: reqwest::Client,
    address: SocketAddr,
    _directory: TempDir,
}

impl Contestant {
    pub(crate) async fn start(kind: &Kind, options: liguelead::Options, texts: Texts) -> Self {
        let liguelead = liguelead::start_local(options.clone()).await.unwrap();
        let leadsquared = leadsquared::start_local(crate::crm()).await.unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut command = match kind {
            Kind::Recado => recado(&directory, texts, address),
            Kind::Script(python) => script(python, &directory, texts, address),
        };
        command
            .env("LIGUELEAD_BASE_URL", liguelead.base_url())
            .env("LIGUELEAD_API_TOKEN", options.api_token)
            .env("LIGUELEAD_APP_ID", options.app_id)
            .env("LEADSQUARED_BASE_URL", leadsquared.base_url())
            .env("LEADSQUARED_ACCESS_KEY", crate::crm().access_key)
            .env("LEADSQUARED_SECRET_KEY", crate::crm().secret_key)
            .env("RECADO_PUBLIC_URL", format!("http://{address}"))
            .env("RECADO_WEBHOOK_SECRET", SECRET)
            .env("RECADO_CALLBACK_SECRET", "the-callback-secret-of-the-benchmark");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let http = vendor_http::client_builder().pool_max_idle_per_host(64).build().unwrap();
        let contestant = Self { liguelead, leadsquared, process, http, address, _directory: directory };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{} does not listen", kind.name());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        contestant
    }

    /// Posts a webhook, and returns whether it was taken.
    pub(crate) fn post(&self, body: &Value) -> impl Future<Output = bool> + use<> {
        let url = format!("http://{}/webhooks/leadsquared?event=lead.created", self.address);
        let post = self.http.post(url).header("x-recado-secret", SECRET).json(body);
        async move { post.send().await.is_ok_and(|answer| answer.status().is_success()) }
    }

    /// Waits until LigueLead has taken `count` messages.
    pub(crate) async fn all_sent(&self, count: u32) {
        let begun = Instant::now();
        while self.liguelead.received().campaigns().map(|campaign| campaign.phones.len()).sum::<usize>()
            < count as usize
        {
            assert!(begun.elapsed() < SENT_WITHIN, "not everything was sent");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// When LigueLead got each lead's message, in ms since the epoch, by the number of the lead.
    pub(crate) fn arrived_ms(&self) -> BTreeMap<u32, u64> {
        let received = self.liguelead.received();
        let of_campaign = |campaign: &liguelead::Campaign| {
            let numbers = campaign.phones.iter().map(|phone| phone[3..].parse().unwrap());
            numbers.map(|number: u32| (number, campaign.at_ms)).collect::<Vec<_>>()
        };
        let arrived: BTreeMap<u32, u64> = received.campaigns().flat_map(of_campaign).collect();
        assert!(arrived.keys().all(|number| phone(*number).len() == 11));
        arrived
    }

    pub(crate) fn requests(&self) -> usize {
        self.liguelead.received().calls.len()
    }

    /// Whether LeadSquared has an activity of this lead with the status `delivered`.
    pub(crate) fn shows_outcome(&self, lead: &str) -> bool {
        let shows = |activity: &leadsquared::Activity| {
            activity.lead_id == lead && activity.fields.values().any(|value| value == "delivered")
        };
        self.leadsquared.activities().iter().any(shows)
    }

    /// The CPU time of the process so far, in s.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // The name may contain blanks; it ends with the last parenthesis.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = [11, 12].iter().map(|place| fields[*place].parse::<f64>().unwrap()).sum();
        ticks / TICKS_PER_S
    }

    pub(crate) async fn stop(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.liguelead.stop().await;
        self.leadsquared.stop().await;
    }
}

fn recado(directory: &TempDir, texts: Texts, address: SocketAddr) -> Command {
    let text = match texts {
        Texts::One => "Boas-vindas.",
        Texts::Own => "Boas-vindas, {{ lead.FirstName | default(\"\") }}.",
    };
    let config = format!(
        "version: 1
leadsquared: {{ plan: enterprise, calls_per_5s: 200, bulk_calls_per_5s: 200, opt_out: {{ system: false }} }}
liguelead: {{ requests_per_minute: 600000, in_flight: 64 }}
hours: {{ sms: always, voice: always }}
rules:
  - {{ id: welcome, on: lead.created, sms: '{text}' }}
"
    );
    let file = directory.path().join("recado.yaml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_recado"));
    command.args(["serve", "--listen", &address.to_string(), "--config"]).arg(file);
    command.arg("--data").arg(directory.path().join("data"));
    command
}

fn script(python: &OsString, directory: &TempDir, texts: Texts, address: SocketAddr) -> Command {
    let text = match texts {
        Texts::One => "Boas-vindas.",
        Texts::Own => "Boas-vindas, {FirstName}.",
    };
    let mut command = Command::new(python);
    command.args(["-m", "uvicorn", "peer:app", "--log-level", "warning", "--host", "127.0.0.1", "--port"]);
    command.arg(address.port().to_string());
    command.args(["--app-dir", concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bench")]);
    command.env("PEER_DB", directory.path().join("peer.sqlite")).env("PEER_SECRET", SECRET).env("PEER_TEXT", text);
    command
}
