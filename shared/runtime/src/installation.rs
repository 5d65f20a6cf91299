//! The use cases of one installation, put together from configuration, environment and table.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::environment::Environment;
use recado_core::config::Config;
use recado_ledger::Ledger;
use recado_limits::{Clock, CrmAccount, CrmLimits, LigueLeadAccount, Plan};
use recado_pipeline::{
    LeadCache,
    audio::{AudioStore, Audios},
    campaigns::Campaigns,
    crm::Crm,
    enrich::Enricher,
    ingest::Intake,
    opt_out::OptOuts,
    pauses::Pauses,
    reconcile::Reconciler,
    secrets::{CallbackDoor, CallbackUrls, Panel, Secret},
    send::{InFlight, Sender},
    settings::SendSettings,
    settle::{Known, Settler},
    sweep::Sweeper,
    sync::{CrmSettings, Preparation, Syncer},
};

pub use crate::world::world;

/// The window of LeadSquared's rates, in ms. Source: LeadSquared rate-limits page.
const CRM_WINDOW_MS: i64 = 5_000;

/// The window of LigueLead's rate, in ms. Source: LigueLead API limits page.
const LIGUELEAD_WINDOW_MS: NonZeroU32 = NonZeroU32::new(60_000).unwrap();

/// The use cases, ready to use.
#[derive(Debug)]
pub struct Installation {
    /// Accepts LeadSquared's webhooks.
    pub intake: Intake,
    /// Sends messages.
    pub sender: Sender,
    /// Accepts LigueLead's delivery reports.
    pub settler: Settler,
    /// The sweep: picks up due rows.
    pub sweeper: Sweeper,
    /// Writes outcomes back to LeadSquared.
    pub syncer: Syncer,
    /// Reads the leads of events that have too few fields.
    pub enricher: Enricher,
    /// Finds changes for which no webhook came.
    pub reconciler: Reconciler,
    /// Starts campaigns and hands their audiences to the sender.
    pub campaigns: Campaigns,
}

impl Installation {
    /// Builds all use cases. `present_form_since_ms` is since when this installation signs callback URLs in their present
    /// form.
    pub fn new(
        config: Arc<Config>,
        environment: &Environment,
        ledger: &Ledger,
        present_form_since_ms: i64,
    ) -> anyhow::Result<Self> {
        let (liguelead, leadsquared) = environment.clients(Duration::from_millis(config.send.call_timeout_ms))?;
        let secret = &environment.callback_secret;
        let urls = |public_url| CallbackUrls::new(public_url, secret.clone(), config.send.unknown_after_ms);
        let callbacks = environment.public_url.clone().map(urls);
        let app_id = &environment.liguelead.app_id;
        let panel = environment.panel_secret.clone().map(|secret| Panel { secret, app_id: app_id.clone() });
        let settler = settler(&config, (secret, present_form_since_ms), panel, ledger);
        let sender = sender(&config, liguelead, leadsquared.clone(), callbacks, ledger);
        let syncer = syncer(&config, leadsquared, ledger);
        let campaigns = campaigns(Arc::clone(&config), &syncer);
        let intake = intake(config, &environment.webhook_secret, ledger);
        Ok(Self {
            enricher: enricher(&syncer, &intake),
            reconciler: reconciler(&syncer, &intake),
            campaigns,
            sweeper: Sweeper { sender: sender.clone(), settler: settler.clone() },
            syncer,
            intake,
            sender,
            settler,
        })
    }
}

/// Accepts LeadSquared's webhooks, which must show `secret`.
#[must_use]
pub fn intake(config: Arc<Config>, secret: &Secret, ledger: &Ledger) -> Intake {
    Intake { ledger: ledger.clone(), config, secret: secret.clone(), world: world(), wake: Arc::default() }
}

/// Accepts LigueLead's delivery reports. `secret` signs the callback URLs, in their present form since
/// `present_form_since_ms`. Without `panel`, the address of LigueLead's panel is closed.
#[must_use]
pub fn settler(
    config: &Config,
    (secret, present_form_since_ms): (&Secret, i64),
    panel: Option<Panel>,
    ledger: &Ledger,
) -> Settler {
    Settler {
        ledger: ledger.clone(),
        door: CallbackDoor::new(secret.clone(), config.send.unknown_after_ms, present_form_since_ms, panel),
        settings: SendSettings::of(config),
        world: world(),
        known: Known::default(),
    }
}

/// Sends messages, after `leadsquared` said which leads opted out. Without `callbacks`, LigueLead posts reports to the
/// address set in its own panel.
#[must_use]
pub fn sender(
    config: &Config,
    liguelead: liguelead::Client,
    leadsquared: leadsquared::Client,
    callbacks: Option<CallbackUrls>,
    ledger: &Ledger,
) -> Sender {
    let settings = SendSettings::of(config);
    let fields = config.leadsquared.opt_out.clone();
    Sender {
        pauses: Pauses::default(),
        opt_outs: OptOuts::of(fields, crm(config, leadsquared, ledger), ledger.clone()),
        ledger: ledger.clone(),
        liguelead,
        rate: liguelead_account(config, ledger),
        clock: Clock::new(),
        low_rate: low_priority_account(config, ledger),
        in_flight: InFlight::new(settings.requests_at_once),
        callbacks,
        settings,
        world: world(),
    }
}

/// Adds recordings and makes sure that LigueLead has them. Their files are kept in `store`.
#[must_use]
pub fn audios(config: &Config, liguelead: liguelead::Client, ledger: &Ledger, store: AudioStore) -> Audios {
    Audios {
        ledger: ledger.clone(),
        liguelead,
        rate: liguelead_account(config, ledger),
        clock: Clock::new(),
        store,
        world: world(),
    }
}

/// Writes outcomes back to LeadSquared.
#[must_use]
pub fn syncer(config: &Config, leadsquared: leadsquared::Client, ledger: &Ledger) -> Syncer {
    let world = world();
    Syncer {
        holder: world.fresh_batch().to_string(),
        preparation: Preparation::default(),
        ledger: ledger.clone(),
        crm: crm(config, leadsquared, ledger),
        settings: CrmSettings::of(config),
        world,
    }
}

/// Reads the leads of events that have too few fields, and then passes the events to `intake`.
#[must_use]
pub fn enricher(syncer: &Syncer, intake: &Intake) -> Enricher {
    Enricher {
        ledger: syncer.ledger.clone(),
        crm: syncer.crm.clone(),
        intake: intake.clone(),
        world: syncer.world.clone(),
        leads: LeadCache::default(),
    }
}

/// Finds leads whose webhooks did not come, and then passes the changes to `intake`.
#[must_use]
pub fn reconciler(syncer: &Syncer, intake: &Intake) -> Reconciler {
    Reconciler {
        ledger: syncer.ledger.clone(),
        crm: syncer.crm.clone(),
        intake: intake.clone(),
        world: syncer.world.clone(),
    }
}

/// Starts campaigns and hands their audiences to the sender.
#[must_use]
pub fn campaigns(config: Arc<Config>, syncer: &Syncer) -> Campaigns {
    Campaigns {
        ledger: syncer.ledger.clone(),
        crm: syncer.crm.clone(),
        config,
        pauses: Pauses::default(),
        world: syncer.world.clone(),
        holder: syncer.holder.clone(),
    }
}

/// LeadSquared's client, held inside the account's limits.
#[must_use]
pub fn crm(config: &Config, client: leadsquared::Client, ledger: &Ledger) -> Crm {
    Crm { client, account: crm_account(config, ledger), world: world() }
}

/// LeadSquared's account, with the limits from the configuration.
#[must_use]
pub fn crm_account(config: &Config, ledger: &Ledger) -> CrmAccount {
    let crm = &config.leadsquared;
    let limits = CrmLimits {
        calls: crm.own_calls_per_5s(),
        bulk_calls: crm.bulk_calls_per_5s,
        bulk_counts_in_window: crm.bulk_counts_in_window,
        window_ms: CRM_WINDOW_MS,
        calls_per_day: Some(crm.own_calls_per_day()),
        day_in_shadow: crm.day_in_shadow,
        reserve_per_mille: crm.reserve_per_mille,
    };
    CrmAccount::new(ledger.client().clone(), ledger.table(), limits)
}

/// LigueLead's account, with the rate from the configuration.
#[must_use]
pub fn liguelead_account(config: &Config, ledger: &Ledger) -> LigueLeadAccount {
    LigueLeadAccount::new(ledger.client().clone(), ledger.table(), liguelead_plan(config))
}

/// The same account with the share of the rate that low priority may use.
#[must_use]
pub fn low_priority_account(config: &Config, ledger: &Ledger) -> LigueLeadAccount {
    let share = config.liguelead.campaign_share_per_mille;
    LigueLeadAccount::at_share(ledger.client().clone(), ledger.table(), liguelead_plan(config), share)
}

fn liguelead_plan(config: &Config) -> Plan {
    // The configuration's smallest value is 1.
    let limit = NonZeroU32::new(config.liguelead.requests_per_minute).unwrap_or(NonZeroU32::MIN);
    Plan::new(limit, LIGUELEAD_WINDOW_MS)
}
