//! What really happened, as only the simulator knows it: calls, acceptances, reports that were heard.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;

/// A request as it left.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The true time at which its first byte left, in ms since the epoch.
    pub(super) at_ms: i64,
    pub(super) phones: Vec<String>,
    pub(super) text: String,
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
    /// What reports said that were answered as stored, by phone and text.
    pub(super) heard: BTreeMap<(String, String), BTreeSet<&'static str>>,
    /// The text of each campaign.
    pub(super) texts: BTreeMap<String, String>,
}

impl Log {
    /// How often a text was taken for a phone, and when its calls left.
    pub(super) fn sent(&self, phone: &str, text: &str) -> Vec<i64> {
        let of_it = |call: &&Call| call.accepted && call.text == text && call.phones.iter().any(|p| p == phone);
        self.calls.iter().filter(of_it).map(|call| call.at_ms).collect()
    }

    pub(super) fn was_sent(&self, row: &Row) -> bool {
        !self.sent(&row.phone, &row.text).is_empty()
    }
}
