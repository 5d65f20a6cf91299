//! `recado messages`.

mod story;

use std::process::ExitCode;

use recado_core::{message::Message, phone::Phone};
use recado_ledger::{EventRow, Ledger};
use serde::Serialize;

use super::{Which, known_rule, listen, pause, select::Filter};
use crate::output;

/// Show messages, and events that became none, newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    which: Which,
    /// The whole story of this message, by its id or the first digits of it.
    #[arg(value_name = "ID", conflicts_with_all = ["state", "rule", "lead", "phone", "channel", "no_callback", "since", "until"])]
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Show the message's text, with its story.
    #[arg(long, requires = "id")]
    show_text: bool,
    /// At most so many of each.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Show the newest line by line, and then each that is new or changes, until it is interrupted.
    #[arg(long, conflicts_with = "id")]
    follow: bool,
    /// Answer with data; a line for each with --follow.
    #[arg(long)]
    json: bool,
}

/// The output. Phones are shortened and texts are left out.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The number of all matches, also beyond the limit.
    pub(crate) total: usize,
    pub(crate) messages: Vec<MessageLine>,
    pub(crate) events: Vec<EventLine>,
    pub(crate) paused: Vec<pause::Line>,
}

#[derive(Serialize)]
pub(crate) struct MessageLine {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) event: String,
    pub(crate) lead: String,
    pub(crate) channel: String,
    pub(crate) phone: Option<String>,
    pub(crate) state: String,
    pub(crate) why: Option<String>,
    pub(crate) credits: u32,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) due_ms: Option<i64>,
    pub(crate) campaign: Option<String>,
    pub(crate) crm_activity: Option<String>,
    pub(crate) crm_activity_state: Option<String>,
    pub(crate) crm_waits: bool,
    pub(crate) crm_why: Option<String>,
    pub(crate) expires_ms: i64,
    pub(crate) batch: Option<String>,
    /// The batches of earlier attempts.
    pub(crate) earlier_batches: Vec<String>,
    /// The credits that LigueLead charged, if it reported them and they differ from the estimate.
    pub(crate) charged: Option<u32>,
    /// When the wait for delivery reports ended without one.
    pub(crate) no_callback_ms: Option<i64>,
}

#[derive(Serialize)]
pub(crate) struct EventLine {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) lead: Option<String>,
    pub(crate) outcome: String,
    pub(crate) why: String,
    pub(crate) received_ms: i64,
}

impl From<Message> for MessageLine {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.to_string(),
            rule: message.rule,
            event: message.event,
            lead: match &message.block {
                Some(block) => format!("{} recipients", block.recipients()),
                None => message.lead_id,
            },
            channel: message.channel.to_string(),
            phone: message.phone.map(Phone::masked),
            state: message.state.to_string(),
            why: message.why.map(|why| why.to_string()),
            credits: message.credits,
            created_ms: message.created_ms,
            changed_ms: message.changed_ms,
            due_ms: message.due_ms,
            campaign: message.campaign_id,
            crm_activity: message.crm.activity_id,
            crm_activity_state: message.crm.activity_state.map(|state| state.to_string()),
            crm_waits: message.crm.due_ms.is_some(),
            crm_why: message.history.crm_why,
            expires_ms: message.expires_ms,
            batch: message.batch.map(|batch| batch.to_string()),
            earlier_batches: message.history.earlier.iter().map(ToString::to_string).collect(),
            charged: message.history.charged,
            no_callback_ms: message.history.no_callback_ms,
        }
    }
}

impl From<EventRow> for EventLine {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind,
            lead: row.lead_id,
            outcome: row.outcome.as_str().to_owned(),
            why: row.why,
            received_ms: row.received_ms,
        }
    }
}

impl Messages {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if let Some(rule) = &self.filter.rule {
            known_rule(&config, &store.ledger, rule).await?;
        }
        if let Some(id) = &self.id {
            let told = story::tell(&store.ledger, id, self.show_text, self.json).await;
            store.close().await;
            return told.map(|()| ExitCode::SUCCESS);
        }
        if self.follow {
            return listen::follow(store, &self.filter, self.limit, self.json).await;
        }
        let report = report(&store.ledger, &self.filter, self.limit).await?;
        store.close().await;
        if self.json {
            output::json("messages", &report)?;
        } else {
            show(&report);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads what `recado messages` shows.
pub(crate) async fn report(ledger: &Ledger, filter: &Filter, limit: usize) -> anyhow::Result<Report> {
    let mut messages: Vec<MessageLine> = filter.people(ledger).await?.into_iter().map(MessageLine::from).collect();
    let total = messages.len();
    messages.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
    messages.truncate(limit);
    let mut events: Vec<EventLine> =
        if filter.is_empty() { ledger.events().await?.into_iter().map(EventLine::from).collect() } else { Vec::new() };
    let paused = ledger.pauses().await?.into_iter().map(pause::Line::from).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.received_ms));
    events.truncate(limit);
    Ok(Report { total, messages, events, paused })
}

fn show(report: &Report) {
    let mut table = output::table(&["message", "rule", "lead", "phone", "state", "why", "changed"]);
    for message in &report.messages {
        table.add_row([
            message.id.chars().take(8).collect(),
            message.rule.clone(),
            message.lead.clone(),
            message.phone.clone().unwrap_or_default(),
            message.state.clone(),
            message.why.clone().unwrap_or_default(),
            output::instant(message.changed_ms),
        ]);
    }
    report.paused.iter().for_each(|pause| output::say(&pause.said()));
    output::say_table(&table, 4);
    output::say(&format!("{} of {} message(s)", report.messages.len(), report.total));
    if !report.events.is_empty() {
        let mut table = output::table(&["event", "lead", "outcome", "why", "received"]);
        for event in &report.events {
            table.add_row([
                event.kind.clone(),
                event.lead.clone().unwrap_or_default(),
                event.outcome.clone(),
                event.why.clone(),
                output::instant(event.received_ms),
            ]);
        }
        output::say_table(&table, 2);
    }
}
