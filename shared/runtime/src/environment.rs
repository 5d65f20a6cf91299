//! Credentials and addresses, from variables. Each error names its variable.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use leadsquared::{CallError, Standard};
use liguelead::CallFailed;
use recado_limits::{Clock, LigueLeadAccount};
use recado_pipeline::{crm::Crm, secrets::Secret};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::world::world;

/// The variables that an installation needs, and where to find each value.
pub const REQUIRED: [(&str, &str); 6] = [
    ("LIGUELEAD_API_TOKEN", "LigueLead's client area, Integrations > API Token"),
    ("LIGUELEAD_APP_ID", "LigueLead's client area, Integrations > API Token"),
    ("LEADSQUARED_ACCESS_KEY", "LeadSquared, Settings > API and Webhooks"),
    ("LEADSQUARED_SECRET_KEY", "LeadSquared, Settings > API and Webhooks"),
    ("RECADO_WEBHOOK_SECRET", "what LeadSquared's webhooks must show; make one up: openssl rand -hex 24"),
    ("RECADO_CALLBACK_SECRET", "what signs LigueLead's callbacks; make one up: openssl rand -hex 24"),
];

/// The variable of the secret that LigueLead's panel shows.
const PANEL_SECRET: &str = "RECADO_PANEL_SECRET";

/// LigueLead's real address.
const LIGUELEAD_BASE_URL: &str = "https://api.liguelead.com.br/v1";

/// LigueLead's domain, and the version in its addresses. Source: LigueLead's API pages.
const LIGUELEAD_DOMAIN: &str = "liguelead.com.br";
const LIGUELEAD_VERSION: &str = "v1";
/// LeadSquared's domain, and the version in its addresses. Source: LeadSquared's pages on hosts by region.
const LEADSQUARED_DOMAIN: &str = "leadsquared.com";
const LEADSQUARED_VERSION: &str = "v2";

/// How long a start waits for a permit to ask a vendor, in ms.
const PROBE_WITHIN_MS: i64 = 6_000;

/// What an installation needs besides its configuration and its data.
#[derive(Debug, Clone)]
pub struct Environment {
    /// LigueLead's address, with `/v1`.
    pub liguelead_base_url: String,
    /// `LIGUELEAD_API_TOKEN` and `LIGUELEAD_APP_ID`.
    pub liguelead: liguelead::Credentials,
    /// LeadSquared's address, with `/v2`.
    pub leadsquared_base_url: String,
    /// `LEADSQUARED_ACCESS_KEY` and `LEADSQUARED_SECRET_KEY`.
    pub leadsquared: leadsquared::Credentials,
    /// `RECADO_WEBHOOK_SECRET`: the secret that LeadSquared's webhooks must show.
    pub webhook_secret: Secret,
    /// `RECADO_CALLBACK_SECRET`: the secret that signs callback URLs.
    pub callback_secret: Secret,
    /// `RECADO_PANEL_SECRET`: the secret that the address in LigueLead's panel must show. Without it that address is closed.
    pub panel_secret: Option<Secret>,
    /// `RECADO_PUBLIC_URL`: this installation's own address.
    pub public_url: Option<Url>,
}

impl Environment {
    /// Reads the variables. The error names every missing variable, and where to find its value.
    pub fn read() -> anyhow::Result<Self> {
        let missing: Vec<String> = REQUIRED
            .iter()
            .filter(|(name, _)| optional(name).is_none())
            .map(|(name, found_in)| format!("{name} is not set ({found_in})"))
            .collect();
        if let [_, _, ..] = missing.as_slice() {
            bail!("{} variables are not set:\n  {}", missing.len(), missing.join("\n  "));
        }
        Ok(Self {
            liguelead_base_url: liguelead_base_url(),
            liguelead: liguelead_credentials()?,
            leadsquared_base_url: leadsquared_base_url(),
            leadsquared: leadsquared_credentials()?,
            webhook_secret: webhook_secret()?,
            callback_secret: callback_secret()?,
            panel_secret: panel_secret()?,
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
        api_token: variable("LIGUELEAD_API_TOKEN")?.into(),
        app_id: variable("LIGUELEAD_APP_ID")?.into(),
    })
}

/// `LEADSQUARED_ACCESS_KEY` and `LEADSQUARED_SECRET_KEY`.
pub fn leadsquared_credentials() -> anyhow::Result<leadsquared::Credentials> {
    Ok(leadsquared::Credentials {
        access_key: variable("LEADSQUARED_ACCESS_KEY")?.into(),
        secret_key: variable("LEADSQUARED_SECRET_KEY")?.into(),
    })
}

/// `RECADO_WEBHOOK_SECRET`: the secret that LeadSquared's webhooks must show.
pub fn webhook_secret() -> anyhow::Result<Secret> {
    secret("RECADO_WEBHOOK_SECRET")
}

/// `RECADO_CALLBACK_SECRET`: the secret whose key signs callback URLs.
pub fn callback_secret() -> anyhow::Result<Secret> {
    secret("RECADO_CALLBACK_SECRET")
}

/// `RECADO_PANEL_SECRET`, if it is set. It must not be the secret that signs: it stands in LigueLead's panel.
pub fn panel_secret() -> anyhow::Result<Option<Secret>> {
    let Some(text) = optional(PANEL_SECRET) else { return Ok(None) };
    let panel = Secret::parse(&text).map_err(|error| anyhow!("{PANEL_SECRET} {error}"))?;
    // While the panel is changed, its old value may be the callback secret of an earlier release.
    if callback_secret().is_ok_and(|callback| callback.is(panel.newest().expose_secret())) {
        bail!("{PANEL_SECRET} must not be RECADO_CALLBACK_SECRET: make up another one: openssl rand -hex 24");
    }
    Ok(Some(panel))
}

/// A client for LigueLead. Its error names the variables behind it.
pub fn liguelead_client(
    base_url: &str,
    credentials: &liguelead::Credentials,
    call_timeout: Duration,
) -> anyhow::Result<liguelead::Client> {
    check_base_url("LIGUELEAD_BASE_URL", base_url, (LIGUELEAD_DOMAIN, LIGUELEAD_VERSION))?;
    liguelead::Client::new(base_url, credentials, call_timeout)
        .context("LIGUELEAD_BASE_URL, LIGUELEAD_API_TOKEN or LIGUELEAD_APP_ID")
}

/// A client for LeadSquared. Its error names the variables behind it.
pub fn leadsquared_client(
    base_url: &str,
    credentials: &leadsquared::Credentials,
    call_timeout: Duration,
) -> anyhow::Result<leadsquared::Client> {
    check_base_url("LEADSQUARED_BASE_URL", base_url, (LEADSQUARED_DOMAIN, LEADSQUARED_VERSION))?;
    leadsquared::Client::new(base_url, credentials, call_timeout)
        .context("LEADSQUARED_BASE_URL, LEADSQUARED_ACCESS_KEY or LEADSQUARED_SECRET_KEY")
}

/// Asks both vendors whether they accept the credentials, inside their limits. A refusal stops the start. An
/// unreachable vendor does not, since messages wait.
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

/// Refuses an address that cannot be the vendor's, because every message to it would end as refused. The version must
/// stand at the end. The host must be the vendor's, or on a private network, unless `RECADO_OTHER_HOSTS` says `yes`.
fn check_base_url(name: &str, base_url: &str, (domain, version): (&str, &str)) -> anyhow::Result<()> {
    let url: Url = base_url.parse().with_context(|| format!("{name} is not an address"))?;
    if url.path().trim_end_matches('/').rsplit('/').next() != Some(version) {
        let plain = base_url.trim_end_matches('/');
        let plain = plain.strip_suffix("/v1").or(plain.strip_suffix("/v2")).unwrap_or(plain);
        bail!("{name} must end in /{version}: {plain}/{version}");
    }
    let is_theirs = url.host_str().is_some_and(|host| host == domain || host.ends_with(&format!(".{domain}")));
    if is_theirs && url.scheme() != "https" {
        bail!("{name} must begin with https://: the keys are sent there");
    }
    if !is_theirs && !is_near(&url) && optional("RECADO_OTHER_HOSTS").as_deref() != Some("yes") {
        let host = url.host_str().unwrap_or_default();
        bail!("{name}: {host} is not the vendor's ({domain}); RECADO_OTHER_HOSTS=yes if the keys may be sent there");
    }
    Ok(())
}

/// Whether an address is on this machine or on a private network, where simulators run.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".internal") || !name.contains('.'),
        None => false,
    }
}

/// The trimmed value of the variable `name`; `None` if it is empty or not set.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The value of the variable `name`; an error if it is empty. `found_in` says where to find the value.
pub fn required(name: &str, found_in: &str) -> anyhow::Result<String> {
    optional(name).with_context(|| format!("{name} is not set ({found_in})"))
}

/// One of the variables of [`REQUIRED`].
fn variable(name: &str) -> anyhow::Result<String> {
    let found_in = REQUIRED.iter().find(|(known, _)| *known == name).map_or("", |(_, found_in)| *found_in);
    required(name, found_in)
}

fn secret(name: &str) -> anyhow::Result<Secret> {
    let text = variable(name)?;
    Secret::parse(&text).map_err(|error| anyhow!("{name} {error}"))
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

/// A random secret made by this process, for a demonstration.
#[must_use]
pub fn made_up_secret() -> SecretString {
    let half = || uuid::Uuid::new_v4().simple().to_string();
    (half() + &half()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_the_vendors_is_refused_with_what_to_write() {
        let check = |url: &str| check_base_url("LEADSQUARED_BASE_URL", url, (LEADSQUARED_DOMAIN, LEADSQUARED_VERSION));
        for good in [
            "https://api.leadsquared.com/v2",
            "https://api-us11.leadsquared.com/v2/",
            "http://127.0.0.1:4002/v2",
            "http://172.17.0.1:4002/v2",
            "http://host.docker.internal:4002/v2",
            "http://simulator:4002/v2",
            "http://[::1]:4002/v2",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (bad, said) in [
            ("https://api.leadsquared.com", "https://api.leadsquared.com/v2"),
            ("https://api.leadsquared.com/v1", "must end in /v2: https://api.leadsquared.com/v2"),
            ("http://api.leadsquared.com/v2", "https://"),
            ("https://leadsquared.com.example.net/v2", "is not the vendor's"),
            ("https://notleadsquared.com/v2", "is not the vendor's"),
            ("https://203.0.113.7/v2", "is not the vendor's"),
            ("nonsense", "is not an address"),
        ] {
            let error = check(bad).unwrap_err().to_string();
            assert!(error.contains(said), "{bad}: {error}");
        }
    }
}
