//! The write-back's calls, and what their answers mean for the rows.

use leadsquared::{ACTIVITIES_PER_PAGE, Bulk, CallError, Class, RowOutcome, Standard};
use recado_core::{identity::MessageId, message::Message};
use recado_ledger::CrmChange;

use super::{
    SyncError, SyncReport, Syncer,
    activity::{self, ID_FIELD, activity_type, lead_update, new_activity},
};

/// Refusals of one row after which it is given up.
const MAX_ATTEMPTS: u32 = 5;
/// Activities of one lead that are looked through for an open post, at most.
const MOST_LOOKED_AT: u32 = 500;
/// The wait after the first refusal of a row, in ms; doubled with each.
const FIRST_WAIT_MS: i64 = 60_000;

impl Syncer {
    /// Posts activities, each marked as posted before the call.
    pub(super) async fn add(
        &self,
        rows: &[&Message],
        until_ms: i64,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let Some(code) = self.activity_code(until_ms, report).await? else { return Ok(false) };
        let Some(permit) = self.crm.permit::<Bulk>(until_ms).await? else { return Ok(false) };
        let now_ms = self.world.now_ms();
        let rows = self.fresh(rows, |message| message.crm.activity_id.is_none()).await?;
        let marks = rows.iter().map(|message| CrmChange::of(message.id).posting(now_ms)).collect();
        let marked = self.ledger.change_crm(marks).await?;
        let mine: Vec<&Message> = rows.iter().zip(marked).filter(|(_, mine)| *mine).map(|(row, _)| row).collect();
        if mine.is_empty() {
            return Ok(true);
        }
        let activities: Vec<_> = mine.iter().map(|message| new_activity(message, code)).collect();
        report.calls += 1;
        match self.crm.with(permit).add_activities(&activities).await {
            Ok(outcomes) => {
                let (mut shown, mut changes) = (Vec::new(), Vec::new());
                for (message, outcome) in mine.iter().zip(outcomes) {
                    match outcome {
                        RowOutcome::Done { activity_id: Some(id) } => {
                            report.rows += 1;
                            shown.push((*message, CrmChange::of(message.id).activity(&id, message.state)));
                        }
                        RowOutcome::Refused { reason } => {
                            report.refused += 1;
                            changes.push(self.refused(message, &reason.to_string()).not_posted());
                        }
                        RowOutcome::Done { activity_id: None } | RowOutcome::Unknown => {
                            changes.push(self.look_up_later(message));
                        }
                    }
                }
                self.ledger.change_crm(changes).await?;
                self.shown(shown).await?;
                Ok(true)
            }
            Err(error @ CallError::Unknown { .. }) => {
                tracing::warn!(error = %error, rows = mine.len(), "sync.unknown");
                let open = mine.iter().map(|message| self.look_up_later(message)).collect();
                self.ledger.change_crm(open).await?;
                Ok(true)
            }
            Err(error) => {
                let back = mine.iter().map(|message| self.not_taken(message, &error).not_posted());
                self.ledger.change_crm(back.collect()).await?;
                self.failed::<Bulk>(error).await
            }
        }
    }

    /// Updates activities. Repeating it does no harm.
    pub(super) async fn update(
        &self,
        rows: &[&Message],
        until_ms: i64,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let Some(permit) = self.crm.permit::<Bulk>(until_ms).await? else { return Ok(false) };
        let rows = self.fresh(rows, |message| message.crm.activity_state != Some(message.state)).await?;
        if rows.is_empty() {
            return Ok(true);
        }
        let with_ids: Vec<(&Message, &str)> =
            rows.iter().filter_map(|message| Some((message, message.crm.activity_id.as_deref()?))).collect();
        let updates: Vec<_> = with_ids.iter().map(|(message, id)| activity::update(message, id)).collect();
        report.calls += 1;
        let outcomes = self.crm.with(permit).update_activities(&updates).await;
        let done = |message: &Message| {
            let id = message.crm.activity_id.as_deref().unwrap_or_default();
            CrmChange::of(message.id).activity(id, message.state)
        };
        let messages: Vec<&Message> = with_ids.iter().map(|(message, _)| *message).collect();
        self.record(&messages, outcomes, done, report).await
    }

    /// Writes outcomes into the leads' own fields. Repeating it does no harm.
    pub(super) async fn leads(
        &self,
        rows: &[&Message],
        until_ms: i64,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let Some(fields) = &self.settings.lead_fields else { return Ok(true) };
        let Some(permit) = self.crm.permit::<Bulk>(until_ms).await? else { return Ok(false) };
        let rows = self.fresh(rows, |message| message.crm.lead_state != Some(message.state)).await?;
        if rows.is_empty() {
            return Ok(true);
        }
        let rows: Vec<&Message> = rows.iter().collect();
        let updates: Vec<_> = rows.iter().map(|message| lead_update(message, fields)).collect();
        report.calls += 1;
        let outcomes = self.crm.with(permit).update_leads(&updates).await;
        self.record(&rows, outcomes, |message| CrmChange::of(message.id).lead(message.state), report).await
    }

    /// Looks up whether a post that was never answered for made its activity.
    pub(super) async fn find(
        &self,
        message: &Message,
        until_ms: i64,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let Some(code) = self.activity_code(until_ms, report).await? else { return Ok(false) };
        let wanted = message.id.to_string();
        let mut offset = 0;
        let found = loop {
            let Some(permit) = self.crm.permit(until_ms).await? else { return Ok(false) };
            report.calls += 1;
            let page = self.crm.with(permit).activities_of_lead_from(&message.lead_id, code, offset).await;
            let Ok(activities) = &page else { break page.map(|_| None) };
            let ours = activities.iter().find(|activity| activity.fields.get(ID_FIELD) == Some(wanted.as_str()));
            let is_last = activities.len() < ACTIVITIES_PER_PAGE as usize || offset >= MOST_LOOKED_AT;
            if ours.is_some() || is_last {
                break Ok(ours.map(|activity| activity.id.clone()));
            }
            offset += ACTIVITIES_PER_PAGE;
        };
        match found {
            Ok(found) => {
                let change = match found {
                    Some(id) => CrmChange::of(message.id).found(&id),
                    None => CrmChange::of(message.id).not_posted(),
                };
                self.ledger.change_crm(vec![change]).await?;
                Ok(true)
            }
            Err(error) => {
                self.ledger.change_crm(vec![self.not_taken(message, &error)]).await?;
                self.failed::<Standard>(error).await
            }
        }
    }

    /// Reads rows again that were chosen before a slot was waited for: others may have told LeadSquared meanwhile, and
    /// states move on. Those that no longer `want` the call are left out.
    async fn fresh(&self, rows: &[&Message], want: impl Fn(&Message) -> bool) -> Result<Vec<Message>, SyncError> {
        let ids: Vec<MessageId> = rows.iter().map(|message| message.id).collect();
        let mut fresh = self.ledger.messages(&ids).await?;
        fresh.retain(want);
        Ok(fresh)
    }

    /// Records what LeadSquared was shown of messages. One whose state moved during the call is due again at once:
    /// another call may have shown the newer state before ours showed the older.
    async fn shown(&self, shown: Vec<(&Message, CrmChange)>) -> Result<(), SyncError> {
        let first = shown.iter().map(|(message, change)| change.clone().while_in(message.state)).collect();
        let recorded = self.ledger.change_crm(first).await?;
        let now_ms = self.world.now_ms();
        let moved = shown
            .into_iter()
            .zip(recorded)
            .filter(|(_, recorded)| !recorded)
            .map(|((message, change), _)| change.later(message.crm.attempts, now_ms))
            .collect();
        self.ledger.change_crm(moved).await?;
        Ok(())
    }

    /// Records the outcomes of a call whose repetition does no harm.
    async fn record(
        &self,
        rows: &[&Message],
        outcomes: Result<Vec<RowOutcome>, CallError>,
        done: impl Fn(&Message) -> CrmChange,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        match outcomes {
            Ok(outcomes) => {
                let (mut shown, mut changes) = (Vec::new(), Vec::new());
                for (message, outcome) in rows.iter().zip(outcomes) {
                    match outcome {
                        RowOutcome::Done { .. } => {
                            report.rows += 1;
                            shown.push((*message, done(message)));
                        }
                        RowOutcome::Refused { reason } => {
                            report.refused += 1;
                            changes.push(self.refused(message, &reason.to_string()));
                        }
                        RowOutcome::Unknown => {
                            changes.push(self.refused(message, "the answer does not tell what became of the row"));
                        }
                    }
                }
                self.ledger.change_crm(changes).await?;
                self.shown(shown).await?;
                Ok(true)
            }
            Err(error) => {
                let back = rows.iter().map(|message| self.not_taken(message, &error));
                self.ledger.change_crm(back.collect()).await?;
                self.failed::<Bulk>(error).await
            }
        }
    }

    /// Keeps the mark of a post whose outcome is not known, until it is stale and looked up.
    fn look_up_later(&self, message: &Message) -> CrmChange {
        CrmChange::of(message.id).later(message.crm.attempts, self.world.now_ms() + self.settings.stale_after_ms)
    }

    /// A row that LeadSquared refused for what is in it: tried again later and later, then given up.
    fn refused(&self, message: &Message, why: &str) -> CrmChange {
        let attempts = message.crm.attempts + 1;
        if attempts >= MAX_ATTEMPTS {
            tracing::error!(message.id = %message.id, reason = why, "sync.parked");
            return CrmChange::of(message.id).parked(why);
        }
        let wait_ms = FIRST_WAIT_MS << message.crm.attempts.min(MAX_ATTEMPTS);
        CrmChange::of(message.id).later(attempts, self.world.now_ms() + wait_ms)
    }

    /// A row of a call that failed as a whole. Only a refusal of its content counts against the row.
    fn not_taken(&self, message: &Message, error: &CallError) -> CrmChange {
        match error {
            CallError::Refused { .. } | CallError::TooMany { .. } => self.refused(message, &error.to_string()),
            CallError::Throttled { .. } => CrmChange::of(message.id).later(message.crm.attempts, self.world.now_ms()),
            _ => CrmChange::of(message.id).later(message.crm.attempts, self.world.now_ms() + FIRST_WAIT_MS / 2),
        }
    }

    /// Whether the run goes on after a call failed as a whole.
    async fn failed<C: Class>(&self, error: CallError) -> Result<bool, SyncError> {
        match &error {
            CallError::Throttled { .. } => {
                tracing::warn!(error = %error, "sync.throttled");
                self.crm.heed::<C>(&error).await?;
                Ok(true)
            }
            CallError::Credentials { .. } => Err(error.into()),
            _ => {
                tracing::warn!(error = %error, "sync.call_failed");
                Ok(true)
            }
        }
    }

    /// A standard call's answer, once all functions know of a refusal for the account's rate.
    async fn heeded<T>(&self, answer: Result<T, CallError>) -> Result<T, SyncError> {
        if let Err(error) = &answer {
            self.crm.heed::<Standard>(error).await?;
        }
        Ok(answer?)
    }

    /// The code of the activity type that stands for messages: known, found by name, or created. `None`: no call can
    /// start in time.
    async fn activity_code(&self, until_ms: i64, report: &mut SyncReport) -> Result<Option<u32>, SyncError> {
        let name = &self.settings.activity_name;
        let setting = format!("activity_code:{name}");
        if let Some(code) = self.ledger.setting(&setting).await?.and_then(|code| code.parse().ok()) {
            return Ok(Some(code));
        }
        let Some(permit) = self.crm.permit(until_ms).await? else { return Ok(None) };
        report.calls += 1;
        let types = self.heeded(self.crm.with(permit).activity_types().await).await?;
        let code = match types.iter().find(|kind| kind.name == *name) {
            Some(found) => found.code,
            None => {
                let Some(permit) = self.crm.permit(until_ms).await? else { return Ok(None) };
                report.calls += 1;
                let made = self.crm.with(permit).create_activity_type(&activity_type(name)).await;
                let code = self.heeded(made).await?;
                tracing::info!(activity.code = code, "sync.activity_type_created");
                code
            }
        };
        self.ledger.set_setting(&setting, &code.to_string()).await?;
        Ok(Some(code))
    }
}
