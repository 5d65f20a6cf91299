//! The shared parts of a schedule: virtual time, chance, the lives of the processes, the queue of future events.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dynoxide::Database;
use fastrand::Rng;
use recado_core::identity::MessageId;
use recado_limits::Reading;
use recado_simulators::liguelead::{DueCallback, InProcess};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep, sleep_until},
};

use super::{
    campaign::Campaign,
    crm::Leads,
    log::Log,
    operator::{Order, Orders},
    rows::Rows,
    weather::Weather,
};

/// The largest error of a process's clock, in µs: half of what the limits' arithmetic allows for.
const SKEW_US: i64 = 50_000;

/// A property that must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invariant {
    /// No message is sent twice.
    SentOnce,
    /// Every message reaches an end state, or waits for a stated instant.
    Ends,
    /// A state never goes back, and it is true.
    Forward,
    /// What was answered as accepted is kept.
    NothingLost,
    /// The books match what the vendor charged.
    Books,
    /// No rate, quota or cap is exceeded, and nothing is sent outside the hours.
    Limits,
    /// A fallback is sent only if a report said that the first message did not arrive.
    Followed,
    /// Nothing is sent to suppressed recipients, during a pause, or after a cancellation.
    Heeded,
}

/// A process that runs a use case: its slot, and the number of its life in that slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) slot: usize,
    pub(super) life: u64,
}

#[derive(Debug)]
#[allow(clippy::struct_field_names, reason = "`life` is the number that a process's events carry, as in `Process`")]
pub(super) struct Life {
    pub(super) life: u64,
    pub(super) alive: bool,
    stalled_until: Instant,
    tasks: Vec<AbortHandle>,
    skew_us: i64,
}

/// An event with a time.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// LeadSquared delivers a change, in the given attempt.
    Deliver { change: usize, attempt: u32 },
    /// The stream wakes a sender.
    Wake(Vec<MessageId>),
    /// LigueLead posts a report.
    Report(Box<DueCallback>),
    /// A process starts.
    Start(usize),
    /// The campaign's run is continued.
    Tick,
    /// Somebody adds the recording for voice calls.
    Recording,
    /// The recording that LigueLead had lost is uploaded again.
    Uploaded,
    /// A new configuration takes effect for processes that start from now on.
    Reconfigure,
    /// An operator gives a command.
    Order(Order),
}

/// The mutable state of a schedule. One lock, one thread.
pub(super) struct State {
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) processes: Vec<Life>,
    pub(super) vendor: InProcess,
    pub(super) rows: Rows,
    pub(super) log: Log,
    pub(super) orders: Orders,
    /// Whether a rule sends a message again if its outcome stays unknown.
    pub(super) resends: bool,
    pub(super) campaign: Option<Arc<Campaign>>,
    /// All leads that LeadSquared knows.
    pub(super) leads: Arc<Leads>,
    pub(super) queue: BTreeMap<(i64, u64), Event>,
    queued: u64,
    /// The instant that the schedule waits for, in ms since the epoch.
    awaited_ms: i64,
    /// Messages that the stream has yet to report.
    pub(super) woken: Vec<MessageId>,
    pub(super) broken: Option<(Invariant, String)>,
    /// Requests to the store.
    pub(super) requests: usize,
    trace: DefaultHasher,
    told: bool,
}

/// One schedule.
pub(super) struct Universe {
    began: Instant,
    begin_ms: i64,
    pub(super) engine: Database,
    /// Notified when something will happen before the instant that the schedule waits for.
    sooner: Notify,
    state: Mutex<State>,
}

impl Universe {
    pub(super) fn new(
        engine: Database,
        begin_ms: i64,
        told: bool,
        vendor: InProcess,
        weather: Weather,
        rng: Rng,
    ) -> Self {
        let state = State {
            rng,
            weather,
            processes: Vec::new(),
            vendor,
            rows: Rows::default(),
            log: Log::default(),
            orders: Orders::default(),
            resends: false,
            campaign: None,
            leads: Arc::default(),
            queue: BTreeMap::new(),
            queued: 0,
            awaited_ms: i64::MIN,
            woken: Vec::new(),
            broken: None,
            requests: 0,
            trace: DefaultHasher::new(),
            told,
        };
        Self { began: Instant::now(), begin_ms, engine, sooner: Notify::new(), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// µs since the schedule began.
    fn elapsed_us(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// The true time, in ms since the epoch.
    pub(super) fn now_ms(&self) -> i64 {
        self.begin_ms + self.elapsed_us() / 1_000
    }

    pub(super) fn elapsed_ms(&self) -> i64 {
        self.elapsed_us() / 1_000
    }

    /// The readings of a process's clocks.
    pub(super) fn clocks(&self, process: Process) -> Reading {
        let skew_us = self.state().processes.get(process.slot).map_or(0, |life| life.skew_us);
        let elapsed_us = self.elapsed_us();
        Reading { wall_us: self.begin_ms * 1_000 + elapsed_us + skew_us, mono_us: elapsed_us }
    }

    /// Waits until `at_ms`, in ms since the epoch. `false`: an earlier event came up.
    pub(super) async fn wait_until(&self, at_ms: i64) -> bool {
        self.state().awaited_ms = at_ms;
        let after_ms = u64::try_from(at_ms - self.begin_ms).unwrap_or(0);
        tokio::select! {
            biased;
            () = sleep_until(self.began + Duration::from_millis(after_ms)) => true,
            () = self.sooner.notified() => false,
        }
    }

    /// Announces that something will happen at `at_ms`, in ms since the epoch.
    pub(super) fn awaits(&self, at_ms: i64) {
        if at_ms < self.state().awaited_ms {
            self.sooner.notify_one();
        }
    }

    /// Puts an event into the queue.
    pub(super) fn at(&self, at_ms: i64, event: Event) {
        let mut state = self.state();
        state.queued += 1;
        let key = (at_ms, state.queued);
        state.queue.insert(key, event);
        drop(state);
        self.awaits(at_ms);
    }

    pub(super) fn after(&self, ms: i64, event: Event) {
        self.at(self.now_ms() + ms, event);
    }

    /// Writes a line on what happened: into the hash that compares two runs, and to the output when a seed is replayed.
    pub(super) fn tell(&self, line: std::fmt::Arguments<'_>) {
        let elapsed_us = self.elapsed_us();
        let mut state = self.state();
        let line = line.to_string();
        state.trace.write_i64(elapsed_us);
        state.trace.write(line.as_bytes());
        if state.told {
            let seconds = elapsed_us / 1_000_000;
            let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            println!("{hours:02}:{minutes:02}:{seconds:02}.{:06} {line}", elapsed_us % 1_000_000);
        }
    }

    pub(super) fn trace(&self) -> u64 {
        self.state().trace.finish()
    }

    /// Notes that an invariant did not hold. Only the first note counts.
    pub(super) fn broke(&self, invariant: Invariant, what: String) {
        self.tell(format_args!("BROKEN {invariant:?}: {what}"));
        self.state().broken.get_or_insert((invariant, what));
    }

    /// Starts a new life in a slot.
    pub(super) fn born(&self, slot: usize) -> Process {
        let mut state = self.state();
        let skew_us = state.rng.i64(-SKEW_US..=SKEW_US);
        let fresh = Life { life: 1, alive: true, stalled_until: self.began, tasks: Vec::new(), skew_us };
        match state.processes.get_mut(slot) {
            Some(life) => *life = Life { life: life.life + 1, ..fresh },
            None => state.processes.push(fresh),
        }
        let life = state.processes.get(slot).map_or(1, |life| life.life);
        Process { slot, life }
    }

    /// Runs `work` in a process, until `work` ends or the process dies.
    pub(super) fn run(&self, process: Process, work: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(work).abort_handle();
        if let Some(life) = self.state().processes.get_mut(process.slot) {
            life.tasks.retain(|task| !task.is_finished());
            life.tasks.push(task);
        }
    }

    /// Kills a process at any point of its work. It starts again later.
    pub(super) fn kill(&self, process: Process) {
        let again_ms = {
            let mut state = self.state();
            let Some(life) = state.processes.get_mut(process.slot) else { return };
            if life.life != process.life || !life.alive {
                return;
            }
            life.alive = false;
            life.tasks.drain(..).for_each(|task| task.abort());
            state.rng.i64(100..=60_000)
        };
        self.tell(format_args!("process {} dies", process.slot));
        self.after(again_ms, Event::Start(process.slot));
    }

    /// A point at which a process waits for the world. Here it may die, or stand still for minutes. `most_ms` is the
    /// usual longest wait.
    pub(super) async fn step(self: &Arc<Self>, process: Process, most_ms: u64) {
        let (dies, wait_ms) = {
            let mut state = self.state();
            let State { rng, weather, processes, .. } = &mut *state;
            let dies = rng.f64() < weather.crash;
            let Some(life) = processes.get_mut(process.slot) else { return };
            if rng.f64() < weather.stall {
                // Shorter and longer than the time after which the process counts as dead.
                life.stalled_until = Instant::now() + Duration::from_millis(rng.u64(1_000..=300_000));
            }
            (dies, rng.u64(0..=most_ms))
        };
        if dies {
            self.kill(process);
            return std::future::pending().await;
        }
        if wait_ms > 0 {
            sleep(Duration::from_millis(wait_ms)).await;
        }
        loop {
            let until = self.state().processes.get(process.slot).map_or(self.began, |life| life.stalled_until);
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Whether an event of this probability happens.
    pub(super) fn happens(&self, of: impl Fn(&Weather) -> f64) -> bool {
        let mut state = self.state();
        let probability = of(&state.weather);
        probability > 0.0 && state.rng.f64() < probability
    }

    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }
}
