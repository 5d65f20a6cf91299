//! Turns LeadSquared's bodies into events in the terms of rules.

use leadsquared::{
    LeadFields, format_time, parse_time_ms,
    webhook::{self, ActivityChange, BelongsTo, Change, ChangeKind, ElementError, Lead, OpportunityChange, TaskChange},
};
use recado_core::{
    event::{Activity, Event, Item},
    fields::Fields,
    identity::EventId,
    kind::EventKind,
};
use recado_ledger::{EventOutcome, EventRow};

/// The longest accepted lead id, in bytes. LeadSquared's own ids are GUIDs of 36. A body-sized id would make a row too
/// large for the table, and a redelivery would not help.
const MAX_LEAD_ID_BYTES: usize = 128;

/// Hints for a webhook's address, by the subject of the body. The numbers are LeadSquared's own numbers for events.
const LEAD_ADDRESS: &str = "?event=3 for a new lead, ?event=5 for its stage, ?event=6 for any change";
const TASK_ADDRESS: &str =
    "?event=7 for a new task, ?event=17 for an edit, ?event=16 for its end, ?event=8 for a reminder";
const OPPORTUNITY_ADDRESS: &str = "?event=31 for a new opportunity, ?event=32 for a change";

/// A delivery that no rule can judge, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnEvent {
    /// Its kind, as far as it is known.
    pub kind: String,
    /// The lead, if it is known.
    pub lead_id: Option<String>,
    /// The outcome that its row keeps.
    pub outcome: EventOutcome,
    /// The reason, for a person to read.
    pub why: String,
}

impl NotAnEvent {
    /// A body that could not be read.
    #[must_use]
    pub fn unreadable(why: String) -> Self {
        Self { kind: "unknown".to_owned(), lead_id: None, outcome: EventOutcome::NotUnderstood, why }
    }

    /// An element of a body that could not be read.
    #[must_use]
    pub fn of(error: ElementError) -> Self {
        Self { lead_id: error.lead_id.clone().filter(|id| !is_long(id)), ..Self::unreadable(error.to_string()) }
    }

    /// A recognised change that no rule can wait for.
    fn recognised(kind: String, lead_id: Option<String>) -> Self {
        Self { kind, lead_id, outcome: EventOutcome::NoRule, why: "recognised; no rule can wait for it".to_owned() }
    }

    /// A delivery that does not say what happened.
    fn untold(kind: &str, lead_id: Option<String>, is_named: bool, address: &str) -> Self {
        let what =
            if is_named { "its own word for the event is none that is known" } else { "it does not say what happened" };
        let why = format!("{what}; let the webhook's address say it: {address}");
        Self { kind: kind.to_owned(), lead_id, outcome: EventOutcome::NotUnderstood, why }
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

/// The event of a change in LeadSquared.
pub fn understand(change: Change) -> Result<Event, NotAnEvent> {
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

fn is_long(id: &str) -> bool {
    id.len() > MAX_LEAD_ID_BYTES
}

fn read(change: Change) -> Result<Event, NotAnEvent> {
    match change {
        Change::LeadCreated { lead } => {
            let (lead_id, lead) = identified(lead, "lead.created")?;
            let by = owned(&lead, "CreatedBy");
            let at = instant(owned(&lead, "CreatedOn"));
            Ok(Event { by, at, ..Event::new(EventKind::LeadCreated, lead_id, lead) })
        }
        Change::LeadChanged { before, after, kind } => {
            let before = before.map(|before| before.fields).map(fields);
            let (lead_id, lead) = identified(after, "lead.changed")?;
            let at = instant(owned(&lead, "ModifiedOn").or_else(|| owned(&lead, "LastModifiedOn")));
            let by = owned(&lead, "ModifiedBy");
            Ok(Event { before, by, at, about: about(kind), ..Event::new(EventKind::LeadChanged, lead_id, lead) })
        }
        Change::Activity { activity, kind } => activity_event(activity, kind),
        Change::Opportunity { kind, item } => match kind {
            OpportunityChange::Created => item_event(EventKind::OpportunityCreated, item),
            OpportunityChange::Updated | OpportunityChange::Field | OpportunityChange::Stage => {
                item_event(EventKind::OpportunityChanged, item)
            }
            OpportunityChange::Deleted => Err(NotAnEvent::recognised("opportunity.deleted".to_owned(), item.lead_id)),
            OpportunityChange::Unstated => {
                Err(NotAnEvent::untold("opportunity", item.lead_id, false, OPPORTUNITY_ADDRESS))
            }
        },
        Change::Task { kind, item } => match kind {
            TaskChange::Created => item_event(EventKind::TaskCreated, item),
            TaskChange::Updated => item_event(EventKind::TaskUpdated, item),
            TaskChange::Completed => item_event(EventKind::TaskCompleted, item),
            TaskChange::Reminder => item_event(EventKind::TaskReminder, item),
            TaskChange::Unstated => Err(NotAnEvent::untold("task", item.lead_id, false, TASK_ADDRESS)),
        },
        Change::LandingPage { item } => item_event(EventKind::LandingPageSubmitted, item),
        Change::Untold { lead_id, is_named } => Err(NotAnEvent::untold("unknown", lead_id, is_named, LEAD_ADDRESS)),
        Change::Other { what, lead_id } => Err(NotAnEvent::recognised(what, lead_id)),
        // A later version of the webhook crate may know more changes than this code.
        _ => Err(NotAnEvent::recognised("unknown".to_owned(), None)),
    }
}

/// The field that LeadSquared's event is about, if it has one.
fn about(kind: ChangeKind) -> Option<String> {
    let name = match kind {
        ChangeKind::Stage => "lead.stage",
        ChangeKind::Owner => "lead.owner",
        ChangeKind::Score => "lead.score",
        ChangeKind::Updated | ChangeKind::Field | ChangeKind::Unstated => return None,
    };
    EventKind::parse(name).and_then(|(_, field)| field).map(str::to_owned)
}

/// An instant in LeadSquared's own form, in UTC, so that one edit in several forms is one edit. Other texts stay as
/// they are.
fn instant(written: Option<String>) -> Option<String> {
    written.map(|text| parse_time_ms(&text).map_or(text, format_time))
}

fn activity_event(activity: webhook::Activity, kind: ActivityChange) -> Result<Event, NotAnEvent> {
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
    Ok(Event { activity: Some(activity), by, at: instant(at), ..Event::new(kind, lead_id, lead) })
}

/// An event of a task, an opportunity or a landing page. A creation time says nothing about a later change.
fn item_event(kind: EventKind, item: webhook::Item) -> Result<Event, NotAnEvent> {
    let is_new =
        matches!(kind, EventKind::TaskCreated | EventKind::OpportunityCreated | EventKind::LandingPageSubmitted);
    let lead = item.lead.unwrap_or_default();
    let Some(lead_id) = item.lead_id.or(lead.id) else { return Err(no_lead_of(kind, item.belongs_to)) };
    let at = if is_new { item.created_on.or(item.modified_on) } else { item.modified_on };
    Ok(Event {
        item: Some(Item { id: item.id, data: fields(item.fields) }),
        by: if is_new { item.created_by } else { item.modified_by },
        at: instant(at),
        ..Event::new(kind, lead_id, fields(lead.fields))
    })
}

fn identified(lead: Lead, kind: &str) -> Result<(String, Fields), NotAnEvent> {
    match lead.id {
        Some(id) => Ok((id, fields(lead.fields))),
        None => Err(no_lead(kind)),
    }
}

/// Why a body names no lead. It is normal that a task belongs to an opportunity or to nobody.
fn no_lead_of(kind: EventKind, belongs_to: BelongsTo) -> NotAnEvent {
    let why = match belongs_to {
        BelongsTo::Lead | BelongsTo::Unstated => return no_lead(kind.name()),
        BelongsTo::Opportunity => {
            "it belongs to an opportunity (RelatedEntity 5), and does not name that one's lead: let an automation post it \
             with the lead's id as RelatedProspectId"
        }
        BelongsTo::Nobody => "it belongs to nobody (RelatedEntity 0)",
        BelongsTo::Other => "it does not belong to a lead (RelatedEntity)",
    };
    NotAnEvent { why: why.to_owned(), ..NotAnEvent::recognised(kind.name().to_owned(), None) }
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
