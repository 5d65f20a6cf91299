//! The triggers of AWS on this machine: the stream wakes the sender, and a schedule of a minute starts all other work.

use std::{future::Future, sync::Arc, time::Duration};

use recado_core::{decide::WAKE_UP_WITHIN_MS, identity::MessageId, message::Priority, writeback::Pace};
use recado_pipeline::{World, send::NO_DEADLINE_MS};
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval, sleep},
};

use super::{
    current::Current,
    lanes::Lanes,
    news::{Bells, Written},
    stop::told,
    stream::Reader,
};
use crate::installation::world;

/// How often the stream is read: as often as Lambda reads it.
const POLL: Duration = Duration::from_millis(250);
/// How long events that need their leads are gathered.
const AFTER_EVENT: Duration = Duration::from_millis(500);
/// How long one run of completions may wait for its requests, in ms.
const COMPLETE_WITHIN_MS: i64 = 60_000;
/// The shortest time limit of a write-back run, in ms.
const WRITE_BACK_MS: i64 = 20_000;
/// The time limit of one round of campaigns, in ms.
const CAMPAIGNS_MS: i64 = 600_000;
/// The delay after the stream could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Wakes the sender for new messages. Messages of this process wake it as soon as they are written, and messages of
/// other processes when the stream reports them.
pub(super) async fn wake_ups(
    written: Arc<Written>,
    reader: Option<Reader>,
    current: Current,
    mut stopped: watch::Receiver<bool>,
) {
    let mut lanes = Lanes::new(current, written, stopped.clone());
    let (tell, mut streamed) = mpsc::channel(1);
    let reading = reader.map(|reader| tokio::spawn(read_stream(reader, tell)));
    loop {
        tokio::select! {
            () = told(&mut stopped) => break,
            () = lanes.go_on() => {}
            Some(ids) = streamed.recv() => lanes.take_ids(&ids).await,
        }
    }
    if let Some(reading) = reading {
        reading.abort();
    }
    lanes.stop().await;
}

/// Passes on the messages of the stream, until the receiver is gone.
async fn read_stream(mut reader: Reader, tell: mpsc::Sender<Vec<MessageId>>) {
    loop {
        match reader.new_messages().await {
            Ok(ids) if ids.is_empty() => sleep(POLL).await,
            Ok(ids) => {
                if tell.send(ids).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "wake_up.stream_unreadable");
                sleep(AFTER_FAILURE).await;
                if let Err(error) = reader.reopen().await {
                    tracing::warn!(error = %error, "wake_up.stream_unreadable");
                }
            }
        }
    }
}

/// When a task runs: first at once, for work left by the process before, and then at intervals. It ends when the
/// process is told to stop.
struct Schedule {
    ticks: Interval,
    stopped: watch::Receiver<bool>,
}

impl Schedule {
    fn new(every: Duration, stopped: watch::Receiver<bool>) -> Self {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stopped }
    }

    /// Waits until the task is due. `false` means that the process stops.
    async fn tick(&mut self) -> bool {
        tokio::select! {
            () = told(&mut self.stopped) => false,
            _ = self.ticks.tick() => true,
        }
    }

    /// Waits until the task is due, or until `sooner` is ready.
    async fn tick_or(&mut self, sooner: impl Future<Output = ()>) -> bool {
        tokio::select! {
            goes_on = self.tick() => goes_on,
            () = sooner => true,
        }
    }

    /// Runs the task. If told to stop before the task ends, it drops the task and returns `None`.
    async fn carry_out<T>(&mut self, task: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = told(&mut self.stopped) => None,
            done = task => Some(done),
        }
    }

    fn is_over(&self) -> bool {
        *self.stopped.borrow()
    }
}

/// Sweeps the messages of one priority. Each priority has its own sweeps, so that none waits for the messages of
/// another.
pub(super) async fn sweeps(
    lane: Priority,
    mut current: Current,
    bells: Bells,
    every: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut schedule = Schedule::new(every, stopped);
    let mut ahead_ms = WAKE_UP_WITHIN_MS;
    while schedule.tick_or(either(current.due(), bells.lane(lane).ring())).await {
        loop {
            match current.now().installation.sweeper.sweep_lane(lane, ahead_ms, NO_DEADLINE_MS).await {
                Ok(report) => {
                    ahead_ms = 0;
                    if report.waiting + report.recovered + report.callbacks > 0 {
                        tracing::info!(
                            priority = lane.as_str(),
                            waiting = report.waiting,
                            recovered = report.recovered,
                            callbacks = report.callbacks,
                            "sweep.done"
                        );
                    }
                    if !report.more || schedule.is_over() {
                        break;
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, "sweep.failed");
                    break;
                }
            }
        }
    }
}

/// Uploads recordings that rules name and LigueLead does not have. It is apart from the sweep, because an upload may
/// take five minutes and must not delay the sweep.
pub(super) async fn uploads(current: Current, every: Duration, stopped: watch::Receiver<bool>) {
    let mut schedule = Schedule::new(every, stopped);
    while schedule.tick().await {
        // If an upload is dropped, the next run or process finds it in LigueLead's list.
        let now = current.now();
        if let Some(Err(error)) = schedule.carry_out(now.audios.upload_wanted(&now.config)).await {
            tracing::error!(error = %error, "audio.table_failed");
        }
    }
}

/// Writes outcomes back when one is due, and on schedule. Each run may last until the next one, and long enough for
/// some windows of LeadSquared's limits.
pub(super) async fn write_back(current: Current, bells: Bells, every: Duration, stopped: watch::Receiver<bool>) {
    let world: World = world();
    let run_ms = ms(every).max(WRITE_BACK_MS);
    let mut schedule = Schedule::new(every, stopped);
    let mut pace = Pace::new(current.now().config.leadsquared.own_calls_per_day(), world.now_ms());
    while schedule.tick_or(rings(&bells, &mut pace, &world)).await {
        // If a request is dropped, the next process looks up its effect.
        match schedule.carry_out(current.now().installation.syncer.run(world.now_ms() + run_ms)).await {
            Some(Ok(report)) => {
                pace.spent(report.calls, world.now_ms());
                report.log();
            }
            Some(Err(error)) => tracing::error!(error = %error, "sync.failed"),
            None => {}
        }
    }
}

/// Waits for a due outcome, and then as long as the day's limit of requests demands.
async fn rings(bells: &Bells, pace: &mut Pace, world: &World) {
    bells.write_back().ring().await;
    sleep(Duration::from_millis(u64::try_from(pace.wait_ms(world.now_ms())).unwrap_or_default())).await;
}

/// Completes events whose webhooks lacked data of their leads: when one arrives, and on schedule.
pub(super) async fn completions(mut current: Current, every: Duration, stopped: watch::Receiver<bool>) {
    let world: World = world();
    let mut schedule = Schedule::new(every, stopped);
    loop {
        let now = current.now();
        tokio::select! {
            goes_on = schedule.tick() => if !goes_on { return },
            // Events that arrive during this delay share a request.
            () = now.installation.intake.wake.notified() => sleep(AFTER_EVENT).await,
            () = current.changed() => {}
        }
        match schedule.carry_out(current.now().installation.enricher.run(world.now_ms() + COMPLETE_WITHIN_MS)).await {
            Some(Ok(report)) => report.log(),
            Some(Err(error)) => tracing::error!(error = %error, "enrich.failed"),
            None => {}
        }
    }
}

/// Looks for changes that no webhook reported, on schedule.
pub(super) async fn reconciliations(current: Current, every: Duration, stopped: watch::Receiver<bool>) {
    let world: World = world();
    let mut schedule = Schedule::new(every, stopped);
    while schedule.tick().await {
        match schedule.carry_out(current.now().installation.reconciler.run(world.now_ms() + ms(every))).await {
            Some(Ok(report)) => report.log(),
            Some(Err(error)) => tracing::error!(error = %error, "reconcile.failed"),
            None => {}
        }
    }
}

/// Starts due campaigns and brings their audiences to the sender, on schedule.
pub(super) async fn campaigns(mut current: Current, every: Duration, stopped: watch::Receiver<bool>) {
    let world: World = world();
    let mut schedule = Schedule::new(every, stopped);
    while schedule.tick_or(current.due()).await {
        // The next process reads again what was read since the last write.
        match schedule
            .carry_out(Box::pin(current.now().installation.campaigns.tick(world.now_ms() + CAMPAIGNS_MS)))
            .await
        {
            Some(Ok(report)) => report.log(),
            Some(Err(error)) => tracing::error!(error = %error, "campaign.failed"),
            None => {}
        }
    }
}

/// Waits until one of the two is ready.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

/// The duration in milliseconds, with room to add it to an instant.
fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
