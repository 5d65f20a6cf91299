//! Checks of LigueLead: whether it accepts the credentials, and its clock.

use std::time::Duration;

use liguelead::CallFailed;
use recado_core::config::Config;
use recado_limits::Clock;
use recado_runtime::environment::{liguelead_base_url, liguelead_client, liguelead_credentials};

use super::{Finding, TURN_MS, clock};
use crate::{data::Store, installation};

const CHECK: &str = "LigueLead credentials";

pub(super) async fn all(config: &Config, store: &Store) -> Vec<Finding> {
    match uploads(config, store).await {
        Ok((count, server_ms)) => vec![
            Finding::good(CHECK, format!("LigueLead knows them; {count} recordings uploaded")),
            clock("LigueLead", server_ms, installation::world().now_ms()),
        ],
        Err(finding) => vec![finding],
    }
}

/// Requests `GET /voice/uploads`, which changes nothing and costs nothing. Returns the number of uploads and the
/// instant of the answer.
async fn uploads(config: &Config, store: &Store) -> Result<(usize, Option<i64>), Finding> {
    let made = liguelead_credentials().and_then(|credentials| {
        let timeout = Duration::from_millis(config.send.call_timeout_ms);
        liguelead_client(&liguelead_base_url(), &credentials, timeout)
    });
    let client = match made {
        Ok(client) => client,
        Err(error) => return Err(Finding::wrong(CHECK, format!("{error:#}"), "set the variable")),
    };
    let rate = installation::liguelead_account(config, &store.ledger);
    if let Err(error) = rate.admit(&Clock::new(), installation::world().now_ms() + TURN_MS).await {
        return Err(Finding::not_checked(
            CHECK,
            format!("LigueLead's rate limit leaves no room for a request: {error}"),
        ));
    }
    let failed = |error: CallFailed| match error {
        error @ CallFailed::Credentials { .. } => Finding::wrong(
            CHECK,
            error.to_string(),
            "compare LIGUELEAD_API_TOKEN and LIGUELEAD_APP_ID with the client area's Integrations > API Token",
        ),
        error @ CallFailed::RateLimited { .. } => {
            Finding::warning(CHECK, error.to_string(), "wait; see `recado usage`")
        }
        error => Finding::wrong(
            CHECK,
            format!("LigueLead cannot be reached: {error}"),
            "check LIGUELEAD_BASE_URL and this machine's network; messages wait meanwhile",
        ),
    };
    client.list_uploads_dated().await.map(|(uploads, server_ms)| (uploads.len(), server_ms)).map_err(failed)
}
