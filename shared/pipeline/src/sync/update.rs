//! Updating activities. Repeating it does no harm.

use leadsquared::Bulk;
use recado_core::{message::Message, writeback::Row};
use recado_ledger::CrmChange;

use super::{
    SyncError, Syncer, activity,
    run::{Ended, Window},
    unknown::Kind,
};

impl Syncer {
    /// Makes activities show the present states of their messages.
    pub(super) async fn update(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Ended, SyncError> {
        self.crm.wait_until(at_ms - window.prepare_ms).await;
        let is_old =
            |message: &Message| message.crm.activity_id.is_some() && message.crm.activity_state != Some(message.state);
        let rows = self.fresh(rows, window, is_old).await?;
        if rows.is_empty() {
            return Ok(Ended::default());
        }
        let id = |message: &Message| message.crm.activity_id.clone().unwrap_or_default();
        let updates: Vec<_> =
            rows.iter().map(|(message, _)| activity::update(message, &id(message), &window.unknown)).collect();
        let Some(permit) = self.crm.permit_at::<Bulk>(at_ms).await else { return Ok(Ended::missed()) };
        let outcomes = self.crm.with(permit).update_activities(&updates).await;
        let done = |message: &Message| CrmChange::of(message.id).activity(&id(message), message.state);
        self.record::<Bulk>(&rows, outcomes, Kind::Activity, done).await
    }
}
