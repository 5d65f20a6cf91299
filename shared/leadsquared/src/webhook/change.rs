//! The changes that a body can report.

use crate::LeadFields;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A lead is new, according to the address, the body or the lead's own times.
    LeadCreated {
        /// The lead. LeadSquared sends only fields that have a value.
        lead: Lead,
    },
    /// A lead has changed.
    LeadChanged {
        /// The lead before the change, if the body has it. A body composed in an automation has only the state after.
        /// It is `None` and not an empty lead, because every field would look changed.
        before: Option<Lead>,
        /// The lead after the change. Custom fields may be missing from it although they have values.
        after: Lead,
        /// The kind of change that was subscribed to.
        kind: ChangeKind,
    },
    /// An activity was written or changed.
    Activity {
        /// The activity.
        activity: Activity,
        /// Whether it was written or changed.
        kind: ActivityChange,
    },
    /// An event of an opportunity. Its body is not documented.
    Opportunity {
        /// The kind of event, if the body says.
        kind: OpportunityChange,
        /// The opportunity.
        item: Item,
    },
    /// An event of a task. Its body is not documented.
    Task {
        /// The kind of event, if the body says.
        kind: TaskChange,
        /// The task.
        item: Item,
    },
    /// A landing page was submitted. Its body is not documented.
    LandingPage {
        /// The submission. Its fields may be the lead's.
        item: Item,
    },
    /// An object in one state, without any sign of what happened to it.
    Untold {
        /// The lead, if the object names one.
        lead_id: Option<String>,
        /// Whether the body has its own word for the event, but an unknown one.
        is_named: bool,
    },
    /// An object of another kind, or an event that this crate does not know.
    Other {
        /// A few words about it, without values.
        what: String,
        /// The lead, if the object names one.
        lead_id: Option<String>,
    },
}

/// A lead in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// Its id (`ProspectID`), under whatever name the body uses.
    pub id: Option<String>,
    /// All its fields under the names that they came with, the id included.
    pub fields: LeadFields,
}

/// The change of a lead that a webhook was set up for. The lead may have changed in other ways at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Any change (event 6).
    Updated,
    /// A change of stage (event 5).
    Stage,
    /// A change of owner (event 4).
    Owner,
    /// A change of score (event 9).
    Score,
    /// A change of one field (event 26).
    Field,
    /// The body does not say.
    Unstated,
}

/// The change of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityChange {
    /// Written (event 2); also if the body does not say.
    Created,
    /// Changed (event 15).
    Updated,
}

/// The change of an opportunity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpportunityChange {
    /// Event 31.
    Created,
    /// Event 32.
    Updated,
    /// Event 33: a field.
    Field,
    /// Event 34: its stage.
    Stage,
    /// Event 35.
    Deleted,
    /// The body does not say.
    Unstated,
}

/// The change of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskChange {
    /// Event 7.
    Created,
    /// Event 8: it is due.
    Reminder,
    /// Event 16.
    Completed,
    /// Event 17.
    Updated,
    /// The body does not say.
    Unstated,
}

/// The owner of a task, by LeadSquared's `RelatedEntity`. Source: LeadSquared create-task page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BelongsTo {
    /// A lead (1).
    Lead,
    /// An opportunity (5): the id beside it is not a lead's id.
    Opportunity,
    /// Nobody (0).
    Nobody,
    /// Something else.
    Other,
    /// The body does not say.
    #[default]
    Unstated,
}

/// A task, an opportunity or a submission in a body. No page shows such a body, so every form of the other bodies is
/// accepted. It may be flat, under `After`, or with fields of its own under `Data` or `Fields`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its own id, if the body has one; a submission has none.
    pub id: Option<String>,
    /// The lead that it belongs to, if the body says.
    pub lead_id: Option<String>,
    /// The owner of a task, which need not be a lead.
    pub belongs_to: BelongsTo,
    /// Its own fields, under the names that they came with.
    pub fields: LeadFields,
    /// The lead as it is now, if the body has it.
    pub lead: Option<Lead>,
    /// The id of the user who created it.
    pub created_by: Option<String>,
    /// The id of the user who changed it last.
    pub modified_by: Option<String>,
    /// When it was created, as received.
    pub created_on: Option<String>,
    /// When it was last changed or completed, as received.
    pub modified_on: Option<String>,
}

/// An activity in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// `ProspectActivityId`.
    pub id: Option<String>,
    /// The lead that it belongs to: `RelatedProspectId`, or else the id of `current`.
    pub lead_id: Option<String>,
    /// The kind of activity (`ActivityEvent`, also in `current`), a code of the account.
    pub code: Option<u32>,
    /// The kind's name (`ActivityEventName`, or `ActivityName` in bodies that an automation composes).
    pub name: Option<String>,
    /// The id of the user who wrote it. If it is the caller's own user, the activity is an echo of the caller's own
    /// write.
    pub created_by: Option<String>,
    /// When it was written, as received: see [`crate::parse_time_ms`].
    pub created_on: Option<String>,
    /// When it was last changed, as received.
    pub modified_on: Option<String>,
    /// Its own fields (`Status`, `mx_Custom_1`, …), from `Data`, else `Fields`, else the body itself, else `Current`.
    pub data: LeadFields,
    /// The lead as it is now, if the body has it.
    pub current: Option<Lead>,
}

impl Change {
    /// Sets the lead's id of a change that has none.
    pub(super) fn complete(&mut self, id: &str) {
        let lead_id = match self {
            Self::LeadCreated { lead } | Self::LeadChanged { after: lead, .. } => &mut lead.id,
            Self::Activity { activity, .. } => &mut activity.lead_id,
            Self::LandingPage { item } => &mut item.lead_id,
            Self::Untold { lead_id, .. } | Self::Other { lead_id, .. } => lead_id,
            // For such an event the id may be the opportunity's or the task's own.
            Self::Opportunity { .. } | Self::Task { .. } => return,
        };
        lead_id.get_or_insert_with(|| id.to_owned());
    }
}
