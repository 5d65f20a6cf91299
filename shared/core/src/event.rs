//! A change in LeadSquared, in the words that rules use.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{fields::Fields, kind::EventKind};

/// One change in the CRM, from any webhook or poll. `Serialize` is for storage only, never for logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The kind of change.
    pub kind: EventKind,
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// The lead after the change, as far as the delivery carried it.
    pub lead: Fields,
    /// The lead before the change; only change events carry it.
    pub before: Option<Fields>,
    /// The activity, for the activity kinds.
    pub activity: Option<Activity>,
    /// The task, the opportunity or the submission, for the kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// The id of the LeadSquared user who made the change, if the delivery says.
    pub by: Option<String>,
    /// When the change happened, as LeadSquared wrote it (UTC, whole seconds).
    pub at: Option<String>,
    /// The field that LeadSquared's own event is about, if there is such an event (stage, owner, score). The field did
    /// change, even if the delivery does not say what it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The watched fields' values before the change, as last seen ([`sight`](crate::sight)), if the delivery does not
    /// have them.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub seen: Fields,
    /// Fields whose change was found earlier in LeadSquared's list, with the instant that was recorded then
    /// ([`sight`](crate::sight)). For rules that watch such a field, that instant replaces `at` in the identity of
    /// messages. So does the instant of an earlier delivery that showed the new value without the old one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, String>,
}

/// An activity on a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// `ProspectActivityId`.
    pub id: Option<String>,
    /// `ActivityEvent`: the account's code of the activity's type.
    pub code: Option<u32>,
    /// `ActivityEventName`.
    pub name: Option<String>,
    /// The activity's own fields.
    pub data: Fields,
}

/// A task, an opportunity, or the submission of a landing page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its own id; a submission has none.
    pub id: Option<String>,
    /// Its own fields.
    pub data: Fields,
}

/// Fields that differ between any two snapshots, whatever the edit was. They say when and by whom, not what.
const BOOKKEEPING: [&str; 8] = [
    "ModifiedOn",
    "ModifiedBy",
    "ModifiedByName",
    "ModifiedByEmailAddress",
    "LastModifiedOn",
    "LeadLastModifiedOn",
    "NotableEvent",
    "NotableEventdate",
];

impl Event {
    /// An event of a lead with nothing else known.
    #[must_use]
    pub fn new(kind: EventKind, lead_id: String, lead: Fields) -> Self {
        Self {
            kind,
            lead_id,
            lead,
            before: None,
            activity: None,
            item: None,
            by: None,
            at: None,
            about: None,
            seen: Fields::new(),
            listed: BTreeMap::new(),
        }
    }

    /// The lead's fields whose value changed: name, before, after. `null`, absent and the empty text are one value,
    /// because LeadSquared writes either for an empty field. Bookkeeping fields are left out.
    pub fn changes(&self) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        let names: BTreeSet<&str> = match &self.before {
            Some(before) => before.iter().chain(self.lead.iter()).map(|(name, _)| name).collect(),
            None => BTreeSet::new(),
        };
        names
            .into_iter()
            .filter(|name| !BOOKKEEPING.contains(name))
            .map(|name| (name, self.was(name), filled(self.lead.get(name))))
            .filter(|(_, before, after)| before != after)
    }

    /// When the change happened, in ms since the epoch; `None` if the delivery does not say so in LeadSquared's form.
    #[must_use]
    pub fn at_ms(&self) -> Option<i64> {
        let at: DateTime = self.at.as_ref()?.parse().ok()?;
        Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    }

    /// Whether the value of `field` before the change is known: from the delivery, or because it was seen.
    #[must_use]
    pub fn knows_before(&self, field: &str) -> bool {
        self.tells_before(field) || self.seen.contains(field)
    }

    /// Whether the delivery itself has the value of `field` before the change. A field that it leaves out may have had
    /// any value.
    #[must_use]
    pub fn tells_before(&self, field: &str) -> bool {
        self.before.as_ref().is_some_and(|before| before.contains(field))
    }

    /// Whether `field` changed to the value in the delivery. Without a known earlier value it did not, unless the event
    /// is about this very field.
    #[must_use]
    pub fn field_changed(&self, field: &str) -> bool {
        let differs = || self.was(field) != self.is(field);
        let is_about = || self.about.as_deref() == Some(field);
        self.lead.contains(field) && if self.knows_before(field) { differs() } else { is_about() }
    }

    /// The lead before the change, as far as it is known.
    #[must_use]
    pub fn lead_before(&self) -> Option<Fields> {
        let mut before = self.before.clone();
        if !self.seen.is_empty() {
            let before = before.get_or_insert_default();
            before.extend(self.seen.iter());
        }
        before
    }

    /// The value of `field` before the change. An empty text is no value.
    #[must_use]
    pub fn was(&self, field: &str) -> Option<&str> {
        let before = self.before.as_ref().filter(|before| before.contains(field));
        filled(before.unwrap_or(&self.seen).get(field))
    }

    /// The value of `field` after the change. An empty text is no value.
    #[must_use]
    pub fn is(&self, field: &str) -> Option<&str> {
        filled(self.lead.get(field))
    }
}

fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}
