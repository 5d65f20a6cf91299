//! Delivery reports, answered within a second and stored in groups.
//!
//! LigueLead sends one report in each request, waits 5 s for the answer, and never repeats the request. Here each
//! request waits until its group is stored, with one write for 25 reports. If the table is slow, the report goes to a
//! file beside the table and the request is answered. The report is stored once the table can take it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use recado_ledger::{Stored, StoredCallback};
use recado_pipeline::{
    http::{HttpAnswer, HttpRequest},
    settle::{ANSWER_WITHIN, Reading, refused, stored},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{interval, timeout},
};

use super::{current::Current, spool::Spool, stop::told};

/// The most reports that wait to be stored, and the most that wait to be applied.
const MOST_WAITING: usize = 20_000;
/// Reports that are stored together.
const STORED_AT_ONCE: usize = 500;
/// Reports that are applied together.
const APPLIED_AT_ONCE: usize = 1_000;
/// How long a report waits for the table. The rest of [`ANSWER_WITHIN`] is for the file.
const TABLE_WITHIN: Duration = Duration::from_millis(600);
const _: () = assert!(TABLE_WITHIN.as_millis() < ANSWER_WITHIN.as_millis());
/// How often the reports in the file are retried.
const REPLAY_EVERY: Duration = Duration::from_secs(5);

/// Accepts reports. Dropping it ends its tasks, once they have handled all waiting reports.
pub(super) struct Desk {
    current: Current,
    queue: mpsc::Sender<Waiting>,
    spool: Arc<Spool>,
}

struct Waiting {
    report: StoredCallback,
    stored: oneshot::Sender<Stored>,
}

impl Desk {
    /// Opens the desk, and starts its tasks.
    pub(super) fn open(current: Current, spool: Spool, stopped: watch::Receiver<bool>) -> (Self, Vec<JoinHandle<()>>) {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let (apply, applying) = mpsc::channel(MOST_WAITING);
        let spool = Arc::new(spool);
        let tasks = vec![
            tokio::spawn(store(current.clone(), waiting, apply)),
            tokio::spawn(apply_all(current.clone(), applying)),
            tokio::spawn(replay(current.clone(), Arc::clone(&spool), stopped)),
        ];
        (Self { current, queue, spool }, tasks)
    }

    /// Whether a request shows a signature or the secret. Its body is not looked at.
    pub(super) fn is_vouched_for(&self, request: &HttpRequest) -> bool {
        self.current.now().installation.settler.is_vouched_for(request)
    }

    /// Answers one callback.
    pub(super) async fn answer(&self, request: &HttpRequest) -> HttpAnswer {
        let report = match self.current.now().installation.settler.read(request) {
            Reading::Answer(answer) => return answer,
            Reading::Report(report) => *report,
        };
        let begun = Instant::now();
        let (done, is_stored) = oneshot::channel();
        let waiting = Waiting { report: report.clone(), stored: done };
        let table =
            if self.queue.try_send(waiting).is_ok() { timeout(TABLE_WITHIN, is_stored).await.ok() } else { None };
        let kept = match table {
            Some(Ok(Stored::New | Stored::Known)) => return stored(),
            Some(Ok(Stored::Refused)) => match self.spool.set_aside(report).await {
                Ok(()) => return refused(),
                failed => failed,
            },
            Some(Err(_)) | None => self.spool.keep(report).await,
        };
        match kept {
            Ok(()) => {
                let waited_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(waited_ms, "callback.spooled");
                stored()
            }
            Err(error) => {
                tracing::error!(error = %error, "callback.not_stored");
                HttpAnswer { status: 503, body: r#"{"message":"could not be stored"}"#.to_owned() }
            }
        }
    }
}

/// Stores the waiting reports in groups. A group holds the reports that came while the group before it was stored.
async fn store(current: Current, mut waiting: mpsc::Receiver<Waiting>, apply: mpsc::Sender<StoredCallback>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, STORED_AT_ONCE).await > 0 {
        let (reports, waiters): (Vec<_>, Vec<_>) =
            group.drain(..).map(|waiting| (waiting.report, waiting.stored)).unzip();
        match current.now().installation.settler.store(&reports).await {
            Ok(stored) => {
                // An error is a request that stopped waiting. Its report is in the file too, and storing it twice has
                // no effect.
                for (waiter, stored) in waiters.into_iter().zip(&stored) {
                    let _ = waiter.send(*stored);
                }
                for (report, _) in reports.into_iter().zip(stored).filter(|(_, stored)| *stored == Stored::New) {
                    // If there is no room, the report is due, and the sweep applies it.
                    let _ = apply.try_send(report);
                }
            }
            // The dropped channels tell the waiting requests to keep their reports in the file.
            Err(error) => tracing::warn!(error = %error, reports = reports.len(), "callback.table_failed"),
        }
    }
}

async fn apply_all(current: Current, mut applying: mpsc::Receiver<StoredCallback>) {
    let mut group = Vec::new();
    while applying.recv_many(&mut group, APPLIED_AT_ONCE).await > 0 {
        current.now().installation.settler.apply_stored(&group).await;
        group.clear();
    }
}

/// Stores the reports in the file: at the start, and then at intervals.
async fn replay(current: Current, spool: Arc<Spool>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(REPLAY_EVERY);
    loop {
        tokio::select! {
            () = told(&mut stopped) => return,
            _ = ticks.tick() => {}
        }
        match spool.replay(&current.now().installation.settler).await {
            Ok(0) => {}
            Ok(reports) => tracing::info!(reports, "callback.spool_stored"),
            Err(error) => tracing::warn!(error = %error, "callback.spool_waits"),
        }
    }
}
