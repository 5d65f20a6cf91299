//! An installation on one machine: the same use cases as on AWS, behind triggers that behave like those of AWS.

mod alarms;
mod current;
mod http;
mod lanes;
mod news;
mod reports;
mod spool;
mod stream;
mod triggers;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use recado_core::{config::Config, message::Priority};
use recado_pipeline::{audio::AudioStore, proof::Prover};
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
    tasks: Vec<JoinHandle<()>>,
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
        let (follower, current) = Follower::start(config, version, environment, &ledger, audio_store)?;
        let (stop, stopped) = watch::channel(false);
        // If other processes write to the table, its stream reports new messages. Otherwise this process's own writes
        // report them.
        let reader = if store.is_shared() { Some(stream::Reader::open(store).await?) } else { None };
        let spool = spool::Spool::new(store.directory());
        let (desk, at_the_desk) = reports::Desk::open(current.clone(), spool, stopped.clone());
        let prover = Prover::new(store.ledger.clone(), world());
        let schedule = pace.schedule;
        let mut tasks = vec![
            tokio::spawn(http::serve(listener, current.clone(), (desk, prover), stopped.clone())),
            tokio::spawn(triggers::wake_ups(written, reader, current.clone(), stopped.clone())),
            tokio::spawn(triggers::uploads(current.clone(), schedule, stopped.clone())),
            tokio::spawn(triggers::completions(current.clone(), schedule, stopped.clone())),
            tokio::spawn(triggers::reconciliations(current.clone(), schedule * RECONCILE_EVERY_TICKS, stopped.clone())),
            tokio::spawn(triggers::write_back(current.clone(), bells.clone(), schedule, stopped.clone())),
            tokio::spawn(triggers::campaigns(current.clone(), schedule, stopped.clone())),
            tokio::spawn(follower.follow(pace.follow, stopped.clone())),
        ];
        tasks.extend(Priority::ALL.map(|lane| {
            tokio::spawn(triggers::sweeps(lane, current.clone(), bells.clone(), schedule, stopped.clone()))
        }));
        tasks.extend(at_the_desk);
        Ok(Self { address, stop, tasks })
    }

    /// The address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting requests, finishes the work that has begun, and returns.
    pub(crate) async fn stop(self) {
        // An error means that every task has already ended.
        let _ = self.stop.send(true);
        for task in self.tasks {
            // A panic in a task was reported when it happened.
            let _ = task.await;
        }
    }
}
