//! Updates activities. Repeating an update is harmless.

use leadsquared::{ActivityUpdate, Bulk, RowOutcome, Standard};
use recado_core::{
    message::Message,
    transition::Transition,
    writeback::{Row, Then},
};

use super::{
    RunError, Syncer, activity,
    unknown::Kind,
    window::{Ended, Window},
};

impl Syncer {
    /// Makes activities show the present states of their messages.
    pub(super) async fn update(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let rows = self.outdated(rows, at_ms, window).await?;
        if rows.is_empty() {
            return Ok(Ended::default());
        }
        let updates: Vec<_> = rows.iter().map(|(message, _)| update_of(message, window)).collect();
        let Some(permit) = self.crm.permit_at::<Bulk>(at_ms).await else { return Ok(Ended::missed()) };
        let outcomes = self.crm.with(permit).update_activities(&updates).await;
        self.record::<Bulk>(&rows, outcomes, Kind::Activity, updated).await
    }

    /// The same for one activity, by a standard request.
    pub(super) async fn update_one(&self, row: Row, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let rows = self.outdated(&[row], at_ms, window).await?;
        let Some((message, _)) = rows.first() else { return Ok(Ended::default()) };
        let update = update_of(message, window);
        let Some(permit) = self.crm.permit_at::<Standard>(at_ms).await else { return Ok(Ended::missed()) };
        let outcome = self.crm.with(permit).update_activity(&update, window.code).await;
        let outcomes = outcome.map(|()| vec![RowOutcome::Done { activity_id: None }]);
        self.record::<Standard>(&rows, outcomes, Kind::Activity, updated).await
    }

    /// Reads rows again shortly before their request. Leaves out rows whose activity already shows the present state.
    async fn outdated(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Vec<(Message, Then)>, RunError> {
        self.crm.wait_until(at_ms - window.prepare_ms).await;
        let is_old =
            |message: &Message| message.crm.activity_id.is_some() && message.crm.activity_state != Some(message.state);
        self.fresh(rows, window, is_old).await
    }
}

fn update_of(message: &Message, window: &Window) -> ActivityUpdate {
    activity::update(message, activity_id(message), &window.unknown)
}

fn updated(message: &Message) -> Transition {
    Transition::of_crm(message.id).activity(activity_id(message), message.state)
}

fn activity_id(message: &Message) -> &str {
    message.crm.activity_id.as_deref().unwrap_or_default()
}
