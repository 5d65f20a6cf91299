//! The context of a function. It keeps each use case between invocations, with its connections and its leases. It makes
//! a use case again when the configuration or a secret has changed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use recado_core::config::Config;
use recado_ledger::Ledger;
use recado_pipeline::{
    audio::{AudioStore, Audios},
    campaigns::Campaigns,
    enrich::Enricher,
    http::{HttpAnswer, HttpRequest},
    ingest::Intake,
    operate::Operator,
    proof::Prover,
    reconcile::Reconciler,
    secrets::{CallbackUrls, Panel, Secret, present_form_since},
    send::Sender,
    settle::Settler,
    sweep::Sweeper,
    sync::Syncer,
};
use recado_runtime::{
    environment::{
        leadsquared_base_url, leadsquared_client, liguelead_base_url, liguelead_client, made_up_secret, public_url,
        required,
    },
    installation,
};
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, OnceCell};

use crate::{
    aws,
    configuration::Configuration,
    secrets::{Held, Name, Secrets},
};

/// The retention of rows until the configuration is read, which sets its own. Nothing is written before.
const UNTIL_READ_MS: u64 = 90 * 86_400_000;

/// A function's table, configuration and secrets, and the use cases made from them.
#[derive(Debug)]
pub struct Function {
    ledger: Ledger,
    configuration: Configuration,
    secrets: Secrets,
    prover: Prover,
    /// The last version that this function followed; 0 before the first.
    followed: AtomicU64,
    intake: Kept<Intake>,
    settler: Kept<Settler>,
    applier: Kept<Settler>,
    /// Since when this installation signs callback URLs in their present form.
    present_form_since_ms: OnceCell<i64>,
    sender: Kept<Sender>,
    syncer: Kept<Syncer>,
    enricher: Kept<Enricher>,
    campaigns: Kept<Campaigns>,
}

/// The inputs of a use case.
#[derive(Debug, Clone)]
struct Basis {
    config: Arc<Config>,
    secrets: Vec<Arc<Held>>,
}

impl Basis {
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
            && self.secrets.len() == other.secrets.len()
            && self.secrets.iter().zip(&other.secrets).all(|(one, another)| Arc::ptr_eq(one, another))
    }

    fn secret(&self, place: usize) -> anyhow::Result<&Held> {
        self.secrets.get(place).map(AsRef::as_ref).context("a secret was not asked for")
    }
}

/// A use case, and the inputs that it was made from.
#[derive(Debug)]
struct Kept<T>(Mutex<Option<(Basis, T)>>);

impl<T: Clone> Kept<T> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    async fn of(&self, basis: Basis, make: impl FnOnce(&Basis) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut kept = self.0.lock().await;
        if let Some((made_of, made)) = kept.as_ref()
            && made_of.same(&basis)
        {
            return Ok(made.clone());
        }
        let made = make(&basis)?;
        *kept = Some((basis, made.clone()));
        Ok(made)
    }
}

impl Function {
    /// Reads the variables that the template sets: `RECADO_TABLE`, the secrets' ARNs, and the vendors' addresses.
    pub fn from_environment() -> anyhow::Result<Self> {
        let place = required("RECADO_TABLE", "the stack's table")?;
        let (endpoint, table) = endpoint_and_name(&place);
        let aws = aws::config()?;
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&aws);
        dynamodb.set_endpoint_url(endpoint.map(str::to_owned).or_else(|| aws::endpoint_of("DYNAMODB")));
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&aws);
        secrets.set_endpoint_url(aws::endpoint_of("SECRETS_MANAGER"));
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), table, UNTIL_READ_MS);
        Ok(Self::new(ledger, Secrets::of(aws_sdk_secretsmanager::Client::from_conf(secrets.build()))))
    }

    /// A function over this table and these secrets.
    #[must_use]
    pub fn new(ledger: Ledger, secrets: Secrets) -> Self {
        Self {
            configuration: Configuration::of(ledger.clone()),
            prover: Prover::new(ledger.clone(), installation::world()),
            followed: AtomicU64::new(0),
            ledger,
            secrets,
            intake: Kept::new(),
            settler: Kept::new(),
            applier: Kept::new(),
            present_form_since_ms: OnceCell::new(),
            sender: Kept::new(),
            syncer: Kept::new(),
            enricher: Kept::new(),
            campaigns: Kept::new(),
        }
    }

    /// The answer to a request that asks which installation this is; `None` for any other request.
    pub async fn proof(&self, request: &HttpRequest) -> Option<HttpAnswer> {
        self.prover.answer(request).await
    }

    /// The use case that takes LeadSquared's webhooks.
    pub async fn intake(&self) -> anyhow::Result<Intake> {
        let basis = self.basis(&[Name::Webhook]).await?;
        let make = |basis: &Basis| {
            let secret = basis.secret(0)?.secret()?;
            Ok(installation::intake(Arc::clone(&basis.config), &secret, &self.ledger_of(basis)))
        };
        self.intake.of(basis, make).await
    }

    /// The use case that takes LigueLead's delivery reports.
    pub async fn settler(&self) -> anyhow::Result<Settler> {
        let with_panel = [Name::Callback, Name::Panel];
        let basis = self.basis(if Name::Panel.is_given() { &with_panel } else { &[Name::Callback] }).await?;
        let world = installation::world();
        let asks = || present_form_since(&self.ledger, &world);
        let since_ms = *self.present_form_since_ms.get_or_try_init(asks).await?;
        let make = |basis: &Basis| {
            let secret = basis.secret(0)?.secret()?;
            let panel = match basis.secrets.get(1) {
                Some(held) => Some(panel(held, &secret)?),
                None => None,
            };
            Ok(installation::settler(&basis.config, (&secret, since_ms), panel, &self.ledger_of(basis)))
        };
        self.settler.of(basis, make).await
    }

    /// The use case that applies stored reports. It takes none, so it needs no secret.
    async fn applier(&self) -> anyhow::Result<Settler> {
        let basis = self.basis(&[]).await?;
        let make = |basis: &Basis| {
            Ok(installation::settler(&basis.config, (&nobodys_secret()?, 0), None, &self.ledger_of(basis)))
        };
        self.applier.of(basis, make).await
    }

    /// The use case that sends messages.
    pub async fn sender(&self) -> anyhow::Result<Sender> {
        let basis = self.basis(&[Name::Callback, Name::LigueLead, Name::LeadSquared]).await?;
        let make = |basis: &Basis| {
            let callback = basis.secret(0)?.secret()?;
            let client = sending_client(basis, basis.secret(1)?)?;
            let unknown_after_ms = basis.config.send.unknown_after_ms;
            let callbacks = public_url()?.map(|url| CallbackUrls::new(url, callback, unknown_after_ms));
            let leadsquared = crm_client(basis, basis.secret(2)?)?;
            Ok(installation::sender(&basis.config, client, leadsquared, callbacks, &self.ledger_of(basis)))
        };
        self.sender.of(basis, make).await
    }

    /// The use case that sweeps due rows.
    pub async fn sweeper(&self) -> anyhow::Result<Sweeper> {
        Ok(Sweeper { sender: self.sender().await?, settler: self.applier().await? })
    }

    /// Makes held messages due again, if the version in force changed hours, quotas or caps since the last time.
    pub async fn follow_version(&self) -> anyhow::Result<()> {
        let (version, config) = self.configuration.current_version().await?;
        // Once a version is followed, the table is not asked again until there is another version.
        if self.followed.load(Ordering::Relaxed) != version {
            let operator = Operator { ledger: self.ledger.clone(), world: installation::world() };
            operator.follow_version(version, &config).await?;
            self.followed.store(version, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The use case that uploads recordings from `store`, with the configuration in force.
    pub async fn audios(&self, store: AudioStore) -> anyhow::Result<(Audios, Arc<Config>)> {
        let basis = self.basis(&[Name::LigueLead]).await?;
        let client = sending_client(&basis, basis.secret(0)?)?;
        let audios = installation::audios(&basis.config, client, &self.ledger_of(&basis), store);
        Ok((audios, basis.config))
    }

    /// The use case that writes outcomes back to LeadSquared.
    pub async fn syncer(&self) -> anyhow::Result<Syncer> {
        let basis = self.basis(&[Name::LeadSquared]).await?;
        let make = |basis: &Basis| {
            let client = crm_client(basis, basis.secret(0)?)?;
            Ok(installation::syncer(&basis.config, client, &self.ledger_of(basis)))
        };
        self.syncer.of(basis, make).await
    }

    /// The use case that reads leads whose webhooks lacked data.
    pub async fn enricher(&self) -> anyhow::Result<Enricher> {
        let syncer = self.syncer().await?;
        let basis = self.basis(&[Name::LeadSquared]).await?;
        let make = |basis: &Basis| Ok(installation::enricher(&syncer, &self.decider(basis)?));
        self.enricher.of(basis, make).await
    }

    /// The use case that starts campaigns and brings their audiences to the sender.
    pub async fn campaigns(&self) -> anyhow::Result<Campaigns> {
        let syncer = self.syncer().await?;
        let basis = self.basis(&[Name::LeadSquared]).await?;
        self.campaigns.of(basis, |basis| Ok(installation::campaigns(Arc::clone(&basis.config), &syncer))).await
    }

    /// The use case that looks for leads whose webhooks did not arrive.
    pub async fn reconciler(&self) -> anyhow::Result<Reconciler> {
        let syncer = self.syncer().await?;
        let basis = self.basis(&[Name::LeadSquared]).await?;
        Ok(installation::reconciler(&syncer, &self.decider(&basis)?))
    }

    /// Decides on events that came without a webhook.
    fn decider(&self, basis: &Basis) -> anyhow::Result<Intake> {
        Ok(installation::intake(Arc::clone(&basis.config), &nobodys_secret()?, &self.ledger_of(basis)))
    }

    async fn basis(&self, names: &[Name]) -> anyhow::Result<Basis> {
        let config = self.configuration.current().await?;
        // Callbacks signed with the old secret are accepted for as long as reports are awaited.
        let previous_holds = Duration::from_millis(config.send.unknown_after_ms);
        let asked = names.iter().map(|name| self.secrets.get(*name, previous_holds));
        Ok(Basis { config, secrets: try_join_all(asked).await? })
    }

    fn ledger_of(&self, basis: &Basis) -> Ledger {
        self.ledger.with_retention(basis.config.retention_ms)
    }
}

/// The name of a table or a bucket. To try a function on a local machine it may be `http://host:port/NAME`:
/// `sam local invoke` passes only variables of the template, and the template has none for the endpoint.
pub(crate) fn endpoint_and_name(place: &str) -> (Option<&str>, &str) {
    place.rsplit_once('/').map_or((None, place), |(endpoint, name)| (Some(endpoint), name))
}

/// A secret for a use case that no request reaches: random, and known to nobody.
fn nobodys_secret() -> anyhow::Result<Secret> {
    Secret::parse(made_up_secret().expose_secret()).context("a secret of nobody's")
}

/// The panel's address. Its app id is no secret, and the template gives it beside the secret.
fn panel(held: &Held, callback: &Secret) -> anyhow::Result<Panel> {
    let secret = held.secret()?;
    if callback.is(secret.newest().expose_secret()) {
        bail!("the panel's secret must not be the callback secret: make up another one: openssl rand -hex 24");
    }
    Ok(Panel { secret, app_id: required("RECADO_PANEL_APP_ID", "the app id whose reports the panel sends")?.into() })
}

fn crm_client(basis: &Basis, keys: &Held) -> anyhow::Result<leadsquared::Client> {
    let credentials =
        leadsquared::Credentials { access_key: keys.part("access_key")?, secret_key: keys.part("secret_key")? };
    leadsquared_client(&leadsquared_base_url(), &credentials, call_timeout(basis))
}

fn sending_client(basis: &Basis, keys: &Held) -> anyhow::Result<liguelead::Client> {
    let credentials = liguelead::Credentials { api_token: keys.part("api_token")?, app_id: keys.part("app_id")? };
    liguelead_client(&liguelead_base_url(), &credentials, call_timeout(basis))
}

fn call_timeout(basis: &Basis) -> Duration {
    Duration::from_millis(basis.config.send.call_timeout_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_or_a_bucket_is_named_or_given_with_its_address() {
        assert_eq!(endpoint_and_name("recado-test.1"), (None, "recado-test.1"));
        assert_eq!(endpoint_and_name("http://127.0.0.1:4003/recado"), (Some("http://127.0.0.1:4003"), "recado"));
        assert_eq!(endpoint_and_name("recado-audio"), (None, "recado-audio"));
        assert_eq!(endpoint_and_name("http://127.0.0.1:4004/audio"), (Some("http://127.0.0.1:4004"), "audio"));
    }
}
