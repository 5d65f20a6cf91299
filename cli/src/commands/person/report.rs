//! What is kept of a person, as `recado person` shows and writes it.

use recado_core::phone::Phone;
use recado_ledger::{StoredCallback, StoredFor};
use recado_pipeline::person::Held;
use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::{
        audit::Line as AuditLine,
        lines::{EventLine, MessageLine, say_messages},
    },
    output,
};

/// What is kept of a person, as the answer shows it.
#[derive(Serialize)]
pub(super) struct Report {
    phones: Vec<String>,
    leads: Vec<String>,
    messages: Vec<KeptMessage>,
    reports: Vec<KeptReport>,
    /// Places on the lists of campaigns' recipients.
    places: Vec<KeptPlace>,
    /// Requests that carried a message before it was sent again.
    earlier_attempts: Vec<KeptAttempt>,
    events: Vec<EventLine>,
    waiting_events: Vec<KeptWaiting>,
    caps: Vec<KeptCaps>,
    suppressions: Vec<KeptSuppression>,
    seen_values: Vec<KeptSights>,
    shown_values: Vec<KeptShown>,
    audit: Vec<AuditLine>,
}

#[derive(Serialize)]
struct KeptMessage {
    #[serde(flatten)]
    line: MessageLine,
    /// The block that holds it; none if it has a row of its own.
    block: Option<String>,
    title: Option<String>,
    /// The text; only in an export.
    text: Option<String>,
    text_chars: usize,
    /// The message that follows if this one does not arrive, as a channel.
    fallback: Option<String>,
    fallback_text: Option<String>,
}

#[derive(Serialize)]
struct KeptReport {
    batch: Option<String>,
    campaign: Option<String>,
    phone: String,
    status: String,
    occurred_at: String,
    received_ms: i64,
    credits: Option<u32>,
}

#[derive(Serialize)]
struct KeptPlace {
    run: String,
    page: u64,
    place: u16,
    phone: String,
    lead: Option<String>,
    title: Option<String>,
    text: Option<String>,
}

#[derive(Serialize)]
struct KeptAttempt {
    batch: String,
    phone: String,
    message: String,
}

#[derive(Serialize)]
struct KeptWaiting {
    id: String,
    received_ms: i64,
    /// The event as it came; only in an export.
    event: Option<Value>,
}

#[derive(Serialize)]
struct KeptCaps {
    of: &'static str,
    sent_ms: Vec<i64>,
}

#[derive(Serialize)]
struct KeptSuppression {
    of: &'static str,
    channel: &'static str,
    since_ms: i64,
    source: String,
}

#[derive(Serialize)]
struct KeptSights {
    lead: String,
    /// The fields' values; only in an export.
    values: Option<Value>,
}

#[derive(Serialize)]
struct KeptShown {
    lead: String,
    message: String,
    changed_ms: i64,
    values: Value,
}

/// The answer for what is kept. `in_full`: with whole phones and texts.
pub(super) fn report(held: Held, in_full: bool) -> Report {
    let phone = |phone: Phone| if in_full { phone.national() } else { phone.masked() };
    let own = held.messages.into_iter().map(|message| (None, message));
    let inside = held.in_blocks.into_iter().map(|(block, message)| (Some(block.to_string()), message));
    let mut messages: Vec<KeptMessage> = own
        .chain(inside)
        .map(|(block, message)| {
            let text = message.content.text().map(|text| text.expose().to_owned());
            let next = message.fallback.as_deref();
            KeptMessage {
                block,
                title: message.label.title.clone().filter(|_| in_full),
                text_chars: text.as_ref().map_or(0, |text| text.chars().count()),
                text: text.filter(|_| in_full),
                fallback: next.map(|next| next.content.channel().to_string()),
                fallback_text: next
                    .and_then(|next| next.content.text())
                    .filter(|_| in_full)
                    .map(|text| text.expose().to_owned()),
                line: MessageLine { phone: message.phone().map(phone), ..MessageLine::from(message) },
            }
        })
        .collect();
    messages.sort_by_key(|message| message.line.created_ms);
    Report {
        phones: held.phones.into_iter().map(phone).collect(),
        leads: held.leads.into_iter().collect(),
        messages,
        reports: held.reports.into_iter().map(|report| kept_report(report, phone)).collect(),
        places: held
            .places
            .into_iter()
            .map(|place| {
                let (title, text) = place.recipient.own.map(|own| (own.title, own.text)).unwrap_or_default();
                KeptPlace {
                    run: place.run.to_string(),
                    page: place.page,
                    place: place.place,
                    phone: phone(place.recipient.phone),
                    lead: place.recipient.lead,
                    title: title.filter(|_| in_full),
                    text: text.filter(|_| in_full).map(|text| text.expose().to_owned()),
                }
            })
            .collect(),
        earlier_attempts: held
            .attempts
            .into_iter()
            .map(|(batch, to, message)| KeptAttempt {
                batch: batch.to_string(),
                phone: phone(to),
                message: message.to_string(),
            })
            .collect(),
        events: held.events.into_iter().map(EventLine::from).collect(),
        waiting_events: held
            .waiting
            .into_iter()
            .map(|waiting| KeptWaiting {
                id: waiting.id.to_string(),
                received_ms: waiting.received_ms,
                event: Some(waiting.event).filter(|_| in_full),
            })
            .collect(),
        caps: held
            .caps
            .into_iter()
            .map(|(of, sent)| KeptCaps { of: of.as_str(), sent_ms: sent.into_iter().map(|sent| sent.at_ms).collect() })
            .collect(),
        suppressions: held
            .suppressions
            .into_iter()
            .map(|one| KeptSuppression {
                of: one.subject.as_str(),
                channel: one.kind.as_str(),
                since_ms: one.since_ms,
                source: one.source,
            })
            .collect(),
        seen_values: held
            .sights
            .into_iter()
            .map(|(lead, seen)| KeptSights { lead, values: serde_json::to_value(seen).ok().filter(|_| in_full) })
            .collect(),
        shown_values: held
            .shown
            .into_iter()
            .map(|(lead, shown)| KeptShown {
                lead,
                message: shown.by.to_string(),
                changed_ms: shown.changed_ms,
                values: serde_json::to_value(shown.values).unwrap_or_default(),
            })
            .collect(),
        audit: held.entries.into_iter().map(AuditLine::from).collect(),
    }
}

fn kept_report(report: StoredCallback, phone: impl Fn(Phone) -> String) -> KeptReport {
    let (batch, campaign) = match report.about {
        StoredFor::Batch(batch) => (Some(batch.to_string()), report.campaign_id),
        StoredFor::Campaign(campaign) => (None, Some(campaign)),
    };
    KeptReport {
        batch,
        campaign,
        phone: phone(report.phone),
        status: report.status,
        occurred_at: report.occurred_at,
        received_ms: report.received_ms,
        credits: report.credits,
    }
}

/// Shows the answer on the terminal.
pub(super) fn show(report: &Report) {
    say_messages(report.messages.iter().map(|message| &message.line));
    let counts = [
        (report.messages.len(), "message"),
        (report.reports.len(), "delivery report"),
        (report.places.len(), "place on a campaign's list"),
        (report.earlier_attempts.len(), "earlier attempt"),
        (report.events.len(), "event without a message"),
        (report.waiting_events.len(), "event that waits for its lead"),
        (report.caps.len(), "row of caps"),
        (report.seen_values.len(), "row of seen values"),
        (report.shown_values.len(), "row of values that LeadSquared shows"),
        (report.suppressions.len(), "suppression"),
        (report.audit.len(), "mention in the audit trail"),
    ];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        output::say(&format!("{count:>6}  {what}"));
    }
    if counts.iter().all(|(count, _)| *count == 0) {
        output::say("nothing is kept of this person");
    }
    output::say(&format!("phones: {}; leads: {}", listed(&report.phones), listed(&report.leads)));
    if report.leads.len() > 1 {
        output::complain(
            "several leads share this phone: they may be several people; name one lead to see one of them",
        );
    }
}

fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}
