//! `recado plan --config FILE EVENT.json`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use recado_pipeline::plan::{Plan as Planned, PlannedEvent, PlannedMessage, plan};

use super::load;
use crate::{
    data::{Location, Store},
    output,
};

/// Show what an event would become.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "recado.yaml")]
    config: PathBuf,
    /// The installation's data: also look whether the recordings of calls have been added, and how long they are.
    #[arg(long, value_name = "DATA")]
    data: Option<Location>,
    /// The body of a webhook, as LeadSquared would send it.
    event: PathBuf,
    /// The kind of event, as the webhook's URL would name it: `lead.created`, `5`, `Lead_Post_Update`, …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The content type that the webhook would have.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
    /// When, as an ISO 8601 instant; now unless given.
    #[arg(long, value_name = "INSTANT")]
    at: Option<jiff::Timestamp>,
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = load(&self.config)?;
        let name = self.event.display().to_string();
        let body = std::fs::read(&self.event).with_context(|| name.clone())?;
        let query: Vec<(String, String)> = self.kind.into_iter().map(|kind| ("event".to_owned(), kind)).collect();
        let now_ms = self.at.unwrap_or_else(jiff::Timestamp::now).as_millisecond();
        let audios = match &self.data {
            Some(data) => {
                let store = Store::open(data, config.retention_ms).await?;
                let rows = store.ledger.audios().await?;
                store.close().await;
                Some(rows.audios)
            }
            None => None,
        };
        let planned = plan(&config, &query, Some(&self.content_type), &body, now_ms, audios.as_deref());
        let planned = planned.with_context(|| name)?;
        if self.json {
            output::json(&planned)?;
        } else {
            show(&planned);
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
    output::say(&format!("  {rule}: {} {}{why}", message.channel, message.state));
    if let Some(text) = &message.text {
        output::say(&format!("    {} characters, {} credit(s): {text}", message.chars, message.credits));
    }
    if let Some(call) = &message.call {
        let length = call.length_ms.map(|ms| format!(" ({} s)", ms.div_ceil(1_000))).unwrap_or_default();
        let until = call.redial_until.as_ref().map(|until| format!(" until {until} in São Paulo")).unwrap_or_default();
        let (audio, redials, every) = (&call.audio, call.redials, call.every_min);
        let credits = message.credits;
        output::say(&format!(
            "    {audio}{length}, {credits} credit(s), redialled {redials} time(s) each {every} minutes{until}"
        ));
    }
    if let Some(at_ms) = message.not_before_ms {
        output::say(&format!("    not before {}", output::instant(at_ms)));
    }
}
