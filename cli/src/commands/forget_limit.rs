//! `recado forget-limit`.

use std::process::ExitCode;

use super::Which;
use crate::{installation, output};

/// Forget the limits that LeadSquared's refusals taught: the configured ones hold again.
#[derive(Debug, clap::Args)]
pub(crate) struct ForgetLimit {
    #[command(flatten)]
    which: Which,
}

impl ForgetLimit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let forgotten = installation::crm_account(&config, &store.ledger).forget_learnt().await;
        store.close().await;
        forgotten?;
        output::say("LeadSquared's limits are the configured ones again");
        Ok(ExitCode::SUCCESS)
    }
}
