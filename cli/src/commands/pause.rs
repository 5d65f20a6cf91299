//! `recado pause` and `recado resume`.

use std::process::ExitCode;

use recado_core::{
    audit::{About, Act},
    message::Channel,
};
use recado_ledger::{Pause as PauseRow, Scope};
use recado_pipeline::{operate::Operator, pauses::SEEN_WITHIN};
use recado_runtime::installation;
use serde::Serialize;

use super::{Which, audited, known_rule};
use crate::output::{self, Mood};

/// Stop sending everything, a rule or a channel. Messages wait until they expire. Recado still accepts events.
#[derive(Debug, clap::Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    what: What,
    /// The reason, for people who look at it later.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who pauses; by default the user of this machine.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// End a pause, with the same flags that `recado pause` had.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    what: What,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Everything.
    #[arg(long)]
    all: bool,
    /// The messages of this rule or campaign.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// The messages of this channel: sms, flash or voice.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
}

/// A pause as reports show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) since_ms: i64,
    pub(crate) by: Option<String>,
    pub(crate) why: Option<String>,
}

impl From<PauseRow> for Line {
    fn from(pause: PauseRow) -> Self {
        Self { what: pause.scope.words(), since_ms: pause.since_ms, by: pause.by, why: pause.why }
    }
}

impl Line {
    /// The pause as a sentence for people.
    pub(crate) fn said(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} {} since {}{by}{why}", Mood::Look.paint("paused:"), self.what, output::instant(self.since_ms))
    }
}

impl What {
    fn scope(&self) -> Scope {
        match (&self.rule, self.channel) {
            (Some(rule), _) => Scope::Rule(rule.clone()),
            (None, Some(channel)) => Scope::Channel(channel),
            (None, None) => Scope::All,
        }
    }
}

impl Pause {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if let Some(rule) = &self.what.rule {
            known_rule(&config, &store.ledger, rule).await?;
        }
        let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
        let by = self.by.clone().or_else(user).filter(|by| !by.is_empty());
        let since_ms = installation::world().now_ms();
        let pause = PauseRow { scope: self.what.scope(), since_ms, by, why: self.why };
        let before = store.ledger.pause(&pause).await?;
        if before.is_none() {
            let about = About::scope(&pause.scope.words());
            let author = store.author(pause.by.as_deref()).await;
            audited::record_by(&store.ledger, &author, Act::Pause, about).await;
        }
        // Every sender has seen the pause after this delay. A request that began before it goes out.
        tokio::time::sleep(2 * SEEN_WITHIN).await;
        let line = Line::from(before.unwrap_or(pause));
        if self.json {
            output::json("pause", &line)?;
        } else {
            output::say(&line.said());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        #[derive(Serialize)]
        struct Report {
            resumed: String,
            released: usize,
        }
        let (_, store) = self.which.open().await?;
        let scope = self.what.scope();
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let was_paused = store.ledger.resume(&scope).await?;
        let mut released = operator.release_paused().await?;
        if was_paused {
            // A sender that has not seen it yet may have held more messages meanwhile.
            tokio::time::sleep(2 * SEEN_WITHIN).await;
            released = released.max(operator.release_paused().await?);
        }
        if was_paused {
            let about = About::scope(&scope.words()).of_count(released as u64);
            audited::record(&store, Act::Resume, about).await;
        }
        store.ledger.wake(installation::world().now_ms()).await?;
        let report = Report { resumed: scope.words(), released };
        if self.json {
            output::json("resume", &report)?;
        } else if was_paused {
            output::say(&format!("resumed: {}; {released} message(s) wait no longer", report.resumed));
        } else {
            output::complain(&format!("recado: {} was not paused", report.resumed));
        }
        Ok(if was_paused { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
