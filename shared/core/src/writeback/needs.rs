//! What each waiting message still needs in LeadSquared.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{LeadRow, Row, Then};
use crate::{
    identity::MessageId,
    message::{Message, State},
};

/// The names of the lead's own fields that show its last message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFieldNames {
    /// The field for the state.
    pub status: Option<String>,
    /// The field for the time of the state, UTC.
    pub at: Option<String>,
}

/// The known content of a lead's own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The message whose outcome they show.
    pub by: MessageId,
    /// When that message reached the state that they show, in ms since the epoch.
    pub changed_ms: i64,
    /// Names and values; empty while a write is under way whose result is not known.
    pub values: BTreeMap<String, String>,
}

/// A message of which LeadSquared knows everything, although its own row does not show that yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The message.
    pub id: MessageId,
    /// Its state.
    pub state: State,
}

/// What waiting messages need; the oldest is first in each list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Nothing: no request.
    pub told: Vec<Told>,
    /// A look-up: their post has no recorded answer.
    pub find: Vec<Row>,
    /// A look-up of each by itself: a listing of many does not settle them. [`needs`] leaves it empty.
    pub find_alone: Vec<Row>,
    /// A new activity.
    pub create: Vec<Row>,
    /// An update: their activity shows an older state.
    pub update: Vec<Row>,
    /// A write to their lead's own fields.
    pub leads: Vec<LeadRow>,
}

impl LeadFieldNames {
    /// Whether no field is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.at.is_none()
    }

    /// The values that show the message's present state.
    #[must_use]
    pub fn values(&self, message: &Message) -> Vec<(String, String)> {
        let status = self.status.clone().map(|name| (name, message.state.to_string()));
        let at = self.at.clone().map(|name| (name, crm_time(message.changed_ms)));
        status.into_iter().chain(at).collect()
    }
}

/// What the `waiting` messages need at `now_ms`. `shown` is what is remembered of leads; for a lead that is not in it,
/// all values are written.
///
/// `stale_ms` is how long after a post its process is taken for dead. Until then the activity is left alone.
#[must_use]
pub fn needs<'m>(
    waiting: impl IntoIterator<Item = &'m Message>,
    names: &LeadFieldNames,
    shown: &BTreeMap<String, Shown>,
    now_ms: i64,
    stale_ms: i64,
) -> Needs {
    let mut order: Vec<&Message> = waiting.into_iter().collect();
    order.sort_by_key(|message| (message.crm.due_ms, message.id));
    let latest = latest_of_each_lead(&order);
    let mut needs = Needs::default();
    for message in order {
        let lead = match latest.get(message.lead_id()) {
            Some(latest) if latest.id == message.id => lead_need(message, names, shown.get(message.lead_id())),
            _ if names.is_empty() || message.crm.lead_state == Some(message.state) => Lead::AsItIs,
            _ => Lead::NeedsNotShowIt,
        };
        let then = match &lead {
            Lead::AsItIs => Then::Done,
            Lead::NeedsNotShowIt => Then::DoneWithLead,
            Lead::Set(_) => Then::More,
        };
        let row = Row { id: message.id, due_ms: message.crm.due_ms.unwrap_or(now_ms), then };
        let crm = &message.crm;
        let is_shown = match (&crm.activity_id, crm.posted_ms) {
            (None, Some(posted_ms)) => {
                if now_ms >= posted_ms.saturating_add(stale_ms) {
                    // The state that the activity shows is not known, even once it is found, so there is always more to
                    // do.
                    needs.find.push(Row { then: Then::More, ..row });
                }
                false
            }
            (None, None) => {
                needs.create.push(row);
                false
            }
            (Some(_), _) if crm.activity_state != Some(message.state) => {
                needs.update.push(row);
                false
            }
            (Some(_), _) => true,
        };
        match lead {
            Lead::Set(set) => {
                let then = if is_shown { Then::Done } else { Then::More };
                let (lead_id, judged) = (message.lead_id().to_owned(), message.crm.attempts > 0);
                needs.leads.push(LeadRow { row: Row { then, ..row }, lead_id, set, judged });
            }
            _ if is_shown => needs.told.push(Told { id: message.id, state: message.state }),
            _ => {}
        }
    }
    needs
}

/// What a message needs of its lead's own fields.
enum Lead {
    /// Nothing: there is no field to write, or this state was written already.
    AsItIs,
    /// Nothing: they show it already, or something newer.
    NeedsNotShowIt,
    /// They need these values.
    Set(Vec<(String, String)>),
}

fn lead_need(message: &Message, names: &LeadFieldNames, shown: Option<&Shown>) -> Lead {
    if names.is_empty() || message.crm.lead_state == Some(message.state) {
        return Lead::AsItIs;
    }
    let mut set = names.values(message);
    if let Some(shown) = shown {
        if shown.by != message.id && (shown.changed_ms, shown.by) > (message.changed_ms, message.id) {
            return Lead::NeedsNotShowIt;
        }
        set.retain(|(name, value)| shown.values.get(name) != Some(value));
    }
    if set.is_empty() { Lead::NeedsNotShowIt } else { Lead::Set(set) }
}

/// A later row would overwrite an earlier one, so only the message that changed last is written.
fn latest_of_each_lead<'m>(waiting: &[&'m Message]) -> BTreeMap<&'m str, &'m Message> {
    let mut latest: BTreeMap<&str, &Message> = BTreeMap::new();
    for &message in waiting {
        let best = latest.entry(message.lead_id()).or_insert(message);
        if (message.changed_ms, message.id) > (best.changed_ms, best.id) {
            *best = message;
        }
    }
    latest
}

/// `at_ms` as LeadSquared writes instants: `yyyy-MM-dd HH:mm:ss`, UTC.
#[must_use]
pub fn crm_time(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
