//! Planned requests: the slot, the messages and the maker of each.

use leadsquared::{Bulk, Standard};
use recado_core::{
    identity::MessageId,
    writeback::{Allowance, Call, LeadRow, SAME_VALUE_PER_CALL},
};

use super::{
    RunError, Syncer,
    window::{Ended, Window},
};

impl Syncer {
    /// Reserves a slot of the request's class.
    pub(super) async fn reserve(&self, call: &Call, from_ms: i64, until_ms: i64) -> Result<Option<i64>, RunError> {
        Ok(if call.is_bulk() {
            self.crm.reserve::<Bulk>(from_ms, until_ms).await?
        } else {
            self.crm.reserve::<Standard>(from_ms, until_ms).await?
        })
    }

    /// Makes a request at its slot.
    pub(super) async fn make(&self, call: Call, at_ms: i64, window: Window) -> Result<Ended, RunError> {
        let ids = ids_of(&call);
        let ended = match call {
            Call::Find(rows) => self.find(&rows, at_ms, &window).await?,
            Call::FindOne(row) => self.find_one(row, at_ms, &window).await?,
            Call::Create(rows) => self.create(&rows, at_ms, &window).await?,
            Call::CreateOne(row) => self.create_one(row, at_ms, &window).await?,
            Call::Update(rows) => self.update(&rows, at_ms, &window).await?,
            Call::UpdateOne(row) => self.update_one(row, at_ms, &window).await?,
            Call::Leads(rows) => self.leads(rows, at_ms, &window).await?,
            Call::SameValue(rows) => self.same_value(rows, at_ms, &window).await?,
            Call::LeadOne(row) => self.lead_one(row, at_ms, &window).await?,
        };
        Ok(Ended { ids, ..ended })
    }
}

/// Whether a request needs the code of the activity type.
pub(super) fn needs_code(call: &Call) -> bool {
    matches!(call, Call::Find(_) | Call::FindOne(_) | Call::Create(_) | Call::CreateOne(_) | Call::UpdateOne(_))
}

/// The most rows that the requests of one window carry.
pub(super) fn most_rows(allowance: &Allowance) -> usize {
    let bulk = allowance.bulk();
    bulk * SAME_VALUE_PER_CALL + allowance.spare(bulk)
}

/// The messages of a request.
pub(super) fn ids_of(call: &Call) -> Vec<MessageId> {
    match call {
        Call::FindOne(row) | Call::CreateOne(row) | Call::UpdateOne(row) => vec![row.id],
        Call::Find(rows) | Call::Create(rows) | Call::Update(rows) => super::ids(rows, |row| row.id),
        Call::Leads(rows) | Call::SameValue(rows) => super::ids(rows, |row: &LeadRow| row.row.id),
        Call::LeadOne(row) => vec![row.row.id],
    }
}
