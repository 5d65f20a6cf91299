//! `recado plan --config FILE EVENT.json`, `recado plan --events FILE`, and `recado plan --campaign CAMPAIGN`.

mod many;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use recado_core::config::{Audience, Config};
use recado_pipeline::{
    campaigns::Source,
    plan::{Plan as Planned, PlannedContent, PlannedEvent, PlannedMessage, plan},
};

use super::{
    campaign,
    list::{self, Columns},
    load,
    planned::{show_arrival, show_campaign},
};
use crate::{
    data::{Location, Store},
    output,
};

/// The timeout for reading an audience, in ms: one hour.
const READ_WITHIN_MS: i64 = 3_600_000;

/// Show the messages of an event, of a file of events, or of a campaign, without sending them.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "recado.yaml")]
    config: PathBuf,
    /// The installation's data, to look up its recordings and their lengths. For a file of events, also earlier messages
    /// and today's budgets.
    #[arg(long, value_name = "DATA")]
    data: Option<Location>,
    /// The body of a webhook, as LeadSquared would send it.
    #[arg(required_unless_present_any = ["campaign", "events"])]
    event: Option<PathBuf>,
    /// Show the messages of all events in this file, as if they came together. It holds bodies of webhooks as JSON values,
    /// one after another or as a list. A value may also be {"kind": KIND, "event": BODY}.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["event", "campaign"])]
    events: Option<PathBuf>,
    /// Also show each event of the file.
    #[arg(long, requires = "events")]
    each: bool,
    /// Show the messages of this campaign if it started now. It reads the audience, and needs `--data`.
    #[arg(long, value_name = "CAMPAIGN", conflicts_with_all = ["event", "kind"], requires = "data")]
    campaign: Option<String>,
    /// The file with the campaign's recipients.
    #[arg(long, value_name = "FILE", requires = "campaign")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// The price of a credit, such as 0.09, to show the price of all messages.
    #[arg(long, value_name = "PRICE", value_parser = recado_core::text::number, conflicts_with = "event")]
    credit_price: Option<f64>,
    /// The kind of event, as in the webhook's URL: `lead.created`, `5`, `Lead_Post_Update`, …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The content type of the webhook.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
    /// The time of the event, as an ISO 8601 instant; by default now.
    #[arg(long, value_name = "INSTANT")]
    at: Option<jiff::Timestamp>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = load(&self.config)?;
        output::show_clock(&config.timezone);
        if let (Some(id), Some(data)) = (&self.campaign, &self.data) {
            return self.plan_campaign(&config, id, data).await;
        }
        if let Some(events) = &self.events {
            return self.plan_many(&config, events).await;
        }
        let event = self.event.context("pass an event, --events or --campaign")?;
        let name = event.display().to_string();
        let body = std::fs::read(&event).with_context(|| name.clone())?;
        let query: Vec<(String, String)> = self.kind.into_iter().map(|kind| ("event".to_owned(), kind)).collect();
        let now_ms = self.at.unwrap_or_else(jiff::Timestamp::now).as_millisecond();
        let audios = match &self.data {
            Some(data) => {
                let store = Store::open(data).await?;
                let rows = store.ledger.audios().await?;
                Some(rows.audios)
            }
            None => None,
        };
        let planned = plan(&config, &query, Some(&self.content_type), &body, now_ms, audios.as_deref());
        let planned = planned.with_context(|| name)?;
        if self.json {
            output::json("plan", &planned)?;
        } else {
            show(&planned);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn plan_many(&self, config: &Config, events: &Path) -> anyhow::Result<ExitCode> {
        let now_ms = self.at.unwrap_or_else(jiff::Timestamp::now).as_millisecond();
        let (kind, data) = (self.kind.as_deref(), self.data.as_ref());
        let planned = many::planned(config, events, kind, data, now_ms, self.each).await?;
        if self.json {
            output::json("plan.events", &planned)?;
        } else {
            many::show(&planned, self.credit_price);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn plan_campaign(&self, config: &Config, id: &str, data: &Location) -> anyhow::Result<ExitCode> {
        let campaign = campaign::configured(config, id)?;
        let now_ms = self.at.unwrap_or_else(jiff::Timestamp::now).as_millisecond();
        let source = match (&campaign.audience, &self.csv) {
            (Audience::Search(search), None) => Source::Search(search.clone()),
            (Audience::Csv, Some(file)) => {
                let audience = campaign::audience::read(file, &self.columns, config, campaign, now_ms)?;
                list::show(file, &audience.bad);
                Source::File(audience.entries)
            }
            (Audience::Search(_), Some(_)) => anyhow::bail!("the audience of {id} is a search; it takes no --csv"),
            (Audience::Csv, None) => anyhow::bail!("the audience of {id} is a file; pass it with --csv"),
        };
        let store = Store::open(data).await?;
        let until_ms = jiff::Timestamp::now().as_millisecond() + READ_WITHIN_MS;
        let campaigns = campaign::campaigns(config, &store);
        let planned = match campaigns {
            Ok(campaigns) => campaigns.plan(campaign, &source, now_ms, until_ms).await.map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        let planned = planned?;
        if self.json {
            output::json("plan.campaign", &planned)?;
        } else {
            show_campaign(&planned, self.credit_price);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(planned: &Planned) {
    for event in &planned.events {
        show_event(event);
    }
    output::say(&format!(
        "{} message(s) in {} request(s) to LigueLead, {} credit(s)",
        planned.messages, planned.requests, planned.credits
    ));
}

fn show_event(event: &PlannedEvent) {
    output::say(&format!("{} · lead {}", event.kind, event.lead.as_deref().unwrap_or("not named")));
    if let Some(why) = event.not_asked.as_ref().filter(|_| event.rules.is_empty()) {
        output::say(&format!("  no rule is asked: {why}"));
    }
    for rule in &event.rules {
        match (&rule.message, &rule.why_not) {
            (Some(message), _) => show_message(&rule.rule, message),
            (None, why) => output::say(&format!("  {}: no message: {}", rule.rule, why.as_deref().unwrap_or("-"))),
        }
    }
}

fn show_message(rule: &str, message: &PlannedMessage) {
    let why = message.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    output::say(&format!("  {rule}: {} {}{why}", message.content.channel, message.state));
    if let Some(phone) = &message.to {
        output::say(&format!("    to {phone}"));
    }
    show_content(&message.content);
    if let Some(at_ms) = message.not_before_ms {
        output::say(&format!("    not before {}", output::instant(at_ms)));
    }
    if let Some(next) = &message.fallback {
        output::say(&format!("    else {}", next.channel));
        show_content(next);
    }
}

fn show_content(content: &PlannedContent) {
    let credits = content.credits;
    if let Some(text) = &content.text {
        output::say(&format!("    {} characters, {credits} credit(s): {text}", content.chars));
        show_arrival("    ", content.arrives.as_deref());
    }
    if let Some(call) = &content.call {
        let length = call.length_ms.map(|ms| format!(" ({} s)", ms.div_ceil(1_000))).unwrap_or_default();
        let until = call.redial_until.as_ref().map(|until| format!(" until {until} in São Paulo")).unwrap_or_default();
        let (audio, redials, every) = (&call.audio, call.redials, call.every_min);
        output::say(&format!(
            "    {audio}{length}, {credits} credit(s), redialled {redials} time(s) each {every} minutes{until}"
        ));
    }
}
