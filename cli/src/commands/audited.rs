//! Writes the audit trail for the verbs.

use anyhow::Context as _;
use recado_core::{
    audit::{About, Act, PersonMark},
    subject::Subject,
};
use recado_ledger::Ledger;
use recado_pipeline::audit::{self, Auditor};
use recado_runtime::installation::world;

use crate::{data::Store, output};

/// Records what was done. If the row cannot be written, that is said, and the verb goes on: its effect is there.
pub(crate) async fn record(store: &Store, act: Act, about: About) {
    record_by(&store.ledger, &store.author(None).await, act, about).await;
}

/// Records what this author did.
pub(crate) async fn record_by(ledger: &Ledger, author: &str, act: Act, about: About) {
    if let Err(error) = Auditor::new(ledger.clone(), world(), author).record(act, about).await {
        output::complain(&format!("recado: done, but the audit trail has no entry of it: {error}"));
    }
}

/// Records what is about to be shown or removed. Without the row it must not be.
pub(crate) async fn record_first(store: &Store, act: Act, about: About) -> anyhow::Result<()> {
    let auditor = Auditor::new(store.ledger.clone(), world(), &store.author(None).await);
    let recorded = auditor.record(act, about).await;
    recorded.context("nothing was done: the audit trail takes no entry")
}

/// The marks of these people. Without them an entry is still worth writing.
pub(crate) async fn marks(store: &Store, people: &[Subject]) -> Vec<PersonMark> {
    audit::marks(&store.ledger, &world(), people).await.unwrap_or_default()
}
