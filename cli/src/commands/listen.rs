//! `recado listen`: shows incoming events and outgoing messages, line by line, as they happen.

use std::{
    collections::{HashMap, HashSet},
    process::ExitCode,
    time::Duration,
};

use super::{
    Which, known_rule,
    lines::{EventLine, MessageLine, Report, report},
    select::Filter,
    serve::interrupted,
};
use crate::{data::Store, output};

/// The delay between two reads of the table.
const LOOK: Duration = Duration::from_millis(500);
/// The number of newest messages that are read.
const NEWEST: usize = 10_000;

/// Show events and messages line by line, as they happen, until Ctrl-C. It looks at the newest messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    /// Print one line of JSON for each.
    #[arg(long)]
    json: bool,
}

/// The output so far: the state and the reason of each message, and the events.
#[derive(Default)]
struct Shown {
    messages: HashMap<String, (String, Option<String>)>,
    events: HashSet<String>,
}

impl Listen {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if let Some(rule) = &self.filter.rule {
            known_rule(&config, &store.ledger, rule).await?;
        }
        // Rows that exist already are not news.
        follow(store, &self.filter, 0, self.json).await
    }
}

/// Shows the last `first` messages and events. Then shows each new or changed one, until it is interrupted.
pub(super) async fn follow(store: Store, filter: &Filter, first: usize, json: bool) -> anyhow::Result<ExitCode> {
    let mut shown = Shown::default();
    let (mut messages, mut events) = shown.news(report(&store.ledger, filter, NEWEST).await?);
    messages.drain(..messages.len().saturating_sub(first));
    events.drain(..events.len().saturating_sub(first));
    output::complain("listening; Ctrl-C ends it");
    let end = interrupted();
    tokio::pin!(end);
    loop {
        for event in events {
            show(json, "listen.event", &event, &said_of_event(&event))?;
        }
        for message in messages {
            show(json, "listen.message", &message, &said_of_message(&message))?;
        }
        tokio::select! {
            () = &mut end => break,
            () = tokio::time::sleep(LOOK) => {}
        }
        (messages, events) = shown.news(report(&store.ledger, filter, NEWEST).await?);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(json: bool, what: &str, line: &impl serde::Serialize, said: &str) -> anyhow::Result<()> {
    if json {
        return output::json_line(what, line);
    }
    output::say(said);
    Ok(())
}

impl Shown {
    /// The rows that were not shown yet, oldest first.
    fn news(&mut self, report: Report) -> (Vec<MessageLine>, Vec<EventLine>) {
        let mut messages: Vec<MessageLine> = Vec::new();
        for message in report.messages {
            let now = (message.state.clone(), message.why.clone());
            if self.messages.insert(message.id.clone(), now.clone()) != Some(now) {
                messages.push(message);
            }
        }
        let mut events: Vec<EventLine> =
            report.events.into_iter().filter(|event| self.events.insert(event.id.clone())).collect();
        messages.sort_by_key(|message| message.changed_ms);
        events.sort_by_key(|event| event.received_ms);
        (messages, events)
    }
}

fn said_of_event(event: &EventLine) -> String {
    let lead = event.lead.as_deref().unwrap_or("no lead");
    format!("{}  {} of {lead}: {}, {}", output::instant(event.received_ms), event.kind, event.outcome, event.why)
}

fn said_of_message(message: &MessageLine) -> String {
    let phone = message.phone.as_deref().unwrap_or("no phone");
    let why = message.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let id: String = message.id.chars().take(8).collect();
    format!(
        "{}  {id} {} to {phone}: {}{why}",
        output::instant(message.changed_ms),
        message.rule,
        output::state(&message.state)
    )
}
