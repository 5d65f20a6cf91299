//! `on:` and the keys that narrow the trigger.

use super::diagnostic::Problems;
use super::key::{Key, Kind};
use super::names::FieldName;
use super::section::Section;
use crate::kind::{EventKind, KIND_NAMES};
use crate::spelling::closest;

/// `on`.
pub(super) const ON: Key = Key::required("on", Kind::Word(&KIND_NAMES), "lead.created", "The kind of event.");
/// `field`.
pub(super) const FIELD: Key = Key::optional("field", Kind::Field, "any", "The field that must have changed.")
    .limit("only with `lead.changed`")
    .more(
        "Recado must know its earlier value: from the webhook, or from what it has [seen of the \
         lead](operations.md#which-event-a-webhook-is-about) before.",
    )
    .example("ProspectStage");
/// `from`.
pub(super) const FROM: Key =
    Key::optional("from", Kind::Text, "any", "The value that the field must have had, compared exactly.")
        .limit("with a `field`")
        .example("Qualified");
/// `to`.
pub(super) const TO: Key =
    Key::optional("to", Kind::Text, "any", "The value that the field must have now, compared exactly.")
        .limit("with a `field`")
        .example("Customer");
/// `activity`.
pub(super) const ACTIVITY: Key =
    Key::optional("activity", Kind::Whole(0, 99_999), "any", "LeadSquared's `ActivityEvent` code.")
        .limit("only with activity events")
        .example("22");

/// The events that a rule waits for. A narrowing that a kind cannot have cannot be expressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A new lead.
    LeadCreated,
    /// A change of any field (`None`) or of one field.
    LeadChanged {
        /// The field, and the values before and after the change.
        field: Option<FieldChange>,
    },
    /// A new activity, of any type or of one type.
    ActivityCreated {
        /// LeadSquared's `ActivityEvent` code, such as 22.
        code: Option<u32>,
    },
    /// An edited activity, of any type or of one type.
    ActivityUpdated {
        /// LeadSquared's `ActivityEvent` code.
        code: Option<u32>,
    },
    /// An event of a task, an opportunity or a landing page.
    Item {
        /// The kind, which has an [`item`](EventKind::item).
        kind: EventKind,
    },
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field that must have changed.
    pub name: FieldName,
    /// The value before the change, compared exactly; `None` is any value.
    pub from: Option<String>,
    /// The value after the change, compared exactly; `None` is any value.
    pub to: Option<String>,
}

impl Trigger {
    /// The kind of event.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::LeadCreated => EventKind::LeadCreated,
            Self::LeadChanged { .. } => EventKind::LeadChanged,
            Self::ActivityCreated { .. } => EventKind::ActivityCreated,
            Self::ActivityUpdated { .. } => EventKind::ActivityUpdated,
            Self::Item { kind } => *kind,
        }
    }

    /// The change of the watched field, if the rule watches a field.
    #[must_use]
    pub fn change(&self) -> Option<&FieldChange> {
        match self {
            Self::LeadChanged { field } => field.as_ref(),
            _ => None,
        }
    }
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems) -> Option<Trigger> {
    let item = section.required("on", problems)?;
    let (kind, implied) = item.parsed(problems, |name| {
        EventKind::parse(name).ok_or_else(|| {
            let near = closest(name, &KIND_NAMES).map(ToOwned::to_owned);
            let suggestion = near.unwrap_or_else(|| format!("one of {}", KIND_NAMES.join(", ")));
            (format!("there is no event \"{name}\""), suggestion)
        })
    })?;
    refuse_misplaced(section, kind, problems);
    let code = if kind.has_activity() { section.given_whole("activity", problems) } else { None };
    Some(match kind {
        EventKind::LeadCreated => Trigger::LeadCreated,
        EventKind::ActivityCreated => Trigger::ActivityCreated { code },
        EventKind::ActivityUpdated => Trigger::ActivityUpdated { code },
        EventKind::LeadChanged => Trigger::LeadChanged { field: change(section, implied, problems) },
        kind => Trigger::Item { kind },
    })
}

/// Refuses keys that narrow another kind of event.
fn refuse_misplaced(section: &Section<'_>, kind: EventKind, problems: &mut Problems) {
    if kind != EventKind::LeadChanged {
        for key in ["field", "from", "to"] {
            if section.has(key) {
                let message = format!("`{key}` does not apply to {kind}");
                section.error(key, message, "on: lead.changed, or leave the key out", problems);
            }
        }
    }
    if !kind.has_activity() && section.has("activity") {
        let message = format!("`activity` does not apply to {kind}");
        section.error("activity", message, "on: activity.created, or leave the key out", problems);
    }
}

fn change(section: &Section<'_>, implied: Option<&str>, problems: &mut Problems) -> Option<FieldChange> {
    let written = FieldName::read(section, "field", problems);
    let name = match (implied, written) {
        (Some(implied), Some(written)) if written.as_str() != implied => {
            let message = format!("this event is always about {implied}");
            section.error("field", message, "on: lead.changed, or leave the key out", problems);
            FieldName::parse(implied)
        }
        (Some(implied), _) => FieldName::parse(implied),
        (None, written) => written,
    };
    if name.is_none() && !section.has("field") {
        for key in ["from", "to"] {
            if section.has(key) {
                section.error(
                    key,
                    format!("`{key}` needs a `field`"),
                    "a field too, such as field: ProspectStage",
                    problems,
                );
            }
        }
    }
    let named = name.as_ref().map(FieldName::as_str);
    let from = section.value_of("from", named, problems);
    let to = section.value_of("to", named, problems);
    Some(FieldChange { name: name?, from, to })
}
