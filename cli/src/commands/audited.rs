//! Writes the audit trail for the verbs.

use anyhow::Context as _;
use recado_core::{
    audit::{About, Act, PersonMark},
    subject::Subject,
};
use recado_ledger::Ledger;
use recado_pipeline::audit::Auditor;
use recado_runtime::installation::world;

use super::configs::author;
use crate::output;

/// The auditor of the person who acts.
pub(crate) fn auditor(ledger: &Ledger, by: Option<&str>) -> Auditor {
    Auditor::new(ledger.clone(), world(), &by.map_or_else(author, str::to_owned))
}

/// Records what was done. If the row cannot be written, that is said, and the verb goes on: its effect is there.
pub(crate) async fn record(ledger: &Ledger, act: Act, about: About) {
    record_by(ledger, None, act, about).await;
}

/// Records what somebody did, who is named by a flag.
pub(crate) async fn record_by(ledger: &Ledger, by: Option<&str>, act: Act, about: About) {
    if let Err(error) = auditor(ledger, by).record(act, about).await {
        output::complain(&format!("recado: done, but the audit trail has no entry of it: {error}"));
    }
}

/// Records what is about to be shown or removed. Without the row it must not be.
pub(crate) async fn record_first(ledger: &Ledger, act: Act, about: About) -> anyhow::Result<()> {
    let recorded = auditor(ledger, None).record(act, about).await;
    recorded.context("nothing was done: the audit trail takes no entry")
}

/// The marks of these people. Without them an entry is still worth writing.
pub(crate) async fn marks(ledger: &Ledger, people: &[Subject]) -> Vec<PersonMark> {
    auditor(ledger, None).marks(people).await.unwrap_or_default()
}
