//! One run: window after window, each planned while the calls of those before are under way.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use recado_core::{
    identity::MessageId,
    message::Message,
    writeback::{Backlog, Call, LeadFieldNames, Shown, Told, needs},
};
use recado_ledger::CrmChange;

use super::{
    RunError, SyncReport, Syncer,
    calls::{ids_of, most_rows, needs_code},
    outlook::{allowance, known_names},
    unknown::UnknownFields,
    window::{Ended, Window},
};

/// Messages found by one look, per shard of the index: together those of some windows of the largest plan.
const ROWS_PER_SHARD: i32 = 50;
/// While messages for more windows than this wait, what is due besides is not looked for at each window: it would wait.
const ENOUGH_WINDOWS: usize = 2;
/// How long it is not looked for at most, in ms.
const LOOK_EVERY_MS: i64 = 30_000;
/// Messages that wait beyond which no more leave the blocks that they are in.
const MOST_WAITING: usize = 200;
/// Calls under way at once, at most: 30 s of calls that get no answer on the largest plan.
const CALLS_AT_ONCE: usize = 200;
/// How much later than the first call of a window the others may start, in ms.
const TOGETHER_MS: i64 = 500;
/// The lease by which one function leads, and how long it lasts without being renewed, in ms: each window renews it.
const LEASE: &str = "write-back";
const LEASE_MS: i64 = 15_000;

/// One run.
pub(super) struct Run<'s> {
    syncer: &'s Syncer,
    until_ms: i64,
    under_way: FuturesUnordered<BoxFuture<'s, Result<Ended, RunError>>>,
    /// The messages of calls under way, and how many calls each is in.
    busy: HashMap<MessageId, usize>,
    /// Messages that wait, as last read.
    waiting: HashMap<MessageId, Message>,
    /// When that was, in ms since the epoch.
    looked_ms: i64,
    /// Rows that a window holds at most.
    most_rows: usize,
    shown: BTreeMap<String, Shown>,
    /// Leads that were asked for.
    asked: HashSet<String>,
    /// Messages of which a listing could not say for certain whether they were posted.
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
                // What is under way may leave rows behind that are due at once.
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

    /// Finds what waits and is not under way, unless more than enough is known to.
    async fn look(&mut self, now_ms: i64) -> Result<(), RunError> {
        if self.waiting.len() > ENOUGH_WINDOWS * self.most_rows && now_ms < self.looked_ms + LOOK_EVERY_MS {
            return Ok(());
        }
        self.looked_ms = now_ms;
        for block in self.found(now_ms).await? {
            // More than these would wait in rows of their own, and cost that before their time.
            if self.waiting.len() < MOST_WAITING && Box::pin(self.syncer.let_out(&block, now_ms)).await? {
                self.found(now_ms).await?;
            }
        }
        Ok(())
    }

    /// Finds messages that wait and are not under way, and gives those to many.
    async fn found(&mut self, now_ms: i64) -> Result<Vec<Message>, RunError> {
        let ids = self.syncer.ledger.crm_due(now_ms, ROWS_PER_SHARD).await?;
        let (mut many, mut untold) = (Vec::new(), Vec::new());
        let new = |id: &MessageId| !self.busy.contains_key(id) && !self.waiting.contains_key(id);
        let new: Vec<MessageId> = ids.into_iter().filter(new).collect();
        for message in self.syncer.ledger.messages(&new).await? {
            // The index lags: what a row itself says of its appointment counts.
            if message.crm.due_ms.is_none_or(|due_ms| due_ms > now_ms) {
                continue;
            }
            if message.block.is_some() {
                many.push(message);
            } else if self.syncer.settings.tells(&message) {
                self.waiting.insert(message.id, message);
            } else {
                untold.push(CrmChange::of(message.id).done_in(message.state));
            }
        }
        self.syncer.ledger.change_crm(untold).await?;
        Ok(many)
    }

    /// Takes or renews the lead. `Some`: another function has it until then.
    async fn lead(&mut self, now_ms: i64) -> Result<Option<i64>, RunError> {
        if now_ms + LEASE_MS / 2 < self.leads_until_ms {
            return Ok(None);
        }
        let until_ms = now_ms + LEASE_MS;
        let others = self.syncer.ledger.lease(LEASE, &self.syncer.holder, now_ms, until_ms).await?;
        self.leads_until_ms = if others.is_none() { until_ms } else { 0 };
        Ok(others)
    }

    /// Plans a window and starts its calls. `false`: the run is over.
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
        // Who waits for a slot may find more rows by then.
        if at_ms > from_ms {
            self.wait_until(at_ms - prepare_ms).await?;
            let now_ms = self.syncer.world.now_ms();
            self.look(now_ms).await?;
            let (later, told) = self.backlog(&names, now_ms).await?;
            self.finish(told).await?;
            backlog = later;
        }
        let mut calls = backlog.next_calls(self.syncer.world.now_ms(), &allowance);
        // What came since the first look may be the first that names the activity type: it is asked for in the next window.
        calls.retain(|call| self.code.is_some() || !needs_code(call));
        // The slot is of its class; it is lost in the rare case that the call which it was for is needed no more.
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

    /// Starts calls, each at its slot.
    fn start(&mut self, starts: Vec<(Call, i64)>, unknown: Arc<UnknownFields>) {
        let mut messages = HashMap::new();
        for id in starts.iter().flat_map(|(call, _)| ids_of(call)) {
            *self.busy.entry(id).or_default() += 1;
            messages.extend(self.waiting.remove_entry(&id));
        }
        let leads = messages.values().map(|message| &message.lead_id);
        let shown = leads.filter_map(|lead| Some((lead.clone(), self.shown.get(lead)?.clone()))).collect();
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

    /// Waits until a row has lingered. `false`: nothing is to be waited for in this run.
    async fn idle(&mut self, ready_ms: Option<i64>, now_ms: i64) -> Result<bool, RunError> {
        match ready_ms {
            Some(ready_ms) if ready_ms < self.until_ms => {
                self.wait_until(ready_ms.max(now_ms + 1)).await?;
                Ok(true)
            }
            // Rows that wait for their process to be dead need nothing now.
            _ => match self.under_way.next().await {
                Some(ended) => {
                    self.settle(ended)?;
                    Ok(true)
                }
                None => Ok(false),
            },
        }
    }

    /// Asks the account's limits while calls are under way. One of these may ask them too, and has them locked until it goes
    /// on: if it did not, both would wait for ever.
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

    /// Waits while calls are under way, for as long as there are too many of them.
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

    /// What LeadSquared knows already.
    async fn finish(&mut self, told: Vec<Told>) -> Result<(), RunError> {
        for told in &told {
            self.waiting.remove(&told.id);
        }
        self.report.done += told.len() as u64;
        let has_fields = !self.syncer.settings.lead_fields.is_empty();
        let change = |told: Told| {
            let change = CrmChange::of(told.id).done_in(told.state);
            if has_fields { change.lead(told.state) } else { change }
        };
        self.syncer.ledger.change_crm(told.into_iter().map(change).collect()).await?;
        Ok(())
    }

    /// The calls that the messages which wait need, and those that need none.
    async fn backlog(&mut self, names: &LeadFieldNames, now_ms: i64) -> Result<(Backlog, Vec<Told>), RunError> {
        if !names.is_empty() {
            let leads: HashSet<&str> = self.waiting.values().map(|message| message.lead_id.as_str()).collect();
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

    /// The fields that LeadSquared does not know, and those of the lead that are to be written.
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
