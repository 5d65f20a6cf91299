//! Campaigns end to end: audiences from LeadSquared's search and from files, in blocks and in rows, killed and resumed.

mod large;
mod lists;
mod small;

use std::{collections::BTreeMap, time::Duration};

use crate::support::{Installation, patience, wait_for};
use serde::Deserialize;

/// A run, as `recado campaign status --json` shows it.
#[derive(Debug, Clone, Deserialize)]
struct Status {
    run: String,
    phase: String,
    looked_at: u64,
    recipients: u64,
    left_out: BTreeMap<String, u64>,
    states: BTreeMap<String, u64>,
    waiting: u64,
    without_report: u64,
    next_due_ms: Option<i64>,
    eta_ms: Option<i64>,
}

impl Status {
    fn in_state(&self, state: &str) -> u64 {
        self.states.get(state).copied().unwrap_or_default()
    }
}

/// The status of the latest run.
async fn status(installation: &Installation) -> Status {
    let all = installation.command_of(&["campaign", "status"], &["--json"]).await.json();
    let all: Vec<Status> = serde_json::from_value(all["runs"].clone()).unwrap();
    all.into_iter().next().unwrap()
}

/// Waits until the latest run meets a condition.
async fn comes_to(what: &str, installation: &Installation, is: impl Fn(&Status) -> bool) -> Status {
    let mut last = None;
    wait_for(what, patience().max(Duration::from_mins(10)), async || {
        let status = status(installation).await;
        let found = is(&status).then(|| status.clone());
        if found.is_none() && last.as_ref().is_none_or(|last| *last != status.states) {
            println!("{what}: {status:?}");
            last = Some(status.states);
        }
        found
    })
    .await
}

/// The fields of a lead in LeadSquared.
type Fields = BTreeMap<String, String>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
