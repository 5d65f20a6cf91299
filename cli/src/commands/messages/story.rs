//! The full history of one message: its event, the attempts to send it, the delivery reports, and the write-back.

use recado_core::{
    audit::{About, Act},
    identity::BatchId,
    message::{Batch, Message},
};
use recado_ledger::{Ledger, StoredCallback, StoredFor};
use serde::Serialize;

use crate::{
    commands::{audited, lines::MessageLine, select::by_ids},
    data::Store,
    output,
};

#[derive(Serialize)]
struct Story {
    message: MessageLine,
    title: Option<String>,
    /// Only with `--show-text`.
    text: Option<String>,
    text_chars: usize,
    /// The requests that carried the message, oldest first.
    attempts: Vec<Attempt>,
    /// When the opt-out field of the CRM was read for this message.
    opt_out_read_ms: Option<i64>,
    crm: Crm,
}

#[derive(Serialize)]
struct Attempt {
    batch: String,
    state: Option<String>,
    why: Option<String>,
    campaign: Option<String>,
    messages: Option<usize>,
    day: Option<String>,
    prepared_ms: Option<i64>,
    called_ms: Option<i64>,
    ended_ms: Option<i64>,
    callbacks: Vec<Callback>,
}

#[derive(Serialize)]
struct Callback {
    status: String,
    /// The instant as LigueLead wrote it.
    occurred_at: String,
    received_ms: i64,
    credits: Option<u32>,
}

#[derive(Serialize)]
struct Crm {
    activity: Option<String>,
    activity_state: Option<String>,
    lead_state: Option<String>,
    attempts: u32,
    posted_ms: Option<i64>,
    due_ms: Option<i64>,
    told_ms: Option<i64>,
    /// Why the write-back gave up its row.
    why: Option<String>,
}

/// Shows the history of the message whose id begins with `id`.
pub(super) async fn tell(store: &Store, id: &str, with_text: bool, json: bool) -> anyhow::Result<()> {
    let ledger = &store.ledger;
    let found = by_ids(ledger, &[id.to_owned()]).await?;
    let Some(message) = found.into_iter().next() else { anyhow::bail!("there is no message {id}") };
    if with_text {
        let about = About::scope(&format!("rule {}", message.rule)).of_messages([message.id]);
        audited::record_first(store, Act::ShowText, about).await?;
    }
    let mut batches = message.history.earlier.clone();
    batches.extend(message.batch.filter(|batch| !message.history.earlier.contains(batch)));
    let rows = ledger.batches(&batches).await?;
    let mut attempts = Vec::new();
    for batch in batches {
        let row = rows.iter().find(|row| row.id == batch);
        attempts.push(attempt(ledger, &message, batch, row).await?);
    }
    let story = Story {
        title: message.label.title.clone(),
        text: message.content.text().filter(|_| with_text).map(|text| text.expose().to_owned()),
        text_chars: message.content.text().map_or(0, |text| text.expose().chars().count()),
        attempts,
        opt_out_read_ms: message.history.opt_out_read_ms,
        crm: Crm {
            activity: message.crm.activity_id.clone(),
            activity_state: message.crm.activity_state.map(|state| state.to_string()),
            lead_state: message.crm.lead_state.map(|state| state.to_string()),
            attempts: message.crm.attempts,
            posted_ms: message.crm.posted_ms,
            due_ms: message.crm.due_ms,
            told_ms: message.history.crm_told_ms,
            why: message.history.crm_why.clone(),
        },
        message: MessageLine::from(message),
    };
    if json {
        output::json("messages.story", &story)
    } else {
        show(&story);
        Ok(())
    }
}

async fn attempt(ledger: &Ledger, message: &Message, batch: BatchId, row: Option<&Batch>) -> anyhow::Result<Attempt> {
    let mut reports: Vec<StoredCallback> = Vec::new();
    if let Some(phone) = message.phone() {
        reports.extend(ledger.callbacks_of(&StoredFor::Batch(batch), phone).await?);
        if let Some(campaign) = row.and_then(|row| row.campaign_id.clone()) {
            reports.extend(ledger.callbacks_of(&StoredFor::Campaign(campaign), phone).await?);
        }
    }
    reports.sort_by(|a, b| (a.received_ms, &a.occurred_at).cmp(&(b.received_ms, &b.occurred_at)));
    Ok(Attempt {
        batch: batch.to_string(),
        state: row.map(|row| row.state.to_string()),
        why: row.and_then(|row| row.why.as_ref()).map(ToString::to_string),
        campaign: row.and_then(|row| row.campaign_id.clone()),
        messages: row.map(|row| row.members.len()),
        day: row.map(|row| row.day.clone()),
        prepared_ms: row.map(|row| row.prepared_ms),
        called_ms: row.and_then(|row| row.called_ms),
        ended_ms: row.and_then(|row| row.ended_ms),
        callbacks: reports
            .into_iter()
            .map(|report| Callback {
                status: report.status,
                occurred_at: report.occurred_at,
                received_ms: report.received_ms,
                credits: report.credits,
            })
            .collect(),
    })
}

fn show(story: &Story) {
    let message = &story.message;
    let line = |at: Option<i64>, what: &str| {
        output::say(&format!("{:>20}  {what}", at.map_or_else(String::new, output::instant)));
    };
    output::say(&format!(
        "{}  {} by rule {} to lead {}, phone {}",
        message.id,
        message.channel,
        message.rule,
        message.lead,
        message.phone.as_deref().unwrap_or("none")
    ));
    let credits = match message.charged {
        Some(charged) => format!("{charged} credit(s) charged, {} estimated", message.credits),
        None => format!("{} credit(s)", message.credits),
    };
    match &story.text {
        Some(text) => output::say(&format!("text: {text}")),
        None => output::say(&format!("text: {} characters (--show-text shows it)", story.text_chars)),
    }
    output::say(&credits);
    line(
        Some(message.created_ms),
        &format!("written, for {}; worth sending until {}", message.event, output::instant(message.expires_ms)),
    );
    if story.opt_out_read_ms.is_some() {
        line(story.opt_out_read_ms, "its opt-out field was read, and allowed it");
    }
    for attempt in &story.attempts {
        let batch = &attempt.batch;
        line(
            attempt.prepared_ms,
            &format!("request {batch} prepared, on the budgets of {}", attempt.day.as_deref().unwrap_or("?")),
        );
        if attempt.called_ms.is_some() {
            line(
                attempt.called_ms,
                &format!("LigueLead called, with {} message(s)", attempt.messages.unwrap_or_default()),
            );
        }
        let campaign = attempt.campaign.as_ref().map(|campaign| format!(", campaign {campaign}")).unwrap_or_default();
        let why = attempt.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        line(
            attempt.ended_ms,
            &format!("request {}{campaign}{why}", attempt.state.as_deref().unwrap_or("removed by age")),
        );
        for callback in &attempt.callbacks {
            let credits = callback.credits.map(|credits| format!(", {credits} credit(s)")).unwrap_or_default();
            line(
                Some(callback.received_ms),
                &format!("report {} of {}{credits}", callback.status, callback.occurred_at),
            );
        }
    }
    if message.no_callback_ms.is_some() {
        line(message.no_callback_ms, "no report had come");
    }
    let why = message.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    line(Some(message.changed_ms), &format!("{}{why}", output::state(&message.state)));
    if message.due_ms.is_some() {
        line(message.due_ms, "is when it is looked at again");
    }
    let crm = &story.crm;
    match (&crm.activity, &crm.activity_state) {
        (Some(activity), shown) => {
            line(
                crm.told_ms,
                &format!("LeadSquared's activity {activity} shows {}", shown.as_deref().unwrap_or("an older state")),
            );
        }
        (None, _) if crm.posted_ms.is_some() => line(crm.posted_ms, "LeadSquared was told; its answer is open"),
        (None, _) => line(None, "LeadSquared does not know it yet"),
    }
    if let Some(why) = &crm.why {
        line(None, &format!("LeadSquared refused its row {} time(s), given up: {why}", crm.attempts.max(1)));
    } else if crm.due_ms.is_some() {
        line(crm.due_ms, "is when LeadSquared is told");
    }
}
