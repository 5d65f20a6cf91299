//! Which of LeadSquared's own opt-out fields the account's leads have. One request a day reads the account's metadata
//! for all functions. The answer is a setting in the table. A lease keeps other functions from asking at the same time.

use std::sync::Arc;

use leadsquared::{CallError, Standard};
use recado_core::opt_out::OwnFields;
use recado_ledger::{Ledger, LedgerError};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{ASK_AGAIN_MS, OptOuts, SLOT_WITHIN_MS};

/// The setting that holds the answer, as JSON; and the name of the lease.
const NAME: &str = "own_opt_out_fields";
/// The lifetime of the lease, in ms. Failing requests come at most once in that time.
const LEASE_MS: i64 = 60_000;
/// How long an answer is valid, in ms.
const HOLDS_MS: i64 = 86_400_000;
/// How long a refusal to tell is valid, in ms.
const UNTOLD_HOLDS_MS: i64 = 3_600_000;
/// How long messages wait while another function asks, in ms.
const SOON_MS: i64 = 2_000;

/// LeadSquared's answer about its fields.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Learnt {
    /// The time of the answer, in ms since the epoch.
    asked_ms: i64,
    sms: bool,
    voice: bool,
}

impl Learnt {
    const fn own(self) -> OwnFields {
        OwnFields { sms: self.sms, voice: self.voice }
    }

    async fn load(ledger: &Ledger) -> Result<Option<Self>, LedgerError> {
        Ok(ledger.setting(NAME).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// A process's cached answer, and the time until which it does not read the table again, in ms since the epoch. Clones
/// share it.
pub(super) type Known = Arc<Mutex<Option<(OwnFields, i64)>>>;

/// The own fields that LeadSquared named last, however long ago; before the first answer, the documented ones. Makes no
/// request to LeadSquared.
pub async fn last_known(ledger: &Ledger) -> Result<OwnFields, LedgerError> {
    Ok(Learnt::load(ledger).await?.map_or(OwnFields::DOCUMENTED, Learnt::own))
}

impl OptOuts {
    /// Which own fields the account has. An answer older than a day is refreshed; if that fails, the old answer holds.
    /// The error says until when to wait, and why: there is no answer yet.
    pub(super) async fn own_fields(&self, now_ms: i64) -> Result<OwnFields, (i64, String)> {
        if !self.fields.system {
            return Ok(OwnFields { sms: false, voice: false });
        }
        // Concurrent callers wait for the answer.
        let mut known = self.known.lock().await;
        if let Some((own, until_ms)) = *known
            && now_ms < until_ms
        {
            return Ok(own);
        }
        let failed = |error: LedgerError| (now_ms + ASK_AGAIN_MS, error.to_string());
        let learnt = Learnt::load(&self.ledger).await.map_err(failed)?;
        let (learnt, until_ms) = match learnt {
            Some(learnt) if now_ms < learnt.asked_ms + HOLDS_MS => (learnt, learnt.asked_ms + HOLDS_MS),
            last => match (self.learn(last, now_ms).await, last) {
                (Ok(learnt), _) => (learnt, learnt.asked_ms + HOLDS_MS),
                (Err(_), Some(last)) => (last, now_ms + ASK_AGAIN_MS),
                (Err(why), None) => return Err(why),
            },
        };
        *known = Some((learnt.own(), until_ms));
        Ok(learnt.own())
    }

    /// Asks LeadSquared, unless another function does, and stores the answer.
    async fn learn(&self, last: Option<Learnt>, now_ms: i64) -> Result<Learnt, (i64, String)> {
        let later_ms = now_ms + ASK_AGAIN_MS;
        let failed = |error: LedgerError| (later_ms, error.to_string());
        let holder = self.crm.world.fresh_batch().to_string();
        if self.ledger.lease(NAME, &holder, now_ms, now_ms + LEASE_MS).await.map_err(failed)?.is_some() {
            return Err((now_ms + SOON_MS, "another function is asking".to_owned()));
        }
        let named = self.named_by_the_account(now_ms).await.inspect_err(|(_, why)| {
            tracing::warn!(error = why, "opt_out.fields_not_read");
        })?;
        // If LeadSquared does not tell these keys, it is asked again in an hour. Until then the last answer holds, or
        // else the documented fields.
        let (own, asked_ms) = match named {
            Some(own) => (own, now_ms),
            None => (last.map_or(OwnFields::DOCUMENTED, Learnt::own), now_ms - HOLDS_MS + UNTOLD_HOLDS_MS),
        };
        let learnt = Learnt { asked_ms, sms: own.sms, voice: own.voice };
        let text = serde_json::to_string(&learnt).unwrap_or_default();
        self.ledger.set_setting(NAME, &text).await.map_err(failed)?;
        tracing::info!(sms = own.sms, voice = own.voice, "opt_out.fields_read");
        Ok(learnt)
    }

    /// The own fields that the account names; `None` if LeadSquared answers but does not tell. The error, for a missing
    /// answer, says until when to wait, and why.
    async fn named_by_the_account(&self, now_ms: i64) -> Result<Option<OwnFields>, (i64, String)> {
        let later = |why: String| (now_ms + ASK_AGAIN_MS, why);
        // A request that is refused for its rate is retried, as long as its slot comes in time.
        loop {
            let permit = self.permit(now_ms).await?;
            let untold = match self.crm.with(permit).lead_field_names().await {
                Ok(names) if !names.is_empty() => return Ok(Some(OwnFields::among(names.iter().map(String::as_str)))),
                Ok(_) => "its list of fields is empty".to_owned(),
                Err(error @ (CallError::Refused { .. } | CallError::Credentials { .. })) => error.to_string(),
                Err(error @ CallError::Throttled { .. }) => {
                    self.crm.heed::<Standard>(&error).await.map_err(|error| later(error.to_string()))?;
                    continue;
                }
                Err(error) => return Err(later(error.to_string())),
            };
            tracing::warn!(error = untold, "opt_out.fields_not_told");
            return Ok(None);
        }
    }

    /// A permit for one request. The error says until when to wait, and why.
    pub(super) async fn permit(&self, now_ms: i64) -> Result<leadsquared::Permit<Standard>, (i64, String)> {
        let permit = self.crm.permit::<Standard>(now_ms + SLOT_WITHIN_MS).await;
        permit
            .map_err(|error| (now_ms + ASK_AGAIN_MS, error.to_string()))?
            .ok_or_else(|| (now_ms + SLOT_WITHIN_MS, "its limits have no room for the call".to_owned()))
    }
}
