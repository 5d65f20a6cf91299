//! The write-back: what became of each message reaches LeadSquared as one activity, updated as its state moves, and
//! as fields of the lead where the configuration names them.
//!
//! A posted activity cannot be posted again without making a second one, so a post is marked on the message before
//! the call. A mark whose call was never answered for is looked up, by the message's id in the activity's own field,
//! before anything is posted again.

mod activity;
mod calls;

use std::{collections::HashMap, time::Duration};

use leadsquared::CallError;
use recado_core::{
    identity::MessageId,
    message::Message,
    writeback::{Step, next_step},
};
use recado_ledger::{CrmChange, Ledger, LedgerError};
use recado_limits::LimitError;

use crate::{crm::Crm, world::World};

pub use activity::CrmSettings;
pub(crate) use activity::activity_type;

/// Messages looked at for one call, per shard of the index.
const ROWS_PER_SHARD: i32 = 100;

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
    /// Messages of which LeadSquared knows all there is.
    pub done: u64,
}

/// Why a run stopped before its time.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The table failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The limits could not be asked: no call is made.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// LeadSquared failed for all rows alike.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Syncer {
    /// Writes back until nothing is due or no call can start before `until_ms`, in ms since the epoch.
    pub async fn run(&self, until_ms: i64) -> Result<SyncReport, SyncError> {
        let mut report = SyncReport::default();
        loop {
            let now_ms = self.world.now_ms();
            let ids = self.ledger.crm_due(now_ms, ROWS_PER_SHARD).await?;
            let waiting = self.ledger.messages(&ids).await?;
            // The index lags: what a row itself says of its appointment counts.
            let is_due = |message: &Message| message.crm.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
            let waiting: Vec<Message> = waiting.into_iter().filter(is_due).collect();
            let step = next_step(&waiting, now_ms, self.settings.stale_after_ms, self.settings.lead_fields.is_some());
            let Some(step) = step else { return Ok(report) };
            let messages: HashMap<MessageId, Message> = waiting.into_iter().map(|m| (m.id, m)).collect();
            if !self.take(step, &messages, until_ms, &mut report).await? {
                return Ok(report);
            }
        }
    }

    /// Carries out one step. `false`: its call cannot start in time.
    async fn take(
        &self,
        step: Step,
        messages: &HashMap<MessageId, Message>,
        until_ms: i64,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let rows = |ids: &[MessageId]| ids.iter().filter_map(|id| messages.get(id)).collect::<Vec<_>>();
        match step {
            Step::Wait(ready_ms) if ready_ms < until_ms => self.wait_until(ready_ms).await,
            Step::Wait(_) => return Ok(false),
            Step::Done(known) => {
                report.done += known.len() as u64;
                let changes = known.into_iter().map(|(id, state)| CrmChange::of(id).done_in(state));
                self.ledger.change_crm(changes.collect()).await?;
            }
            Step::Superseded(known) => {
                let changes = known.into_iter().map(|(id, state)| CrmChange::of(id).lead(state).while_in(state));
                self.ledger.change_crm(changes.collect()).await?;
            }
            Step::Find(id) => {
                let Some(message) = messages.get(&id) else { return Ok(true) };
                return self.find(message, until_ms, report).await;
            }
            Step::Add(ids) => return self.add(&rows(&ids), until_ms, report).await,
            Step::Update(ids) => return self.update(&rows(&ids), until_ms, report).await,
            Step::Leads(ids) => return self.leads(&rows(&ids), until_ms, report).await,
        }
        Ok(true)
    }

    async fn wait_until(&self, at_ms: i64) {
        let wait_ms = u64::try_from(at_ms - self.world.now_ms()).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}
