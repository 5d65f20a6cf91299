//! The way of a webhook: understood, decided on, written down, answered.
//!
//! A message's row is its own dedupe record, since its id is a hash of the change and the rule: one conditional write
//! both recognises a redelivery and queues the message, and there is no second store to fall out of step with. Only
//! when a row could not be written is the webhook answered with 503, so that LeadSquared delivers it again; for
//! everything that a repetition would not mend it is 200 with the reason, since ten failures in a row make LeadSquared
//! switch the webhook off.

mod understand;

use std::{collections::BTreeSet, sync::Arc};

use leadsquared::webhook::{self, WebhookAnswer};
use recado_core::{
    config::Config,
    decide::{Decision, Verdict, WhyNot, decide},
    event::Event,
    identity::{event_id, raw_event_id},
    kind::EventKind,
    message::Message,
};
use recado_ledger::{EventOutcome, EventRow, Inserted, Ledger, LedgerError};

use crate::{
    http::{Body, HttpAnswer, HttpRequest, MAX_BODY_BYTES},
    secrets::Secret,
    world::World,
};
pub use understand::{NotAnEvent, understand};

/// Takes LeadSquared's webhooks.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The table.
    pub ledger: Ledger,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The secret that a webhook must show.
    pub secret: Secret,
    /// The time.
    pub world: World,
}

/// What became of one delivery, in rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Taken {
    events: usize,
    new_messages: usize,
    known_messages: usize,
    not_understood: usize,
}

impl Intake {
    /// Answers one webhook.
    pub async fn webhook(&self, request: &HttpRequest) -> HttpAnswer {
        if matches!(request.method.as_str(), "GET" | "HEAD") {
            return ok();
        }
        let body = match &request.body {
            // LeadSquared verifies a URL with a POST of nothing.
            Body::Whole(body) if body.is_empty() => return ok(),
            Body::Whole(body) => Some(body),
            Body::TooLarge => None,
        };
        if !self.shows_secret(request) {
            tracing::warn!("webhook.not_vouched_for");
            return refused("the secret is missing or wrong: send it in the header x-recado-secret");
        }
        let Some(body) = body else {
            tracing::warn!("webhook.too_large");
            return refused(&format!("the body is larger than {MAX_BODY_BYTES} bytes"));
        };
        match self.take(request, body).await {
            Ok(taken) => {
                tracing::info!(
                    events = taken.events,
                    messages.new = taken.new_messages,
                    messages.known = taken.known_messages,
                    not_understood = taken.not_understood,
                    "webhook.taken"
                );
                match taken.not_understood {
                    0 => ok(),
                    some => refused(&format!("{some} of {} not understood; see `recado messages`", taken.events)),
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "webhook.not_stored");
                HttpAnswer { status: 503, body: WebhookAnswer::error("could not be stored; send it again").to_json() }
            }
        }
    }

    fn shows_secret(&self, request: &HttpRequest) -> bool {
        let shown = request.secret.as_deref().or_else(|| request.parameter("secret"));
        shown.is_some_and(|shown| self.secret.is(shown))
    }

    async fn take(&self, request: &HttpRequest, body: &[u8]) -> Result<Taken, LedgerError> {
        let now_ms = self.world.now_ms();
        let changes = match webhook::parse(request.content_type.as_deref(), &request.query, body) {
            Ok(changes) => changes,
            Err(error) => {
                let why = format!("{error} ({} bytes)", body.len());
                let row = NotAnEvent::unreadable(why).row(raw_event_id(body), now_ms);
                self.ledger.keep_event(&row).await?;
                return Ok(Taken { events: 1, not_understood: 1, ..Taken::default() });
            }
        };
        let mut taken = Taken { events: changes.len(), ..Taken::default() };
        let (mut messages, mut rows) = (Vec::new(), Vec::new());
        for (place, change) in changes.into_iter().enumerate() {
            match change.map_err(|error| NotAnEvent::unreadable(error.to_string())).and_then(understand) {
                Ok(event) => self.consider(&event, now_ms, &mut messages, &mut rows),
                Err(not_an_event) => {
                    taken.not_understood += usize::from(not_an_event.outcome == EventOutcome::NotUnderstood);
                    // The place tells apart what came in one body.
                    let id = raw_event_id(&[body, &place.to_be_bytes()].concat());
                    rows.push(not_an_event.row(id, now_ms));
                }
            }
        }
        // One delivery of one change asks once, however often it is contained: the table takes no row twice in a request.
        let (mut seen, asked) = (BTreeSet::new(), messages.len());
        messages.retain(|message| seen.insert(message.id));
        taken.known_messages += asked - messages.len();
        for inserted in self.ledger.insert_messages(&messages).await? {
            match inserted {
                Inserted::New => taken.new_messages += 1,
                Inserted::Known => taken.known_messages += 1,
                Inserted::Undecided => {
                    let reason = "a message could not be written".to_owned();
                    return Err(LedgerError::Unavailable { operation: "BatchExecuteStatement", reason });
                }
            }
        }
        for row in &rows {
            self.ledger.keep_event(row).await?;
        }
        Ok(taken)
    }

    /// Collects the messages that an event asks for, or the row that says why there is none.
    fn consider(&self, event: &Event, now_ms: i64, messages: &mut Vec<Message>, rows: &mut Vec<EventRow>) {
        let row = |outcome, why| EventRow {
            id: event_id(event),
            kind: event.kind.name().to_owned(),
            lead_id: Some(event.lead_id.clone()),
            outcome,
            why,
            received_ms: now_ms,
        };
        if let Some(why) = needs_no_answer(&self.config, event) {
            rows.push(row(EventOutcome::Ignored, why.to_owned()));
            return;
        }
        let decisions = decide(&self.config, event, now_ms);
        let failed =
            decisions.iter().any(|decision| matches!(decision.verdict, Verdict::No(WhyNot::ConditionFailed(_))));
        let why = why_not(&decisions);
        let before = messages.len();
        messages.extend(decisions.into_iter().filter_map(|decision| match decision.verdict {
            Verdict::Message(message) => Some(*message),
            Verdict::No(_) => None,
        }));
        if messages.len() == before || failed {
            rows.push(row(EventOutcome::NoRule, why));
        }
    }
}

/// Why an event is nobody's business: it is our own doing, or nothing happened.
///
/// Recado never creates leads, so a lead that the integration user created is a real one: many accounts have one user
/// for all their integrations.
fn needs_no_answer(config: &Config, event: &Event) -> Option<&'static str> {
    let crm = &config.leadsquared;
    let ours = crm.integration_user.as_deref();
    if event.kind != EventKind::LeadCreated && ours.is_some() && event.by.as_deref() == ours {
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

/// Why no rule wanted an event, for a person to read: each rule's reason, those of another kind left out.
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
