//! What a body can tell.

pub use super::lead::BelongsTo;
use crate::LeadFields;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A lead is new: the address or the body says so, or the lead's own times do.
    LeadCreated {
        /// The lead. LeadSquared sends only fields that have a value.
        lead: Lead,
    },
    /// A lead has changed.
    LeadChanged {
        /// The lead before, if the body told: a body composed in an automation has only the state after. Then every
        /// field would look changed, which is why this is not an empty lead.
        before: Option<Lead>,
        /// The lead after. Custom fields may be missing from it although they have values.
        after: Lead,
        /// What kind of change was subscribed to.
        kind: ChangeKind,
    },
    /// An activity was written or changed.
    Activity {
        /// The activity.
        activity: Activity,
        /// Which of the two.
        kind: ActivityChange,
    },
    /// Something about an opportunity. Its body is not documented.
    Opportunity {
        /// What, if told.
        kind: OpportunityChange,
        /// The opportunity.
        item: Item,
    },
    /// Something about a task. Its body is not documented.
    Task {
        /// What, if told.
        kind: TaskChange,
        /// The task.
        item: Item,
    },
    /// A landing page was submitted. Its body is not documented.
    LandingPage {
        /// What was submitted. Its fields may be the lead's.
        item: Item,
    },
    /// An object in one state, and nothing says what happened to it.
    Untold {
        /// The lead, if it names one.
        lead_id: Option<String>,
        /// Whether the body has a word of its own for the event, which is none that is known.
        is_named: bool,
    },
    /// An object of another kind, or an event that this crate does not know.
    Other {
        /// In a few words, without values.
        what: String,
        /// The lead, if it names one.
        lead_id: Option<String>,
    },
}

/// A lead as a body tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// Its id (`ProspectID`), whatever the body calls it.
    pub id: Option<String>,
    /// All its fields by the names they came with, the id included.
    pub fields: LeadFields,
}

/// Which change of a lead a webhook was set up for; the lead may have changed in other ways at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Any (event 6).
    Updated,
    /// Of stage (event 5).
    Stage,
    /// Of owner (event 4).
    Owner,
    /// Of score (event 9).
    Score,
    /// Of one field (event 26).
    Field,
    /// Not told.
    Unstated,
}

/// What happened to an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityChange {
    /// Written (event 2), also where nothing is told.
    Created,
    /// Changed (event 15).
    Updated,
}

/// What happened to an opportunity.
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
    /// Not told.
    Unstated,
}

/// What happened to a task.
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
    /// Not told.
    Unstated,
}

/// A task, an opportunity or a submission, as a body tells it. No page shows such a body, so every form in which the
/// others come is taken: flat, under `After`, with fields of its own under `Data` or `Fields`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its own id, if told; a submission has none.
    pub id: Option<String>,
    /// The lead it belongs to, if told.
    pub lead_id: Option<String>,
    /// What a task belongs to, which need not be a lead.
    pub belongs_to: BelongsTo,
    /// Its own fields, by the names they came with.
    pub fields: LeadFields,
    /// The lead as it is now, if the body has it.
    pub lead: Option<Lead>,
    /// The id of the user who made it.
    pub created_by: Option<String>,
    /// The id of the user who changed it last.
    pub modified_by: Option<String>,
    /// When it was made, as it came.
    pub created_on: Option<String>,
    /// When it was last changed or completed, as it came.
    pub modified_on: Option<String>,
}

/// An activity as a body tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// `ProspectActivityId`.
    pub id: Option<String>,
    /// The lead it belongs to: `RelatedProspectId`, or else the id of `current`.
    pub lead_id: Option<String>,
    /// The kind of activity (`ActivityEvent`, also in `current`), a code of the account.
    pub code: Option<u32>,
    /// The kind's name (`ActivityEventName`, or `ActivityName` in bodies that an automation composes).
    pub name: Option<String>,
    /// The id of the user who wrote it; one's own id marks an echo of one's own write.
    pub created_by: Option<String>,
    /// When it was written, as it came: see [`crate::parse_time_ms`].
    pub created_on: Option<String>,
    /// When it was last changed, as it came.
    pub modified_on: Option<String>,
    /// Its own fields (`Status`, `mx_Custom_1`, …), from `Data`, else `Fields`, else the body itself, else `Current`.
    pub data: LeadFields,
    /// The lead as it is now, if the body has it.
    pub current: Option<Lead>,
}

impl Change {
    /// Names the lead of a change that names none itself.
    pub(super) fn complete(&mut self, id: &str) {
        let lead_id = match self {
            Self::LeadCreated { lead } | Self::LeadChanged { after: lead, .. } => &mut lead.id,
            Self::Activity { activity, .. } => &mut activity.lead_id,
            Self::LandingPage { item } => &mut item.lead_id,
            Self::Untold { lead_id, .. } | Self::Other { lead_id, .. } => lead_id,
            // An id of such an event may be the opportunity's or the task's own.
            Self::Opportunity { .. } | Self::Task { .. } => return,
        };
        lead_id.get_or_insert_with(|| id.to_owned());
    }
}
