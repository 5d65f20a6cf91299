//! LigueLead's messaging API, `/v1`: SMS, voice and the callbacks that follow.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /sms` | 202 with a campaign id |
//! | `POST /voice` | 202 with a campaign id |
//! | `POST /voice/uploads` | 201 with an id; MP3 and WAV alone, at most 50 MB and 1,000 files |
//! | `GET /voice/uploads`, `GET /voice/uploads/{id}` | the uploads, and [`Options::voice_uploads`] |
//! | `GET /health` | 200 |
//!
//! Every request needs both `api-token` and `app-id`, and every answer carries the three `X-RateLimit` headers. Source:
//! the vendor's API limits page, and the `docs` of its clients for gaps in that page. A comment beside the code names
//! each choice of our own.
//!
//! Phones are dialled from 08:00 to 21:44 in São Paulo. Voice calls of another hour wait until 08:00, and so do their
//! callbacks.
//!
//! Not simulated: RCS and AI voice agents.

mod account;
mod audio;
mod billing;
mod body;
mod callbacks;
mod hostile;
mod in_process;
mod options;
mod phones;
mod plan;
mod received;
mod send;
mod sms;
mod uploads;
mod vendor;
mod voice;
mod webhook_url;

use std::{io, sync::Arc};

use tokio::net::TcpListener;

pub use billing::{Billing, LengthUnit};
pub use in_process::{DueCallback, InProcess, Reply};
pub use options::{CallbackOptions, Options};
pub use received::{Callback, Campaign, Channel, Received, Redials};
pub use uploads::Uploaded;

use crate::{
    clock::Clock,
    control::{self, Controlled},
    faults::Faults,
    gate::{Gate, Limits},
    serve::Server,
    window::Window,
};
use vendor::LigueLead;

const WINDOW_MS: u64 = 60_000;

/// A running simulator. Dropping it ends the server, open connections and outstanding callbacks.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    gate: Arc<Gate<LigueLead>>,
}

/// Serves LigueLead's API on `listener`. Must be called inside a tokio runtime.
pub fn start(listener: TcpListener, options: Options) -> io::Result<Simulator> {
    let limits = Limits {
        windows: vec![Window::new(options.requests_per_minute, WINDOW_MS)],
        concurrent_max: options.concurrent,
    };
    let (faults, calls_max) = (options.faults.clone(), options.keep_calls);
    let clock = Clock::start();
    let vendor = Arc::new(LigueLead::new(options, clock)?);
    let gate = Gate::new(vendor, clock, limits, faults, calls_max);
    let router = gate.router().merge(control::router(Arc::clone(&gate)));
    Ok(Simulator { server: Server::start(listener, router)?, gate })
}

/// [`start`] on a free port of the loopback interface.
pub async fn start_local(options: Options) -> io::Result<Simulator> {
    start(TcpListener::bind(("127.0.0.1", 0)).await?, options)
}

impl Simulator {
    /// The base URL for a client: `http://host:port/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.server.origin())
    }

    /// `http://host:port`, the origin of the control requests.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// A copy of everything received and called back so far.
    #[must_use]
    pub fn received(&self) -> Received {
        Controlled::received(&*self.gate)
    }

    /// Forgets the records. The window of the rate limit and the spent credits stay.
    pub fn forget(&self) {
        Controlled::forget(&*self.gate);
    }

    /// Loses an uploaded audio, as the vendor does after a year without use. `false` if there is none with this id.
    #[must_use]
    pub fn forget_upload(&self, id: u64) -> bool {
        self.gate.vendor.forget_upload(id)
    }

    /// Replaces all faults; the counts of the new rules start at 0.
    pub fn set_faults(&self, faults: Faults) {
        self.gate.set_faults(faults);
    }

    /// Ends the server and the callbacks. Returns once the port is free.
    pub async fn stop(mut self) {
        self.server.stop().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.gate.vendor.stop_callbacks();
    }
}

impl Controlled for Gate<LigueLead> {
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
