//! Whether leads opted out, by LeadSquared's own field: asked when a message is about to be sent and what was read of
//! the field is older than the configuration allows, or was not in the webhook. One call for up to 10,000 leads, and
//! none for those of whom this process has read it lately enough.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use leadsquared::{MAX_LEADS_PER_READ, Standard};
use recado_core::{
    config::{FieldName, OptOut},
    decide::opted_out,
    fields::Fields,
    message::Message,
};

use crate::{
    crm::Crm,
    lead_cache::LeadCache,
    planted::{Fault, planted},
    settings::ms,
};

/// How long a message waits for a slot of the account before it is held instead, in ms: the write-back reserves the slots
/// of a window ahead, so that the first free one may be two windows of 5 s away.
const SLOT_WITHIN_MS: i64 = 11_000;
/// How long messages wait after LeadSquared could not be asked, in ms.
const ASK_AGAIN_MS: i64 = 60_000;
/// Leads of whom it is kept what was read.
const MOST_KEPT: usize = 100_000;
/// Why they wait.
const NOT_ASKED: &str = "LeadSquared could not be asked whether the lead opted out";

/// Reads the opt-out fields.
#[derive(Debug, Clone)]
pub struct OptOuts {
    /// LeadSquared, inside the account's limits.
    pub crm: Crm,
    /// The fields, and what the configuration says about them.
    pub fields: OptOut,
    /// What was read of leads lately, shared by all clones.
    pub lately: LeadCache,
}

/// What LeadSquared says of messages.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Which may not be sent, by their places, and why.
    pub(crate) forbidden: HashMap<usize, String>,
    /// Which must wait, by their places: LeadSquared could not be asked.
    pub(crate) waiting: BTreeSet<usize>,
    /// Until when, in ms since the epoch, and why.
    pub(crate) until_ms: i64,
    pub(crate) why: String,
}

/// Whether the field must be read of the lead of `message` before that is sent at `at_ms`: what was read of it is older
/// than the configuration allows, or nothing was.
pub(crate) fn is_asked(fields: &OptOut, message: &Message, at_ms: i64) -> bool {
    let fresh_ms = ms(fields.fresh_ms);
    // Of a phone whose lead nobody knows, LeadSquared knows nothing either.
    fields.field(message.channel).is_some()
        && !message.lead_id.is_empty()
        && message
            .history
            .opt_out_read_ms
            .is_none_or(|read_ms| at_ms - read_ms > fresh_ms && !planted(Fault::OptOutsNotAskedAgain))
}

impl OptOuts {
    /// Asks for those of `messages` of whose leads it is not known well enough.
    pub(crate) async fn ask(&self, messages: &[Message], now_ms: i64) -> Asked {
        let stale: Vec<(usize, &Message)> =
            messages.iter().enumerate().filter(|(_, message)| is_asked(&self.fields, message, now_ms)).collect();
        let fresh_ms = ms(self.fields.fresh_ms);
        let ids = || stale.iter().map(|(_, message)| message.lead_id.as_str());
        let mut known = self.lately.get(ids(), now_ms, fresh_ms);
        let leads: BTreeSet<String> =
            ids().map(str::to_ascii_lowercase).filter(|lead| !known.contains_key(lead)).collect();
        let leads: Vec<String> = leads.into_iter().collect();
        let mut asked = Asked::default();
        for leads in leads.chunks(MAX_LEADS_PER_READ) {
            match self.read(leads, now_ms).await {
                Ok(read) => {
                    self.lately.keep(&read, now_ms, fresh_ms, MOST_KEPT);
                    known.extend(read);
                }
                Err((until_ms, why)) => {
                    tracing::warn!(leads = leads.len(), error = why, "opt_out.not_asked");
                    asked.until_ms = asked.until_ms.max(until_ms);
                    asked.why = format!("{NOT_ASKED}: {why}");
                }
            }
        }
        for (place, message) in stale {
            let Some(field) = self.fields.field(message.channel).map(FieldName::as_str) else { continue };
            let Some(values) = known.get(&message.lead_id.to_ascii_lowercase()) else {
                asked.waiting.insert(place);
                continue;
            };
            let value = values.get(field);
            if self.fields.forbids(value) {
                asked.forbidden.insert(place, opted_out(field, value));
            }
        }
        asked
    }

    /// The values of both fields of each of these leads, whose ids are in lower case; the error is until when to wait, and
    /// why. A lead that LeadSquared does not know has none.
    async fn read(&self, leads: &[String], now_ms: i64) -> Result<BTreeMap<String, Fields>, (i64, String)> {
        let later_ms = now_ms + ASK_AGAIN_MS;
        let permit = self.crm.permit::<Standard>(now_ms + SLOT_WITHIN_MS).await;
        let permit = permit
            .map_err(|error| (later_ms, error.to_string()))?
            .ok_or_else(|| (now_ms + SLOT_WITHIN_MS, "its limits have no room for the call".to_owned()))?;
        let fields: Vec<&str> = self.fields.fields().map(FieldName::as_str).collect();
        let answer = self.crm.with(permit).leads_by_ids(leads, &fields).await;
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) => {
                // That it is throttled holds for all functions. Where that cannot be written, they learn it themselves.
                let _ = self.crm.heed::<Standard>(&error).await;
                return Err((later_ms, error.to_string()));
            }
        };
        let mut read: BTreeMap<String, Fields> = leads.iter().map(|lead| (lead.clone(), Fields::new())).collect();
        for row in rows {
            let lead = row.get_any_case("ProspectID").map(str::to_ascii_lowercase);
            let Some(values) = lead.and_then(|lead| read.get_mut(&lead)) else { continue };
            values.extend(fields.iter().map(|field| (*field, row.get(field))));
        }
        Ok(read)
    }
}
