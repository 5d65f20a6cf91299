//! LeadSquared's API, `/v2`: leads, activities and webhooks, over an account in memory.
//!
//! Paths are matched without regard to case, as the vendor seems to do.
//!
//! | service | requests |
//! | --- | --- |
//! | `Authentication.svc` | `UserByAccessKey.Get` |
//! | `LeadManagement.svc`, reading | `Leads.GetById`, `Leads/Retrieve/ByIds`, `Leads.GetByEmailaddress`, `RetrieveLeadByPhoneNumber`, `Leads.GetByQuickSearch`, `Leads.Get`, `Leads.RecentlyModified`, `LeadsMetaData.Get` |
//! | `LeadManagement.svc`, writing | `Lead.Create`, `Lead.Update`, `Lead.CreateOrUpdate`, `Lead.Capture`, `CreateLeadField` |
//! | `LeadManagement.svc`, bulk | `Lead/Bulk/Create` (50), `Lead/Bulk/CreateOrUpdate` (25 or 50), `Lead/Bulk/Update` (50), `Lead/Bulk/UpdateV2` (25) |
//! | `ProspectActivity.svc` | `ActivityTypes.Get`, `CreateType`, `CustomActivity/GetActivitySetting`, `Create`, `CreateCustom`, `CustomActivity/Update`, `Retrieve`, `CustomActivity/RetrieveByActivityEvent` |
//! | `ProspectActivity.svc`, bulk | `Bulk/CustomActivity/Add/ByLeadId`, `…/Add/ByLeadField`, `…/Update` (25 each) |
//! | `Webhook.svc` | `Create`, `Update`, `Retrieve`, `Delete` |
//!
//! Bulk requests are those that the page of limits names. An activity that is posted again is a second activity.
//!
//! Both simulators have control requests. This one also has `PUT /_recado/leads/{id}` with an object of fields. It
//! edits a lead as a user of the CRM does, which raises webhooks; see [`Simulator::edit_lead`].

mod activities;
mod activities_bulk;
mod activity_types;
mod authentication;
mod desk;
mod events;
mod fields;
mod hooks;
mod in_process;
mod lead_fields;
mod leads_bulk;
mod leads_read;
mod leads_search;
mod leads_update_v2;
mod leads_write;
mod options;
mod received;
mod refusal;
mod routes;
mod store;
mod throttle;
mod vendor;
mod webhook;

use std::{collections::BTreeMap, io, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing,
};
use tokio::net::TcpListener;

pub use in_process::{InProcess, Reply};
pub use options::{Counted, Dropdown, MissingLead, Options, Plan, Throttle};
pub use received::{Activity, Delivery, Lead, Received};

use crate::{
    clock::Clock,
    control::{self, Controlled},
    faults::Faults,
    gate::{Gate, Limits},
    serve::Server,
    window::Window,
};
use vendor::LeadSquared;

const WINDOW_MS: u64 = 5_000;
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// A guard of the simulator itself; LeadSquared documents no limit of concurrent requests.
pub(crate) const CONCURRENT_MAX: usize = 10_000;

/// A running simulator. Dropping it ends the server, open connections and outstanding webhooks.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    gate: Arc<Gate<LeadSquared>>,
}

/// Serves LeadSquared's API on `listener`. Must be called inside a tokio runtime.
pub fn start(listener: TcpListener, options: Options) -> io::Result<Simulator> {
    let limits = Limits {
        // In the order of the indexes in `vendor`.
        windows: vec![
            Window::new(options.standard_limit(), WINDOW_MS),
            Window::new(options.bulk_calls_per_5s, WINDOW_MS),
            Window::new(options.calls_per_day.unwrap_or(u64::MAX), DAY_MS),
        ],
        concurrent_max: CONCURRENT_MAX,
    };
    let (faults, calls_max) = (options.faults.clone(), options.keep_calls);
    let clock = Clock::start();
    let vendor = Arc::new(LeadSquared::new(options, clock)?);
    let gate = Gate::new(vendor, clock, limits, faults, calls_max);
    let edits = Router::new().route("/_recado/leads/{id}", routing::put(edit)).with_state(Arc::clone(&gate));
    let router = gate.router().merge(control::router(Arc::clone(&gate))).merge(edits);
    Ok(Simulator { server: Server::start(listener, router)?, gate })
}

/// [`start`] on a free port of the loopback interface.
pub async fn start_local(options: Options) -> io::Result<Simulator> {
    start(TcpListener::bind(("127.0.0.1", 0)).await?, options)
}

impl Simulator {
    /// The base URL for a client: `http://host:port/v2`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v2", self.server.origin())
    }

    /// `http://host:port`, the origin of the control requests.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// A copy of everything received so far, and of the account's state.
    #[must_use]
    pub fn received(&self) -> Received {
        Controlled::received(&*self.gate)
    }

    /// All leads, in the order of creation.
    #[must_use]
    pub fn leads(&self) -> Vec<Lead> {
        self.gate.vendor.leads()
    }

    /// The lead with this id, without regard to case.
    #[must_use]
    pub fn lead(&self, id: &str) -> Option<Lead> {
        self.gate.vendor.lead(id)
    }

    /// All activities, in the order of creation.
    #[must_use]
    pub fn activities(&self) -> Vec<Activity> {
        self.gate.vendor.activities()
    }

    /// Writes a lead without raising webhooks. A new id creates a lead; otherwise only these fields change. Any field
    /// name is accepted.
    pub fn put_lead<'a>(&self, id: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.gate.vendor.put_lead(id, owned(fields));
    }

    /// Writes a lead as a user of the CRM. It works like [`Simulator::put_lead`], but its author is not the API's user,
    /// and it raises webhooks.
    pub fn edit_lead<'a>(&self, id: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.gate.vendor.edit_lead(id, owned(fields));
    }

    /// Raises the webhooks of an event about data that the simulator does not store (a task, an opportunity, a
    /// submission). The event's number and the body are given.
    pub fn raise(&self, event: u16, body: serde_json::Value) {
        self.gate.vendor.raise(event, body);
    }

    /// Creates an activity type with this code. It declares no fields, so it accepts `mx_Custom_1` to `50`.
    pub fn put_activity_type(&self, code: u32, name: &str) {
        self.gate.vendor.put_activity_type(code, name);
    }

    /// Forgets the requests and deliveries. Leads, activities, types, webhooks and the windows of the limits stay.
    pub fn forget(&self) {
        Controlled::forget(&*self.gate);
    }

    /// Replaces all faults; the counts of the new rules start at 0.
    pub fn set_faults(&self, faults: Faults) {
        self.gate.set_faults(faults);
    }

    /// Ends the server and the webhooks. Returns once the port is free.
    pub async fn stop(mut self) {
        self.server.stop().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.gate.vendor.stop_webhooks();
    }
}

impl Controlled for Gate<LeadSquared> {
    type Received = Received;

    fn received(&self) -> Received {
        let (calls, forgotten_calls) = self.calls();
        self.vendor.received(calls, forgotten_calls)
    }

    fn forget(&self) {
        self.forget_calls();
        self.vendor.forget();
    }

    fn faults(&self) -> Faults {
        Gate::faults(self)
    }

    fn set_faults(&self, faults: Faults) {
        Gate::set_faults(self, faults);
    }
}

async fn edit(
    State(gate): State<Arc<Gate<LeadSquared>>>,
    Path(id): Path<String>,
    Json(fields): Json<BTreeMap<String, Option<String>>>,
) -> StatusCode {
    gate.vendor.edit_lead(&id, fields.into_iter().collect());
    StatusCode::NO_CONTENT
}

fn owned<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<fields::Pair> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect()
}
