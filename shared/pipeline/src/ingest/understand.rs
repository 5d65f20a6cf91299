//! From LeadSquared's bodies to events in the words that rules use.

use leadsquared::{
    LeadFields,
    webhook::{ActivityChange, Change, Lead, OpportunityChange, TaskChange},
};
use recado_core::{
    event::{Activity, Event, Item},
    fields::Fields,
    identity::EventId,
    kind::EventKind,
};
use recado_ledger::{EventOutcome, EventRow};

/// The longest lead's id that is believed, in bytes: LeadSquared's own are GUIDs of 36. A row with an id that is as long as
/// a body may be is larger than the table takes, which no repetition would mend.
const MAX_LEAD_ID_BYTES: usize = 128;

/// A delivery that no rule can be asked about, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnEvent {
    /// What it is, as far as it can be told.
    pub kind: String,
    /// The lead, where it is known.
    pub lead_id: Option<String>,
    /// How it is kept.
    pub outcome: EventOutcome,
    /// Why, for a person to read.
    pub why: String,
}

impl NotAnEvent {
    /// Something that could not be read.
    #[must_use]
    pub fn unreadable(why: String) -> Self {
        Self { kind: "unknown".to_owned(), lead_id: None, outcome: EventOutcome::NotUnderstood, why }
    }

    /// Something that is recognised, and that no rule can wait for.
    fn recognised(kind: String, lead_id: Option<String>) -> Self {
        let why = "recognised; it does not say what happened, or no rule can wait for that".to_owned();
        Self { kind, lead_id, outcome: EventOutcome::NoRule, why }
    }

    pub(super) fn row(self, id: EventId, now_ms: i64) -> EventRow {
        EventRow {
            id,
            kind: self.kind,
            lead_id: self.lead_id,
            outcome: self.outcome,
            why: self.why,
            received_ms: now_ms,
        }
    }
}

/// The event that a change in LeadSquared is.
pub fn understand(change: Change) -> Result<Event, NotAnEvent> {
    let is_long = |id: &String| id.len() > MAX_LEAD_ID_BYTES;
    match read(change) {
        Ok(event) if is_long(&event.lead_id) => Err(NotAnEvent {
            kind: event.kind.name().to_owned(),
            ..NotAnEvent::unreadable(format!("the lead's id (ProspectID) is longer than {MAX_LEAD_ID_BYTES} bytes"))
        }),
        Err(mut not_an_event) => {
            not_an_event.lead_id = not_an_event.lead_id.filter(|id| !is_long(id));
            Err(not_an_event)
        }
        event => event,
    }
}

fn read(change: Change) -> Result<Event, NotAnEvent> {
    match change {
        Change::LeadCreated { lead } => {
            let (lead_id, lead) = identified(lead, "lead.created")?;
            let by = owned(&lead, "CreatedBy");
            let at = owned(&lead, "CreatedOn");
            Ok(Event { by, at, ..Event::new(EventKind::LeadCreated, lead_id, lead) })
        }
        Change::LeadChanged { before, after, .. } => {
            let before = before.map(|before| before.fields).map(fields);
            let (lead_id, lead) = identified(after, "lead.changed")?;
            let at = owned(&lead, "ModifiedOn").or_else(|| owned(&lead, "LastModifiedOn"));
            let by = owned(&lead, "ModifiedBy");
            Ok(Event { before, by, at, ..Event::new(EventKind::LeadChanged, lead_id, lead) })
        }
        Change::Activity { activity, kind } => activity_event(activity, kind),
        Change::Opportunity { kind, item } => match kind {
            OpportunityChange::Created => item_event(EventKind::OpportunityCreated, item),
            OpportunityChange::Updated | OpportunityChange::Field | OpportunityChange::Stage => {
                item_event(EventKind::OpportunityChanged, item)
            }
            _ => Err(NotAnEvent::recognised(format!("opportunity.{}", word(&kind)), item.lead_id)),
        },
        Change::Task { kind, item } => match kind {
            TaskChange::Created => item_event(EventKind::TaskCreated, item),
            TaskChange::Updated => item_event(EventKind::TaskUpdated, item),
            TaskChange::Completed => item_event(EventKind::TaskCompleted, item),
            TaskChange::Reminder => item_event(EventKind::TaskReminder, item),
            TaskChange::Unstated => Err(NotAnEvent::recognised(format!("task.{}", word(&kind)), item.lead_id)),
        },
        Change::LandingPage { item } => item_event(EventKind::LandingPageSubmitted, item),
        Change::Other { what } => Err(NotAnEvent::recognised(what, None)),
        // A later version of the bodies' crate may know more than this one.
        _ => Err(NotAnEvent::recognised("unknown".to_owned(), None)),
    }
}

fn activity_event(activity: leadsquared::webhook::Activity, kind: ActivityChange) -> Result<Event, NotAnEvent> {
    let (kind, at) = match kind {
        ActivityChange::Created => (EventKind::ActivityCreated, activity.created_on),
        ActivityChange::Updated => (EventKind::ActivityUpdated, activity.modified_on.or(activity.created_on)),
    };
    let current = activity.current.unwrap_or_default();
    let Some(lead_id) = activity.lead_id.or(current.id) else { return Err(no_lead(kind.name())) };
    let lead = fields(current.fields);
    let by = activity.created_by;
    let data = fields(activity.data);
    let activity = Activity { id: activity.id, code: activity.code, name: activity.name, data };
    Ok(Event { activity: Some(activity), by, at, ..Event::new(kind, lead_id, lead) })
}

/// An event of a task, an opportunity or a landing page. When it was made says nothing of a later change of it.
fn item_event(kind: EventKind, item: leadsquared::webhook::Item) -> Result<Event, NotAnEvent> {
    let is_new =
        matches!(kind, EventKind::TaskCreated | EventKind::OpportunityCreated | EventKind::LandingPageSubmitted);
    let lead = item.lead.unwrap_or_default();
    let Some(lead_id) = item.lead_id.or(lead.id) else { return Err(no_lead(kind.name())) };
    Ok(Event {
        item: Some(Item { id: item.id, data: fields(item.fields) }),
        by: if is_new { item.created_by } else { item.modified_by },
        at: if is_new { item.created_on.or(item.modified_on) } else { item.modified_on },
        ..Event::new(kind, lead_id, fields(lead.fields))
    })
}

fn identified(lead: Lead, kind: &str) -> Result<(String, Fields), NotAnEvent> {
    match lead.id {
        Some(id) => Ok((id, fields(lead.fields))),
        None => Err(no_lead(kind)),
    }
}

fn no_lead(kind: &str) -> NotAnEvent {
    NotAnEvent { kind: kind.to_owned(), ..NotAnEvent::unreadable("it names no lead (ProspectID)".to_owned()) }
}

fn owned(lead: &Fields, name: &str) -> Option<String> {
    lead.filled(name).map(str::to_owned)
}

fn fields(read: LeadFields) -> Fields {
    Fields::from_iter(read.into_inner())
}

fn word(kind: &impl std::fmt::Debug) -> String {
    format!("{kind:?}").to_lowercase()
}
