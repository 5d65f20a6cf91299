//! What to tell LeadSquared next: the one call that the waiting outcomes deserve most.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    identity::MessageId,
    message::{Message, State},
};

/// Rows in one bulk call. Source: LeadSquared's bulk pages.
pub const ROWS_PER_CALL: usize = 25;

/// How long a call that is not full waits for more rows, in ms. Bulk calls are the scarcest thing of the whole system
/// (one in 5 s), and outcomes come in flocks.
pub const LINGER_MS: i64 = 2_000;

/// What to do next for the write-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet: look again at this instant, in ms since the epoch.
    Wait(i64),
    /// LeadSquared knows all there is of these messages: no call.
    Done(Vec<(MessageId, State)>),
    /// These messages' outcomes need not reach their leads' own fields: a newer one of the same lead is waiting. No call.
    Superseded(Vec<(MessageId, State)>),
    /// Look up whether this message's activity was made: a post of it was never answered for.
    Find(MessageId),
    /// Post activities for these messages.
    Add(Vec<MessageId>),
    /// Update the activities of these messages.
    Update(Vec<MessageId>),
    /// Write the outcome of these messages into their leads' own fields: one message per lead.
    Leads(Vec<MessageId>),
}

/// What one message needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Nothing,
    Find,
    Wait,
    Add,
    Update,
    Lead,
}

/// Chooses the next step for `waiting`: what needs no call first, then open questions, then a full call, then the one
/// whose oldest message has waited longest. `None` when there is nothing to do now.
///
/// `stale_ms` is how long after a post its process is taken for dead; `lead_fields` says whether the configuration
/// names fields of the lead to write.
#[must_use]
pub fn next_step(waiting: &[Message], now_ms: i64, stale_ms: i64, lead_fields: bool) -> Option<Step> {
    let mut order: Vec<&Message> = waiting.iter().collect();
    order.sort_by_key(|message| (message.crm.due_ms, message.id));
    let mut needs: BTreeMap<Need, Vec<&Message>> = BTreeMap::new();
    for message in order {
        needs.entry(need(message, now_ms, stale_ms, lead_fields)).or_default().push(message);
    }
    if let Some(done) = needs.get(&Need::Nothing) {
        return Some(Step::Done(done.iter().map(|message| (message.id, message.state)).collect()));
    }
    let leads = latest_of_each_lead(needs.get(&Need::Lead).into_iter().flatten().copied());
    let latest: BTreeSet<MessageId> = leads.iter().map(|message| message.id).collect();
    let older = needs.get(&Need::Lead).into_iter().flatten().filter(|message| !latest.contains(&message.id));
    let older: Vec<(MessageId, State)> = older.map(|message| (message.id, message.state)).collect();
    if !older.is_empty() {
        return Some(Step::Superseded(older));
    }
    if let Some(message) = needs.get(&Need::Find).and_then(|open| open.first()) {
        return Some(Step::Find(message.id));
    }
    let rows =
        |need: Need| -> Vec<&Message> { needs.get(&need).into_iter().flatten().copied().take(ROWS_PER_CALL).collect() };
    let calls = [Need::Add, Need::Update, Need::Lead].map(|need| (need, rows(need)));
    let oldest = |rows: &[&Message]| rows.first().and_then(|oldest| oldest.crm.due_ms).unwrap_or(now_ms);
    let (need, rows) = calls
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .min_by_key(|(_, rows)| (rows.len() < ROWS_PER_CALL, oldest(rows)))?;
    let ready_ms = oldest(&rows) + LINGER_MS;
    if rows.len() < ROWS_PER_CALL && now_ms < ready_ms {
        return Some(Step::Wait(ready_ms));
    }
    let ids = rows.iter().map(|message| message.id).collect();
    Some(match need {
        Need::Update => Step::Update(ids),
        Need::Lead => Step::Leads(ids),
        _ => Step::Add(ids),
    })
}

fn need(message: &Message, now_ms: i64, stale_ms: i64, lead_fields: bool) -> Need {
    let crm = &message.crm;
    match (&crm.activity_id, crm.posted_ms) {
        (None, Some(posted_ms)) if now_ms < posted_ms + stale_ms => Need::Wait,
        (None, Some(_)) => Need::Find,
        (None, None) => Need::Add,
        (Some(_), _) if crm.activity_state != Some(message.state) => Need::Update,
        (Some(_), _) if lead_fields && crm.lead_state != Some(message.state) => Need::Lead,
        (Some(_), _) => Need::Nothing,
    }
}

/// One row per lead, since a later row would overwrite an earlier one: the message that changed last.
fn latest_of_each_lead<'m>(waiting: impl Iterator<Item = &'m Message>) -> Vec<&'m Message> {
    let waiting: Vec<&Message> = waiting.collect();
    let mut latest: BTreeMap<&str, &Message> = BTreeMap::new();
    for message in &waiting {
        let best = latest.entry(&message.lead_id).or_insert(message);
        if (message.changed_ms, message.id) > (best.changed_ms, best.id) {
            *best = message;
        }
    }
    let mut chosen = BTreeSet::new();
    waiting
        .iter()
        .filter_map(|message| latest.get(message.lead_id.as_str()).copied())
        .filter(|message| chosen.insert(message.id))
        .collect()
}
