//! The write-back: what became of each message reaches LeadSquared as one activity, updated as its state moves, and
//! as fields of the lead where the configuration names them.
//!
//! What to write by which calls is planned window by window (`recado_core::writeback`); here the calls are made. Those of
//! a window run side by side, and the next window is planned while they are under way, so that a slow answer holds up
//! nobody but its own rows.
//!
//! A posted activity cannot be posted again without making a second one, so a post is marked on the message before
//! the call. A mark whose call was never answered for is looked up, by the message's id in the activity's own field,
//! before anything is posted again. That holds however many functions are at work; a lease only keeps a second one from
//! reserving slots for rows that the first is about to write.

mod activity;
mod activity_code;
mod calls;
mod create;
mod find;
mod leads;
mod many;
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

/// Writes outcomes back.
#[derive(Debug, Clone)]
pub struct Syncer {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared, inside the account's limits.
    pub crm: Crm,
    /// What the configuration says about the write-back.
    pub settings: CrmSettings,
    /// The time.
    pub world: World,
    /// What this function is called where one leads; another one's is different.
    pub holder: String,
    /// How long before its slot a call is prepared.
    pub preparation: Preparation,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SyncReport {
    /// Calls made to LeadSquared.
    pub calls: u64,
    /// Rows that it took.
    pub rows: u64,
    /// Rows that it refused.
    pub refused: u64,
    /// Messages of which LeadSquared knew all there is without a call.
    pub done: u64,
}

impl SyncReport {
    /// Says what was done, if anything was.
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
    /// Writes back until nothing is due or no call can start before `until_ms`, in ms since the epoch. At once when
    /// another function is at it for longer than that.
    pub async fn run(&self, until_ms: i64) -> Result<SyncReport, RunError> {
        // Boxed: it holds a whole window's calls, and its callers need not.
        Box::pin(run::Run::new(self, until_ms).carry_out()).await
    }
}

/// The ids of planned rows.
fn ids<'r, R: 'r>(rows: impl IntoIterator<Item = &'r R>, id: impl Fn(&R) -> MessageId) -> Vec<MessageId> {
    rows.into_iter().map(id).collect()
}
