//! Groups new messages for the sender: at once while it is idle, together while it is busy.
//!
//! The first message goes as soon as it is written. While a request with its text is open, other messages of that text
//! gather for the next request. So requests grow with the load. Different texts share no request, so a few runs of the
//! sender work in parallel; each takes all messages that wait then. An urgent message never waits for others.

use std::{
    collections::{HashMap, HashSet},
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use recado_core::{group::content_key, identity::MessageId, message::Message};
use recado_ledger::LedgerError;
use recado_pipeline::send::{NO_DEADLINE_MS, Overlooked, Woken};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{current::Current, news::Written, stop::told};
use crate::installation::world;

/// The most parallel runs of the sender. It allows 20 different texts a second at the usual answer time of 300 ms.
const RUNS_AT_ONCE: usize = 8;
/// A run takes no further text once it has so many messages: what it holds of a message takes several KB.
const MOST_IN_RUN: usize = 1_000;
/// How many messages may wait for a run before no more are taken.
const MOST_WAITING: usize = 12_000;
/// The longest pause between two requests of one text. Messages of one text gather for at most as long.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Messages that wait to be sent, by text.
#[derive(Default)]
struct Pool {
    waiting: HashMap<String, Vec<Message>>,
    count: usize,
    /// Texts with an open request, or in the pause after one.
    busy: HashSet<String>,
    /// Messages that wait here or are being sent.
    in_hand: HashSet<MessageId>,
}

impl Pool {
    fn add(&mut self, messages: Vec<Message>) {
        for message in messages {
            if self.in_hand.insert(message.id) {
                self.count += 1;
                self.waiting.entry(content_key(&message)).or_default().push(message);
            }
        }
    }

    /// Takes the messages of one run, with their texts. The texts are busy from now on.
    fn take(&mut self) -> Option<(Vec<Message>, Vec<String>)> {
        let (mut ready, mut count): (Vec<String>, usize) = (Vec::new(), 0);
        for (text, messages) in self.waiting.iter().filter(|(text, _)| !self.busy.contains(*text)) {
            if count >= MOST_IN_RUN {
                break;
            }
            count += messages.len();
            ready.push(text.clone());
        }
        let messages: Vec<Message> = ready.iter().filter_map(|key| self.waiting.remove(key)).flatten().collect();
        self.count -= messages.len();
        self.busy.extend(ready.iter().cloned());
        (!ready.is_empty()).then_some((messages, ready))
    }

    fn free(&mut self, texts: Vec<String>) {
        for text in texts {
            self.busy.remove(&text);
        }
    }
}

/// The result of a task of the lanes.
enum Ended {
    /// A run is over: the instant of its start, its texts and its messages.
    Run(Instant, Vec<String>, Vec<MessageId>),
    /// The pause after a request of these texts is over.
    Pause(Vec<String>),
    /// The result of looking for messages in the table.
    Found(Result<Overlooked, LedgerError>),
    Other,
}

/// The sender's lanes.
pub(super) struct Lanes {
    current: Current,
    pool: Pool,
    runs: usize,
    tasks: JoinSet<Ended>,
    written: Arc<Written>,
    is_looking: bool,
    stopped: watch::Receiver<bool>,
}

impl Lanes {
    pub(super) fn new(current: Current, written: Arc<Written>, stopped: watch::Receiver<bool>) -> Self {
        let (pool, tasks) = (Pool::default(), JoinSet::new());
        Self { current, pool, runs: 0, tasks, written, is_looking: false, stopped }
    }

    /// Puts new messages on their lanes, by their ids.
    pub(super) async fn take_ids(&mut self, ids: &[MessageId]) {
        let woken = self.current.now().installation.sender.woken(ids).await;
        self.take(woken);
    }

    fn take(&mut self, woken: Result<Woken, LedgerError>) {
        let Woken { urgent, normal, lingering, full } = match woken {
            Ok(woken) => woken,
            Err(error) => {
                // The messages are due in a minute, and the sweep takes them.
                tracing::error!(error = %error, "wake_up.failed");
                return;
            }
        };
        let sender = self.current.now().installation.sender.clone();
        if !urgent.is_empty() {
            let sender = sender.clone();
            self.tasks.spawn(async move {
                sender.send(urgent, NO_DEADLINE_MS).await;
                Ended::Other
            });
        }
        for (due_ms, key) in full {
            let sender = sender.clone();
            self.tasks.spawn(async move {
                if let Err(error) = sender.send_full(due_ms, &key, NO_DEADLINE_MS).await {
                    tracing::error!(error = %error, "wake_up.failed");
                }
                Ended::Other
            });
        }
        for (due_ms, ids) in lingering {
            self.tasks.spawn(see_to(self.current.clone(), due_ms, ids, self.stopped.clone()));
        }
        self.pool.add(normal);
        self.start();
    }

    /// Starts runs for the waiting messages.
    fn start(&mut self) {
        while self.runs < RUNS_AT_ONCE
            && let Some((messages, texts)) = self.pool.take()
        {
            self.runs += 1;
            let sender = self.current.now().installation.sender.clone();
            self.tasks.spawn(async move {
                let (begun, ids) = (Instant::now(), messages.iter().map(|message| message.id).collect());
                // A panic is reported when it happens. The texts become free again, and the sweep takes the messages.
                let _ = tokio::spawn(async move { sender.send(messages, NO_DEADLINE_MS).await }).await;
                Ended::Run(begun, texts, ids)
            });
        }
        if self.may_look() && self.written.take_overflow() {
            self.is_looking = true;
            let (sender, in_hand) = (self.current.now().installation.sender.clone(), self.pool.in_hand.clone());
            self.tasks.spawn(async move { Ended::Found(sender.overlooked(&in_hand).await) });
        }
    }

    /// Whether messages that found no room may be looked for in the table.
    fn may_look(&self) -> bool {
        self.pool.count == 0 && !self.is_looking
    }

    /// Waits until a task ends or messages are written, and handles the event.
    pub(super) async fn go_on(&mut self) {
        let has_room = self.pool.count < MOST_WAITING;
        let looks = self.may_look();
        let written = Arc::clone(&self.written);
        let ended = tokio::select! {
            Some(ended) = self.tasks.join_next() => ended,
            messages = written.take(looks), if has_room => {
                let woken = self.current.now().installation.sender.sorted(messages).await;
                return self.take(woken);
            }
            else => pending().await,
        };
        match ended {
            Ok(Ended::Run(begun, texts, ids)) => {
                self.runs -= 1;
                for id in &ids {
                    self.pool.in_hand.remove(id);
                }
                self.pause(begun, texts);
            }
            Ok(Ended::Found(found)) => {
                self.is_looking = false;
                let found = found.map(|Overlooked { woken, more }| {
                    if more {
                        self.written.overflow();
                    }
                    woken
                });
                self.take(found);
            }
            Ok(Ended::Pause(texts)) => self.pool.free(texts),
            Ok(Ended::Other) => {}
            // A panic was reported when it happened. The table is searched again once there is room.
            Err(_) => self.is_looking = false,
        }
        self.start();
    }

    /// Frees a text once its part of the account's rate has passed. So one text alone cannot use more than the rate,
    /// and urgent messages keep room.
    fn pause(&mut self, begun: Instant, texts: Vec<String>) {
        let every_us = self.current.now().installation.sender.settings.request_every_us;
        let every = Duration::from_micros(u64::try_from(every_us).unwrap_or_default()).min(PAUSE_MAX);
        let left = every.saturating_sub(begun.elapsed());
        if left.is_zero() {
            self.pool.free(texts);
            return;
        }
        self.tasks.spawn(async move {
            sleep(left).await;
            Ended::Pause(texts)
        });
    }

    /// Waits for the running tasks. Waiting messages are due, and the next process takes them.
    pub(super) async fn stop(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits until messages are due, and sends them. If the process is told to stop, the next process's sweep sends them.
async fn see_to(current: Current, due_ms: i64, ids: Vec<MessageId>, mut stopped: watch::Receiver<bool>) -> Ended {
    let wait_ms = u64::try_from(due_ms - world().now_ms()).unwrap_or_default();
    tokio::select! {
        () = told(&mut stopped) => return Ended::Other,
        () = sleep(Duration::from_millis(wait_ms)) => {}
    }
    if let Err(error) = current.now().installation.sender.send_gathered(due_ms, &ids, NO_DEADLINE_MS).await {
        tracing::error!(error = %error, "wake_up.failed");
    }
    Ended::Other
}
