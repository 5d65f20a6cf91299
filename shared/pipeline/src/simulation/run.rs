//! One schedule from its seed to its end: events at their times, sweeps of due rows, crashes, a change of the
//! configuration. Then the weather is calm, until nothing more is due.

use std::sync::Arc;

use fastrand::Rng;

use super::{
    begin::{engine, vendor},
    campaign, operator, oracle,
    process::{Clients, Installed, install, post},
    recording,
    scenario::{Scenario, one_in, pick},
    universe::{Event, Invariant, Process, Universe},
    weather::Weather,
};
use crate::send::NO_DEADLINE_MS;

/// The number of events after which a schedule will never come to rest.
const EVENTS_MAX: usize = 3_000;
/// The interval between sweeps of the processes, in ms.
const SWEEP_EVERY_MS: i64 = 60_000;
/// Most attempts of LeadSquared to deliver a change.
const DELIVERIES: u32 = 3;

/// The result of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) broken: Option<(Invariant, String)>,
    /// A hash of everything that happened.
    pub(super) trace: u64,
    /// Messages that LigueLead took.
    pub(super) sent: usize,
    /// Requests to the store.
    pub(super) requests: usize,
}

/// Runs the schedule of `seed`. `told` also prints what happens.
pub(super) fn run(seed: u64, clients: &Clients, told: bool) -> Outcome {
    // The store's client draws its jitter from the thread's random generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap_or_else(|error| panic!("{error}")).block_on(schedule(seed, clients, told))
}

async fn schedule(seed: u64, clients: &Clients, told: bool) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let scenario = Scenario::draw(&mut rng);
    let universe = Arc::new(Universe::new(
        engine(),
        scenario.begin_ms,
        told,
        vendor(seed, &scenario, &mut rng),
        scenario.weather.clone(),
        rng,
    ));
    universe.state().campaign = scenario.campaign.clone().map(Arc::new);
    universe.state().leads = Arc::new(scenario.leads.clone());
    universe.state().resends = scenario.settings.iter().any(|setting| setting.resends);
    if told {
        println!("{scenario:#?}");
    }
    let mut driver =
        Driver { universe, scenario, clients, installed: Vec::new(), setting: 0, swept_ms: 0, sweep_wait_ms: 0 };
    driver.begin();
    driver.drive().await;
    oracle::at_end(&driver.universe, &driver.scenario);
    let state = driver.universe.state();
    let sent = state.log.calls.iter().filter(|call| call.accepted).map(|call| call.phones.len()).sum();
    let (broken, requests) = (state.broken.clone(), state.requests);
    drop(state);
    Outcome { broken, trace: driver.universe.trace(), sent, requests }
}

/// The deadline of a function that starts now, in ms since the epoch; half of the functions have none.
fn deadline_ms(universe: &Universe) -> i64 {
    let now_ms = universe.now_ms();
    universe.draw(|rng| if one_in(rng, 2) { NO_DEADLINE_MS } else { now_ms + rng.i64(10_000..=120_000) })
}

struct Driver<'a> {
    universe: Arc<Universe>,
    scenario: Scenario,
    clients: &'a Clients,
    installed: Vec<(Process, Installed)>,
    /// The configuration for processes that start now.
    setting: usize,
    swept_ms: i64,
    /// The delay of the next sweep after a row is due.
    sweep_wait_ms: i64,
}

impl Driver<'_> {
    fn begin(&mut self) {
        for slot in 0..self.scenario.processes {
            self.start(slot);
        }
        // The opt-out values in a delivery may be long out of date.
        let most_ms = if self.scenario.leads.opt_out() { 10_800_000 } else { 1_800_000 };
        for change in 0..self.scenario.changes.len() {
            let at_ms = self.scenario.changes[change].at_ms;
            let late_ms =
                self.universe.draw(|rng| if one_in(rng, 4) { rng.i64(0..=most_ms) } else { rng.i64(0..=2_000) });
            self.universe.at(at_ms + late_ms, Event::Deliver { change, attempt: 1 });
            if self.universe.happens(|weather| weather.twice) {
                let again_ms = self.universe.draw(|rng| rng.i64(0..=7_200_000));
                self.universe.at(at_ms + again_ms, Event::Deliver { change, attempt: DELIVERIES + 1 });
            }
        }
        self.universe.at(self.scenario.begin_ms + self.scenario.recording.added_after_ms, Event::Recording);
        for (after_ms, order) in self.scenario.orders.clone() {
            self.universe.at(self.scenario.begin_ms + after_ms, Event::Order(order));
        }
        if let Some(after_ms) = self.scenario.reconfigured_after_ms {
            self.universe.at(self.scenario.begin_ms + after_ms, Event::Reconfigure);
        }
    }

    fn start(&mut self, slot: usize) {
        let process = self.universe.born(slot);
        let Some(setting) = self.scenario.settings.get(self.setting) else { return };
        let installed = (process, install(&self.universe, process, setting, self.clients));
        self.universe.tell(format_args!("process {slot} starts with configuration {}", self.setting));
        match self.installed.get_mut(slot) {
            Some(old) => *old = installed,
            None => self.installed.push(installed),
        }
        if self.universe.draw(|rng| one_in(rng, 3)) {
            // A process that has just started looks for work that its predecessor left.
            self.sweep(slot, recado_core::decide::WAKE_UP_WITHIN_MS);
        }
    }

    async fn drive(&mut self) {
        for _ in 0..EVENTS_MAX {
            let Some(at_ms) = self.wait().await else { return };
            if self.universe.elapsed_ms() >= self.scenario.storm_ms {
                self.universe.state().weather = Weather::default();
            }
            if self.universe.state().broken.is_some() {
                return;
            }
            let event = {
                let mut state = self.universe.state();
                let due = state.queue.first_key_value().is_some_and(|((at, _), _)| *at <= at_ms);
                if due { state.queue.pop_first().map(|(_, event)| event) } else { None }
            };
            match event {
                Some(event) => self.happen(event),
                None => self.swept(),
            }
        }
        self.universe.broke(Invariant::Ends, format!("it has not come to rest after {EVENTS_MAX} events"));
    }

    /// Waits for the next event or sweep, and returns its instant. `None` if there is no more.
    async fn wait(&mut self) -> Option<i64> {
        loop {
            let at_ms = self.next_ms()?;
            if self.universe.wait_until(at_ms).await {
                return Some(at_ms);
            }
        }
    }

    /// The instant of the next event or sweep. `None` if there is no more.
    fn next_ms(&mut self) -> Option<i64> {
        let state = self.universe.state();
        let event_ms = state.queue.first_key_value().map(|((at_ms, _), _)| *at_ms);
        let due_ms = state.rows.earliest_due_ms();
        drop(state);
        // The processes sweep each minute. Sweeps without due rows are left out, and in calm weather many others too.
        let sweep_ms = due_ms.map(|due_ms| due_ms.max(self.swept_ms + SWEEP_EVERY_MS / 3) + self.sweep_wait_ms);
        [event_ms, sweep_ms].into_iter().flatten().min()
    }

    fn swept(&mut self) {
        let storm = self.universe.elapsed_ms() < self.scenario.storm_ms;
        let most_ms = if storm { SWEEP_EVERY_MS } else { 30 * SWEEP_EVERY_MS };
        self.sweep_wait_ms = self.universe.draw(|rng| rng.i64(0..=most_ms));
        self.swept_ms = self.universe.now_ms();
        let Some(slot) = self.living() else { return };
        self.sweep(slot, 0);
        // A campaign has few messages that two processes could take at once.
        let rarely = if self.scenario.campaign.is_some() { 2 } else { 4 };
        if let Some(other) = self.living().filter(|other| *other != slot)
            && self.universe.draw(|rng| one_in(rng, rarely))
        {
            self.sweep(other, 0);
        }
    }

    fn sweep(&self, slot: usize, ahead_ms: i64) {
        let Some((process, installed)) = self.installed.get(slot).cloned() else { return };
        let universe = Arc::clone(&self.universe);
        // A sweep of a lane without due rows changes nothing, so it is left out.
        let lanes = universe.state().rows.lanes_due(universe.now_ms() + ahead_ms);
        self.universe.run(process, async move {
            let deadline_ms = deadline_ms(&universe);
            for lane in lanes {
                match installed.sweeper.sweep_lane(lane, ahead_ms, deadline_ms).await {
                    Ok(report) => universe.tell(format_args!("process {} swept: {report:?}", process.slot)),
                    Err(error) => universe.tell(format_args!("process {} could not sweep: {error}", process.slot)),
                }
            }
        });
    }

    /// One of the living processes.
    fn living(&self) -> Option<usize> {
        let mut state = self.universe.state();
        let living: Vec<usize> =
            state.processes.iter().enumerate().filter(|(_, life)| life.alive).map(|(slot, _)| slot).collect();
        (!living.is_empty()).then(|| pick(&mut state.rng, &living))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(slot) => return self.start(slot),
            Event::Reconfigure => return self.reconfigure(),
            Event::Recording => return self.scenario.recording.add(&self.universe.engine),
            Event::Uploaded => return recording::upload_again(&self.universe.engine),
            Event::Deliver { change, attempt } if attempt <= DELIVERIES => {
                if self.universe.state().log.taken.contains(&change) {
                    return;
                }
                let again_ms = self.universe.draw(|rng| rng.i64(30_000..=900_000));
                self.universe.after(again_ms, Event::Deliver { change, attempt: attempt + 1 });
            }
            _ => {}
        }
        // Without a living process nobody answers. LeadSquared tries again, LigueLead does not, and the stream waits.
        let Some(slot) = self.living() else {
            if matches!(event, Event::Wake(_) | Event::Order(_) | Event::Tick) {
                self.universe.after(5_000, event);
            }
            return;
        };
        let Some((process, installed)) = self.installed.get(slot).cloned() else { return };
        let universe = Arc::clone(&self.universe);
        match event {
            Event::Deliver { change, .. } => {
                let body = &self.scenario.changes[change].body;
                // A creation is one flat lead. Only the address shows that the lead is new.
                let is_new = body.get("After").is_none();
                let query = is_new.then(|| ("event".to_owned(), "lead.created".to_owned()));
                let request = post(query.into_iter().collect(), body);
                self.universe.tell(format_args!("change {change} is delivered to process {slot}"));
                self.universe.run(process, async move {
                    if installed.intake.webhook(&request).await.status == 200 {
                        universe.tell(format_args!("change {change} is taken"));
                        universe.state().log.taken.insert(change);
                    }
                });
            }
            Event::Wake(mut ids) => {
                if ids.is_empty() {
                    ids = std::mem::take(&mut self.universe.state().woken);
                }
                if ids.len() > 1 && self.universe.happens(|weather| weather.twice) {
                    // Another process is woken for some of them, at nearly the same time.
                    let some = self.universe.draw(|rng| rng.usize(1..=ids.len()));
                    let after_ms = self.universe.draw(|rng| rng.i64(0..=30));
                    self.universe.after(after_ms, Event::Wake(ids.iter().take(some).copied().collect()));
                }
                self.universe.tell(format_args!("process {slot} is woken for {}", ids.len()));
                self.universe.run(process, async move {
                    let deadline_ms = deadline_ms(&universe);
                    match installed.sender().send_new(&ids, deadline_ms).await {
                        Ok(report) => universe.tell(format_args!("process {slot} sent: {report:?}")),
                        Err(error) => universe.tell(format_args!("process {slot} could not send: {error}")),
                    }
                });
            }
            Event::Report(callback) => {
                let url: Option<url::Url> = callback.url.parse().ok();
                let query = url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
                let request = post(query, &callback.body);
                self.universe.tell(format_args!("process {slot} hears {} of {}", callback.status, callback.phone));
                oracle::told(&universe, &callback);
                self.universe.run(process, async move {
                    if installed.settler().callback(&request).await.status == 200 {
                        oracle::heard(&universe, &callback);
                    }
                });
            }
            Event::Tick => campaign::tick(&universe, process, &installed),
            Event::Order(order) => operator::give(&universe, process, &installed, order),
            Event::Start(_) | Event::Reconfigure | Event::Recording | Event::Uploaded => {}
        }
    }

    /// The processes change over one after the other.
    fn reconfigure(&mut self) {
        self.setting = self.scenario.settings.len() - 1;
        self.universe.tell(format_args!("the configuration changes"));
        for slot in 0..self.scenario.processes {
            let after_ms = self.universe.draw(|rng| rng.i64(0..=120_000));
            self.universe.after(after_ms, Event::Start(slot));
        }
    }
}
