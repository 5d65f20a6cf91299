//! A running installation: two vendors, a `recado serve`, and commands beside it.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use recado_simulators::{leadsquared, liguelead};
use recado_table::EmbeddedTable;
use reqwest::{Body, Client, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Lines, SECRET, Setup, patience,
    process::{Finished, Running, command, recado},
    setup::credentials,
    wait_until,
};

/// The first of the ports below those that the system gives to outgoing connections. So a restarted process finds its
/// port free.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;
/// The query of the webhook URL for new leads.
pub(crate) const NEW: &str = "event=lead.created";
/// How many ports are tried before a test gives up.
const PORT_ATTEMPTS: usize = 20;

/// The output of `recado messages --json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Report {
    pub(crate) total: usize,
    pub(crate) messages: Vec<MessageLine>,
    pub(crate) events: Vec<EventLine>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MessageLine {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) lead: String,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) why: Option<String>,
    pub(crate) due_ms: Option<i64>,
    pub(crate) crm_activity: Option<String>,
    pub(crate) crm_activity_state: Option<String>,
    pub(crate) crm_waits: bool,
    pub(crate) no_callback_ms: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventLine {
    pub(crate) kind: String,
    pub(crate) lead: Option<String>,
    pub(crate) outcome: String,
    pub(crate) why: String,
}

impl Report {
    /// The messages for a lead.
    pub(crate) fn of<'r>(&'r self, lead: &str) -> Vec<&'r MessageLine> {
        self.messages.iter().filter(|message| message.lead == lead).collect()
    }

    /// How many messages are in this state.
    pub(crate) fn in_state(&self, state: &str) -> usize {
        self.messages.iter().filter(|message| message.state == state).count()
    }
}

/// A running installation and its vendors.
pub(crate) struct Installation {
    pub(crate) liguelead: liguelead::Simulator,
    pub(crate) leadsquared: leadsquared::Simulator,
    /// Everything that `serve` wrote to standard error, over all its starts.
    pub(crate) log: Lines,
    /// Everything that `serve` wrote to standard output.
    pub(crate) said: Lines,
    pub(crate) http: Client,
    pub(crate) address: SocketAddr,
    pub(crate) environment: Vec<(String, String)>,
    schedule_s: String,
    serve_arguments: Vec<String>,
    /// `--config FILE --data DATA`.
    which: [String; 4],
    serve: Option<Running>,
    _directory: TempDir,
    _table: Option<Arc<EmbeddedTable>>,
}

impl Installation {
    /// Starts vendors and `serve`.
    pub(crate) async fn start(setup: Setup) -> Self {
        for _ in 1..PORT_ATTEMPTS {
            if let Ok(installation) = Self::try_start(setup.clone(), free_port()).await {
                return installation;
            }
        }
        Self::try_start(setup, free_port()).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The error means that another process took the port.
    async fn try_start(mut setup: Setup, address: SocketAddr) -> Result<Self, String> {
        if setup.crm_announces {
            setup.leadsquared.webhook_url = Some(format!("http://{address}/webhooks/leadsquared"));
            setup.leadsquared.webhook_headers.push(("x-recado-secret".to_owned(), SECRET.to_owned()));
        }
        let liguelead = liguelead::start_local(setup.liguelead.clone()).await.unwrap();
        let leadsquared = leadsquared::start_local(setup.leadsquared.clone()).await.unwrap();
        let mut environment = credentials(&liguelead.base_url(), &leadsquared.base_url(), &setup);
        environment.push(("RECADO_PUBLIC_URL".to_owned(), format!("http://{address}")));
        environment.extend(setup.environment);
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("recado.yaml");
        std::fs::write(&config, &setup.config).unwrap();
        let data = setup.data.unwrap_or_else(|| directory.path().join("data").display().to_string());
        let mut installation = Self {
            liguelead,
            leadsquared,
            log: Lines::default(),
            said: Lines::default(),
            http: vendor_http::client_builder().pool_max_idle_per_host(64).build().unwrap(),
            address,
            environment,
            schedule_s: setup.schedule_s.to_string(),
            serve_arguments: setup.serve_arguments,
            which: ["--config".to_owned(), config.display().to_string(), "--data".to_owned(), data],
            serve: None,
            _directory: directory,
            _table: setup.table,
        };
        installation.try_serve().await?;
        Ok(installation)
    }

    /// Starts `serve` again, with the same data and at the same address.
    pub(crate) async fn restart(&mut self) {
        self.try_serve().await.unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Starts `serve` again with another configuration.
    pub(crate) async fn configure(&mut self, config: &str) {
        std::fs::write(&self.which[1], config).unwrap();
        self.restart().await;
    }

    /// Starts `serve`, and kills it `after` a while, however far it has come.
    pub(crate) async fn kill_while_starting(&self, after: Duration) {
        let mut serve = self.process();
        tokio::time::sleep(after).await;
        serve.kill();
    }

    fn process(&self) -> Running {
        let address = self.address.to_string();
        let mut arguments = vec!["serve", "--listen", &address, "--schedule-s", &self.schedule_s];
        arguments.extend(self.which.iter().chain(&self.serve_arguments).map(String::as_str));
        // The last value counts for a variable that is set twice.
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        Running::start(command(&arguments, environment), &self.said, &self.log)
    }

    async fn try_serve(&mut self) -> Result<(), String> {
        let said_before = self.said.all().len();
        let mut serve = self.process();
        let begun = Instant::now();
        let expected = format!("listening on http://{}", self.address);
        loop {
            if self.said.all()[said_before..].contains(&expected) {
                self.serve = Some(serve);
                return Ok(());
            }
            if let Some(code) = serve.ended() {
                return Err(format!("serve ended with {code}: {:?}", self.log.all()));
            }
            assert!(begun.elapsed() < patience(), "serve does not listen: {:?}", self.log.all());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The most memory that `serve` has used since its last start, in MB.
    pub(crate) fn peak_memory_mb(&self) -> Option<u64> {
        self.serve.as_ref().unwrap().peak_memory_mb()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.serve.take().unwrap().kill();
    }

    /// Whether `serve` still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.serve.as_mut().is_some_and(|serve| serve.ended().is_none())
    }

    /// Sends `serve` a SIGHUP.
    pub(crate) fn hang_up(&self) {
        self.serve.as_ref().unwrap().signal("HUP");
    }

    /// The file of the configuration.
    pub(crate) fn file(&self) -> &Path {
        Path::new(&self.which[1])
    }

    /// Asks `serve` to end, and returns its exit code.
    pub(crate) async fn stop(&mut self) -> i32 {
        let mut serve = self.serve.take().unwrap();
        serve.signal("TERM");
        wait_until("serve ends when it is asked to", async || serve.ended()).await
    }

    /// The webhook URL of a vendor, with a query.
    pub(crate) fn url(&self, vendor: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{}/webhooks/{vendor}{mark}{query}", self.address)
    }

    /// Posts a webhook as LeadSquared does, with the secret, and returns the answer. The URL is the one for new leads;
    /// changes and activities are recognised at any URL.
    pub(crate) async fn post(&self, body: &Value) -> (u16, Value) {
        self.post_bytes(NEW, "application/json", body.to_string()).await
    }

    /// Posts any bytes with the secret, and returns the answer.
    pub(crate) async fn post_bytes(&self, query: &str, kind: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = self.http.post(self.url("leadsquared", query)).header("content-type", kind);
        answer(request.header("x-recado-secret", SECRET).body(body)).await
    }

    /// Posts a webhook that must be accepted.
    pub(crate) async fn take(&self, body: &Value) {
        let (status, said) = self.post(body).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{said}");
    }

    /// Waits until `serve` has logged this message.
    pub(crate) async fn says(&self, message: &str) {
        let logged = format!("\"message\":\"{message}\"");
        // A line logged before an answer may be read after the answer.
        wait_until(message, async || self.log.all().iter().any(|line| line.contains(&logged)).then_some(())).await;
    }

    /// `--data`.
    pub(crate) fn data(&self) -> &str {
        &self.which[3]
    }

    /// `--config FILE --data DATA`.
    pub(crate) fn which(&self) -> [String; 4] {
        self.which.clone()
    }

    /// Runs a reporting command beside `serve`.
    pub(crate) async fn command(&self, verb: &str, more: &[&str]) -> Finished {
        self.command_of(&[verb], more).await
    }

    /// Runs a command of several words.
    pub(crate) async fn command_of(&self, verb: &[&str], more: &[&str]) -> Finished {
        let mut arguments = verb.to_vec();
        arguments.extend(self.which.iter().map(String::as_str));
        arguments.extend(more);
        recado(&arguments, &self.environment).await
    }

    /// `recado messages --json`.
    pub(crate) async fn messages(&self) -> Report {
        serde_json::from_value(self.command("messages", &["--json", "--limit", "1000000"]).await.json()).unwrap()
    }

    /// `recado usage --json`.
    pub(crate) async fn usage(&self) -> Value {
        self.command("usage", &["--json"]).await.json()
    }

    /// Waits until the only message of a lead is in `state`.
    pub(crate) async fn comes_to(&self, lead: &str, state: &str) -> MessageLine {
        let mut last = None;
        let what = format!("the message of {lead} comes to {state}");
        wait_until(&what, async || {
            let report = self.messages().await;
            let found = report.of(lead);
            assert!(found.len() < 2, "{found:?}");
            last = found.first().copied().cloned();
            last.clone().filter(|message| message.state == state)
        })
        .await
    }

    /// Waits until every outcome is written back to LeadSquared, and returns the messages.
    pub(crate) async fn told(&self) -> Report {
        wait_until("LeadSquared knows all there is", async || {
            let report = self.messages().await;
            report.messages.iter().all(|message| !message.crm_waits).then_some(report)
        })
        .await
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log.all();
            for line in &log[log.len().saturating_sub(30)..] {
                println!("serve: {line}");
            }
        }
    }
}

/// Sends a request, and returns the status and the body; a body that is not JSON becomes null.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A port where nobody listens. Each call returns another one.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // Test binaries that run at the same time begin at different ports.
        let place = std::process::id().wrapping_mul(7_919) % u32::from(PORTS) + u32::from(step);
        let port = FIRST_PORT + u16::try_from(place % u32::from(PORTS)).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
