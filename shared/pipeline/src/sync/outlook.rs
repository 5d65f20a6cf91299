//! How many calls the write-back of what waits takes, and when its last row is in.

use std::collections::BTreeMap;

use recado_core::{
    message::Message,
    writeback::{Allowance, Backlog, Forecast, LeadFieldNames, forecast, needs},
};
use recado_ledger::Ledger;
use recado_limits::{CrmAccount, LimitError};

use super::{CrmSettings, SyncError, unknown::UnknownFields};

/// What the account's limits leave for the write-back at `now_ms`.
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

/// The lead's fields to write, less those that LeadSquared does not know.
pub(super) fn known_names(settings: &CrmSettings, unknown: &UnknownFields) -> LeadFieldNames {
    let known = |name: &Option<String>| name.clone().filter(|name| !unknown.of_lead(name));
    LeadFieldNames { status: known(&settings.lead_fields.status), at: known(&settings.lead_fields.at) }
}

/// What the write-back of `waiting` takes from `now_ms` on, if nothing else came and every call went well. What leads show
/// already is not looked at, so it may be less.
pub async fn outlook(
    ledger: &Ledger,
    account: &CrmAccount,
    settings: &CrmSettings,
    waiting: &[Message],
    now_ms: i64,
) -> Result<Forecast, SyncError> {
    let names = known_names(settings, &UnknownFields::load(ledger, now_ms).await?);
    let needed = needs(waiting, &names, &BTreeMap::new(), now_ms, settings.stale_after_ms);
    Ok(forecast(Backlog::new(needed), allowance(account, now_ms).await?, now_ms))
}
