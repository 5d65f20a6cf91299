//! What webhooks did not tell: leads that were created and watched fields that changed meanwhile (`changes.rs`), and
//! webhooks that LeadSquared has switched off (`webhooks.rs`).
//!
//! LeadSquared keeps no history and delivers a webhook three times at most. What it does keep is when each lead was last
//! modified. So now and then the leads modified since the last look are listed, in periods that overlap, and decided on as
//! if their webhook had just come. A message for a new lead has the same identity whichever way the lead was noticed, so a
//! lead that was announced as well gets one; of changes, see `docs/adr/0025-missed-changes.md`.

mod changes;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{LeadFields, LeadPage, MAX_MODIFIED_PER_PAGE, Page, Standard, parse_time_ms};
use recado_core::{
    config::Trigger,
    enrich::columns,
    event::Event,
    fields::Fields,
    identity::{EventId, MessageId, event_id, message_id},
    kind::EventKind,
    sight::watched,
};
use recado_ledger::{Ledger, LedgerError};

use crate::{
    crm::{Crm, RunError},
    ingest::Intake,
    opt_out::last_known,
    world::World,
};

pub use webhooks::{SwitchedOff, WebhookHealth};

/// The setting that holds the instant up to which leads were looked at, in ms since the epoch.
pub const RECONCILED_UNTIL: &str = "reconciled_until_ms";
/// How long after a modification it is looked at, in ms: its webhook comes first, usually.
const LAG_MS: i64 = 120_000;
/// How far a period reaches back into the one before it, in ms. LeadSquared compares whole seconds with stored
/// milliseconds, and its clock may be off; what is seen twice is decided on once.
const OVERLAP_MS: i64 = 60_000;
/// The longest period looked at in one run, in ms: after a long pause the rest follows in the next runs.
const LONGEST_MS: i64 = 6 * 3_600_000;
/// The leads of a period, at most, unless it is the shortest: they are all in memory, and an import makes a million.
const MOST_LEADS: u64 = 25_000;
/// The shortest period, in ms.
const SHORTEST_MS: i64 = 60_000;
/// How often a period is read again because leads left it while its pages were read.
const READINGS: u32 = 3;

/// Looks for what webhooks did not tell.
#[derive(Debug, Clone)]
pub struct Reconciler {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared, inside the account's limits.
    pub crm: Crm,
    /// What decides on new leads.
    pub intake: Intake,
    /// The time.
    pub world: World,
}

/// What a period held.
enum Modified {
    /// All of its leads, by id.
    Leads(BTreeMap<String, LeadFields>),
    /// More than [`MOST_LEADS`].
    TooMany,
    /// Not all of them could be read in time.
    OutOfTime,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Calls made to LeadSquared.
    pub calls: u64,
    /// Leads that were modified in the period.
    pub leads: u64,
    /// Those of them that were created in it.
    pub created: u64,
    /// Those of them whose webhooks did not come.
    pub missed: u64,
    /// Leads of which a watched field changed without a webhook.
    pub changed: u64,
    /// New messages.
    pub messages: u64,
}

impl ReconcileReport {
    /// Says what was found, if anything was.
    pub fn log(&self) {
        if self.missed + self.changed > 0 {
            tracing::warn!(
                leads = self.leads,
                created = self.created,
                missed = self.missed,
                changed = self.changed,
                messages = self.messages,
                "reconcile.missed"
            );
        }
    }
}

impl Reconciler {
    /// Looks at the webhooks, if it is time, and at one period, if no call of it would have to start after `until_ms`, in ms
    /// since the epoch.
    pub async fn run(&self, until_ms: i64) -> Result<ReconcileReport, RunError> {
        // A look that fails does not stop the other one.
        let looked = self.look_at_webhooks(until_ms).await;
        let report = self.look_at_leads(until_ms).await?;
        Ok(ReconcileReport { calls: report.calls + looked?, ..report })
    }

    async fn look_at_leads(&self, until_ms: i64) -> Result<ReconcileReport, RunError> {
        let mut report = ReconcileReport::default();
        let now_ms = self.world.now_ms();
        let Some(done_ms) = self.watermark().await? else {
            // What was before the installation is not its business.
            self.keep_watermark(now_ms).await?;
            return Ok(report);
        };
        let from_ms = done_ms - OVERLAP_MS;
        let mut to_ms = (now_ms - LAG_MS).min(done_ms + LONGEST_MS);
        if to_ms <= done_ms {
            return Ok(report);
        }
        let (watched, answers_new) = (watched(&self.intake.config), self.answers_new_leads());
        if !answers_new && watched.is_empty() {
            self.keep_watermark(to_ms).await?;
            return Ok(report);
        }
        let leads = loop {
            match self.modified(from_ms, to_ms, until_ms, &mut report).await? {
                Modified::Leads(leads) => break leads,
                // The rest follows in the next runs.
                Modified::TooMany => to_ms = done_ms + ((to_ms - done_ms) / 2).max(SHORTEST_MS),
                Modified::OutOfTime => return Ok(report),
            }
        };
        // Webhooks that no rule needs are nobody's loss.
        let new_leads = leads.values().filter(|_| answers_new);
        let events: Vec<Event> = new_leads.filter_map(|lead| created_in(lead, from_ms, to_ms)).collect();
        (report.leads, report.created) = (leads.len() as u64, events.len() as u64);
        let missed = self.missed(events).await?;
        report.missed = missed.len() as u64;
        let events: Vec<(&Event, Event)> = missed.iter().map(|event| (event, event.clone())).collect();
        report.messages = self.intake.decided(&events).await? as u64;
        self.look_at_changes(leads, &watched, &mut report).await?;
        self.keep_watermark(to_ms).await?;
        Ok(report)
    }

    /// All leads modified in a period.
    async fn modified(
        &self,
        from_ms: i64,
        to_ms: i64,
        until_ms: i64,
        report: &mut ReconcileReport,
    ) -> Result<Modified, RunError> {
        let own = last_known(&self.ledger).await?;
        let mut columns: BTreeSet<String> = columns(&self.intake.config, own);
        columns.extend(["ProspectID", "CreatedOn", "CreatedBy", "ModifiedOn", "ModifiedBy"].map(str::to_owned));
        columns.extend(watched(&self.intake.config).into_iter().map(str::to_owned));
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut all = BTreeMap::new();
        for _ in 0..READINGS {
            let mut page = Page::first(MAX_MODIFIED_PER_PAGE);
            let mut totals = BTreeSet::new();
            loop {
                let Some(permit) = self.crm.permit::<Standard>(until_ms).await? else {
                    return Ok(Modified::OutOfTime);
                };
                report.calls += 1;
                let read = self.crm.with(permit).leads_modified(from_ms, to_ms, &columns, page).await;
                let read = match read {
                    Ok(read) => read,
                    Err(error) => {
                        self.crm.heed::<Standard>(&error).await?;
                        return Err(error.into());
                    }
                };
                if read.total > Some(MOST_LEADS) && to_ms - from_ms > OVERLAP_MS + SHORTEST_MS {
                    return Ok(Modified::TooMany);
                }
                totals.extend(read.total);
                let is_last = read.is_last(page);
                let LeadPage { leads, .. } = read;
                all.extend(leads.into_iter().filter_map(|lead| Some((lead.get("ProspectID")?.to_owned(), lead))));
                if is_last {
                    break;
                }
                page = page.next();
            }
            // A lead that is modified again leaves the period and moves those behind it up by one place, past a page's end.
            if totals.len() <= 1 {
                break;
            }
        }
        Ok(Modified::Leads(all))
    }

    /// Those that did not come by a webhook. One that came was decided on as the lead was then, and that stands.
    async fn missed(&self, mut events: Vec<Event>) -> Result<Vec<Event>, LedgerError> {
        let ids: Vec<EventId> = events.iter().map(event_id).collect();
        let came = self.ledger.came(&ids).await?;
        events.retain(|event| !came.contains(&event_id(event)));
        let rules = self.intake.config.rules.iter().filter(|rule| rule.trigger == Trigger::LeadCreated);
        let rules: Vec<&str> = rules.map(|rule| rule.first_id().as_str()).collect();
        let ids = |event: &Event| rules.iter().map(|rule| message_id(rule, None, event)).collect::<Vec<_>>();
        let wanted: Vec<MessageId> = events.iter().flat_map(ids).collect();
        let known: BTreeSet<MessageId> =
            self.ledger.messages(&wanted).await?.into_iter().map(|message| message.id).collect();
        events.retain(|event| ids(event).iter().all(|id| !known.contains(id)));
        Ok(events)
    }

    fn answers_new_leads(&self) -> bool {
        self.intake.config.rules.iter().any(|rule| matches!(rule.trigger, Trigger::LeadCreated))
    }

    async fn watermark(&self) -> Result<Option<i64>, LedgerError> {
        Ok(self.ledger.setting(RECONCILED_UNTIL).await?.and_then(|text| text.parse().ok()))
    }

    async fn keep_watermark(&self, at_ms: i64) -> Result<(), LedgerError> {
        self.ledger.set_setting(RECONCILED_UNTIL, &at_ms.to_string()).await
    }
}

/// The event that a lead's creation is, if it lies in the period.
fn created_in(lead: &LeadFields, from_ms: i64, to_ms: i64) -> Option<Event> {
    let at = lead.get("CreatedOn")?;
    let created_ms = parse_time_ms(at)?;
    if !(from_ms..=to_ms).contains(&created_ms) {
        return None;
    }
    let (lead_id, at) = (lead.get("ProspectID")?.to_owned(), Some(at.to_owned()));
    let by = lead.get("CreatedBy").map(str::to_owned);
    let lead = Fields::from_iter(lead.clone().into_inner());
    Some(Event { by, at, ..Event::new(EventKind::LeadCreated, lead_id, lead) })
}
