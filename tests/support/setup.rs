//! The parts of an installation under test.

use std::sync::Arc;

use recado_simulators::{
    faults::{FaultRule, Faults},
    leadsquared, liguelead,
};
use recado_table::EmbeddedTable;

/// The secret of webhooks.
pub(crate) const SECRET: &str = "the-webhook-secret-of-the-test-is-long";
/// The secret whose key signs callback URLs.
pub(crate) const CALLBACK_SECRET: &str = "the-callback-secret-of-the-test-is-long";
/// The secret of the address in LigueLead's panel, where a test opens it.
pub(crate) const PANEL_SECRET: &str = "the-panels-secret-of-the-test-is-long";
/// The user whose edits count as the integration's own.
pub(crate) const AUTHOR: &str = "5c0e1f2a-0000-4000-8000-000000000001";

/// The parts of an installation. With [`Setup::new`] everything works.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// `recado.yaml`.
    pub(crate) config: String,
    pub(crate) liguelead: liguelead::Options,
    pub(crate) leadsquared: leadsquared::Options,
    /// `--data`; a new directory by default.
    pub(crate) data: Option<String>,
    /// The table behind `data`, if this process runs it.
    pub(crate) table: Option<Arc<EmbeddedTable>>,
    /// Seconds between sweeps.
    pub(crate) schedule_s: u64,
    /// Further arguments of `serve`.
    pub(crate) serve_arguments: Vec<String>,
    /// Variables that add to the credentials or replace them.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether LeadSquared's simulator posts webhooks to the installation.
    pub(crate) crm_announces: bool,
}

impl Setup {
    /// An installation with these rules, as lines below `rules:`.
    pub(crate) fn new(rules: &str) -> Self {
        Self {
            config: format!("{}rules:\n{rules}", head("")),
            liguelead: liguelead::Options::default(),
            // The limits of the configuration, with room for the clocks of two processes.
            leadsquared: leadsquared::Options {
                calls_per_5s: Some(400),
                bulk_calls_per_5s: 400,
                ..leadsquared::Options::default()
            },
            data: None,
            table: None,
            schedule_s: 1,
            serve_arguments: Vec::new(),
            environment: Vec::new(),
            crm_announces: false,
        }
    }

    /// Adds these lines to the configuration. Hours replace [`ANY_HOUR`].
    pub(crate) fn and(mut self, lines: &str) -> Self {
        if lines.contains("hours:") {
            self.config = self.config.replace(ANY_HOUR, "");
        }
        self.config.push_str(lines);
        self
    }

    /// Adds this variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses a new table in memory that this process runs, so that a test with many writes does not wait for a disk.
    pub(crate) async fn in_memory(self) -> Self {
        self.on_table(Arc::new(EmbeddedTable::memory().unwrap()), "recado").await
    }

    /// Uses this table as on DynamoDB: the AWS SDK's variables lead to it, and several processes can open it.
    pub(crate) async fn on_table(mut self, table: Arc<EmbeddedTable>, name: &str) -> Self {
        let endpoint = table.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        self.data = Some(format!("dynamodb:{name}"));
        self.table = Some(table);
        self.variable("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)
            .variable("AWS_REGION", "sa-east-1")
            .variable("AWS_ACCESS_KEY_ID", "anybody")
            .variable("AWS_SECRET_ACCESS_KEY", "a-secret-key-of-the-test")
            .variable("AWS_SESSION_TOKEN", "a-session-token-of-the-test")
    }

    /// Sets the timeout of one request.
    pub(crate) fn call_timeout(mut self, limit: &str) -> Self {
        self.config = self.config.replace("call_timeout: 5s", &format!("call_timeout: {limit}"));
        assert!(self.config.contains(limit), "{}", self.config);
        self
    }

    /// Adds these faults at LigueLead.
    pub(crate) fn liguelead_faults(mut self, faults: &[&str]) -> Self {
        self.liguelead.faults = Faults::of(faults.iter().map(|text| fault(text)));
        self
    }
}

/// A fault by its text, such as `lose-answer@first=1@/sms`.
pub(crate) fn fault(text: &str) -> FaultRule {
    text.parse().unwrap()
}

/// The hours of a configuration without hours of its own: tests run at any hour.
pub(crate) const ANY_HOUR: &str = "hours: { sms: always, voice: always }\n";

/// The configuration before its rules. The account's limits do not slow the write-back, times are as short as possible,
/// and any hour is open unless `more` says otherwise.
pub(crate) fn head(more: &str) -> String {
    let any_hour = if more.contains("hours:") { "" } else { ANY_HOUR };
    format!(
        "version: 1
timezone: America/Sao_Paulo
leadsquared:
  plan: enterprise
  calls_per_5s: 200
  bulk_calls_per_5s: 200
  reserve: 0%
  integration_user: {AUTHOR}
  opt_out: {{ sms: mx_SMS_Opt_Out }}
  write_back: {{ status: mx_Message_Status, at: mx_Message_At }}
send: {{ stale_after: 10s, call_timeout: 5s, unknown_after: 1m }}
{any_hour}{more}"
    )
}

/// The environment variables of an installation with these simulators as vendors.
pub(crate) fn credentials(liguelead: &str, leadsquared: &str, options: &Setup) -> Vec<(String, String)> {
    [
        ("LIGUELEAD_BASE_URL", liguelead),
        ("LIGUELEAD_API_TOKEN", &options.liguelead.api_token),
        ("LIGUELEAD_APP_ID", &options.liguelead.app_id),
        ("LEADSQUARED_BASE_URL", leadsquared),
        ("LEADSQUARED_ACCESS_KEY", &options.leadsquared.access_key),
        ("LEADSQUARED_SECRET_KEY", &options.leadsquared.secret_key),
        ("RECADO_WEBHOOK_SECRET", SECRET),
        ("RECADO_CALLBACK_SECRET", CALLBACK_SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
