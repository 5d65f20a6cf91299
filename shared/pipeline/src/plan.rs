//! A dry run: shows what a delivery would become. It runs the same code, without a table or a vendor.

mod many;

use leadsquared::webhook::{self, WebhookError};
use recado_core::{
    audio::Audio,
    call::{Dial, Ready, dial, retry_end_time},
    config::Config,
    credits::call_credits,
    decide::{Verdict, decide},
    enrich::missing_fields,
    event::Event,
    group::into_requests,
    identity::{AudioId, MessageId, event_id},
    message::{Message, State},
    phone::Phone,
    reason::Reason,
};
use serde::Serialize;

use many::credits;
pub use many::{BudgetAfter, CrmPart, Delivery, Followed, Going, ManyPlan, RuleTally, TextTally, plan_many};

use crate::{
    ingest::{NotAnEvent, needs_no_answer, understand, why_not},
    settings::SendSettings,
};

/// What a delivery would become.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Its events, in order.
    pub events: Vec<PlannedEvent>,
    /// Requests to LigueLead.
    pub requests: usize,
    /// Messages that would go out at once.
    pub messages: usize,
    /// The cost of these messages in credits, by estimate.
    pub credits: u64,
}

/// What one event would become.
#[derive(Debug, Serialize)]
pub struct PlannedEvent {
    /// Its id. A redelivery has the same id.
    pub id: Option<String>,
    /// Its kind, in the words of the configuration.
    pub kind: String,
    /// The lead.
    pub lead: Option<String>,
    /// Why no rule judges it; or, if no rule wants a message, the reasons.
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
    /// Why it wants no message.
    pub why_not: Option<String>,
}

/// A message as it would be written, with its text. Shown to the person who asked; never logged.
#[derive(Debug, Serialize)]
pub struct PlannedMessage {
    /// Its id.
    pub id: String,
    /// The phone that it would reach, masked.
    pub to: Option<String>,
    /// The content.
    #[serde(flatten)]
    pub content: PlannedContent,
    /// `pending`, `held` or `skipped`.
    pub state: String,
    /// Why it is held or skipped.
    pub why: Option<String>,
    /// When it would go out, in ms since the epoch; `None` if never.
    pub not_before_ms: Option<i64>,
    /// The fallback, sent if this message does not arrive.
    #[serde(rename = "else")]
    pub fallback: Option<PlannedContent>,
}

/// The content and the price of a message.
#[derive(Debug, Serialize)]
pub struct PlannedContent {
    /// `sms`, `flash` or `voice`.
    pub channel: String,
    /// Its text.
    pub text: Option<String>,
    /// The text as it may arrive, if the delivery changes it.
    pub arrives: Option<String>,
    /// The recording, if it is a voice call.
    pub call: Option<PlannedCall>,
    /// The text's length, in characters.
    pub chars: usize,
    /// Its price, in credits.
    pub credits: u32,
}

/// What a voice call would play, and its redials.
#[derive(Debug, Serialize)]
pub struct PlannedCall {
    /// The recording's name.
    pub audio: String,
    /// The recording's length in ms, if it was added and looked up.
    pub length_ms: Option<u64>,
    /// Redials if nobody answers.
    pub redials: u8,
    /// Minutes between redials.
    pub every_min: u16,
    /// The last minute for redials of a voice call made now, `HH:MM` in São Paulo; `None` if the hours never close.
    pub redial_until: Option<String>,
}

/// Plans the delivery of `body`, with the query and content type that the webhook would carry. `audios` are the added
/// recordings, if a table is at hand to look them up.
pub fn plan(
    config: &Config,
    query: &[(String, String)],
    content_type: Option<&str>,
    body: &[u8],
    now_ms: i64,
    audios: Option<&[Audio]>,
) -> Result<Plan, WebhookError> {
    let Delivered { events, messages: mut ready, .. } = delivered(config, query, content_type, body, now_ms, audios)?;
    ready.retain(|message| message.state == State::Pending);
    // One delivery may contain the same change several times. It leads to one message.
    let mut seen = std::collections::BTreeSet::<MessageId>::new();
    ready.retain(|message| seen.insert(message.id));
    let (messages, credits) = (ready.len(), credits(&ready));
    let settings = SendSettings::of(config);
    let has_quota = |rule: &str| settings.rule_quotas.contains_key(rule);
    let requests = into_requests(ready, settings.phones_per_request, has_quota).len();
    Ok(Plan { events, requests, messages, credits })
}

/// What one delivery becomes.
struct Delivered {
    events: Vec<PlannedEvent>,
    /// Its messages in the order of the events, each in the state in which it would be written.
    messages: Vec<Message>,
    /// The leads of events with fewer fields than the rules need.
    incomplete: Vec<String>,
}

fn delivered(
    config: &Config,
    query: &[(String, String)],
    content_type: Option<&str>,
    body: &[u8],
    now_ms: i64,
    audios: Option<&[Audio]>,
) -> Result<Delivered, WebhookError> {
    let mut found = Delivered { events: Vec::new(), messages: Vec::new(), incomplete: Vec::new() };
    for change in webhook::parse(content_type, query, body, now_ms)? {
        let event = change.map_err(NotAnEvent::of).and_then(understand);
        let planned = match event {
            Err(not_an_event) => PlannedEvent {
                id: None,
                kind: not_an_event.kind,
                lead: not_an_event.lead_id,
                not_asked: Some(not_an_event.why),
                rules: Vec::new(),
            },
            Ok(event) => match needs_no_answer(config, &event) {
                Some(why) => PlannedEvent::of(&event, Some(why.to_owned()), Vec::new()),
                None => {
                    if !missing_fields(config, &event).is_empty() {
                        found.incomplete.push(event.lead_id.clone());
                    }
                    of_event(config, &event, now_ms, audios, &mut found.messages)
                }
            },
        };
        found.events.push(planned);
    }
    Ok(found)
}

impl PlannedEvent {
    fn of(event: &Event, not_asked: Option<String>, rules: Vec<PlannedRule>) -> Self {
        Self {
            id: Some(event_id(event).to_string()),
            kind: event.kind.name().to_owned(),
            lead: Some(event.lead_id.clone()),
            not_asked,
            rules,
        }
    }
}

/// Judges an event by each rule. The messages are added to `messages`.
fn of_event(
    config: &Config,
    event: &Event,
    now_ms: i64,
    audios: Option<&[Audio]>,
    messages: &mut Vec<Message>,
) -> PlannedEvent {
    let decisions = decide(config, event, now_ms);
    let none = why_not(&decisions);
    let rules: Vec<PlannedRule> = decisions
        .into_iter()
        .map(|decision| match decision.verdict {
            Verdict::No(why) => PlannedRule { rule: decision.rule, message: None, why_not: Some(why.to_string()) },
            Verdict::Message(mut message) => {
                let planned = planned(config, &mut message, now_ms, audios);
                messages.push(*message);
                PlannedRule { rule: decision.rule, message: Some(planned), why_not: None }
            }
        })
        .collect();
    let silent = rules.iter().all(|rule| rule.message.is_none());
    PlannedEvent::of(event, silent.then_some(none), rules)
}

/// A message as it would be written, or a voice call as it would be made. `audios` are the added recordings, if they
/// were looked up.
fn planned(config: &Config, message: &mut Message, now_ms: i64, audios: Option<&[Audio]>) -> PlannedMessage {
    let fallback = message.fallback.as_deref_mut().map(|next| {
        let mut content = content(config, next, now_ms, audios);
        // The time of this voice call is unknown.
        content.call.iter_mut().for_each(|call| call.redial_until = None);
        content
    });
    let content = content(config, message, now_ms, audios);
    PlannedMessage {
        id: message.id.to_string(),
        to: message.phone().map(Phone::masked),
        content,
        fallback,
        state: message.state.to_string(),
        why: message.why.as_ref().map(ToString::to_string),
        not_before_ms: match message.state {
            State::Pending => Some(now_ms),
            State::Held => message.due_ms,
            _ => None,
        },
    }
}

fn content(config: &Config, message: &mut Message, now_ms: i64, audios: Option<&[Audio]>) -> PlannedContent {
    let call = call(config, message, now_ms, audios);
    let text = message.content.text().map(|text| text.expose().to_owned());
    PlannedContent {
        channel: message.content.channel().to_string(),
        chars: text.as_ref().map_or(0, |text| text.chars().count()),
        arrives: text.as_ref().and_then(|text| config.liguelead.arrives(text)),
        text,
        call,
        credits: message.credits,
    }
}

/// What a voice call would play. A voice call whose recording was not added is held, as the sender would do.
fn call(config: &Config, message: &mut Message, now_ms: i64, audios: Option<&[Audio]>) -> Option<PlannedCall> {
    let zone = message.phone().map(|phone| phone.zone()).unwrap_or_default();
    let call = message.content.call_mut()?;
    let audio = audios.and_then(|audios| audios.iter().find(|audio| audio.name == call.audio));
    let hours = config.rule(&message.rule).and_then(|rule| rule.hours.as_ref()).unwrap_or(&config.hours);
    let redial_until_ms = match dial(hours, &zone, now_ms) {
        Dial::Now { redial_until_ms } => redial_until_ms,
        Dial::NotBefore(_) => None,
    };
    // Packed as the sender packs: by content, if the content is known.
    let content = audio.map_or_else(|| AudioId::of(call.audio.as_bytes()), |audio| audio.id);
    call.ready = Some(Ready { content, upload_id: 0, redial_until_ms });
    let planned = PlannedCall {
        audio: call.audio.clone(),
        length_ms: audio.map(|audio| audio.length_ms),
        redials: call.redials,
        every_min: call.every_min,
        redial_until: redial_until_ms.filter(|_| message.state == State::Pending).map(retry_end_time),
    };
    if let Some(audio) = audio {
        message.credits = call_credits(audio.length_ms);
    } else if audios.is_some() && message.state == State::Pending {
        message.state = State::Held;
        let why = format!("its audio has not been added: recado audio add {}", planned.audio);
        message.why = Some(Reason::AudioMissing { why });
        message.due_ms = None;
    }
    Some(planned)
}
