//! `recado retry`, `recado cancel` and `recado release`.

use std::{collections::BTreeMap, process::ExitCode};

use recado_core::{
    audit::{About, Act},
    config::Config,
    message::Message,
};
use recado_pipeline::operate::{Done, Operator};
use recado_runtime::installation;
use serde::Serialize;

use super::{
    Which, audited, known_rule,
    select::{Filter, by_ids},
};
use crate::{data::Store, output};

/// Send refused or expired messages again. A flag adds messages that may have been sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    chosen: Chosen,
    /// Also messages that may have been sent or may still arrive (unknown, undelivered). Their recipients may get them
    /// twice, and LigueLead charges both.
    #[arg(long)]
    may_send_twice: bool,
}

/// Cancel pending and held messages. A message that is being sent cannot be cancelled.
#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    chosen: Chosen,
}

/// Check now whether waiting messages may go, with the hours, caps, quotas and opt-outs in force.
#[derive(Debug, clap::Args)]
pub(crate) struct Release {
    #[command(flatten)]
    which: Which,
    /// Only messages of this rule or campaign.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Chosen {
    /// The ids of the messages, or their first digits.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Do not ask before messages found by filters change.
    #[arg(long)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    done: usize,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    id: String,
    state: String,
    why: String,
}

impl Retry {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let Some(messages) = self.chosen.find(&config, &operator, "retry").await? else {
            return Ok(ExitCode::from(1));
        };
        let done = operator.retry(&messages, self.may_send_twice).await?;
        self.chosen.record(&store, Act::Retry, (&messages, &done)).await;
        store.ledger.wake(operator.world.now_ms()).await?;
        report(&messages, done, ("retry", "will be sent again"), self.chosen.json)
    }
}

impl Cancel {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let Some(messages) = self.chosen.find(&config, &operator, "cancel").await? else {
            return Ok(ExitCode::from(1));
        };
        let done = operator.cancel(&messages).await?;
        self.chosen.record(&store, Act::Cancel, (&messages, &done)).await;
        report(&messages, done, ("cancel", "cancelled"), self.chosen.json)
    }
}

impl Release {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if let Some(rule) = &self.rule {
            known_rule(&config, &store.ledger, rule).await?;
        }
        let operator = Operator { ledger: store.ledger.clone(), world: installation::world() };
        let wanted = |message: &Message| self.rule.as_ref().is_none_or(|rule| *rule == message.rule);
        let released = operator.look_again(wanted).await?;
        let scope = self.rule.as_ref().map_or_else(|| "all".to_owned(), |rule| format!("rule {rule}"));
        audited::record(&store, Act::Release, About::scope(&scope).of_count(released as u64)).await;
        store.ledger.wake(operator.world.now_ms()).await?;
        if self.json {
            output::json("release", &serde_json::json!({ "released": released }))?;
        } else {
            output::say(&format!("{released} message(s) are checked now; those that may not go yet keep waiting"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Chosen {
    /// Records the messages that changed. If none changed, nothing was done.
    async fn record(&self, store: &Store, act: Act, (messages, done): (&[Message], &[Done])) {
        let changed: Vec<&Message> =
            messages.iter().zip(done).filter(|(_, done)| done.is_ok()).map(|(message, _)| message).collect();
        if changed.is_empty() {
            return;
        }
        let people = audited::marks(store, &self.filter.people()).await;
        let count = changed.iter().map(|message| message.recipients()).sum();
        let about = About::scope(&self.filter.words()).of_count(count).of_people(people);
        audited::record(store, act, about.of_messages(changed.iter().map(|message| message.id))).await;
    }

    /// The chosen messages. If they are chosen by filters, the user must confirm. `None` means that the user declined.
    async fn find(&self, config: &Config, operator: &Operator, verb: &str) -> anyhow::Result<Option<Vec<Message>>> {
        if let Some(rule) = &self.filter.rule {
            known_rule(config, &operator.ledger, rule).await?;
        }
        match (self.ids.is_empty(), self.filter.is_empty()) {
            (true, true) => anyhow::bail!("choose messages by id, or by --state, --rule, --lead, --phone or --channel"),
            (false, false) => anyhow::bail!("choose messages by id or by filters, not by both"),
            (false, true) => return Ok(Some(by_ids(&operator.ledger, &self.ids).await?)),
            (true, false) => {}
        }
        let messages = self.filter.find(&operator.ledger).await?;
        let action = || format!("{verb} {}", output::counted(messages.len() as u64, "message"));
        let yes = messages.is_empty() || self.yes || output::confirmed(&action())?;
        Ok(yes.then_some(messages))
    }
}

/// Shows the result for each message. The exit code is 1 if messages were given but none was changed.
fn report(messages: &[Message], done: Vec<Done>, (verb, what): (&str, &str), json: bool) -> anyhow::Result<ExitCode> {
    let refused: Vec<Refused> = messages
        .iter()
        .zip(&done)
        .filter_map(|(message, done)| {
            let why = done.as_ref().err()?.clone();
            Some(Refused { id: message.id.to_string(), state: message.state.to_string(), why })
        })
        .collect();
    let report = Report { done: done.len() - refused.len(), refused };
    if json {
        output::json(verb, &report)?;
    } else {
        output::say(&format!("{} of {} message(s): {what}", report.done, done.len()));
        let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for one in &report.refused {
            reasons.entry((&one.state, &one.why)).or_default().push(&one.id);
        }
        for ((state, why), ids) in reasons {
            let first = ids.first().and_then(|id| id.get(..8)).unwrap_or_default();
            output::say(&format!("{:>9} {state}: {why} (such as {first})", ids.len()));
        }
    }
    Ok(if report.done == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
