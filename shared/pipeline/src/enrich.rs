//! Completes events that have too few of their lead's fields: reads the leads, many at a time, and decides on the
//! events.
//!
//! The webhook has saved such an event and answered. Here one `Leads/Retrieve/ByIds` reads the leads of up to 10,000
//! waiting events, inside the shared limits. Then the rules judge each event as if the webhook had carried everything.
//!
//! A message's id comes from the event as delivered, so a redelivery meets the same row, whatever was read meanwhile.
//! Two functions that process the same event write its messages once, under the same id.

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

/// Events for one read, per shard of the index. All shards together stay within the maximum of one request.
const EVENTS_PER_SHARD: i32 = 1_250;
/// How long a lead that was read serves its further events, in ms.
const READ_FOR_MS: i64 = 60_000;
/// Most leads in the cache.
const LEADS_KEPT: usize = 20_000;
/// The delay before unreadable leads are retried, in ms.
const AGAIN_MS: i64 = 30_000;
/// The age at which an event is decided without its lead, in ms: three days. Its message is then no longer worth
/// sending.
const GIVE_UP_MS: i64 = recado_core::config::DEFAULT_EXPIRES_MS;

/// Completes events with the fields of their leads.
#[derive(Debug, Clone)]
pub struct Enricher {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// Decides on complete events.
    pub intake: Intake,
    /// The clock.
    pub world: World,
    /// The cache of leads that were read lately.
    pub leads: LeadCache,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EnrichReport {
    /// Requests to LeadSquared.
    pub calls: u64,
    /// Events that were decided.
    pub events: u64,
    /// New messages that they became.
    pub messages: u64,
}

impl EnrichReport {
    /// Logs what was done, if anything was.
    pub fn log(&self) {
        if self.events > 0 {
            tracing::info!(calls = self.calls, events = self.events, messages = self.messages, "enrich.done");
        }
    }
}

impl Enricher {
    /// Completes waiting events, until none is left or no request can start before `until_ms`, in ms since the epoch.
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

    /// Completes `waiting`. `false`: there was no slot in time.
    async fn complete(
        &self,
        waiting: &[IncompleteEvent],
        until_ms: i64,
        report: &mut EnrichReport,
    ) -> Result<bool, RunError> {
        let config = &self.intake.config;
        let own = last_known(&self.ledger).await?;
        let needs_opt_out = !opt_outs(config, own).is_empty();
        // The opt-out fields must be current, not a minute old.
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
                    // LeadSquared does not have these leads, so there is nothing to wait for.
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

    /// Decides on complete events, and clears their due times.
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

    /// Retries the leads later. Events whose leads stay unreadable are decided without them.
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

/// A lead's id in lower case: its case means nothing to LeadSquared.
fn key(lead_id: &str) -> String {
    lead_id.to_ascii_lowercase()
}
