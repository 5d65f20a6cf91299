//! Credentials and addresses, from variables. An error names the variable.

use std::time::Duration;

use anyhow::{Context as _, bail};
use leadsquared::{CallError, Standard};
use liguelead::CallFailed;
use recado_limits::{Clock, LigueLeadAccount};
use recado_pipeline::{crm::Crm, secrets::Secret};
use secrecy::SecretString;
use url::Url;

use crate::installation::world;

/// LigueLead's real address.
const LIGUELEAD_BASE_URL: &str = "https://api.liguelead.com.br/v1";

/// How long a start waits for its turn to ask a vendor, in ms.
const PROBE_WITHIN_MS: i64 = 6_000;

/// What an installation is given besides its configuration and its data.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where LigueLead is, with `/v1`.
    pub liguelead_base_url: String,
    /// `LIGUELEAD_API_TOKEN` and `LIGUELEAD_APP_ID`.
    pub liguelead: liguelead::Credentials,
    /// Where LeadSquared is, with `/v2`.
    pub leadsquared_base_url: String,
    /// `LEADSQUARED_ACCESS_KEY` and `LEADSQUARED_SECRET_KEY`.
    pub leadsquared: leadsquared::Credentials,
    /// `RECADO_WEBHOOK_SECRET`: what LeadSquared's webhooks must show.
    pub webhook_secret: Secret,
    /// `RECADO_CALLBACK_SECRET`: what signs the callbacks' URLs.
    pub callback_secret: Secret,
    /// `RECADO_PUBLIC_URL`: this installation's own address.
    pub public_url: Option<Url>,
}

impl Environment {
    /// Reads the variables.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self {
            liguelead_base_url: liguelead_base_url(),
            liguelead: liguelead_credentials()?,
            leadsquared_base_url: leadsquared_base_url(),
            leadsquared: leadsquared_credentials()?,
            webhook_secret: webhook_secret()?,
            callback_secret: secret("RECADO_CALLBACK_SECRET", "what signs LigueLead's callbacks")?,
            public_url: public_url()?,
        })
    }

    /// Clients for both vendors.
    pub fn clients(&self, call_timeout: Duration) -> anyhow::Result<(liguelead::Client, leadsquared::Client)> {
        let liguelead = liguelead_client(&self.liguelead_base_url, &self.liguelead, call_timeout)?;
        let leadsquared = leadsquared_client(&self.leadsquared_base_url, &self.leadsquared, call_timeout)?;
        Ok((liguelead, leadsquared))
    }
}

/// `LIGUELEAD_API_TOKEN` and `LIGUELEAD_APP_ID`.
pub fn liguelead_credentials() -> anyhow::Result<liguelead::Credentials> {
    Ok(liguelead::Credentials {
        api_token: required("LIGUELEAD_API_TOKEN", "the client area's Integrations > API Token")?.into(),
        app_id: required("LIGUELEAD_APP_ID", "the client area's Integrations > API Token")?.into(),
    })
}

/// `LEADSQUARED_ACCESS_KEY` and `LEADSQUARED_SECRET_KEY`.
pub fn leadsquared_credentials() -> anyhow::Result<leadsquared::Credentials> {
    Ok(leadsquared::Credentials {
        access_key: required("LEADSQUARED_ACCESS_KEY", "Settings > API and Webhooks")?.into(),
        secret_key: required("LEADSQUARED_SECRET_KEY", "Settings > API and Webhooks")?.into(),
    })
}

/// `RECADO_WEBHOOK_SECRET`: what LeadSquared's webhooks must show.
pub fn webhook_secret() -> anyhow::Result<Secret> {
    secret("RECADO_WEBHOOK_SECRET", "what LeadSquared's webhooks must show")
}

/// A client for LigueLead; an error names the variables that it comes from.
pub fn liguelead_client(
    base_url: &str,
    credentials: &liguelead::Credentials,
    call_timeout: Duration,
) -> anyhow::Result<liguelead::Client> {
    liguelead::Client::new(base_url, credentials, call_timeout)
        .context("LIGUELEAD_BASE_URL, LIGUELEAD_API_TOKEN or LIGUELEAD_APP_ID")
}

/// A client for LeadSquared; an error names the variables that it comes from.
pub fn leadsquared_client(
    base_url: &str,
    credentials: &leadsquared::Credentials,
    call_timeout: Duration,
) -> anyhow::Result<leadsquared::Client> {
    leadsquared::Client::new(base_url, credentials, call_timeout)
        .context("LEADSQUARED_BASE_URL, LEADSQUARED_ACCESS_KEY or LEADSQUARED_SECRET_KEY")
}

/// Asks both vendors whether they know the credentials, inside their limits. One that refuses ends the start; one that
/// is out of reach does not, since messages wait.
pub async fn probe((liguelead, rate): (&liguelead::Client, &LigueLeadAccount), crm: &Crm) -> anyhow::Result<()> {
    let now_ms = world().now_ms();
    if let Err(error) = rate.admit(&Clock::new(), now_ms + PROBE_WITHIN_MS).await {
        tracing::warn!(error = %error, "start.liguelead_not_checked");
    } else {
        match liguelead.list_uploads().await {
            Ok(_) => {}
            Err(error @ CallFailed::Credentials { .. }) => {
                bail!("LIGUELEAD_API_TOKEN or LIGUELEAD_APP_ID was refused: {error}")
            }
            Err(error) => tracing::warn!(error = %error, "start.liguelead_not_checked"),
        }
    }
    let Ok(Some(permit)) = crm.permit(now_ms + PROBE_WITHIN_MS).await else {
        tracing::warn!("start.leadsquared_not_checked");
        return Ok(());
    };
    match crm.with(permit).who_am_i().await {
        Ok(_) => {}
        Err(error @ CallError::Credentials { .. }) => {
            bail!("LEADSQUARED_ACCESS_KEY, LEADSQUARED_SECRET_KEY or LEADSQUARED_BASE_URL was refused: {error}")
        }
        Err(error) => {
            tracing::warn!(error = %error, "start.leadsquared_not_checked");
            if let Err(error) = crm.heed::<Standard>(&error).await {
                tracing::warn!(error = %error, "start.leadsquared_not_checked");
            }
        }
    }
    Ok(())
}

/// `LIGUELEAD_BASE_URL`, or LigueLead's real address.
#[must_use]
pub fn liguelead_base_url() -> String {
    optional("LIGUELEAD_BASE_URL").unwrap_or_else(|| LIGUELEAD_BASE_URL.to_owned())
}

/// `LEADSQUARED_BASE_URL`, or the address of LeadSquared's first region.
#[must_use]
pub fn leadsquared_base_url() -> String {
    optional("LEADSQUARED_BASE_URL").unwrap_or_else(|| leadsquared::DEFAULT_BASE_URL.to_owned())
}

/// The variable `name` without blanks around it, if it holds anything.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The variable `name`, which must hold something; `found_in` says where to find its value.
pub fn required(name: &str, found_in: &str) -> anyhow::Result<String> {
    optional(name).with_context(|| format!("{name} is not set ({found_in})"))
}

fn secret(name: &str, purpose: &str) -> anyhow::Result<Secret> {
    Secret::parse(&required(name, purpose)?).with_context(|| format!("{name} holds no value"))
}

/// `RECADO_PUBLIC_URL`: this installation's own address, if it is set.
pub fn public_url() -> anyhow::Result<Option<Url>> {
    const NAME: &str = "RECADO_PUBLIC_URL";
    let Some(text) = optional(NAME) else { return Ok(None) };
    let url: Url = text.parse().with_context(|| format!("{NAME} is not an address: https://host[/path]"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(|host| host.contains('_')) {
        bail!("{NAME} must be http or https, and LigueLead takes no host with a `_`");
    }
    Ok(Some(url))
}

/// A secret that this process made up, for a demonstration.
#[must_use]
pub fn made_up_secret() -> SecretString {
    uuid::Uuid::new_v4().simple().to_string().into()
}
