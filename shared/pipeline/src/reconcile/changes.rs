//! Finds changes of watched fields for which no webhook came.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{LeadFields, parse_time_ms};
use recado_core::{fields::Fields, sight::Instant};
use recado_ledger::LedgerError;

use super::{ReconcileReport, Reconciler};
use crate::ingest::{Listed, change_of};

/// Leads that are compared together. One read of the table holds 100 rows.
const LEADS_AT_ONCE: usize = 1_000;

impl Reconciler {
    /// Compares the listed leads with their last seen values, and decides on changes without a webhook. For a lead
    /// without seen values it only stores the values.
    pub(super) async fn look_at_changes(
        &self,
        leads: BTreeMap<String, LeadFields>,
        watched: &BTreeSet<&str>,
        report: &mut ReconcileReport,
    ) -> Result<(), LedgerError> {
        if watched.is_empty() {
            return Ok(());
        }
        let mut leads = leads.into_iter().peekable();
        while leads.peek().is_some() {
            let chunk: Vec<(String, Fields)> = leads
                .by_ref()
                .take(LEADS_AT_ONCE)
                .map(|(lead_id, lead)| (lead_id, Fields::from_iter(lead.into_inner())))
                .collect();
            let ids: Vec<&str> = chunk.iter().map(|(lead_id, _)| lead_id.as_str()).collect();
            let kept = self.ledger.sights(&ids).await?;
            let mut learnt = Vec::new();
            for (lead_id, lead) in chunk {
                let Some(at) = modified(&lead) else { continue };
                let kept = kept.get(&lead_id.to_ascii_lowercase()).cloned().unwrap_or_default();
                let mut sights = kept.sights.clone();
                let changed = sights.list(&lead, watched, &at);
                if !changed.is_empty() {
                    report.changed += 1;
                    let listed = Listed { lead_id: lead_id.clone(), kept, sights };
                    let new = self.intake.noticed(&change_of(&lead_id, lead, &changed), &listed).await?;
                    // Another process saw the lead a moment ago: its webhook came after all, or another look is under
                    // way.
                    report.messages += new.unwrap_or_default() as u64;
                } else if sights != kept.sights {
                    learnt.push((lead_id, kept, sights));
                }
            }
            // If another process saw a lead meanwhile, that process's values are newer.
            self.ledger.keep_sights(learnt, self.world.now_ms()).await?;
        }
        Ok(())
    }
}

/// The instant of a lead's last edit, if LeadSquared shows one.
fn modified(lead: &Fields) -> Option<Instant> {
    let text = lead.filled("ModifiedOn")?;
    Some(Instant { text: text.to_owned(), ms: parse_time_ms(text)? })
}
