//! The way of a webhook: parse it, decide on its events, save the result, answer.
//!
//! A message's id is a hash of the change and the rule, so its row also deduplicates. One conditional write recognises
//! a redelivery and queues the message, and no second store can get out of step.
//!
//! The webhook is answered with 503 only if a row could not be written: LeadSquared then delivers it again. A
//! repetition would not help in any other case, so the answer is 200 with the reason. Ten failures in a row make
//! LeadSquared switch the webhook off.

mod seen;
mod understand;

use std::{collections::BTreeSet, sync::Arc};

use leadsquared::webhook::{self, WebhookAnswer};
use recado_core::{
    config::Config,
    decide::{Decision, Verdict, WhyNot, decide_completed},
    enrich::missing_fields,
    event::Event,
    identity::{MessageId, event_id, raw_event_id},
    message::Message,
};
use recado_ledger::{EventOutcome, EventRow, IncompleteEvent, Inserted, Ledger, LedgerError};
use tokio::sync::Notify;

use crate::{
    http::{Body, HttpAnswer, HttpRequest, MAX_BODY_BYTES},
    planted::{Fault, planted},
    secrets::Secret,
    world::World,
};
pub(crate) use seen::{Listed, change_of};
pub use understand::{NotAnEvent, understand};

/// The largest event that is kept until its lead has been read, in bytes. A row holds 400 KB.
const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Rows kept of one body's elements that are no events. The answer and the log count all of them.
const NOT_EVENTS_MAX: usize = 1_000;

/// Accepts LeadSquared's webhooks.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The table.
    pub ledger: Ledger,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The secret that a webhook must show.
    pub secret: Secret,
    /// The clock.
    pub world: World,
    /// Notified when an event waits for its lead, so that the event does not wait for the schedule.
    pub wake: Arc<Notify>,
}

/// The result of one delivery, in rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Taken {
    events: usize,
    new_messages: usize,
    known_messages: usize,
    not_understood: usize,
    incomplete: usize,
    /// The reason of the first event that was not understood.
    why: Option<String>,
}

impl Taken {
    fn log(&self) {
        tracing::info!(
            events = self.events,
            messages.new = self.new_messages,
            messages.known = self.known_messages,
            not_understood = self.not_understood,
            incomplete = self.incomplete,
            "webhook.taken"
        );
    }
}

impl Intake {
    /// Answers one webhook.
    pub async fn webhook(&self, request: &HttpRequest) -> HttpAnswer {
        if matches!(request.method.as_str(), "GET" | "HEAD") {
            return ok();
        }
        let body = match &request.body {
            // LeadSquared verifies a URL with an empty POST.
            Body::Whole(body) if body.is_empty() => return ok(),
            body => body,
        };
        if !self.shows_secret(request) {
            tracing::warn!("webhook.not_vouched_for");
            return refused("the secret is missing or wrong: send it in the header x-recado-secret");
        }
        let taken = match body {
            Body::Whole(body) => self.take(request, body).await.inspect(Taken::log),
            Body::TooLarge(head) => {
                let why = format!("the body is larger than {MAX_BODY_BYTES} bytes");
                self.keep_unreadable(head, why).await.inspect(|_| tracing::warn!("webhook.too_large"))
            }
        };
        match taken {
            Ok(taken) => match taken.why {
                Some(why) => refused(&format!("{} of {} not understood: {why}", taken.not_understood, taken.events)),
                None => ok(),
            },
            Err(_) if planted(Fault::AnsweredBeforeStored) => ok(),
            Err(error) => {
                tracing::error!(error = %error, "webhook.not_stored");
                HttpAnswer { status: 503, body: WebhookAnswer::error("could not be stored; send it again").to_json() }
            }
        }
    }

    /// Whether a request shows the secret. Its body is not looked at.
    #[must_use]
    pub fn shows_secret(&self, request: &HttpRequest) -> bool {
        let shown = request.secret.as_deref().or_else(|| request.parameter("secret"));
        shown.is_some_and(|shown| self.secret.is(shown))
    }

    async fn take(&self, request: &HttpRequest, body: &[u8]) -> Result<Taken, LedgerError> {
        let now_ms = self.world.now_ms();
        let changes = match webhook::parse(request.content_type.as_deref(), &request.query, body, now_ms) {
            Ok(changes) => changes,
            Err(error) => return self.keep_unreadable(body, format!("{error} ({} bytes)", body.len())).await,
        };
        let mut taken = Taken { events: changes.len(), ..Taken::default() };
        let (mut messages, mut rows, mut incomplete) = (Vec::new(), Vec::new(), Vec::new());
        let mut events: Vec<Result<Event, NotAnEvent>> =
            changes.into_iter().map(|change| change.map_err(NotAnEvent::of).and_then(understand)).collect();
        self.see(&mut events, now_ms).await?;
        let mut not_events = 0;
        for (place, event) in events.into_iter().enumerate() {
            match event {
                Ok(event) if self.is_incomplete(&event) && fits_a_row(&event) => {
                    incomplete.push(IncompleteEvent { id: event_id(&event), event, received_ms: now_ms });
                }
                Ok(event) => self.consider(&event, &event, now_ms, &mut messages, &mut rows),
                Err(not_an_event) => {
                    if not_an_event.outcome == EventOutcome::NotUnderstood {
                        taken.not_understood += 1;
                        taken.why.get_or_insert_with(|| not_an_event.why.clone());
                    }
                    if not_events < NOT_EVENTS_MAX {
                        not_events += 1;
                        // The place keeps events apart that came in one body.
                        let id = raw_event_id(&[body, &place.to_be_bytes()].concat());
                        rows.push(not_an_event.row(id, now_ms));
                    }
                }
            }
        }
        let mut seen = BTreeSet::new();
        incomplete.retain(|waiting| seen.insert(waiting.id));
        taken.incomplete = incomplete.len();
        self.ledger.keep_incomplete(&incomplete).await?;
        (taken.new_messages, taken.known_messages) = self.write(messages, &rows).await?;
        if taken.incomplete > 0 {
            self.wake.notify_one();
        }
        Ok(taken)
    }

    /// Keeps a row for a body that could not be read, with its lead if that can be found.
    async fn keep_unreadable(&self, body: &[u8], why: String) -> Result<Taken, LedgerError> {
        let unreadable = NotAnEvent { lead_id: webhook::lead_id_in(body), ..NotAnEvent::unreadable(why.clone()) };
        self.ledger.keep_events(&[unreadable.row(raw_event_id(body), self.world.now_ms())]).await?;
        Ok(Taken { events: 1, not_understood: 1, why: Some(why), ..Taken::default() })
    }

    /// Decides on events whose leads were read after the delivery. Each comes as delivered, and with the lead's present
    /// fields. Returns how many new messages they became.
    pub async fn decided(&self, events: &[(&Event, Event)]) -> Result<usize, LedgerError> {
        let now_ms = self.world.now_ms();
        let (mut messages, mut rows) = (Vec::new(), Vec::new());
        for (delivered, event) in events {
            self.consider(delivered, event, now_ms, &mut messages, &mut rows);
        }
        let (new, _) = self.write(messages, &rows).await?;
        Ok(new)
    }

    /// Writes messages, and the rows of events that became none. Returns how many messages are new, and how many were
    /// known.
    async fn write(&self, mut messages: Vec<Message>, rows: &[EventRow]) -> Result<(usize, usize), LedgerError> {
        // One delivery may contain a change several times; it counts once. The table refuses a request that names a row
        // twice.
        let (mut seen, asked) = (BTreeSet::new(), messages.len());
        messages.retain(|message| seen.insert(message.id));
        let (mut new, mut known) = (0, asked - messages.len());
        for inserted in self.ledger.insert_messages(&messages).await? {
            match inserted {
                Inserted::New => new += 1,
                Inserted::Known => known += 1,
                Inserted::Undecided => {
                    let reason = "a message could not be written".to_owned();
                    return Err(LedgerError::Unavailable { operation: "BatchExecuteStatement", reason });
                }
            }
        }
        self.ledger.keep_events(rows).await?;
        Ok((new, known))
    }

    /// Whether a rule needs more of the lead's fields than the delivery carries.
    fn is_incomplete(&self, event: &Event) -> bool {
        needs_no_answer(&self.config, event).is_none() && !missing_fields(&self.config, event).is_empty()
    }

    /// Collects the messages of an event, or the row that says why there are none.
    fn consider(
        &self,
        delivered: &Event,
        event: &Event,
        now_ms: i64,
        messages: &mut Vec<Message>,
        rows: &mut Vec<EventRow>,
    ) {
        let row = |outcome, why| EventRow {
            id: event_id(delivered),
            kind: event.kind.name().to_owned(),
            lead_id: Some(event.lead_id.clone()),
            outcome,
            why,
            received_ms: now_ms,
        };
        if let Some(why) = needs_no_answer(&self.config, delivered) {
            rows.push(row(EventOutcome::Ignored, why.to_owned()));
            return;
        }
        let decisions = decide_completed(&self.config, delivered, event, now_ms);
        let failed =
            decisions.iter().any(|decision| matches!(decision.verdict, Verdict::No(WhyNot::ConditionFailed(_))));
        let why = why_not(&decisions);
        let before = messages.len();
        messages.extend(decisions.into_iter().filter_map(|decision| match decision.verdict {
            Verdict::Message(message) => Some(*message),
            Verdict::No(_) => None,
        }));
        if planted(Fault::DeliveriesNotRecognised) {
            for message in messages.iter_mut().skip(before) {
                message.id = MessageId::from_bytes(*self.world.fresh_batch().as_bytes());
            }
        }
        if messages.len() == before || failed {
            rows.push(row(EventOutcome::NoRule, why));
        }
    }
}

/// Whether an event fits in a row. A larger one is decided without its lead's fields.
fn fits_a_row(event: &Event) -> bool {
    serde_json::to_string(event).is_ok_and(|text| text.len() <= MAX_EVENT_BYTES)
}

/// Why an event needs no message: Recado caused it, or nothing changed.
///
/// Recado never creates leads, tasks or opportunities. So those that the integration user created are real: many
/// accounts have one user for all their integrations.
pub(crate) fn needs_no_answer(config: &Config, event: &Event) -> Option<&'static str> {
    let crm = &config.leadsquared;
    let ours = crm.integration_user.as_deref();
    if event.kind.may_be_ours() && ours.is_some() && event.by.as_deref() == ours {
        return Some("made by the integration user");
    }
    if event.activity.as_ref().is_some_and(|activity| activity.name.as_deref() == Some(crm.activity.as_str())) {
        return Some("the activity that Recado writes itself");
    }
    event.before.as_ref()?;
    let written = [&crm.write_back.status, &crm.write_back.at];
    let is_ours = |field: &str| written.iter().any(|name| name.as_ref().is_some_and(|name| name.as_str() == field));
    let mut changes = event.changes().map(|(field, _, _)| field).peekable();
    if changes.peek().is_none() {
        Some("no field changed")
    } else if changes.all(is_ours) {
        Some("only fields changed that Recado writes itself")
    } else {
        None
    }
}

/// Why no rule wanted an event, for a person to read: each rule's reason, without rules for other kinds of events.
#[must_use]
pub fn why_not(decisions: &[Decision]) -> String {
    let reasons: Vec<String> = decisions
        .iter()
        .filter_map(|decision| match &decision.verdict {
            Verdict::No(WhyNot::OtherKind) | Verdict::Message(_) => None,
            Verdict::No(why_not) => Some(format!("{}: {why_not}", decision.rule)),
        })
        .collect();
    if reasons.is_empty() { "no rule waits for this kind of event".to_owned() } else { reasons.join("; ") }
}

fn ok() -> HttpAnswer {
    HttpAnswer { status: 200, body: WebhookAnswer::success().to_json() }
}

fn refused(reason: &str) -> HttpAnswer {
    HttpAnswer { status: 200, body: WebhookAnswer::error(reason).to_json() }
}
