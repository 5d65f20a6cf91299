//! Messages and events as `recado messages`, `recado listen` and `recado demo` show them.

use recado_core::{message::Message, phone::Phone};
use recado_ledger::{EventRow, Ledger};
use serde::Serialize;

use super::{pause, select::Filter};
use crate::output;

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
        let phone = message.phone().map(Phone::masked);
        let lead = match message.block() {
            Some(block) => format!("{} recipients", block.recipients()),
            None => message.lead_id().to_owned(),
        };
        Self {
            id: message.id.to_string(),
            rule: message.rule,
            event: message.event,
            lead,
            channel: message.content.channel().to_string(),
            phone,
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

/// Reads the messages of the filter, and the events if it is empty, newest first, at most `limit` of each.
pub(crate) async fn report(ledger: &Ledger, filter: &Filter, limit: usize) -> anyhow::Result<Report> {
    let mut messages: Vec<MessageLine> = filter.recipients(ledger).await?.into_iter().map(MessageLine::from).collect();
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

/// Says a table of these messages.
pub(crate) fn say_messages<'m>(messages: impl Iterator<Item = &'m MessageLine>) {
    let mut table = output::table(&["message", "rule", "lead", "phone", "state", "why", "changed"]);
    for message in messages {
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
    output::say_table(&table, 4);
}
