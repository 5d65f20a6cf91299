//! Whether leads opted out, by LeadSquared's fields. They are read when a message is about to be sent, if the webhook did not
//! bring them or they are older than the configuration allows. One call reads up to 10,000 leads; what this process has read
//! lately is not read again.

mod own;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use leadsquared::{MAX_LEADS_PER_READ, Standard};
use recado_core::{
    config::OptOut,
    fields::Fields,
    message::{Channel, Message},
    opt_out::OwnFields,
};
use recado_ledger::Ledger;

use crate::{
    crm::Crm,
    lead_cache::LeadCache,
    planted::{Fault, planted},
    settings::ms,
};
pub use own::last_known;

/// How long a message waits for a slot of the account before it is held instead, in ms: the write-back reserves the slots
/// of a window ahead, so that the first free one may be two windows of 5 s away.
const SLOT_WITHIN_MS: i64 = 11_000;
/// How long messages wait after LeadSquared could not be asked, in ms.
const ASK_AGAIN_MS: i64 = 60_000;
/// Leads of whom it is kept what was read.
const MOST_KEPT: usize = 100_000;
/// Why they wait.
const NOT_ASKED: &str = "LeadSquared could not be asked whether the lead opted out";
/// Why all wait, before the account was ever asked; `leadsquared.opt_out.system: false` sends without.
const FIELDS_NOT_ASKED: &str = "LeadSquared could not be asked which of its own fields forbid messages";

/// Reads the opt-out fields.
#[derive(Debug, Clone)]
pub struct OptOuts {
    /// LeadSquared, inside the account's limits.
    pub crm: Crm,
    /// The table, which keeps what the account's own fields are.
    pub ledger: Ledger,
    /// What the configuration says about the fields.
    pub fields: OptOut,
    /// What was read of leads lately, shared by all clones.
    lately: LeadCache,
    known: own::Known,
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

/// Whether the fields must be read of the lead of `message` before that is sent at `at_ms`: what was read of them is older
/// than the configuration allows, or not all were. `own` are LeadSquared's own that the account has.
pub(crate) fn is_asked(fields: &OptOut, own: OwnFields, message: &Message, at_ms: i64) -> bool {
    let fresh_ms = ms(fields.fresh_ms);
    let (channel, history) = (message.channel, &message.history);
    if message.lead_id.is_empty() || fields.asked(channel, own).next().is_none() {
        return false;
    }
    let is_old = |read_ms: i64| at_ms - read_ms > fresh_ms && !planted(Fault::OptOutsNotAskedAgain);
    let lacks_own = fields.asks_own(channel, own) && !history.own_opt_out_read;
    lacks_own || history.opt_out_read_ms.is_none_or(is_old)
}

impl OptOuts {
    /// What asks for `fields`; `None` if the configuration wants nothing asked.
    #[must_use]
    pub fn of(fields: OptOut, crm: Crm, ledger: Ledger) -> Option<Self> {
        let asks = fields.asks();
        asks.then(|| Self { crm, ledger, fields, lately: LeadCache::default(), known: own::Known::default() })
    }

    /// Asks for those of `messages` of whose leads it is not known well enough.
    pub(crate) async fn ask(&self, messages: &[Message], now_ms: i64) -> Asked {
        // Of a phone whose lead nobody knows, LeadSquared knows nothing either.
        let of_leads = messages.iter().enumerate().filter(|(_, message)| !message.lead_id.is_empty());
        if of_leads.clone().next().is_none() {
            return Asked::default();
        }
        let own = match self.own_fields(now_ms).await {
            Ok(_) if planted(Fault::OwnOptOutsNotAsked) => OwnFields { sms: false, voice: false },
            Ok(own) => own,
            Err((until_ms, why)) => {
                let waiting = of_leads.map(|(place, _)| place).collect();
                return Asked { waiting, until_ms, why: format!("{FIELDS_NOT_ASKED}: {why}"), ..Asked::default() };
            }
        };
        let stale = of_leads.filter(|(_, message)| is_asked(&self.fields, own, message, now_ms));
        self.ask_of(stale.collect(), own, now_ms).await
    }

    /// Asks for all of `stale`, messages and their places.
    async fn ask_of(&self, stale: Vec<(usize, &Message)>, own: OwnFields, now_ms: i64) -> Asked {
        let fresh_ms = ms(self.fields.fresh_ms);
        // Those of both kinds of messages, so that one answer serves both.
        let fields: BTreeSet<&str> =
            [Channel::Sms, Channel::Voice].into_iter().flat_map(|channel| self.fields.asked(channel, own)).collect();
        let ids = || stale.iter().map(|(_, message)| message.lead_id.as_str());
        let mut known = self.lately.get(ids(), now_ms, fresh_ms);
        known.retain(|_, values| fields.iter().all(|field| values.contains(field)));
        let leads: BTreeSet<String> =
            ids().map(str::to_ascii_lowercase).filter(|lead| !known.contains_key(lead)).collect();
        let leads: Vec<String> = leads.into_iter().collect();
        let mut asked = Asked::default();
        for leads in leads.chunks(MAX_LEADS_PER_READ) {
            match self.read(leads, &fields, now_ms).await {
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
            match known.get(&message.lead_id.to_ascii_lowercase()) {
                None => {
                    asked.waiting.insert(place);
                }
                Some(values) => {
                    if let Err(why) = self.fields.judge(message.channel, values) {
                        asked.forbidden.insert(place, why);
                    }
                }
            }
        }
        asked
    }

    /// The values of these fields of each of these leads, whose ids are in lower case; the error is until when to wait, and
    /// why. A lead that LeadSquared does not know has none.
    async fn read(
        &self,
        leads: &[String],
        fields: &BTreeSet<&str>,
        now_ms: i64,
    ) -> Result<BTreeMap<String, Fields>, (i64, String)> {
        let later_ms = now_ms + ASK_AGAIN_MS;
        let permit = self.permit(now_ms).await?;
        let columns: Vec<&str> = fields.iter().copied().collect();
        let answer = self.crm.with(permit).leads_by_ids(leads, &columns).await;
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) => {
                // That it is throttled holds for all functions. Where that cannot be written, they learn it themselves.
                let _ = self.crm.heed::<Standard>(&error).await;
                return Err((later_ms, error.to_string()));
            }
        };
        let empty: Fields = fields.iter().map(|field| (*field, None::<String>)).collect();
        let mut read: BTreeMap<String, Fields> = leads.iter().map(|lead| (lead.clone(), empty.clone())).collect();
        for row in rows {
            let lead = row.get_any_case("ProspectID").map(str::to_ascii_lowercase);
            let Some(values) = lead.and_then(|lead| read.get_mut(&lead)) else { continue };
            values.extend(fields.iter().map(|field| (*field, row.get(field))));
        }
        Ok(read)
    }
}
