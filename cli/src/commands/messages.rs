//! `recado messages`.

use std::process::ExitCode;

use recado_core::message::{Message, State};
use recado_ledger::{EventRow, Ledger};
use serde::Serialize;

use super::Which;
use crate::output;

/// Show messages, and events that became none, newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    which: Which,
    /// Only messages in this state: pending, held, sending, unknown, refused, accepted, undelivered, delivered,
    /// skipped or expired.
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// At most so many of each.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

/// What is shown: phones are shortened and texts left out.
#[derive(Serialize)]
pub(crate) struct Report {
    /// All that match, also those beyond the limit.
    pub(crate) total: usize,
    pub(crate) messages: Vec<MessageLine>,
    pub(crate) events: Vec<EventLine>,
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
            lead: message.lead_id,
            channel: message.channel.to_string(),
            phone: message.phone.map(output::masked),
            state: message.state.to_string(),
            why: message.why,
            credits: message.credits,
            created_ms: message.created_ms,
            changed_ms: message.changed_ms,
            due_ms: message.due_ms,
            campaign: message.campaign_id,
            crm_activity: message.crm.activity_id,
            crm_activity_state: message.crm.activity_state.map(|state| state.to_string()),
            crm_waits: message.crm.due_ms.is_some(),
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
        let (_, store) = self.which.open().await?;
        let report = report(&store.ledger, self.state, self.limit).await?;
        store.close().await;
        if self.json {
            output::json(&report)?;
        } else {
            show(&report);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads what `recado messages` shows.
pub(crate) async fn report(ledger: &Ledger, state: Option<State>, limit: usize) -> anyhow::Result<Report> {
    let mut messages = Vec::new();
    ledger
        .each_message(|message| {
            if state.is_none_or(|state| state == message.state) {
                messages.push(MessageLine::from(message));
            }
            true
        })
        .await?;
    let total = messages.len();
    messages.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
    messages.truncate(limit);
    let mut events: Vec<EventLine> = match state {
        None => ledger.events().await?.into_iter().map(EventLine::from).collect(),
        Some(_) => Vec::new(),
    };
    events.sort_by_key(|event| std::cmp::Reverse(event.received_ms));
    events.truncate(limit);
    Ok(Report { total, messages, events })
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
    output::say(&table.to_string());
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
        output::say(&table.to_string());
    }
}
