//! The kinds of event that a rule can wait for, as `recado.yaml` names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of event in the CRM.
///
/// `lead.stage`, `lead.owner` and `lead.score` are not kinds of their own. LeadSquared has a webhook event for each (5,
/// 4, 9). But all of them, like its field change (26) and update (6), come as the same `Before`/`After` body. They are
/// [`LeadChanged`](EventKind::LeadChanged) on one field; see [`EventKind::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A new lead (LeadSquared's webhook event 3).
    LeadCreated,
    /// A lead's field got another value (events 4, 5, 6, 9, 26).
    LeadChanged,
    /// A new activity on a lead (event 2).
    ActivityCreated,
    /// An activity on a lead was edited (event 15).
    ActivityUpdated,
    /// A new task (event 7).
    TaskCreated,
    /// A task was edited (event 17).
    TaskUpdated,
    /// A task was completed (event 16).
    TaskCompleted,
    /// A task is due (event 8).
    TaskReminder,
    /// A new opportunity (event 31).
    OpportunityCreated,
    /// An opportunity was edited (events 32, 33, 34).
    OpportunityChanged,
    /// A landing page was submitted (event 1).
    LandingPageSubmitted,
}

/// Every name that `on:` takes, in the order for messages.
pub const KIND_NAMES: [&str; 14] = [
    "lead.created",
    "lead.changed",
    "lead.stage",
    "lead.owner",
    "lead.score",
    "activity.created",
    "activity.updated",
    "task.created",
    "task.updated",
    "task.completed",
    "task.reminder",
    "opportunity.created",
    "opportunity.changed",
    "landing_page.submitted",
];

/// Every name that [`EventKind::item`] gives.
pub const ITEM_NAMES: [&str; 3] = ["task", "opportunity", "landing_page"];

impl EventKind {
    /// Reads a name of `on:`. The second part is the field that a short name stands for: `lead.stage` is
    /// `lead.changed` on `ProspectStage`.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, Option<&'static str>)> {
        Some(match name {
            "lead.created" => (Self::LeadCreated, None),
            "lead.changed" => (Self::LeadChanged, None),
            "lead.stage" => (Self::LeadChanged, Some("ProspectStage")),
            "lead.owner" => (Self::LeadChanged, Some("OwnerId")),
            "lead.score" => (Self::LeadChanged, Some("Score")),
            "activity.created" => (Self::ActivityCreated, None),
            "activity.updated" => (Self::ActivityUpdated, None),
            "task.created" => (Self::TaskCreated, None),
            "task.updated" => (Self::TaskUpdated, None),
            "task.completed" => (Self::TaskCompleted, None),
            "task.reminder" => (Self::TaskReminder, None),
            "opportunity.created" => (Self::OpportunityCreated, None),
            "opportunity.changed" => (Self::OpportunityChanged, None),
            "landing_page.submitted" => (Self::LandingPageSubmitted, None),
            _ => return None,
        })
    }

    /// Its full name, such as `lead.created`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeadCreated => "lead.created",
            Self::LeadChanged => "lead.changed",
            Self::ActivityCreated => "activity.created",
            Self::ActivityUpdated => "activity.updated",
            Self::TaskCreated => "task.created",
            Self::TaskUpdated => "task.updated",
            Self::TaskCompleted => "task.completed",
            Self::TaskReminder => "task.reminder",
            Self::OpportunityCreated => "opportunity.created",
            Self::OpportunityChanged => "opportunity.changed",
            Self::LandingPageSubmitted => "landing_page.submitted",
        }
    }

    /// Whether events of this kind carry an activity.
    #[must_use]
    pub fn has_activity(self) -> bool {
        matches!(self, Self::ActivityCreated | Self::ActivityUpdated)
    }

    /// The name of the object that events of this kind are about, beside the lead: `task`, `opportunity` or
    /// `landing_page`. Conditions and texts use this name.
    #[must_use]
    pub fn item(self) -> Option<&'static str> {
        match self {
            Self::TaskCreated | Self::TaskUpdated | Self::TaskCompleted | Self::TaskReminder => Some("task"),
            Self::OpportunityCreated | Self::OpportunityChanged => Some("opportunity"),
            Self::LandingPageSubmitted => Some("landing_page"),
            Self::LeadCreated | Self::LeadChanged | Self::ActivityCreated | Self::ActivityUpdated => None,
        }
    }

    /// Whether Recado's own write-back may cause events of this kind. It makes no leads, tasks or opportunities.
    #[must_use]
    pub fn may_be_ours(self) -> bool {
        matches!(self, Self::LeadChanged | Self::ActivityCreated | Self::ActivityUpdated)
    }

    /// Whether events of this kind carry the lead as it was before the change.
    #[must_use]
    pub fn has_before(self) -> bool {
        self == Self::LeadChanged
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_a_kind_and_full_names_read_back() {
        for name in KIND_NAMES {
            let (kind, field) = EventKind::parse(name).unwrap();
            assert_eq!(field.is_none(), kind.name() == name, "{name}");
        }
        assert_eq!(EventKind::parse("lead.deleted"), None);
        assert_eq!(EventKind::parse("Lead.Created"), None);
    }
}
