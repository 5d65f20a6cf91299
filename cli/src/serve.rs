//! An installation on one machine: the same use cases as on AWS, behind triggers that behave like those of AWS.

mod alarms;
mod current;
mod http;
mod lanes;
mod news;
mod reports;
pub(crate) mod spool;
mod stop;
mod stream;
mod triggers;

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use anyhow::Context as _;
use recado_core::{config::Config, message::Priority};
use recado_pipeline::{audio::AudioStore, proof::Prover, secrets::present_form_since};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use self::current::Follower;
pub(crate) use self::spool::QUARANTINE;
use crate::{data::Store, environment::Environment, installation::world};

/// How many sweep intervals pass between two reconciliations: five minutes, if the interval is one minute.
const RECONCILE_EVERY_TICKS: u32 = 5;

/// A running installation.
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    loops: Loops,
}

/// The intervals of the triggers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The interval of the sweep and of the write-back.
    pub(crate) schedule: Duration,
    /// The interval of looking for a new configuration in the table, and for the conditions that raise alarms.
    pub(crate) follow: Duration,
}

impl Server {
    /// Starts serving on `listener`. `version` is the version of `config` in the table, or 0 if it has none there.
    pub(crate) async fn start(
        listener: TcpListener,
        (config, version): (Arc<Config>, u64),
        environment: &Environment,
        store: &Store,
        audio_store: AudioStore,
        pace: Pace,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the address to listen on")?;
        let (ledger, bells, written) = news::listening(store.ledger.clone(), store.is_shared());
        let since_ms = present_form_since(&ledger, &world()).await?;
        let (follower, current) = Follower::start(config, version, (environment, since_ms), &ledger, audio_store)?;
        let (stop, stopped) = watch::channel(false);
        // If other processes write to the table, its stream reports new messages. Otherwise this process's own writes
        // report them.
        let reader = if store.is_shared() { Some(stream::Reader::open(store).await?) } else { None };
        let spool = spool::Spool::new(store.directory());
        let (desk, at_the_desk) = reports::Desk::open(current.clone(), spool, stopped.clone());
        let prover = Prover::new(store.ledger.clone(), world());
        let schedule = pace.schedule;
        let reconciled_every = schedule * RECONCILE_EVERY_TICKS;
        let mut loops = Loops::default();
        loops.start("http", http::serve(listener, current.clone(), (desk, prover), stopped.clone()));
        loops.start("wake-ups", triggers::wake_ups(written, reader, current.clone(), stopped.clone()));
        loops.start("uploads", triggers::uploads(current.clone(), schedule, stopped.clone()));
        loops.start("completions", triggers::completions(current.clone(), schedule, stopped.clone()));
        loops.start("reconciliation", triggers::reconciliations(current.clone(), reconciled_every, stopped.clone()));
        loops.start("write-back", triggers::write_back(current.clone(), bells.clone(), schedule, stopped.clone()));
        loops.start("campaigns", triggers::campaigns(current.clone(), schedule, stopped.clone()));
        loops.start("configuration", follower.follow(pace.follow, stopped.clone()));
        for lane in Priority::ALL {
            let sweeps = triggers::sweeps(lane, current.clone(), bells.clone(), schedule, stopped.clone());
            loops.start("sweep", sweeps);
        }
        loops.0.extend(at_the_desk.into_iter().map(|task| ("reports", task)));
        Ok(Self { address, stop, loops })
    }

    /// The address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting requests, finishes the work that has begun, and returns.
    pub(crate) async fn stop(self) {
        // An error means that every task has already ended.
        let _ = self.stop.send(true);
        for (_, task) in self.loops.0 {
            // A panic in a task was reported when it happened.
            let _ = task.await;
        }
    }

    /// Waits until a part ends that should go on, and returns the error. Without that part the installation would do only
    /// some of its work.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let name = self.loops.ended().await;
        tracing::error!(serve.part = name, "serve.part_ended");
        anyhow::anyhow!("the part `{name}` ended by itself: the log says why; start it again")
    }
}

/// The parts of a running installation, by name.
#[derive(Default)]
struct Loops(Vec<(&'static str, JoinHandle<()>)>);

impl Loops {
    fn start(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.0.push((name, tokio::spawn(part)));
    }

    /// Waits until one ends, and returns its name.
    async fn ended(&mut self) -> &'static str {
        poll_fn(|context| {
            let ended = self.0.iter_mut().position(|(_, task)| Pin::new(task).poll(context).is_ready());
            // Its handle must not be waited for again.
            ended.map_or(Poll::Pending, |place| Poll::Ready(self.0.swap_remove(place).0))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_named() {
        for fails in [false, true] {
            let mut loops = Loops::default();
            loops.start("goes on", std::future::pending());
            loops.start("sweep", async move { assert!(!fails, "as planned") });
            assert_eq!(loops.ended().await, "sweep");
            assert_eq!(loops.0.len(), 1, "the others may still be waited for");
        }
    }
}
