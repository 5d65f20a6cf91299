//! `recado forget-limit`.

use std::process::ExitCode;

use recado_core::{
    audit::{About, Act},
    config::Config,
};
use recado_ledger::Ledger;
use recado_limits::{Clock, LimitError};

use serde_json::json;

use super::{Which, audited};
use crate::{installation, output};

/// Forget what Recado learnt from refusals: LeadSquared's limits, or that LigueLead refuses the account.
#[derive(Debug, clap::Args)]
pub(crate) struct ForgetLimit {
    #[command(flatten)]
    which: Which,
    /// Try LigueLead's account again now, instead of LeadSquared's limit.
    #[arg(long)]
    liguelead: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl ForgetLimit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if self.liguelead {
            let opened = open_liguelead(&config, &store.ledger).await?;
            if opened {
                audited::record(&store, Act::ForgetLimit, About::scope("LigueLead")).await;
            }
            if self.json {
                output::json("forget-limit", &json!({ "vendor": "liguelead", "was_closed": opened }))?;
            } else {
                output::say(if opened { "LigueLead's account is open again" } else { "LigueLead's account was open" });
            }
            return Ok(ExitCode::SUCCESS);
        }
        installation::crm_account(&config, &store.ledger).forget_learnt().await?;
        audited::record(&store, Act::ForgetLimit, About::scope("LeadSquared")).await;
        if self.json {
            output::json("forget-limit", &json!({ "vendor": "leadsquared", "was_closed": null }))?;
        } else {
            output::say("LeadSquared's limits are the configured ones again");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Ends the suspension of the account for all functions, if it is suspended. They notice within some seconds.
async fn open_liguelead(config: &Config, ledger: &Ledger) -> Result<bool, LimitError> {
    let (account, clock) = (installation::liguelead_account(config, ledger), Clock::new());
    // Read the state first: only an account known to be suspended can be resumed.
    account.state(clock.read()).await?;
    account.resume(clock.read()).await
}
