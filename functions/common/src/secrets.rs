//! Secrets, from Secrets Manager. For a function on a local machine, the variables hold the values themselves.
//!
//! A value is read again after five minutes. For a time after a change, the value before it stays valid
//! (`AWSPREVIOUS`). So one `put-secret-value` changes a secret, and no request is refused: LeadSquared's webhooks can
//! be changed afterwards, and callbacks to URLs signed with the old value may still come.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use aws_sdk_secretsmanager::{
    Client, error::ProvideErrorMetadata as _, operation::get_secret_value::GetSecretValueOutput,
};
use recado_pipeline::secrets::{BadSecret, Secret};
use recado_runtime::environment::{optional, required};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

/// How long a value is used before it is read again.
const ASKED_EVERY: Duration = Duration::from_mins(5);

/// A secret of this installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The secret that LeadSquared's webhooks must carry.
    Webhook,
    /// The secret that signs callback URLs.
    Callback,
    /// The secret that the address in LigueLead's panel must carry. The template has none unless the panel is used.
    Panel,
    /// LigueLead's token and application.
    LigueLead,
    /// LeadSquared's pair of keys.
    LeadSquared,
}

impl Name {
    /// Whether this function is given the secret.
    #[must_use]
    pub fn is_given(self) -> bool {
        optional(self.arn_variable()).is_some()
    }

    /// The variable that holds the secret's ARN, or, on a local machine, its value.
    const fn arn_variable(self) -> &'static str {
        match self {
            Self::Webhook => "RECADO_WEBHOOK_SECRET_ARN",
            Self::Callback => "RECADO_CALLBACK_SECRET_ARN",
            Self::Panel => "RECADO_PANEL_SECRET_ARN",
            Self::LigueLead => "LIGUELEAD_SECRET_ARN",
            Self::LeadSquared => "LEADSQUARED_SECRET_ARN",
        }
    }
}

/// A secret's value, and the previous value while it is still valid. `Debug` shows neither.
#[derive(Debug, Clone)]
pub struct Held {
    name: Name,
    current: SecretString,
    previous: Option<SecretString>,
}

impl Held {
    /// The secret for signing, and for checking requests. The current value comes first. A previous value that can be
    /// guessed opens nothing.
    pub fn secret(&self) -> anyhow::Result<Secret> {
        let current = self.current.expose_secret();
        let with_previous = self.previous.as_ref().map(|value| format!("{current},{}", value.expose_secret()));
        let secret = match with_previous.map(|both| Secret::parse(&both)) {
            None | Some(Err(BadSecret::ShortBefore)) => Secret::parse(current),
            Some(secret) => secret,
        };
        secret.map_err(|error| anyhow!("the secret in {} {error}", self.name.arn_variable()))
    }

    /// One part of a secret with several parts, stored as JSON.
    pub fn part(&self, key: &str) -> anyhow::Result<SecretString> {
        let place = self.name.arn_variable();
        // The parser's error may quote the text, so it is not shown.
        let Ok(parts) = serde_json::from_str::<HashMap<String, String>>(self.current.expose_secret()) else {
            bail!("the secret in {place} is not a JSON object of texts")
        };
        let value = parts.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
        value.map(Into::into).with_context(|| format!("the secret in {place} holds no {key}: put it there"))
    }

    fn same(&self, other: &Self) -> bool {
        let text = |value: &Option<SecretString>| value.as_ref().map(|value| value.expose_secret().to_owned());
        self.current.expose_secret() == other.current.expose_secret() && text(&self.previous) == text(&other.previous)
    }
}

/// What is known of one secret, and when it was asked for; empty before the first time.
type Known = Mutex<Option<(Instant, Arc<Held>)>>;

/// The secrets of this installation.
#[derive(Debug)]
pub struct Secrets {
    client: Client,
    /// Each is locked by itself, so that several are asked for together.
    webhook: Known,
    callback: Known,
    panel: Known,
    liguelead: Known,
    leadsquared: Known,
}

impl Secrets {
    /// Secrets that `client` reads.
    #[must_use]
    pub fn of(client: Client) -> Self {
        let [webhook, callback, panel, liguelead, leadsquared] = std::array::from_fn(|_| Known::default());
        Self { client, webhook, callback, panel, liguelead, leadsquared }
    }

    fn known(&self, name: Name) -> &Known {
        match name {
            Name::Webhook => &self.webhook,
            Name::Callback => &self.callback,
            Name::Panel => &self.panel,
            Name::LigueLead => &self.liguelead,
            Name::LeadSquared => &self.leadsquared,
        }
    }

    /// A secret's value; the same `Arc` until it changes. The previous value stays valid for `previous_holds` after a
    /// change.
    pub async fn get(&self, name: Name, previous_holds: Duration) -> anyhow::Result<Arc<Held>> {
        let mut held = self.known(name).lock().await;
        if let Some((asked, known)) = held.as_ref()
            && asked.elapsed() < ASKED_EVERY
        {
            return Ok(Arc::clone(known));
        }
        let known = held.as_ref().map(|(_, known)| Arc::clone(known));
        let fresh = match (self.ask(name, previous_holds).await, known) {
            (Ok(fresh), Some(known)) if known.same(&fresh) => known,
            (Ok(fresh), _) => Arc::new(fresh),
            (Err(error), Some(known)) => {
                tracing::error!(error = %format!("{error:#}"), "secrets.not_read");
                known
            }
            (Err(error), None) => return Err(error),
        };
        *held = Some((Instant::now(), Arc::clone(&fresh)));
        Ok(fresh)
    }

    async fn ask(&self, name: Name, previous_holds: Duration) -> anyhow::Result<Held> {
        let arn = required(name.arn_variable(), "an ARN of the stack's secret, or the value itself")?;
        if !arn.starts_with("arn:") {
            return Ok(Held { name, current: arn.into(), previous: None });
        }
        let current = self.version(&arn, "AWSCURRENT").await?;
        let current = current.with_context(|| format!("the secret in {} has no value", name.arn_variable()))?;
        let since = current.created_date.and_then(|date| std::time::SystemTime::try_from(date).ok());
        let age = since.and_then(|since| since.elapsed().ok()).unwrap_or_default();
        let previous = if age < previous_holds { self.version(&arn, "AWSPREVIOUS").await? } else { None };
        let text = |output: GetSecretValueOutput| output.secret_string.unwrap_or_default();
        Ok(Held { name, current: text(current).into(), previous: previous.map(text).map(Into::into) })
    }

    async fn version(&self, arn: &str, stage: &str) -> anyhow::Result<Option<GetSecretValueOutput>> {
        match self.client.get_secret_value().secret_id(arn).version_stage(stage).send().await {
            Ok(output) => Ok(Some(output)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => {
                let code = error.as_service_error().and_then(|e| e.code()).unwrap_or("no answer").to_owned();
                bail!("Secrets Manager did not give {arn}: {code}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(name: Name, current: &str, previous: Option<&str>) -> Held {
        Held { name, current: current.into(), previous: previous.map(Into::into) }
    }

    #[test]
    fn the_value_before_a_change_opens_too_and_the_new_one_signs() {
        let (new, old) = ("the-new-secret-that-nobody-guesses", "an-old-secret-of-the-stack");
        let secret = held(Name::Webhook, new, Some(old)).secret().unwrap();
        assert!(secret.is(new) && secret.is(old) && !secret.is(&format!("{new},{old}")));
        assert_eq!(secret.newest().expose_secret(), new);
        assert!(!held(Name::Webhook, new, None).secret().unwrap().is(old));
    }

    #[test]
    fn a_value_that_can_be_guessed_is_refused_and_one_before_a_change_opens_nothing() {
        for bad in [" ", "s", "a-secret-of-31-characters-xxxxx"] {
            let error = held(Name::Webhook, bad, None).secret().unwrap_err().to_string();
            assert!(error.contains("RECADO_WEBHOOK_SECRET_ARN"), "{error}");
            assert!(bad.len() == 1 || !error.contains(bad), "{error}");
        }
        let new = "the-new-secret-that-nobody-guesses";
        let secret = held(Name::Panel, new, Some("s")).secret().unwrap();
        assert!(secret.is(new) && !secret.is("s"), "the change away from a bad value works");
    }

    #[test]
    fn a_missing_part_is_named_and_a_wrong_one_is_not_quoted() {
        let liguelead = held(Name::LigueLead, r#"{"api_token":"t0ken","app_id":" "}"#, None);
        assert_eq!(liguelead.part("api_token").unwrap().expose_secret(), "t0ken");
        assert!(liguelead.part("app_id").unwrap_err().to_string().contains("app_id"));
        let error = held(Name::LigueLead, "t0ken-alone", None).part("api_token").unwrap_err();
        assert!(!format!("{error:?}").contains("t0ken-alone"), "{error:?}");
        assert!(!format!("{liguelead:?}").contains("t0ken"));
    }
}
