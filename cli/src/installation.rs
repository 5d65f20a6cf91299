//! The use cases of one installation, put together from configuration, environment and table.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use recado_core::config::Config;
use recado_limits::{Clock, CrmAccount, CrmLimits, LigueLeadAccount, Plan};
use recado_pipeline::{
    World,
    ingest::Intake,
    secrets::CallbackUrls,
    send::Sender,
    settings::SendSettings,
    settle::Settler,
    sweep::Sweeper,
    sync::{CrmSettings, Syncer},
};

use tokio::sync::Semaphore;

use crate::{data::Store, environment::Environment};

/// The window of LeadSquared's rates, in ms. Source: LeadSquared rate-limits page.
const CRM_WINDOW_MS: i64 = 5_000;

/// The window of LigueLead's rate, in ms. Source: LigueLead API limits page.
const LIGUELEAD_WINDOW_MS: NonZeroU32 = NonZeroU32::new(60_000).unwrap();

/// The use cases, ready to be called.
pub(crate) struct Installation {
    pub(crate) intake: Intake,
    pub(crate) sender: Sender,
    pub(crate) settler: Settler,
    pub(crate) sweeper: Sweeper,
    pub(crate) syncer: Syncer,
}

impl Installation {
    /// Puts the use cases together.
    pub(crate) fn new(config: Arc<Config>, environment: &Environment, store: &Store) -> anyhow::Result<Self> {
        let (liguelead, leadsquared) = environment.clients(Duration::from_millis(config.send.call_timeout_ms))?;
        let world = world();
        let ledger = &store.ledger;
        let settings = SendSettings::of(&config);
        let callbacks = environment
            .public_url
            .clone()
            .map(|public_url| CallbackUrls::new(public_url, environment.callback_secret.clone()));
        let settler = Settler {
            ledger: ledger.clone(),
            secret: environment.callback_secret.clone(),
            settings: settings.clone(),
            world: world.clone(),
        };
        let sender = Sender {
            ledger: ledger.clone(),
            liguelead,
            rate: liguelead_account(&config, store),
            clock: Clock::new(),
            in_flight: Arc::new(Semaphore::new(settings.requests_at_once)),
            callbacks,
            settings,
            world: world.clone(),
        };
        Ok(Self {
            sweeper: Sweeper { sender: sender.clone(), settler: settler.clone() },
            syncer: Syncer {
                ledger: ledger.clone(),
                leadsquared,
                account: crm_account(&config, store),
                settings: CrmSettings::of(&config),
                world: world.clone(),
            },
            intake: Intake { ledger: ledger.clone(), config, secret: environment.webhook_secret.clone(), world },
            sender,
            settler,
        })
    }
}

/// The account whose limits the configuration names.
pub(crate) fn crm_account(config: &Config, store: &Store) -> CrmAccount {
    let crm = &config.leadsquared;
    let limits = CrmLimits {
        calls: crm.own_calls_per_5s(),
        bulk_calls: crm.bulk_calls_per_5s,
        bulk_counts_in_window: crm.bulk_counts_in_window,
        window_ms: CRM_WINDOW_MS,
        calls_per_day: Some(crm.own_calls_per_day()),
    };
    CrmAccount::new(store.ledger.client().clone(), store.ledger.table(), limits)
}

/// The account whose rate the configuration names.
pub(crate) fn liguelead_account(config: &Config, store: &Store) -> LigueLeadAccount {
    // The configuration takes 1 at least.
    let limit = NonZeroU32::new(config.liguelead.requests_per_minute).unwrap_or(NonZeroU32::MIN);
    let plan = Plan::new(limit, LIGUELEAD_WINDOW_MS);
    LigueLeadAccount::new(store.ledger.client().clone(), store.ledger.table(), plan)
}

/// The system's clock, and random identifiers.
pub(crate) fn world() -> World {
    World::new(|| jiff::Timestamp::now().as_millisecond(), || uuid::Uuid::new_v4().into_bytes())
}
