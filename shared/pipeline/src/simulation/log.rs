//! What really happened, as only the simulator knows it: requests, acceptances, and reports that processes received.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;

/// A request at the moment when it left.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The true time of its first byte, in ms since the epoch.
    pub(super) at_ms: i64,
    pub(super) phones: Vec<String>,
    /// Its text or title, in the form of `scenario::content`.
    pub(super) content: String,
    /// Whether it is a voice call.
    pub(super) dials: bool,
    /// The end of its redials, in minutes of the day in São Paulo.
    pub(super) redials_until_min: Option<i64>,
    /// Whether LigueLead accepted it.
    pub(super) accepted: bool,
    /// The batch in its callback URL.
    pub(super) batch: String,
    pub(super) credits_each: i64,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) calls: Vec<Call>,
    /// Changes that were answered as accepted, by their place.
    pub(super) taken: BTreeSet<usize>,
    /// The reports that reached a process, whatever its answer, by batch and phone.
    pub(super) told: BTreeSet<(String, String)>,
    /// The reports that were answered as stored, by phone and content: the batch and the status word of each.
    pub(super) heard: BTreeMap<(String, String), BTreeSet<(String, &'static str)>>,
    /// The content and the batch of each campaign.
    pub(super) campaigns: BTreeMap<String, (String, String)>,
}

impl Log {
    /// The accepted requests with a content to a phone, in the order in which they left.
    pub(super) fn to<'l>(&'l self, content: &'l str, phone: &'l String) -> impl Iterator<Item = &'l Call> {
        self.calls.iter().filter(move |call| call.accepted && call.content == content && call.phones.contains(phone))
    }

    /// Whether LigueLead accepted a request for each recipient of a message.
    pub(super) fn was_sent_to_all(&self, row: &Row) -> bool {
        row.phones.iter().all(|(_, phone)| self.to(&row.content, phone).next().is_some())
    }

    /// Whether LigueLead accepted the present attempt at a message for any recipient.
    pub(super) fn was_sent(&self, row: &Row) -> bool {
        let taken = row.phones.iter().flat_map(|(_, phone)| self.to(&row.content, phone));
        taken.into_iter().any(|call| !row.is_over(&call.batch))
    }
}
