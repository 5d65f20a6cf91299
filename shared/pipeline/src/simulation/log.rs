//! What really happened, as only the simulator knows it: calls, acceptances, reports that were heard.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;

/// A request as it left.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The true time at which its first byte left, in ms since the epoch.
    pub(super) at_ms: i64,
    pub(super) phones: Vec<String>,
    /// What it says or plays, as `scenario::content` has it.
    pub(super) content: String,
    /// It is dialled, and not written.
    pub(super) dials: bool,
    /// The end of its redials, in minutes of São Paulo's day.
    pub(super) redials_until_min: Option<i64>,
    /// LigueLead took it.
    pub(super) accepted: bool,
    /// From its callbacks' address.
    pub(super) batch: String,
    pub(super) credits_each: i64,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) calls: Vec<Call>,
    /// Changes that were answered as taken, by their place.
    pub(super) taken: BTreeSet<usize>,
    /// The reports that reached a process, whatever it answered, by batch and phone.
    pub(super) told: BTreeSet<(String, String)>,
    /// What reports said that were answered as stored, by phone and content: of which batch, and its word.
    pub(super) heard: BTreeMap<(String, String), BTreeSet<(String, &'static str)>>,
    /// The content and the batch of each campaign.
    pub(super) campaigns: BTreeMap<String, (String, String)>,
}

impl Log {
    /// The calls by which a content was taken for a phone, in the order in which they left.
    pub(super) fn to<'l>(&'l self, content: &'l str, phone: &'l String) -> impl Iterator<Item = &'l Call> {
        self.calls.iter().filter(move |call| call.accepted && call.content == content && call.phones.contains(phone))
    }

    /// Whether some call was taken to each recipient of a message.
    pub(super) fn was_sent_to_all(&self, row: &Row) -> bool {
        row.phones.iter().all(|(_, phone)| self.to(&row.content, phone).next().is_some())
    }

    /// Whether the present attempt at a message was taken, to whomever.
    pub(super) fn was_sent(&self, row: &Row) -> bool {
        let taken = row.phones.iter().flat_map(|(_, phone)| self.to(&row.content, phone));
        taken.into_iter().any(|call| !row.is_over(&call.batch))
    }
}
