//! Posts activities. A post is marked before its request, and never repeated before its outcome was looked up.

use leadsquared::{Bulk, CallError, NewActivity, RowOutcome, Standard};
use recado_core::{
    message::Message,
    transition::Transition,
    writeback::{Row, Then},
};

use super::{
    RunError, Syncer,
    activity::new_activity,
    names::ID_FIELD,
    record::{Sent, Shown, parked},
    unknown::Kind,
    window::{Ended, Window},
};

impl Syncer {
    /// Posts activities in bulk.
    pub(super) async fn create(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let mine = self.mark(rows, at_ms, window).await?;
        if mine.is_empty() {
            return Ok(Ended::default());
        }
        let Some(permit) = self.crm.permit_at::<Bulk>(at_ms).await else { return self.unmark(&mine).await };
        let outcomes = self.crm.with(permit).add_activities(&activities(&mine, window)).await;
        let failed = match outcomes {
            Ok(outcomes) => return self.posted(&mine, outcomes).await,
            Err(error) => error,
        };
        self.not_posted::<Bulk>(&mine, failed).await
    }

    /// Posts one activity by a standard request.
    pub(super) async fn create_one(&self, row: Row, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let mine = self.mark(&[row], at_ms, window).await?;
        let activities = activities(&mine, window);
        let Some(activity) = activities.first() else { return Ok(Ended::default()) };
        let Some(permit) = self.crm.permit_at::<Standard>(at_ms).await else { return self.unmark(&mine).await };
        match self.crm.with(permit).add_activity(activity).await {
            Ok(activity_id) => self.posted(&mine, vec![RowOutcome::Done { activity_id }]).await,
            Err(error) => self.not_posted::<Standard>(&mine, error).await,
        }
    }

    /// Marks rows, shortly before `at_ms`, as posted from then on. Returns the rows that this request may post: no
    /// other function posts them.
    async fn mark(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Vec<(Message, Then)>, RunError> {
        self.crm.wait_until(at_ms - window.prepare_ms).await;
        let is_new = |message: &Message| message.crm.activity_id.is_none() && message.crm.posted_ms.is_none();
        let mut fresh = self.fresh(rows, window, is_new).await?;
        if window.unknown.of_activity(ID_FIELD) {
            // Without its id field, no open post could be looked up, and no repetition could be recognised.
            let why = format!("the activity type has no field {ID_FIELD}, which holds the message's id");
            let parked = fresh.iter().map(|row| parked(of(row), &why)).collect();
            self.ledger.apply(parked).await?;
            return Ok(Vec::new());
        }
        let marks = fresh.iter().map(|(message, _)| Transition::posting(message.id, at_ms)).collect();
        let mut marked = self.ledger.apply(marks).await?.into_iter();
        fresh.retain(|_| marked.next().unwrap_or_default());
        Ok(fresh)
    }

    /// Removes the marks after a missed slot: nothing was posted.
    async fn unmark(&self, rows: &[(Message, Then)]) -> Result<Ended, RunError> {
        let back = rows.iter().map(|(message, _)| Transition::of_crm(message.id).not_posted());
        self.ledger.apply(back.collect()).await?;
        Ok(Ended::missed())
    }

    async fn posted(&self, rows: &[(Message, Then)], outcomes: Vec<RowOutcome>) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        ended.report.calls += 1;
        let (mut shown, mut changes) = (Vec::new(), Vec::new());
        for (row, outcome) in rows.iter().zip(outcomes) {
            let (message, then) = row;
            match outcome {
                RowOutcome::Done { activity_id: Some(id) } => {
                    ended.report.rows += 1;
                    let change = Transition::of_crm(message.id).activity(&id, message.state);
                    shown.push(Shown { message, then: *then, change });
                }
                RowOutcome::Refused { reason } => {
                    ended.report.refused += 1;
                    let learnt = self.learn(reason.unknown_attributes(), Kind::Activity).await?;
                    ended.learnt |= learnt;
                    let change = if learnt { self.at_once(message) } else { self.refused(of(row), &reason) };
                    changes.push(change.not_posted());
                }
                RowOutcome::Done { activity_id: None } | RowOutcome::Unknown => {
                    changes.push(self.look_up_later(message));
                }
            }
        }
        self.ledger.apply(changes).await?;
        self.shown(shown).await?;
        Ok(ended)
    }

    async fn not_posted<C: leadsquared::Class>(
        &self,
        rows: &[(Message, Then)],
        error: CallError,
    ) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        ended.report.calls += 1;
        if matches!(error, CallError::Unknown { .. }) {
            tracing::warn!(error = %error, rows = rows.len(), "sync.unknown");
            let open = rows.iter().map(|(message, _)| self.look_up_later(message)).collect();
            self.ledger.apply(open).await?;
            return Ok(ended);
        }
        ended.learnt = self.learn_from(&error, Kind::Activity).await?;
        let back = rows.iter().map(|row| {
            let change = if ended.learnt { self.at_once(&row.0) } else { self.not_taken(of(row), &error, rows.len()) };
            change.not_posted()
        });
        self.ledger.apply(back.collect()).await?;
        self.failed::<C>(error).await?;
        Ok(ended)
    }

    /// Keeps the mark of a post with an unknown outcome. The post is looked up when the mark is stale.
    fn look_up_later(&self, message: &Message) -> Transition {
        Transition::of_crm(message.id).later(message.crm.attempts, self.world.now_ms() + self.settings.stale_after_ms)
    }
}

fn of((message, then): &(Message, Then)) -> Sent<'_> {
    Sent { message, then: *then, kind: Kind::Activity }
}

fn activities(rows: &[(Message, Then)], window: &Window) -> Vec<NewActivity> {
    rows.iter().map(|(message, _)| new_activity(message, window.code, &window.unknown)).collect()
}
