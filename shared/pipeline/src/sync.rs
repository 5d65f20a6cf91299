//! The write-back. The outcome of each message reaches LeadSquared as one activity, updated as the message's state
//! moves. It also goes into fields of the lead, if the configuration names them.
//!
//! `recado_core::writeback` plans, window by window, which requests write what; this module makes the requests. The
//! requests of a window run concurrently, and the next window is planned meanwhile. A slow response therefore delays
//! only its own rows.
//!
//! Posting an activity twice makes two activities. So a post is marked on the message before the request. If a marked
//! request got no answer, its activity is looked up by the message's id, in the activity's own field, before another
//! post.
//!
//! That holds however many functions work. A lease only keeps a second function from reserving slots for rows that the
//! first is about to write.

mod activity;
mod activity_code;
mod calls;
mod create;
mod find;
mod leads;
mod many;
mod names;
mod outlook;
mod record;
mod run;
mod unknown;
mod update;
mod window;

use recado_core::identity::MessageId;
use recado_ledger::Ledger;

use crate::{
    crm::{Crm, RunError},
    world::World,
};

pub use activity::CrmSettings;
pub(crate) use activity::activity_type;
pub use outlook::outlook;
pub use unknown::{UNKNOWN_FIELDS, UnknownFields};
pub use window::Preparation;

/// Writes outcomes back to LeadSquared.
#[derive(Debug, Clone)]
pub struct Syncer {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// The configuration's settings for the write-back.
    pub settings: CrmSettings,
    /// The clock.
    pub world: World,
    /// This function's name as the holder of leases. Each function has a different name.
    pub holder: String,
    /// How long before its slot a request is prepared.
    pub preparation: Preparation,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SyncReport {
    /// Requests to LeadSquared.
    pub calls: u64,
    /// Rows that LeadSquared took.
    pub rows: u64,
    /// Rows that LeadSquared refused.
    pub refused: u64,
    /// Messages that needed no request, because LeadSquared knew everything.
    pub done: u64,
}

impl SyncReport {
    /// Logs what was done, if anything was.
    pub fn log(&self) {
        if self.calls > 0 {
            tracing::info!(calls = self.calls, rows = self.rows, refused = self.refused, "sync.done");
        }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.rows += other.rows;
        self.refused += other.refused;
        self.done += other.done;
    }
}

impl Syncer {
    /// Writes back until nothing is due or no request can start before `until_ms`, in ms since the epoch. Returns at
    /// once if another function holds the lease for longer than that.
    pub async fn run(&self, until_ms: i64) -> Result<SyncReport, RunError> {
        // Boxed, so that callers do not hold the requests of a whole window.
        Box::pin(run::Run::new(self, until_ms).carry_out()).await
    }
}

/// The ids of planned rows.
fn ids<'r, R: 'r>(rows: impl IntoIterator<Item = &'r R>, id: impl Fn(&R) -> MessageId) -> Vec<MessageId> {
    rows.into_iter().map(id).collect()
}
