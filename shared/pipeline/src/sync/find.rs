//! Looking up whether a post that was never answered for made its activity.

use leadsquared::{ACTIVITIES_PER_PAGE, Standard};
use recado_core::writeback::Row;
use recado_ledger::CrmChange;

use super::{
    SyncError, Syncer,
    activity::ID_FIELD,
    record::Sent,
    run::{Ended, Window},
    unknown::Kind,
};

/// Activities of one lead that are looked through for an open post, at most.
const MOST_LOOKED_AT: u32 = 500;

impl Syncer {
    /// Looks through the lead's activities of our type, page by page, for the one that holds the message's id.
    pub(super) async fn find(&self, row: Row, at_ms: i64, window: &Window) -> Result<Ended, SyncError> {
        let mut ended = Ended::default();
        let Some(message) = window.messages.get(&row.id) else { return Ok(ended) };
        let wanted = message.id.to_string();
        let mut permit = self.crm.permit_at::<Standard>(at_ms).await;
        let mut offset = 0;
        let found = loop {
            let Some(granted) = permit.take() else { return Ok(ended) };
            ended.report.calls += 1;
            let page = self.crm.with(granted).activities_of_lead_from(&message.lead_id, window.code, offset).await;
            let Ok(activities) = &page else { break page.map(|_| None) };
            let ours = activities.iter().find(|activity| activity.fields.get(ID_FIELD) == Some(wanted.as_str()));
            let is_last = activities.len() < ACTIVITIES_PER_PAGE as usize || offset >= MOST_LOOKED_AT;
            if ours.is_some() || is_last {
                break Ok(ours.map(|activity| activity.id.clone()));
            }
            offset += ACTIVITIES_PER_PAGE;
            permit = self.crm.permit(window.until_ms).await?;
        };
        match found {
            Ok(found) => {
                let change = match found {
                    Some(id) => CrmChange::of(message.id).found(&id),
                    None => CrmChange::of(message.id).not_posted(),
                };
                // Its appointment was moved to when the mark would be stale: that is now.
                let change = change.later(message.crm.attempts, row.due_ms);
                self.ledger.change_crm(vec![change]).await?;
            }
            Err(error) => {
                let row = Sent { message, then: row.then, kind: Kind::Activity };
                self.ledger.change_crm(vec![self.not_taken(row, &error)]).await?;
                self.failed::<Standard>(error).await?;
            }
        }
        Ok(ended)
    }
}
