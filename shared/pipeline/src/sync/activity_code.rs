//! The code of the activity type for messages.

use leadsquared::{CallError, Standard};

use super::{RunError, SyncReport, Syncer, activity::activity_type};

impl Syncer {
    /// The code: known, found by name, or of a type created now. `None`: no request can start by `until_ms`.
    pub(super) async fn activity_code(&self, until_ms: i64, report: &mut SyncReport) -> Result<Option<u32>, RunError> {
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

    /// Returns a response, after telling all functions about a refusal for the account's rate.
    async fn heeded<T>(&self, answer: Result<T, CallError>) -> Result<T, RunError> {
        if let Err(error) = &answer {
            self.crm.heed::<Standard>(error).await?;
        }
        Ok(answer?)
    }
}
