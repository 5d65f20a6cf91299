//! The kinds of event that a rule can wait for, as `recado.yaml` names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happened in the CRM.
///
/// `lead.stage`, `lead.owner` and `lead.score` are not kinds of their own: LeadSquared has a webhook event for each
/// (5, 4, 9), but all of them, like its field change (26) and update (6), come as the same `Before`/`After` body.
/// They are [`LeadChanged`](EventKind::LeadChanged) on one field; see [`EventKind::parse`].
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
}

/// Every name that `on:` takes, in the order in which a message lists them.
pub const KIND_NAMES: [&str; 7] =
    ["lead.created", "lead.changed", "lead.stage", "lead.owner", "lead.score", "activity.created", "activity.updated"];

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
            _ => return None,
        })
    }

    /// Its full name: `lead.created`, `lead.changed`, `activity.created` or `activity.updated`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeadCreated => "lead.created",
            Self::LeadChanged => "lead.changed",
            Self::ActivityCreated => "activity.created",
            Self::ActivityUpdated => "activity.updated",
        }
    }

    /// Whether events of this kind carry an activity.
    #[must_use]
    pub fn has_activity(self) -> bool {
        matches!(self, Self::ActivityCreated | Self::ActivityUpdated)
    }

    /// Whether events of this kind carry the lead as it was before.
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
