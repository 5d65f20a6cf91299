//! Campaigns end to end: audiences of LeadSquared's search and of files, in blocks and in rows, killed and gone on.

mod large;
mod lists;
mod small;

use std::{collections::BTreeMap, time::Duration};

use crate::support::{Installation, patience, wait_for};
use serde::Deserialize;

/// What `recado campaign status --json` says of a run.
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

/// How far the latest run is.
async fn status(installation: &Installation) -> Status {
    let all = installation.command_of(&["campaign", "status"], &["--json"]).await.json();
    let all: Vec<Status> = serde_json::from_value(all["runs"].clone()).unwrap();
    all.into_iter().next().unwrap()
}

/// Waits until the latest run is as it should be.
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

/// A lead as LeadSquared has it.
type Fields = BTreeMap<String, String>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
