//! A dry run: what a delivery would become, by the same code that would do it, without a table or a vendor.

use leadsquared::webhook::{self, WebhookError};
use recado_core::{
    config::Config,
    decide::{Verdict, decide},
    group::into_requests,
    identity::{MessageId, event_id},
    message::{Channel, Message, State},
};
use serde::Serialize;

use crate::{
    ingest::{NotAnEvent, understand, why_not},
    settings::SendSettings,
};

/// What a delivery would become.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Its events, in their order.
    pub events: Vec<PlannedEvent>,
    /// Requests that LigueLead would be sent.
    pub requests: usize,
    /// Messages that would go out at once.
    pub messages: usize,
    /// Credits that they would cost, by estimate.
    pub credits: u64,
}

/// What one event would become.
#[derive(Debug, Serialize)]
pub struct PlannedEvent {
    /// Its id; a redelivery has the same.
    pub id: Option<String>,
    /// Its kind, in the words of the configuration.
    pub kind: String,
    /// The lead.
    pub lead: Option<String>,
    /// What becomes of it where no rule is asked.
    pub not_asked: Option<String>,
    /// Each rule's verdict.
    pub rules: Vec<PlannedRule>,
}

/// One rule's verdict.
#[derive(Debug, Serialize)]
pub struct PlannedRule {
    /// The rule.
    pub rule: String,
    /// The message, if it wants one.
    pub message: Option<PlannedMessage>,
    /// Why it wants none.
    pub why_not: Option<String>,
}

/// A message as it would be written. It is shown to the person who asked, text and all; never logged.
#[derive(Debug, Serialize)]
pub struct PlannedMessage {
    /// Its id.
    pub id: String,
    /// `sms` or `flash`.
    pub channel: String,
    /// `pending`, `held` or `skipped`.
    pub state: String,
    /// Why it is held or skipped.
    pub why: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// The text's length, in characters.
    pub chars: usize,
    /// Its price, in credits.
    pub credits: u32,
    /// When it would go out, in ms since the epoch; none if never.
    pub not_before_ms: Option<i64>,
}

/// Plans the delivery of `body`, with the query and content type that the webhook would carry.
pub fn plan(
    config: &Config,
    query: &[(String, String)],
    content_type: Option<&str>,
    body: &[u8],
    now_ms: i64,
) -> Result<Plan, WebhookError> {
    let mut ready: Vec<Message> = Vec::new();
    let mut events = Vec::new();
    for change in webhook::parse(content_type, query, body)? {
        let event = change.map_err(|error| NotAnEvent::unreadable(error.to_string())).and_then(understand);
        events.push(match event {
            Err(not_an_event) => PlannedEvent {
                id: None,
                kind: not_an_event.kind,
                lead: not_an_event.lead_id,
                not_asked: Some(not_an_event.why),
                rules: Vec::new(),
            },
            Ok(event) => {
                let decisions = decide(config, &event, now_ms);
                let none = why_not(&decisions);
                let rules: Vec<PlannedRule> = decisions
                    .into_iter()
                    .map(|decision| match decision.verdict {
                        Verdict::No(why) => {
                            PlannedRule { rule: decision.rule, message: None, why_not: Some(why.to_string()) }
                        }
                        Verdict::Message(message) => {
                            let planned = planned(&message, now_ms);
                            ready.push(*message);
                            PlannedRule { rule: decision.rule, message: Some(planned), why_not: None }
                        }
                    })
                    .collect();
                let silent = rules.iter().all(|rule| rule.message.is_none());
                PlannedEvent {
                    id: Some(event_id(&event).to_string()),
                    kind: event.kind.name().to_owned(),
                    lead: Some(event.lead_id),
                    not_asked: silent.then_some(none),
                    rules,
                }
            }
        });
    }
    ready.retain(|message| message.state == State::Pending && message.channel != Channel::Voice);
    // One delivery of one change asks once, however often it is contained.
    let mut seen = std::collections::BTreeSet::<MessageId>::new();
    ready.retain(|message| seen.insert(message.id));
    let (messages, credits) = (ready.len(), ready.iter().map(|message| u64::from(message.credits)).sum());
    let settings = SendSettings::of(config);
    let has_quota = |rule: &str| settings.rule_quotas.contains_key(rule);
    let requests = into_requests(ready, settings.phones_per_request, has_quota).len();
    Ok(Plan { events, requests, messages, credits })
}

fn planned(message: &Message, now_ms: i64) -> PlannedMessage {
    let text = message.text.as_ref().map(|text| text.expose().to_owned());
    PlannedMessage {
        id: message.id.to_string(),
        channel: message.channel.to_string(),
        state: message.state.to_string(),
        why: message.why.clone(),
        chars: text.as_ref().map_or(0, |text| text.chars().count()),
        text,
        credits: message.credits,
        not_before_ms: match message.state {
            State::Pending => Some(now_ms),
            State::Held => message.due_ms,
            _ => None,
        },
    }
}
