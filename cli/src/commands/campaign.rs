//! `recado campaign`: starts campaigns, shows their progress, pauses and cancels them.

pub(crate) mod audience;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use recado_core::{
    audit::{About, Act},
    config::{Audience as To, Campaign as Configured, Config},
    identity::RunId,
    message::Message,
};
use recado_ledger::{Pause as PauseRow, Phase, Run, Scope};
use recado_pipeline::{
    campaigns::{Campaigns, Overlap, RunStatus, Source, run_name, statuses, unreported},
    operate::Operator,
    pauses::SEEN_WITHIN,
};
use recado_runtime::{
    environment::{leadsquared_base_url, leadsquared_client, leadsquared_credentials},
    installation,
};
use secrecy::SecretString;
use serde::Serialize;

use super::{
    Which, audited, known_rule,
    list::{self, Bad, Columns},
    pause,
    planned::show_campaign,
};
use crate::{data::Store, output};

/// The timeout for reading the audience of a file, in ms: one hour.
const READ_WITHIN_MS: i64 = 3_600_000;

/// Start campaigns, show their progress, pause and cancel them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Campaign {
    /// Start a campaign now. A second start of the same run does no harm: the run goes on.
    Start(Start),
    /// Show the progress of campaigns, and when they will be done.
    Status(Status),
    /// Pause a campaign: Recado reads and sends nothing more of it until you resume it.
    Pause(Hold),
    /// Resume a paused campaign.
    Resume(Hold),
    /// Cancel a campaign's run: its waiting messages are never sent.
    Cancel(Cancel),
}

/// Start a campaign now.
#[derive(Debug, clap::Args)]
pub(crate) struct Start {
    #[command(flatten)]
    which: Which,
    /// The campaign, by its id in the configuration.
    #[arg(value_name = "CAMPAIGN")]
    campaign: String,
    /// The file with the recipients, with headings such as `phone`, `telefone`, `celular` or `ProspectID`.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// The run's name; the same name is the same run. By default it is this minute, or for a file its recipients.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Start without showing the plan and without asking.
    #[arg(long)]
    yes: bool,
    /// The price of a credit, such as 0.09, to show the price of the run before it starts.
    #[arg(long, value_name = "PRICE", value_parser = recado_core::text::number)]
    credit_price: Option<f64>,
    /// Send only to this number, with the values of the file's first line, as a run of its own.
    #[arg(long, value_name = "PHONE", requires = "csv", conflicts_with = "run")]
    test_phone: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Show the progress of campaigns.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    which: Which,
    /// Only this campaign.
    #[arg(value_name = "CAMPAIGN")]
    campaign: Option<String>,
    /// List the messages that LigueLead accepted without a delivery report. Phones are shortened.
    #[arg(long)]
    unreported: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Pause or resume a campaign.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    which: Which,
    /// The campaign, by its id in the configuration.
    #[arg(value_name = "CAMPAIGN")]
    campaign: String,
    /// The reason, for people who look at it later.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Cancel a campaign's run.
#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    /// The campaign, by its id in the configuration.
    #[arg(value_name = "CAMPAIGN")]
    campaign: String,
    /// The run; by default the latest one.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Campaign {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Start(start) => start.run().await,
            Self::Status(status) => status.run().await,
            Self::Pause(hold) => hold.pause().await,
            Self::Resume(hold) => hold.resume().await,
            Self::Cancel(cancel) => cancel.run().await,
        }
    }
}

/// The campaign runner on this machine. Without LeadSquared's keys it can only do work that needs no request to
/// LeadSquared.
pub(crate) fn campaigns(config: &Config, store: &Store) -> anyhow::Result<Campaigns> {
    let timeout = Duration::from_millis(config.send.call_timeout_ms);
    // Placeholder keys. LeadSquared refuses them if a request is made after all.
    let credentials = leadsquared_credentials().unwrap_or_else(|_| leadsquared::Credentials {
        access_key: SecretString::from("none"),
        secret_key: SecretString::from("none"),
    });
    let client = leadsquared_client(&leadsquared_base_url(), &credentials, timeout)?;
    let syncer = installation::syncer(config, client, &store.ledger);
    Ok(installation::campaigns(Arc::new(config.clone()), &syncer))
}

/// The campaign with this id.
pub(crate) fn configured<'c>(config: &'c Config, id: &str) -> anyhow::Result<&'c Configured> {
    let known = || config.campaigns.iter().map(|campaign| campaign.id.as_str()).collect::<Vec<_>>().join(", ");
    config.campaign(id).with_context(|| match known().as_str() {
        "" => "the configuration has no campaigns".to_owned(),
        known => format!("there is no campaign {id} in the configuration; it has {known}"),
    })
}

#[derive(Serialize)]
struct Started {
    campaign: String,
    run: String,
    is_new: bool,
    phase: Phase,
    looked_at: u64,
    recipients: u64,
    lines_without_anybody: u64,
    bad_lines: Vec<Bad>,
}

impl Start {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let done = self.start(&config, &store).await;
        let Some(started) = done? else {
            output::complain("nothing started");
            return Ok(ExitCode::from(1));
        };
        if self.json {
            output::json("campaign.start", &started)?;
        } else {
            let (campaign, run) = (&started.campaign, &started.run);
            let said = if started.is_new { "started" } else { "was started before and goes on" };
            output::say(&format!("{campaign}: run {run} {said}"));
            if started.looked_at > 0 {
                let (recipients, looked_at) = (started.recipients, started.looked_at);
                output::say(&format!("{recipients} of {looked_at} get a message"));
            }
            output::say(&format!("its progress: recado campaign status {campaign}"));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn start(&self, config: &Config, store: &Store) -> anyhow::Result<Option<Started>> {
        let campaign = configured(config, &self.campaign)?;
        let campaigns = campaigns(config, store)?;
        let now_ms = installation::world().now_ms();
        if self.csv.is_some() && campaign.audience != To::Csv {
            anyhow::bail!("the audience of {} is a search; it takes no --csv", self.campaign);
        }
        let read = |file| audience::read(file, &self.columns, config, campaign, now_ms);
        let mut file = self.csv.as_deref().map(read).transpose()?;
        let name = match (&self.run, &mut file) {
            (Some(name), _) => name.clone(),
            (None, Some(file)) => match &self.test_phone {
                Some(phone) => {
                    file.keep_for(phone)?;
                    format!("test-{now_ms}")
                }
                // The same people are the same run. If it is started again after a crash, it goes on.
                None => format!("csv-{}", file.id.to_string().get(..12).unwrap_or_default()),
            },
            (None, None) => run_name(now_ms),
        };
        if let (Some(file), Some(path)) = (&file, &self.csv) {
            list::show(path, &file.bad);
            list::keep(path, &file.list, &file.bad);
        }
        if !self.may_start(&campaigns, campaign, &name, file.as_ref()).await? {
            return Ok(None);
        }
        let (mut run, is_new) = campaigns.start(campaign, &name, file.as_ref().map(|file| file.id.to_string())).await?;
        if is_new {
            let about = About::scope(&format!("campaign {}, run {}", run.campaign, run.name));
            let about = match &file {
                Some(file) => about.of_count(file.entries.len() as u64),
                None => about,
            };
            audited::record(store, Act::CampaignStart, about).await;
        }
        if let Some(file) = &file {
            let (id, lines) = (run.id(), file.entries.len());
            let read = Box::pin(campaigns.run_file(run, &file.entries, now_ms + READ_WITHIN_MS));
            let progress = async || {
                let run = store.ledger.run(id).await.ok()??;
                Some(format!("{} of {lines} line(s) read", run.tally.looked_at))
            };
            (run, _) = output::watched(read, progress).await?;
        }
        store.ledger.wake(now_ms).await?;
        Ok(Some(Started {
            campaign: run.campaign,
            run: run.name,
            is_new,
            phase: run.phase,
            looked_at: run.tally.looked_at,
            recipients: run.tally.recipients,
            lines_without_anybody: file.as_ref().map_or(0, |file| file.empty),
            bad_lines: file.iter().flat_map(|file| &file.bad).map(Bad::from).collect(),
        }))
    }

    /// Shows what a new run would do, and asks. It does not ask if the run exists already, or for a test with one
    /// number.
    async fn may_start(
        &self,
        campaigns: &Campaigns,
        campaign: &Configured,
        name: &str,
        file: Option<&audience::Audience>,
    ) -> anyhow::Result<bool> {
        let is_there = campaigns.ledger.run(RunId::of(&self.campaign, name)).await?.is_some();
        if self.yes || self.test_phone.is_some() || is_there {
            return Ok(true);
        }
        let source = match (&campaign.audience, file) {
            (To::Search(search), _) => Source::Search(search.clone()),
            (To::Csv, Some(file)) => Source::File(file.entries.clone()),
            (To::Csv, None) => anyhow::bail!("its audience is a file; pass it with --csv"),
        };
        let now_ms = installation::world().now_ms();
        let planned = campaigns.plan(campaign, &source, now_ms, now_ms + READ_WITHIN_MS).await?;
        if !self.json {
            show_campaign(&planned, self.credit_price);
        }
        let overlap = match file {
            Some(file) => campaigns.overlap(campaign, name, &file.entries).await?,
            None => None,
        };
        if let Some(Overlap { run, started_ms, people, lines }) = overlap {
            let when = output::instant(started_ms);
            output::complain(&format!("{people} of {lines} line(s) name people who were in run {run} ({when})"));
        }
        output::confirmed(&format!("start it for {}", output::counted(planned.recipients, "recipient")))
    }
}

impl Status {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (_, store) = self.which.open().await?;
        let done = if self.unreported { self.list(&store).await } else { self.tell(&store).await };
        done?;
        Ok(ExitCode::SUCCESS)
    }

    async fn tell(&self, store: &Store) -> anyhow::Result<()> {
        let now_ms = installation::world().now_ms();
        let found = statuses(&store.ledger, self.campaign.as_deref(), now_ms).await?;
        if self.json {
            return output::json("campaign.status", &serde_json::json!({ "runs": found }));
        }
        if found.is_empty() {
            output::say("no campaign has run yet");
        }
        let pauses = store.ledger.pauses().await?;
        for status in &found {
            show(status, now_ms);
            let holds = |pause: &&PauseRow| match &pause.scope {
                Scope::All => true,
                Scope::Rule(rule) => *rule == status.campaign,
                Scope::Channel(channel) => channel.as_str() == status.channel,
            };
            for pause in pauses.iter().filter(holds).filter(|_| !["done", "cancelled"].contains(&status.phase.as_str()))
            {
                output::say(&format!("  {}", pause::Line::from(pause.clone()).said()));
            }
        }
        Ok(())
    }

    async fn list(&self, store: &Store) -> anyhow::Result<()> {
        let found = unreported(&store.ledger, self.campaign.as_deref()).await?;
        if self.json {
            return output::json("campaign.unreported", &serde_json::json!({ "messages": found }));
        }
        let mut table = output::table(&["campaign", "run", "phone", "lead", "accepted"]);
        for one in &found {
            let (lead, since) = (one.lead.as_deref().unwrap_or_default(), output::instant(one.since_ms));
            table.add_row([&one.campaign, &one.run, &one.phone, lead, &since]);
        }
        output::say(&table.to_string());
        output::say(&format!("{} message(s) without a report", found.len()));
        Ok(())
    }
}

fn show(status: &RunStatus, now_ms: i64) {
    let percent = (status.recipients - status.waiting.min(status.recipients)) * 100 / status.recipients.max(1);
    output::say(&format!("{} · run {} · {} · {percent} %", status.campaign, status.run, output::state(&status.phase)));
    let left_out = status.looked_at - status.recipients;
    output::say(&format!(
        "  started {}; {} looked at, {} get a message, {left_out} do not",
        output::instant(status.started_ms),
        status.looked_at,
        status.recipients
    ));
    for (why, count) in &status.left_out {
        output::say(&format!("    {count:>9} {why}"));
    }
    let states: Vec<String> = status.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if !states.is_empty() {
        output::say(&format!("  {}", states.join(", ")));
    }
    if status.without_report > 0 {
        let (count, campaign) = (status.without_report, &status.campaign);
        output::say(&format!("  {count} have no report yet: recado campaign status {campaign} --unreported"));
    }
    if let Some(due_ms) = status.next_due_ms.filter(|due_ms| *due_ms > now_ms) {
        output::say(&format!("  the next waiting message is due at {}", output::instant(due_ms)));
    }
    if let Some(eta_ms) = status.eta_ms {
        output::say(&format!("  all sent at about {}", output::instant(eta_ms)));
    }
    if let Some(why) = &status.why {
        output::say(&format!("  {why}"));
    }
}

impl Hold {
    async fn pause(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        known_rule(&config, &store.ledger, &self.campaign).await?;
        let by = std::env::var("USER").ok().filter(|by| !by.is_empty());
        let since_ms = installation::world().now_ms();
        let pause = PauseRow { scope: Scope::Rule(self.campaign.clone()), since_ms, by, why: self.why };
        if store.ledger.pause(&pause).await?.is_none() {
            let about = About::scope(&pause.scope.words());
            let author = store.author(pause.by.as_deref()).await;
            audited::record_by(&store.ledger, &author, Act::Pause, about).await;
        }
        // Every sender has seen the pause after this delay. A request that began before it goes out.
        tokio::time::sleep(2 * SEEN_WITHIN).await;
        said(self.json, &self.campaign, "pause", "paused")
    }

    async fn resume(self) -> anyhow::Result<ExitCode> {
        let (_, store) = self.which.open().await?;
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let scope = Scope::Rule(self.campaign.clone());
        let was_paused = store.ledger.resume(&scope).await?;
        if was_paused {
            audited::record(&store, Act::Resume, About::scope(&scope.words())).await;
            operator.release_paused().await?;
            // A sender that has not seen it yet may have held more messages meanwhile.
            tokio::time::sleep(2 * SEEN_WITHIN).await;
            operator.release_paused().await?;
        }
        store.ledger.wake(installation::world().now_ms()).await?;
        if !was_paused {
            anyhow::bail!("{} was not paused", self.campaign);
        }
        said(self.json, &self.campaign, "resume", "resumed")
    }
}

fn said(json: bool, campaign: &str, verb: &str, what: &str) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&format!("campaign.{verb}"), &serde_json::json!({ "campaign": campaign, "is": what }))?;
    } else {
        output::say(&format!("{what}: {campaign}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl Cancel {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let (run, messages) = self.cancel(&config, &store).await?;
        if self.json {
            let answer = serde_json::json!({ "campaign": run.campaign, "run": run.name, "cancelled": messages });
            output::json("campaign.cancel", &answer)?;
        } else {
            output::say(&format!(
                "{}: run {} is cancelled, with {messages} waiting message(s)",
                run.campaign, run.name
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn cancel(&self, config: &Config, store: &Store) -> anyhow::Result<(Run, u64)> {
        let mut runs = store.ledger.runs().await?;
        runs.retain(|run| run.campaign == self.campaign && self.run.as_ref().is_none_or(|name| *name == run.name));
        let run = runs.into_iter().max_by_key(|run| run.started_ms);
        let run = run.with_context(|| format!("{} has no such run", self.campaign))?;
        if !campaigns(config, store)?.cancel(run.clone()).await? {
            anyhow::bail!("run {} is already cancelled", run.name);
        }
        // If the sender comes to one of these messages first, it drops the message itself.
        let mut waiting: Vec<Message> = Vec::new();
        let event = run.event();
        let wanted = |message: &Message| message.rule == run.campaign && message.event == event;
        store
            .ledger
            .each_message(|message| {
                if wanted(&message) && recado_core::settle::cancel(&message).is_ok() {
                    waiting.push(message);
                }
                true
            })
            .await?;
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let done = operator.cancel(&waiting).await?;
        let cancelled = waiting.iter().zip(done).filter(|(_, done)| done.is_ok());
        let cancelled = cancelled.map(|(message, _)| message.recipients()).sum();
        let about = About::scope(&format!("campaign {}, run {}", run.campaign, run.name)).of_count(cancelled);
        audited::record(store, Act::CampaignCancel, about).await;
        Ok((run.clone(), cancelled))
    }
}
