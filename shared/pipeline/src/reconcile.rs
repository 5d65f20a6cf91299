//! Finds what webhooks missed: created leads, changed fields that rules watch (`changes.rs`), and webhooks that
//! LeadSquared has switched off (`webhooks.rs`).
//!
//! LeadSquared keeps no history and delivers a webhook three times at most. It does keep the time of each lead's last
//! modification. So a run lists the leads modified since the last look, in overlapping periods. It decides on them as
//! if their webhook had just come.
//!
//! A message for a new lead has the same id however the lead was noticed. A lead whose webhook came as well therefore
//! gets one message. For changes, see `docs/adr/0025-missed-changes.md`.

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

/// The setting that holds the instant up to which leads were checked, in ms since the epoch.
pub const RECONCILED_UNTIL: &str = "reconciled_until_ms";
/// The delay between a modification and the check, in ms. Usually the webhook comes first.
const LAG_MS: i64 = 120_000;
/// How far a period reaches back into the period before it, in ms. LeadSquared compares whole seconds with stored
/// milliseconds, and its clock may be off. A lead that is seen twice is decided once.
const OVERLAP_MS: i64 = 60_000;
/// The longest period that one run checks, in ms. After a long pause the next runs check the rest.
const LONGEST_MS: i64 = 6 * 3_600_000;
/// The most leads of a period, unless it is the shortest period. All of them are in memory, and an import modifies a
/// million.
const MOST_LEADS: u64 = 25_000;
/// The shortest period, in ms.
const SHORTEST_MS: i64 = 60_000;
/// Most readings of a period. It is read again if leads left it while its pages were read.
const READINGS: u32 = 3;

/// Finds what webhooks missed.
#[derive(Debug, Clone)]
pub struct Reconciler {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// Decides on new leads.
    pub intake: Intake,
    /// The clock.
    pub world: World,
}

/// The leads of a period.
enum Modified {
    /// All leads, by id.
    Leads(BTreeMap<String, LeadFields>),
    /// There are more than [`MOST_LEADS`].
    TooMany,
    /// The time did not suffice to read all leads.
    OutOfTime,
}

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Requests to LeadSquared.
    pub calls: u64,
    /// Leads that were modified in the period.
    pub leads: u64,
    /// Of these leads, those created in the period.
    pub created: u64,
    /// Of the created leads, those whose webhooks did not come.
    pub missed: u64,
    /// Leads with a watched field that changed without a webhook.
    pub changed: u64,
    /// New messages.
    pub messages: u64,
}

impl ReconcileReport {
    /// Logs the findings, if there are any.
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
    /// Checks the webhooks, if it is time, and one period of leads. It starts no request to LeadSquared after
    /// `until_ms`, in ms since the epoch.
    pub async fn run(&self, until_ms: i64) -> Result<ReconcileReport, RunError> {
        // If one check fails, the other one still runs.
        let looked = self.look_at_webhooks(until_ms).await;
        let report = self.look_at_leads(until_ms).await?;
        Ok(ReconcileReport { calls: report.calls + looked?, ..report })
    }

    async fn look_at_leads(&self, until_ms: i64) -> Result<ReconcileReport, RunError> {
        let mut report = ReconcileReport::default();
        let now_ms = self.world.now_ms();
        let Some(done_ms) = self.watermark().await? else {
            // Changes from before the installation are not its concern.
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
                // The next runs check the rest.
                Modified::TooMany => to_ms = done_ms + ((to_ms - done_ms) / 2).max(SHORTEST_MS),
                Modified::OutOfTime => return Ok(report),
            }
        };
        // Missed webhooks that no rule needs do not matter.
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
            // A lead that is modified again leaves the period. The leads behind it move up by one place, past a page's
            // end.
            if totals.len() <= 1 {
                break;
            }
        }
        Ok(Modified::Leads(all))
    }

    /// The events whose webhook did not come. A webhook's event was decided with the lead's values of that time, and
    /// that decision stands.
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

/// The event of a lead's creation; `None` if the creation is not in the period.
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
