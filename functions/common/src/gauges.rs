//! Values that no log line counts: the use of each budget and rate, and the backlog of the write-back. They are read
//! each minute, after the work, with a few reads of the table.
//!
//! A value that could not be read is left out. The reason is in the log already, or comes with the next request.

use recado_ledger::Budget;
use recado_pipeline::{crm::RunError, send::Sender, settings::today, sync::Syncer};

/// Measures the day's budgets and the use of LigueLead's rate.
pub async fn of_sending(sender: &Sender) {
    if let Err(error) = sending(sender).await {
        tracing::warn!(error = %format!("{error:#}"), "function.not_measured");
    }
}

/// Measures the backlog of the write-back, and the use of LeadSquared's daily limit.
pub async fn of_write_back(syncer: &Syncer) {
    if let Err(error) = write_back(syncer).await {
        tracing::warn!(error = %format!("{error:#}"), "function.not_measured");
    }
}

async fn sending(sender: &Sender) -> anyhow::Result<()> {
    let day = today(sender.world.now_ms(), &sender.settings.zone);
    let spent = sender.ledger.day(&day, &Budget::Account).await?;
    let quotas = sender.settings.quotas;
    metrics::histogram!("quota.messages.used").record(small(spent.messages));
    metrics::histogram!("quota.credits.used").record(small(spent.credits));
    if let Some(limit) = quotas.messages_per_day {
        metrics::histogram!("quota.messages.per_cent").record(per_cent(spent.messages, limit));
    }
    if let Some(limit) = quotas.credits_per_day {
        metrics::histogram!("quota.credits.per_cent").record(per_cent(spent.credits, limit));
    }
    let rate = sender.rate.state(sender.clock.read()).await?;
    metrics::histogram!("permits.liguelead.used").record(small(rate.used));
    metrics::histogram!("permits.liguelead.per_cent").record(per_cent(rate.used, rate.limit.into()));
    Ok(())
}

async fn write_back(syncer: &Syncer) -> Result<(), RunError> {
    let waiting = syncer.backlog().await?;
    metrics::histogram!("sync.waiting").record(small(waiting.rows));
    metrics::histogram!("sync.backlog_minutes")
        .record(f64::from(i32::try_from(waiting.lasts_ms).unwrap_or(i32::MAX)) / 60_000.0);
    let account = &syncer.crm.account;
    let state = account.state(syncer.world.now_ms()).await?;
    metrics::histogram!("permits.leadsquared.day_used").record(small(state.day_calls));
    if let Some(limit) = account.limits().calls_per_day {
        metrics::histogram!("permits.leadsquared.day_per_cent").record(per_cent(state.day_calls, limit));
    }
    Ok(())
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The used share in per cent. A limit of 0 is fully used.
fn per_cent(used: u64, limit: u64) -> f64 {
    if limit == 0 { 100.0 } else { f64::from(small(used)) * 100.0 / f64::from(small(limit)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_limit() {
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(close(per_cent(80, 100), 80.0) && close(per_cent(0, 0), 100.0) && close(per_cent(3, 8), 37.5));
        assert!(close(per_cent(0, 600_000), 0.0));
    }
}
