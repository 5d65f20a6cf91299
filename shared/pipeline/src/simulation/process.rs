//! A process: the real use cases over the real ledger, built like an installation.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use liguelead::{Client, Credentials};
use recado_ledger::Ledger;
use recado_limits::{Clock, CrmAccount, CrmLimits, LigueLeadAccount, Plan};

use super::{
    crm,
    sketch::Setting,
    store::{TABLE, client},
    universe::{Process, Universe},
    vendor::Line,
};
use crate::{
    World,
    campaigns::Campaigns,
    crm::Crm,
    http::{Body, HttpRequest},
    ingest::Intake,
    opt_out::OptOuts,
    pauses::Pauses,
    secrets::{CallbackDoor, CallbackUrls, Secret},
    send::{InFlight, Sender},
    settings::SendSettings,
    settle::{Known, Settler},
    sweep::Sweeper,
};

const SECRET: &str = "a-simulated-secret-that-nobody-guesses";
/// The window of LigueLead's rate, in ms.
const WINDOW_MS: NonZeroU32 = NonZeroU32::new(60_000).unwrap();

/// LeadSquared's limits.
const CRM_LIMITS: CrmLimits = CrmLimits {
    calls: 10,
    bulk_calls: 1,
    bulk_counts_in_window: true,
    window_ms: 5_000,
    calls_per_day: None,
    day_in_shadow: false,
    reserve_per_mille: 0,
};

/// The use cases of one process.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) intake: Intake,
    pub(super) sweeper: Sweeper,
    pub(super) campaigns: Campaigns,
}

impl Installed {
    pub(super) fn sender(&self) -> &Sender {
        &self.sweeper.sender
    }

    pub(super) fn settler(&self) -> &Settler {
        &self.sweeper.settler
    }
}

/// The vendors' clients, which build every process's requests. They cost as much as the rest of a schedule, so all
/// schedules of a thread share one of each.
pub(super) struct Clients {
    liguelead: Client,
    leadsquared: leadsquared::Client,
}

pub(super) fn clients() -> Clients {
    let timeout = Duration::from_secs(20);
    let credentials = Credentials { api_token: SECRET.into(), app_id: SECRET.into() };
    let liguelead = Client::new("http://liguelead.invalid/v1", &credentials, timeout);
    let keys = leadsquared::Credentials { access_key: SECRET.into(), secret_key: SECRET.into() };
    let leadsquared = leadsquared::Client::new("http://leadsquared.invalid/v2", &keys, timeout);
    Clients {
        liguelead: liguelead.unwrap_or_else(|error| panic!("{error}")),
        leadsquared: leadsquared.unwrap_or_else(|error| panic!("{error}")),
    }
}

/// Builds a process.
pub(super) fn install(universe: &Arc<Universe>, process: Process, setting: &Setting, clients: &Clients) -> Installed {
    let config = Arc::clone(&setting.config);
    let ledger = Ledger::new(client(universe, process), TABLE, config.retention_ms);
    let settings = SendSettings::of(&config);
    let secret = Secret::parse(SECRET).unwrap_or_else(|error| panic!("{error}"));
    let world = {
        let (time, chance) = (Arc::clone(universe), Arc::clone(universe));
        World::new(
            move || time.clocks(process).wall_us.div_euclid(1_000),
            move || chance.draw(|rng| rng.u128(..)).to_be_bytes(),
        )
    };
    let crm = Crm {
        client: clients.leadsquared.through(Arc::new(crm::Crm { universe: Arc::clone(universe), process })),
        account: CrmAccount::new(ledger.client().clone(), TABLE, CRM_LIMITS),
        world: world.clone(),
    };
    let fields = config.leadsquared.opt_out.clone();
    let clocks = Arc::clone(universe);
    let limit = NonZeroU32::new(config.liguelead.requests_per_minute).unwrap_or(NonZeroU32::MIN);
    let sender = Sender {
        liguelead: clients.liguelead.through(Arc::new(Line { universe: Arc::clone(universe), process })),
        rate: LigueLeadAccount::new(ledger.client().clone(), TABLE, Plan::new(limit, WINDOW_MS)),
        clock: Clock::given(move || clocks.clocks(process)),
        low_rate: LigueLeadAccount::at_share(ledger.client().clone(), TABLE, Plan::new(limit, WINDOW_MS), 500),
        in_flight: InFlight::new(settings.requests_at_once),
        callbacks: "https://recado.example"
            .parse()
            .ok()
            .map(|url| CallbackUrls::new(url, secret.clone(), config.send.unknown_after_ms)),
        ledger: ledger.clone(),
        settings: settings.clone(),
        pauses: Pauses::default(),
        opt_outs: OptOuts::of(fields, crm.clone(), ledger.clone()),
        world: world.clone(),
    };
    let settler = Settler {
        ledger: ledger.clone(),
        door: CallbackDoor::new(secret.clone(), config.send.unknown_after_ms, 0, None),
        settings,
        world: world.clone(),
        known: Known::default(),
    };
    let campaigns = Campaigns {
        ledger: ledger.clone(),
        crm,
        config: Arc::clone(&config),
        pauses: Pauses::default(),
        world: world.clone(),
        holder: format!("{}/{}", process.slot, process.life),
    };
    Installed {
        intake: Intake { ledger, config, secret, world, wake: Arc::default() },
        sweeper: Sweeper { sender, settler },
        campaigns,
    }
}

/// A POST of JSON, as both vendors send it.
pub(super) fn post(query: Vec<(String, String)>, body: &serde_json::Value) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        query,
        content_type: Some("application/json".to_owned()),
        secret: Some(SECRET.to_owned()),
        body: Body::Whole(body.to_string().into_bytes()),
    }
}
