//! The work of each minute. A run begins no new work after `WORK_FOR_MS`, and the next run continues. So two runs
//! seldom overlap, and an open request has the rest of the function's timeout to finish.

use recado_pipeline::{campaigns::Campaigns, enrich::Enricher, reconcile::Reconciler, sweep::Sweeper, sync::Syncer};
use serde::Deserialize;

use crate::{Event, Failed, gauges};

/// How long a run begins new work, in ms: less than the minute between runs.
const WORK_FOR_MS: i64 = 50_000;

/// A schedule's event.
#[derive(Debug, Deserialize)]
pub struct Tick {
    /// Whether to look for leads whose webhooks did not arrive, instead of looking at due rows.
    #[serde(default)]
    pub reconcile: bool,
}

/// Writes outcomes back to LeadSquared until none is due or the time is up.
pub async fn sync(syncer: &Syncer, event: &Event<Tick>) -> Result<(), Failed> {
    let until_ms = event.deadline_ms.min(syncer.world.now_ms() + WORK_FOR_MS);
    let report = syncer.run(until_ms).await;
    gauges::of_write_back(syncer).await;
    report?.log();
    Ok(())
}

/// Sweeps until no row is due or the time is up.
pub async fn sweep(sweeper: &Sweeper, event: &Event<Tick>) -> Result<(), Failed> {
    let swept = sweeps(sweeper, event).await;
    gauges::of_sending(&sweeper.sender).await;
    swept
}

async fn sweeps(sweeper: &Sweeper, event: &Event<Tick>) -> Result<(), Failed> {
    let until_ms = event.deadline_ms.min(sweeper.sender.world.now_ms() + WORK_FOR_MS);
    loop {
        let report = sweeper.sweep(0, event.deadline_ms).await?;
        metrics::histogram!("sweep.late_ms").record(u32::try_from(report.late_ms).unwrap_or(u32::MAX));
        if report.waiting + report.recovered + report.callbacks > 0 {
            tracing::info!(
                waiting = report.waiting,
                recovered = report.recovered,
                callbacks = report.callbacks,
                "sweep.done"
            );
        }
        if !report.more || sweeper.sender.world.now_ms() >= until_ms {
            return Ok(());
        }
    }
}

/// Completes events whose webhooks lacked data of their leads.
pub async fn complete(enricher: &Enricher, event: &Event<Tick>) -> Result<(), Failed> {
    let until_ms = event.deadline_ms.min(enricher.world.now_ms() + WORK_FOR_MS);
    enricher.run(until_ms).await?.log();
    Ok(())
}

/// Starts due campaigns, and continues all runs.
pub async fn campaigns(campaigns: &Campaigns, event: &Event<Tick>) -> Result<(), Failed> {
    let until_ms = event.deadline_ms.min(campaigns.world.now_ms() + WORK_FOR_MS);
    campaigns.tick(until_ms).await?.log();
    Ok(())
}

/// Looks for leads whose webhooks did not arrive.
pub async fn reconcile(reconciler: &Reconciler, event: &Event<Tick>) -> Result<(), Failed> {
    let until_ms = event.deadline_ms.min(reconciler.world.now_ms() + WORK_FOR_MS);
    reconciler.run(until_ms).await?.log();
    Ok(())
}
