//! One run of the write-back: window after window, each planned while the requests of earlier windows are under way.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use recado_core::{
    identity::MessageId,
    message::Message,
    transition::Transition,
    writeback::{Backlog, Call, LeadFieldNames, Shown, Told, needs},
};

use super::{
    RunError, SyncReport, Syncer,
    calls::{ids_of, most_rows, needs_code},
    outlook::{allowance, known_names},
    unknown::UnknownFields,
    window::{Ended, Window},
};

/// Messages that one look finds, per shard of the index. All shards together hold some windows of the largest plan.
const ROWS_PER_SHARD: i32 = 50;
/// If more windows than this wait, a window does not look for further due messages: they would only wait.
const ENOUGH_WINDOWS: usize = 2;
/// The longest time without such a look, in ms.
const LOOK_EVERY_MS: i64 = 30_000;
/// With more waiting messages than this, no further recipients leave their blocks.
const MOST_WAITING: usize = 200;
/// Most requests under way at once: 30 s of requests without an answer on the largest plan.
const CALLS_AT_ONCE: usize = 200;
/// How much later than the first request of a window the others may start, in ms.
const TOGETHER_MS: i64 = 500;
/// The lease of the leading function, and its lifetime without a renewal, in ms. Each window renews it.
const LEASE: &str = "write-back";
const LEASE_MS: i64 = 15_000;

/// One run.
pub(super) struct Run<'s> {
    syncer: &'s Syncer,
    until_ms: i64,
    under_way: FuturesUnordered<BoxFuture<'s, Result<Ended, RunError>>>,
    /// The messages of requests under way, and the number of requests for each.
    busy: HashMap<MessageId, usize>,
    /// Messages that wait, as last read.
    waiting: HashMap<MessageId, Message>,
    /// The time of that reading, in ms since the epoch.
    looked_ms: i64,
    /// The most rows of a window.
    most_rows: usize,
    shown: BTreeMap<String, Shown>,
    /// Leads whose shown values were read.
    asked: HashSet<String>,
    /// Messages that a listing could not settle.
    alone: HashSet<MessageId>,
    unknown: Option<Arc<UnknownFields>>,
    code: Option<u32>,
    leads_until_ms: i64,
    report: SyncReport,
}

impl<'s> Run<'s> {
    pub(super) fn new(syncer: &'s Syncer, until_ms: i64) -> Self {
        Self {
            syncer,
            until_ms,
            under_way: FuturesUnordered::new(),
            busy: HashMap::new(),
            waiting: HashMap::new(),
            looked_ms: 0,
            most_rows: 0,
            shown: BTreeMap::new(),
            asked: HashSet::new(),
            alone: HashSet::new(),
            unknown: None,
            code: None,
            leads_until_ms: 0,
            report: SyncReport::default(),
        }
    }

    pub(super) async fn carry_out(mut self) -> Result<SyncReport, RunError> {
        let mut outcome = self.windows().await;
        while let Some(ended) = self.under_way.next().await {
            let settled = self.settle(ended);
            outcome = outcome.and(settled);
        }
        if self.leads_until_ms > 0 {
            let ended = self.syncer.ledger.end_lease(LEASE, &self.syncer.holder).await;
            outcome = outcome.and(ended.map_err(RunError::from));
        }
        outcome.map(|()| self.report)
    }

    async fn windows(&mut self) -> Result<(), RunError> {
        loop {
            while let Some(Some(ended)) = self.under_way.next().now_or_never() {
                self.settle(ended)?;
            }
            let now_ms = self.syncer.world.now_ms();
            self.look(now_ms).await?;
            if self.waiting.is_empty() {
                // Requests under way may leave rows that are due at once.
                match self.under_way.next().await {
                    Some(ended) => self.settle(ended)?,
                    None => return Ok(()),
                }
                continue;
            }
            if let Some(next_ms) = self.lead(now_ms).await? {
                if next_ms >= self.until_ms {
                    return Ok(());
                }
                self.wait_until(next_ms).await?;
                self.waiting.clear();
                continue;
            }
            if !self.window(now_ms).await? {
                return Ok(());
            }
        }
    }

    /// Finds waiting messages that are not under way, unless enough windows wait already.
    async fn look(&mut self, now_ms: i64) -> Result<(), RunError> {
        if self.waiting.len() > ENOUGH_WINDOWS * self.most_rows && now_ms < self.looked_ms + LOOK_EVERY_MS {
            return Ok(());
        }
        self.looked_ms = now_ms;
        for block in self.found(now_ms).await? {
            // More recipients would only wait in rows of their own, and would cost too early.
            if self.waiting.len() < MOST_WAITING && Box::pin(self.syncer.let_out(&block, now_ms)).await? {
                self.found(now_ms).await?;
            }
        }
        Ok(())
    }

    /// Finds waiting messages that are not under way, and returns the blocks among them.
    async fn found(&mut self, now_ms: i64) -> Result<Vec<Message>, RunError> {
        let ids = self.syncer.ledger.crm_due(now_ms, ROWS_PER_SHARD).await?;
        let (mut many, mut untold) = (Vec::new(), Vec::new());
        let new = |id: &MessageId| !self.busy.contains_key(id) && !self.waiting.contains_key(id);
        let new: Vec<MessageId> = ids.into_iter().filter(new).collect();
        for message in self.syncer.ledger.messages(&new).await? {
            // The index lags behind, so the row's own due time counts.
            if message.crm.due_ms.is_none_or(|due_ms| due_ms > now_ms) {
                continue;
            }
            if message.block().is_some() {
                many.push(message);
            } else if self.syncer.settings.tells(&message) {
                self.waiting.insert(message.id, message);
            } else {
                untold.push(Transition::of_crm(message.id).done_in(message.state));
            }
        }
        self.syncer.ledger.apply(untold).await?;
        Ok(many)
    }

    /// Takes or renews the lease. `Some`: another function holds it until then.
    async fn lead(&mut self, now_ms: i64) -> Result<Option<i64>, RunError> {
        if now_ms + LEASE_MS / 2 < self.leads_until_ms {
            return Ok(None);
        }
        let until_ms = now_ms + LEASE_MS;
        let others = self.syncer.ledger.lease(LEASE, &self.syncer.holder, now_ms, until_ms).await?;
        self.leads_until_ms = if others.is_none() { until_ms } else { 0 };
        Ok(others)
    }

    /// Plans a window and starts its requests. `false`: the run is over.
    async fn window(&mut self, now_ms: i64) -> Result<bool, RunError> {
        let (unknown, names) = self.fields(now_ms).await?;
        let allowance = allowance(&self.syncer.crm.account, now_ms).await?;
        self.most_rows = most_rows(&allowance);
        let (mut backlog, told) = self.backlog(&names, now_ms).await?;
        self.finish(told).await?;
        let planned = backlog.clone().next_calls(now_ms, &allowance);
        let Some(first) = planned.first() else {
            return self.idle(backlog.ready_ms(), now_ms).await;
        };
        if self.code.is_none() && planned.iter().any(needs_code) {
            let (syncer, until_ms, mut report) = (self.syncer, self.until_ms, SyncReport::default());
            self.code = self.meanwhile(syncer.activity_code(until_ms, &mut report)).await??;
            self.report.add(report);
            if self.code.is_none() {
                return Ok(false);
            }
        }
        let prepare_ms = self.syncer.preparation.ms();
        let from_ms = self.syncer.world.now_ms() + prepare_ms;
        let (syncer, until_ms) = (self.syncer, self.until_ms);
        let reserved = self.meanwhile(syncer.reserve(first, from_ms, until_ms)).await??;
        let Some(at_ms) = reserved else { return Ok(false) };
        // More rows may be due by the time of the slot.
        if at_ms > from_ms {
            self.wait_until(at_ms - prepare_ms).await?;
            let now_ms = self.syncer.world.now_ms();
            self.look(now_ms).await?;
            let (later, told) = self.backlog(&names, now_ms).await?;
            self.finish(told).await?;
            backlog = later;
        }
        let mut calls = backlog.next_calls(self.syncer.world.now_ms(), &allowance);
        // A message that came since the first look may be the first to need the activity type. The next window asks for
        // its code.
        calls.retain(|call| self.code.is_some() || !needs_code(call));
        // The slot belongs to its class. It is lost in the rare case that its request is no longer needed.
        let Some(place) = calls.iter().position(|call| call.is_bulk() == first.is_bulk()) else { return Ok(true) };
        let mut starts = vec![(calls.remove(place), at_ms)];
        for call in calls {
            let reserved = self.meanwhile(syncer.reserve(&call, at_ms, at_ms + TOGETHER_MS)).await??;
            let Some(slot_ms) = reserved else { continue };
            starts.push((call, slot_ms));
        }
        self.start(starts, unknown);
        self.wait_until(at_ms).await?;
        Ok(true)
    }

    /// Starts requests, each at its slot.
    fn start(&mut self, starts: Vec<(Call, i64)>, unknown: Arc<UnknownFields>) {
        let mut messages = HashMap::new();
        for id in starts.iter().flat_map(|(call, _)| ids_of(call)) {
            *self.busy.entry(id).or_default() += 1;
            messages.extend(self.waiting.remove_entry(&id));
        }
        let leads = messages.values().map(|message| message.lead_id());
        let shown = leads.filter_map(|lead| Some((lead.to_owned(), self.shown.get(lead)?.clone()))).collect();
        let window = Window {
            messages: Arc::new(messages),
            shown: Arc::new(shown),
            unknown,
            code: self.code.unwrap_or_default(),
            prepare_ms: self.syncer.preparation.ms(),
            until_ms: self.until_ms,
        };
        let syncer = self.syncer;
        for (call, at_ms) in starts {
            let window = window.clone();
            self.under_way.push(Box::pin(async move { syncer.make(call, at_ms, window).await }));
        }
    }

    /// Waits until a row has lingered. `false`: this run has nothing to wait for.
    async fn idle(&mut self, ready_ms: Option<i64>, now_ms: i64) -> Result<bool, RunError> {
        match ready_ms {
            Some(ready_ms) if ready_ms < self.until_ms => {
                self.wait_until(ready_ms.max(now_ms + 1)).await?;
                Ok(true)
            }
            // Rows that wait until their process counts as dead need nothing now.
            _ => match self.under_way.next().await {
                Some(ended) => {
                    self.settle(ended)?;
                    Ok(true)
                }
                None => Ok(false),
            },
        }
    }

    /// Asks the account's limits while requests are under way. A request may hold the lock on the limits until it is
    /// polled. Without polling it here, both would wait for ever.
    async fn meanwhile<T>(&mut self, asked: impl Future<Output = T>) -> Result<T, RunError> {
        let mut asked = Box::pin(asked);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.under_way.next() => self.settle(ended)?,
                answer = &mut asked => return Ok(answer),
            }
        }
    }

    /// Waits while requests are under way; longer if too many are.
    async fn wait_until(&mut self, at_ms: i64) -> Result<(), RunError> {
        let mut waited = Box::pin(self.syncer.crm.wait_until(at_ms));
        let mut is_over = false;
        while !is_over || self.under_way.len() >= CALLS_AT_ONCE {
            tokio::select! {
                biased;
                Some(ended) = self.under_way.next() => self.settle(ended)?,
                () = &mut waited, if !is_over => is_over = true,
            }
        }
        Ok(())
    }

    fn settle(&mut self, ended: Result<Ended, RunError>) -> Result<(), RunError> {
        let ended = ended?;
        for id in &ended.ids {
            if let Some(calls) = self.busy.get_mut(id) {
                *calls -= 1;
            }
        }
        self.busy.retain(|_, calls| *calls > 0);
        self.shown.extend(ended.shown);
        self.alone.extend(ended.alone);
        if ended.learnt {
            self.unknown = None;
        }
        if ended.missed || ended.report.calls > 0 {
            self.syncer.preparation.learn(ended.missed);
        }
        self.report.add(ended.report);
        Ok(())
    }

    /// Records messages about which LeadSquared knows everything.
    async fn finish(&mut self, told: Vec<Told>) -> Result<(), RunError> {
        for told in &told {
            self.waiting.remove(&told.id);
        }
        self.report.done += told.len() as u64;
        let has_fields = !self.syncer.settings.lead_fields.is_empty();
        let change = |told: Told| {
            let change = Transition::of_crm(told.id).done_in(told.state);
            if has_fields { change.lead(told.state) } else { change }
        };
        self.syncer.ledger.apply(told.into_iter().map(change).collect()).await?;
        Ok(())
    }

    /// The requests that the waiting messages need, and the messages that need none.
    async fn backlog(&mut self, names: &LeadFieldNames, now_ms: i64) -> Result<(Backlog, Vec<Told>), RunError> {
        if !names.is_empty() {
            let leads: HashSet<&str> = self.waiting.values().map(|message| message.lead_id()).collect();
            let new: Vec<&str> = leads.into_iter().filter(|lead| !self.asked.contains(*lead)).collect();
            let found = self.syncer.ledger.shown(&new, now_ms).await?;
            self.asked.extend(new.into_iter().map(str::to_owned));
            self.shown.extend(found);
        }
        let mut needs = needs(self.waiting.values(), names, &self.shown, now_ms, self.syncer.settings.stale_after_ms);
        let told = std::mem::take(&mut needs.told);
        (needs.find_alone, needs.find) = needs.find.into_iter().partition(|row| self.alone.contains(&row.id));
        Ok((Backlog::new(needs), told))
    }

    /// The fields that LeadSquared does not know, and the lead's fields to write.
    async fn fields(&mut self, now_ms: i64) -> Result<(Arc<UnknownFields>, LeadFieldNames), RunError> {
        let unknown = match &self.unknown {
            Some(unknown) => Arc::clone(unknown),
            None => Arc::new(UnknownFields::load(&self.syncer.ledger, now_ms).await?),
        };
        self.unknown = Some(Arc::clone(&unknown));
        let names = known_names(&self.syncer.settings, &unknown);
        Ok((unknown, names))
    }
}
