//! Rows of one person, removed when the person is erased.

use recado_core::{
    identity::{BatchId, EventId},
    phone::Phone,
    subject::Subject,
};

use crate::{Ledger, LedgerError, StoredCallback, at_once, codec::Key, error::unavailable};
use futures::TryStreamExt as _;

/// Most rows that are removed at once.
const AT_ONCE: usize = 8;

/// A row to remove.
#[derive(Debug, Clone, Copy)]
pub enum Removed<'r> {
    /// A delivery report.
    Report(&'r StoredCallback),
    /// An earlier attempt at a message.
    Attempt(BatchId, Phone),
    /// The recent messages that the caps count.
    Caps(&'r Subject),
    /// What was last seen of a lead's watched fields.
    Sights(&'r str),
    /// What a lead's own fields are known to show.
    Shown(&'r str),
    /// The lead of an event that became no message. The row stays, since a repeated event must find it.
    EventsLead(EventId),
    /// The content of an event that waits for its lead. The row stays, for the same reason.
    Incomplete(EventId),
}

impl Ledger {
    /// Removes rows, or what names a person in them. Returns how many. A repetition changes nothing.
    pub async fn remove(&self, rows: &[Removed<'_>]) -> Result<u64, LedgerError> {
        let removed: Vec<()> = at_once(AT_ONCE, rows, |row| self.remove_one(row)).try_collect().await?;
        Ok(removed.len() as u64)
    }

    async fn remove_one(&self, row: &Removed<'_>) -> Result<(), LedgerError> {
        let key = match row {
            Removed::Report(report) => report.key(),
            Removed::Attempt(batch, phone) => crate::attempts::attempt_key(*batch, *phone),
            Removed::Caps(subject) => Key::caps(subject),
            Removed::Sights(lead) => crate::sights::key(lead),
            Removed::Shown(lead) => crate::shown::shown_key(lead),
            Removed::EventsLead(id) => return self.forget_lead(*id).await,
            Removed::Incomplete(id) => return self.completed(&[*id]).await,
        };
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .send()
            .await
            .map_err(unavailable("DeleteItem"))?;
        Ok(())
    }
}
