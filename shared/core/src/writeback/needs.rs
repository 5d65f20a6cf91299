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
    /// Receives the state.
    pub status: Option<String>,
    /// Receives the time of the state, UTC.
    pub at: Option<String>,
}

/// What a lead's own fields are known to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The message whose outcome they show.
    pub by: MessageId,
    /// When that message came to the state they show, in ms since the epoch.
    pub changed_ms: i64,
    /// Names and values; empty while a write is under way whose end is not known.
    pub values: BTreeMap<String, String>,
}

/// A message of which LeadSquared knows all there is, though not all of it is on its row yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The message.
    pub id: MessageId,
    /// The state that it is in.
    pub state: State,
}

/// What waiting messages need, the oldest first in each list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Nothing: no call.
    pub told: Vec<Told>,
    /// To be looked up: a post was never answered for.
    pub find: Vec<Row>,
    /// The same, each by itself: what a listing of many says of them is not certain. [`needs`] leaves it empty.
    pub find_alone: Vec<Row>,
    /// An activity.
    pub create: Vec<Row>,
    /// Their activity shows an older state.
    pub update: Vec<Row>,
    /// Their lead's own fields.
    pub leads: Vec<LeadRow>,
}

impl LeadFieldNames {
    /// Whether no field is to be written.
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

/// What `waiting` need at `now_ms`. `shown` is what is remembered of leads; a lead that is not in it is written whole.
///
/// `stale_ms` is how long after a post its process is taken for dead. Until then nothing of the activity is touched.
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
        let lead = match latest.get(message.lead_id.as_str()) {
            Some(latest) if latest.id == message.id => lead_need(message, names, shown.get(&message.lead_id)),
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
                    // What the activity shows, once it is found, is not known: there is always more to do.
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
                let (lead_id, judged) = (message.lead_id.clone(), message.crm.attempts > 0);
                needs.leads.push(LeadRow { row: Row { then, ..row }, lead_id, set, judged });
            }
            _ if is_shown => needs.told.push(Told { id: message.id, state: message.state }),
            _ => {}
        }
    }
    needs
}

/// What a message asks of its lead's own fields.
enum Lead {
    /// Nothing, and it never did or was told.
    AsItIs,
    /// Nothing: they show it already, or something newer.
    NeedsNotShowIt,
    /// These values.
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
        let best = latest.entry(&message.lead_id).or_insert(message);
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
