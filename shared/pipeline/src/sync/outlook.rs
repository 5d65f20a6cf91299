//! Forecasts the write-back of waiting messages: its number of requests, and the time until the last row is written.

use std::collections::BTreeMap;

use recado_core::{
    message::Message,
    writeback::{Allowance, Backlog, Forecast, LeadFieldNames, Needs, Row, Then, forecast, needs},
};
use recado_ledger::Ledger;
use recado_limits::{CrmAccount, LimitError};

use super::{CrmSettings, RunError, Syncer, unknown::UnknownFields};

/// Most waiting messages that are counted, per shard of the index.
const COUNTED_PER_SHARD: i32 = 5_000;

/// The part of the account's limits that the write-back may use at `now_ms`.
pub(super) async fn allowance(account: &CrmAccount, now_ms: i64) -> Result<Allowance, LimitError> {
    let (limits, state) = (account.limits(), account.state(now_ms).await?);
    Ok(Allowance {
        calls: state.calls_limit,
        bulk_calls: state.bulk_limit,
        bulk_counts_in_window: limits.bulk_counts_in_window,
        window_ms: state.free_after_ms,
        calls_per_day: limits.calls_per_day,
        day_calls: state.day_calls,
    })
}

/// The lead's fields to write, without those that LeadSquared does not know.
pub(super) fn known_names(settings: &CrmSettings, unknown: &UnknownFields) -> LeadFieldNames {
    let known = |name: &Option<String>| name.clone().filter(|name| !unknown.of_lead(name));
    LeadFieldNames { status: known(&settings.lead_fields.status), at: known(&settings.lead_fields.at) }
}

/// The cost of the write-back of `waiting` from `now_ms` on, if nothing else comes and every request succeeds. It may
/// be less, since fields that leads show already are not read.
pub async fn outlook(
    ledger: &Ledger,
    account: &CrmAccount,
    settings: &CrmSettings,
    waiting: &[Message],
    now_ms: i64,
) -> Result<Forecast, RunError> {
    let names = known_names(settings, &UnknownFields::load(ledger, now_ms).await?);
    let needed = needs(waiting, &names, &BTreeMap::new(), now_ms, settings.stale_after_ms);
    Ok(forecast(Backlog::new(needed), allowance(account, now_ms).await?, now_ms))
}

impl Syncer {
    /// How many messages wait, up to 40,000, and the shortest time for their write-back. Counts one row for each
    /// message, without reading the message.
    pub async fn backlog(&self) -> Result<Forecast, RunError> {
        let now_ms = self.world.now_ms();
        let waiting = self.ledger.crm_due(now_ms, COUNTED_PER_SHARD).await?;
        let create = waiting.into_iter().map(|id| Row { id, due_ms: now_ms, then: Then::Done }).collect();
        let needed = Needs { create, ..Needs::default() };
        Ok(forecast(Backlog::new(needed), allowance(&self.crm.account, now_ms).await?, now_ms))
    }
}
