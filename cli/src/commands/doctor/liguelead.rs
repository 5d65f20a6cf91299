//! What is so at LigueLead: whether it knows the credentials.

use std::time::Duration;

use liguelead::CallFailed;
use recado_core::config::Config;
use recado_limits::Clock;
use recado_runtime::environment::{liguelead_base_url, liguelead_client, liguelead_credentials};

use super::{Finding, TURN_MS};
use crate::{data::Store, installation};

const CHECK: &str = "LigueLead credentials";

pub(super) async fn all(config: &Config, store: &Store) -> Vec<Finding> {
    vec![credentials(config, store).await]
}

/// `GET /voice/uploads`, which changes nothing and costs nothing.
async fn credentials(config: &Config, store: &Store) -> Finding {
    let made = liguelead_credentials().and_then(|credentials| {
        let timeout = Duration::from_millis(config.send.call_timeout_ms);
        liguelead_client(&liguelead_base_url(), &credentials, timeout)
    });
    let client = match made {
        Ok(client) => client,
        Err(error) => return Finding::wrong(CHECK, format!("{error:#}"), "set the variable"),
    };
    let rate = installation::liguelead_account(config, &store.ledger);
    if let Err(error) = rate.admit(&Clock::new(), installation::world().now_ms() + TURN_MS).await {
        return Finding::not_checked(CHECK, format!("LigueLead's rate has no room for a call: {error}"));
    }
    match client.list_uploads().await {
        Ok(uploads) => Finding::good(CHECK, format!("LigueLead knows them; {} recordings uploaded", uploads.len())),
        Err(error @ CallFailed::Credentials { .. }) => Finding::wrong(
            CHECK,
            error.to_string(),
            "compare LIGUELEAD_API_TOKEN and LIGUELEAD_APP_ID with the client area's Integrations > API Token",
        ),
        Err(error @ CallFailed::RateLimited { .. }) => {
            Finding::warning(CHECK, error.to_string(), "wait; see `recado usage`")
        }
        Err(error) => Finding::wrong(
            CHECK,
            format!("LigueLead is out of reach: {error}"),
            "see LIGUELEAD_BASE_URL and this machine's way out; messages wait meanwhile",
        ),
    }
}
