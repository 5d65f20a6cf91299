//! What the sender is woken for, each kind on a lane of its own: an urgent message must not wait until ten thousand
//! others are sent, nor those until a linger is over.

use recado_core::{identity::MessageId, message::Message};
use recado_pipeline::send::{NO_DEADLINE_MS, Woken};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Duration, sleep},
};

use super::{current::Current, triggers::told};
use crate::installation::world;

/// Wake-ups that may wait for the ones before them. What comes then is due in a minute, and the sweep takes it.
const QUEUED: usize = 64;

/// The sender's lanes.
pub(super) struct Lanes {
    current: Current,
    normal: mpsc::Sender<Vec<Message>>,
    tasks: JoinSet<()>,
    stopped: watch::Receiver<bool>,
}

impl Lanes {
    pub(super) fn start(current: Current, stopped: watch::Receiver<bool>) -> Self {
        let (normal, waiting) = mpsc::channel(QUEUED);
        let mut tasks = JoinSet::new();
        tasks.spawn(send_in_turn(current.clone(), waiting));
        Self { current, normal, tasks, stopped }
    }

    /// Puts what a wake-up brought on its lanes.
    pub(super) async fn take(&mut self, ids: &[MessageId]) {
        // Those that have ended are not kept.
        while self.tasks.try_join_next().is_some() {}
        let sender = self.current.now().installation.sender.clone();
        let woken = match sender.woken(ids).await {
            Ok(woken) => woken,
            Err(error) => {
                // They are due in a minute, and the sweep takes them.
                tracing::error!(error = %error, "wake_up.failed");
                return;
            }
        };
        let Woken { urgent, normal, lingering, full } = woken;
        if !urgent.is_empty() {
            let sender = sender.clone();
            self.tasks.spawn(async move {
                sender.send(urgent, NO_DEADLINE_MS).await;
            });
        }
        if !normal.is_empty() && self.normal.try_send(normal).is_err() {
            tracing::warn!("wake_up.queue_full");
        }
        for (due_ms, key) in full {
            let sender = sender.clone();
            self.tasks.spawn(async move {
                if let Err(error) = sender.send_full(due_ms, &key, NO_DEADLINE_MS).await {
                    tracing::error!(error = %error, "wake_up.failed");
                }
            });
        }
        for (due_ms, ids) in lingering {
            self.tasks.spawn(see_to(self.current.clone(), due_ms, ids, self.stopped.clone()));
        }
    }

    /// Ends what is under way.
    pub(super) async fn stop(self) {
        let Self { normal, mut tasks, .. } = self;
        drop(normal);
        while tasks.join_next().await.is_some() {}
    }
}

/// Sends one wake-up's messages after another's; what queued up meanwhile goes together.
async fn send_in_turn(current: Current, mut waiting: mpsc::Receiver<Vec<Message>>) {
    while let Some(mut messages) = waiting.recv().await {
        while let Ok(more) = waiting.try_recv() {
            messages.extend(more);
        }
        current.now().installation.sender.send(messages, NO_DEADLINE_MS).await;
    }
}

/// Waits for the instant at which messages are due, and sees to them. A process that is told to stop leaves them to
/// the next one's sweep.
async fn see_to(current: Current, due_ms: i64, ids: Vec<MessageId>, mut stopped: watch::Receiver<bool>) {
    let wait_ms = u64::try_from(due_ms - world().now_ms()).unwrap_or_default();
    tokio::select! {
        () = told(&mut stopped) => return,
        () = sleep(Duration::from_millis(wait_ms)) => {}
    }
    if let Err(error) = current.now().installation.sender.send_gathered(due_ms, &ids, NO_DEADLINE_MS).await {
        tracing::error!(error = %error, "wake_up.failed");
    }
}
