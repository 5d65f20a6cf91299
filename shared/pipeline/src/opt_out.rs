//! Checks LeadSquared's fields for opt-outs when a message is about to be sent. The fields are read if the webhook did
//! not carry them, or if they are older than the configuration allows. One request reads up to 10,000 leads. Values
//! that this process read lately are not read again.

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

/// How long a message waits for a slot before it is held instead, in ms. The write-back reserves the slots of a window
/// ahead, so the first free slot may be two windows of 5 s away.
const SLOT_WITHIN_MS: i64 = 11_000;
/// The delay before LeadSquared is asked again after a failure, in ms.
const ASK_AGAIN_MS: i64 = 60_000;
/// Most leads in the cache.
const MOST_KEPT: usize = 100_000;
/// The reason why these messages wait.
const NOT_ASKED: &str = "LeadSquared could not be asked whether the lead opted out";
/// Why all messages wait if the account was never asked. `leadsquared.opt_out.system: false` sends without asking.
const FIELDS_NOT_ASKED: &str = "LeadSquared could not be asked which of its own fields forbid messages";

/// Reads the opt-out fields.
#[derive(Debug, Clone)]
pub struct OptOuts {
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// The table, which keeps the names of the account's own fields.
    pub ledger: Ledger,
    /// The configuration's settings for the fields.
    pub fields: OptOut,
    /// The cache of values that were read lately, shared by all clones.
    lately: LeadCache,
    known: own::Known,
}

/// LeadSquared's answer on messages.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The messages that may not be sent, by their places, and why.
    pub(crate) forbidden: HashMap<usize, String>,
    /// The messages that must wait, by their places: LeadSquared could not be asked.
    pub(crate) waiting: BTreeSet<usize>,
    /// The end of the wait, in ms since the epoch, and its reason.
    pub(crate) until_ms: i64,
    pub(crate) why: String,
}

/// Whether the opt-out fields of the lead must be read before `message` is sent at `at_ms`. They must be read if the
/// known values are older than the configuration allows, or incomplete. `own` are LeadSquared's own fields in the
/// account.
pub(crate) fn is_asked(fields: &OptOut, own: OwnFields, message: &Message, at_ms: i64) -> bool {
    let fresh_ms = ms(fields.fresh_ms);
    let (channel, history) = (message.content.channel(), &message.history);
    if message.lead_id().is_empty() || fields.asked(channel, own).next().is_none() {
        return false;
    }
    let is_old = |read_ms: i64| at_ms - read_ms > fresh_ms && !planted(Fault::OptOutsNotAskedAgain);
    let lacks_own = fields.asks_own(channel, own) && !history.own_opt_out_read;
    lacks_own || history.opt_out_read_ms.is_none_or(is_old)
}

impl OptOuts {
    /// Reads `fields`. `None`: the configuration wants nothing read.
    #[must_use]
    pub fn of(fields: OptOut, crm: Crm, ledger: Ledger) -> Option<Self> {
        let asks = fields.asks();
        asks.then(|| Self { crm, ledger, fields, lately: LeadCache::default(), known: own::Known::default() })
    }

    /// Reads the fields for those of `messages` whose leads' values are missing or too old.
    pub(crate) async fn ask(&self, messages: &[Message], now_ms: i64) -> Asked {
        // Without a known lead, LeadSquared knows nothing about the phone.
        let of_leads = messages.iter().enumerate().filter(|(_, message)| !message.lead_id().is_empty());
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

    /// Reads the fields for all of `stale`, which holds messages and their places.
    async fn ask_of(&self, stale: Vec<(usize, &Message)>, own: OwnFields, now_ms: i64) -> Asked {
        let fresh_ms = ms(self.fields.fresh_ms);
        // The fields of both kinds of messages, so that one answer serves both.
        let fields: BTreeSet<&str> =
            [Channel::Sms, Channel::Voice].into_iter().flat_map(|channel| self.fields.asked(channel, own)).collect();
        let ids = || stale.iter().map(|(_, message)| message.lead_id());
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
            match known.get(&message.lead_id().to_ascii_lowercase()) {
                None => {
                    asked.waiting.insert(place);
                }
                Some(values) => {
                    if let Err(why) = self.fields.judge(message.content.channel(), values) {
                        asked.forbidden.insert(place, why);
                    }
                }
            }
        }
        asked
    }

    /// The values of these fields for each of these leads, whose ids are in lower case. A lead that LeadSquared does
    /// not know has empty values. The error says until when to wait, and why.
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
                // All functions share this throttle. If it cannot be stored, they learn of it themselves.
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
