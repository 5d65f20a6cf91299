//! Events that tell too little of their lead: the leads are read, many at a time, and the events decided on.
//!
//! The webhook has kept such an event and answered. Here one `Leads/Retrieve/ByIds` reads the leads of all that wait,
//! up to 10,000, inside the shared limits; then the rules are asked as if the webhook had carried everything. A message's
//! identity is that of the event as it was delivered, so a redelivery meets the same row, whatever was read meanwhile.
//! Two functions that do the same event do it once: its messages are written under that identity.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{CallError, MAX_LEADS_PER_READ};
use recado_core::{
    config::Config,
    enrich::{columns, completed, opt_outs},
    fields::Fields,
    identity::EventId,
};
use recado_ledger::{IncompleteEvent, Ledger};

use crate::{
    crm::{Crm, RunError},
    ingest::Intake,
    lead_cache::LeadCache,
    opt_out::last_known,
    world::World,
};

/// Events looked at for one read, per shard of the index: together no more than one call may ask for.
const EVENTS_PER_SHARD: i32 = 1_250;
/// How long a lead that was read serves further events of it, in ms.
const READ_FOR_MS: i64 = 60_000;
/// How many leads are remembered, at most.
const LEADS_KEPT: usize = 20_000;
/// When leads that could not be read are tried again, in ms.
const AGAIN_MS: i64 = 30_000;
/// After how long an event is decided on without its lead, in ms: three days, when its message is no longer worth sending.
const GIVE_UP_MS: i64 = recado_core::decide::DEFAULT_EXPIRES_MS;

/// Completes events.
#[derive(Debug, Clone)]
pub struct Enricher {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared, inside the account's limits.
    pub crm: Crm,
    /// What decides on complete events.
    pub intake: Intake,
    /// The time.
    pub world: World,
    /// Leads that were read lately.
    pub leads: LeadCache,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EnrichReport {
    /// Calls made to LeadSquared.
    pub calls: u64,
    /// Events that were decided on.
    pub events: u64,
    /// New messages that they became.
    pub messages: u64,
}

impl EnrichReport {
    /// Says what was done, if anything was.
    pub fn log(&self) {
        if self.events > 0 {
            tracing::info!(calls = self.calls, events = self.events, messages = self.messages, "enrich.done");
        }
    }
}

impl Enricher {
    /// Completes what waits, until nothing does or no call can start before `until_ms`, in ms since the epoch.
    pub async fn run(&self, until_ms: i64) -> Result<EnrichReport, RunError> {
        let mut report = EnrichReport::default();
        loop {
            let now_ms = self.world.now_ms();
            let ids = self.ledger.incomplete_due(now_ms, EVENTS_PER_SHARD).await?;
            let waiting = self.ledger.incomplete(&ids).await?;
            if waiting.is_empty() || !self.complete(&waiting, until_ms, &mut report).await? {
                return Ok(report);
            }
        }
    }

    /// `false`: not now.
    async fn complete(
        &self,
        waiting: &[IncompleteEvent],
        until_ms: i64,
        report: &mut EnrichReport,
    ) -> Result<bool, RunError> {
        let config = &self.intake.config;
        let own = last_known(&self.ledger).await?;
        let needs_opt_out = !opt_outs(config, own).is_empty();
        // What forbids messages must be as it is now, not as it was a minute ago.
        let mut known = if needs_opt_out {
            BTreeMap::new()
        } else {
            let leads = waiting.iter().map(|waiting| waiting.event.lead_id.as_str());
            self.leads.get(leads, self.world.now_ms(), READ_FOR_MS)
        };
        let new: BTreeSet<&str> =
            waiting.iter().map(|w| w.event.lead_id.as_str()).filter(|lead| !known.contains_key(&key(lead))).collect();
        let new: Vec<String> = new.into_iter().take(MAX_LEADS_PER_READ).map(str::to_owned).collect();
        if !new.is_empty() {
            let columns = columns(config, own);
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let Some(permit) = self.crm.permit(until_ms).await? else { return Ok(false) };
            report.calls += 1;
            match self.crm.with(permit).leads_by_ids(&new, &columns).await {
                Ok(leads) => {
                    let leads = leads.into_iter().map(|lead| Fields::from_iter(lead.into_inner()));
                    let read: BTreeMap<String, Fields> =
                        leads.filter_map(|lead| Some((key(lead.get("ProspectID")?), lead))).collect();
                    self.leads.keep(&read, self.world.now_ms(), READ_FOR_MS, LEADS_KEPT);
                    known.extend(read);
                    // Leads that LeadSquared does not have: there is nothing to wait for.
                    for lead in new {
                        known.entry(key(&lead)).or_default();
                    }
                }
                Err(error) => return self.failed(waiting, error, report).await,
            }
        }
        let ready: Vec<(&IncompleteEvent, &Fields)> =
            waiting.iter().filter_map(|w| Some((w, known.get(&key(&w.event.lead_id))?))).collect();
        self.decide(&ready, report).await?;
        Ok(true)
    }

    /// Asks the rules about complete events, and ends the appointments with them.
    async fn decide(&self, ready: &[(&IncompleteEvent, &Fields)], report: &mut EnrichReport) -> Result<(), RunError> {
        let config: &Config = &self.intake.config;
        let events: Vec<_> =
            ready.iter().map(|(waiting, lead)| (&waiting.event, completed(config, &waiting.event, lead))).collect();
        report.messages += self.intake.decided(&events).await? as u64;
        let ids: Vec<EventId> = ready.iter().map(|(waiting, _)| waiting.id).collect();
        self.ledger.completed(&ids).await?;
        report.events += ids.len() as u64;
        Ok(())
    }

    /// The leads could not be read: later. What nobody can read is decided on as it is, after all.
    async fn failed(
        &self,
        waiting: &[IncompleteEvent],
        error: CallError,
        report: &mut EnrichReport,
    ) -> Result<bool, RunError> {
        tracing::warn!(error = %error, events = waiting.len(), "enrich.leads_not_read");
        self.crm.heed::<leadsquared::Standard>(&error).await?;
        let now_ms = self.world.now_ms();
        let is_final = matches!(error, CallError::Refused { .. } | CallError::TooMany { .. });
        let (over, later): (Vec<_>, Vec<_>) =
            waiting.iter().partition(|waiting| is_final || now_ms >= waiting.received_ms + GIVE_UP_MS);
        let nothing = Fields::new();
        let over: Vec<_> = over.into_iter().map(|waiting| (waiting, &nothing)).collect();
        self.decide(&over, report).await?;
        let later: Vec<EventId> = later.iter().map(|waiting| waiting.id).collect();
        self.ledger.complete_later(&later, now_ms + AGAIN_MS).await?;
        if matches!(error, CallError::Credentials { .. }) {
            return Err(error.into());
        }
        Ok(true)
    }
}

/// A lead's id, whose case LeadSquared does not mind.
fn key(lead_id: &str) -> String {
    lead_id.to_ascii_lowercase()
}
