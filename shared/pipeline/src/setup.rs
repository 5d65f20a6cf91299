//! What an installation needs in LeadSquared: the activity type for messages, the lead fields that the configuration
//! uses, and the webhooks that its rules need.
//!
//! Reading and creating are separate. [`Setup::account`] reads what exists, and `Wanted::against` says what is missing;
//! neither changes anything. [`Setup::make`] creates one thing. A second round creates nothing twice, because it finds
//! the first round's work. Steps that no request can do are reported for a person.

mod standing;
mod wanted;

use std::collections::BTreeSet;

use leadsquared::{Admitted, CallError, Page, Standard, Webhook, WebhookStatus};
use recado_ledger::{Ledger, LedgerError};

use crate::crm::{Crm, CrmError};

pub(crate) use standing::is_ours;
pub use standing::{Item, Make, Standing};
pub use wanted::{HookTarget, Wanted, fields_used};

/// Webhooks on one page: more than any plan has.
pub(crate) const WEBHOOKS_PER_PAGE: u32 = 100;

/// Reads and creates what an installation needs in LeadSquared.
#[derive(Debug, Clone)]
pub struct Setup {
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// The table, which keeps the activity type's code.
    pub ledger: Ledger,
}

/// Why the setup failed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// LeadSquared or its limits failed.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// The table failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What an account has, among the things that an installation may need.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its activity types.
    pub types: Vec<leadsquared::ActivityType>,
    /// The fields of the requested type, by schema name; `None` if the account lacks the type or does not tell.
    pub activity_fields: Option<BTreeSet<String>>,
    /// Its lead fields.
    pub fields: Vec<leadsquared::LeadField>,
    /// Its webhooks, including those that are switched off.
    pub webhooks: Vec<Webhook>,
}

impl Setup {
    /// Reads what the account has. Takes 6 standard requests, or 5 if it has no activity type named `activity`.
    pub async fn account(&self, activity: &str, until_ms: i64) -> Result<Account, CrmError> {
        let types = self.crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.activity_types().await).await?;
        let activity_fields = match types.iter().find(|kind| kind.name == activity) {
            Some(kind) => {
                self.crm
                    .call(until_ms, async |crm: Admitted<'_, Standard>| crm.activity_fields(kind.code).await)
                    .await?
            }
            None => None,
        };
        Ok(Account {
            types,
            activity_fields,
            fields: self.crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.lead_fields().await).await?,
            webhooks: self.webhooks(until_ms).await?,
        })
    }

    /// All webhooks. Takes 3 standard requests: it is not documented whether a list without a status includes the
    /// switched off ones.
    pub async fn webhooks(&self, until_ms: i64) -> Result<Vec<Webhook>, CrmError> {
        let mut all: Vec<Webhook> = Vec::new();
        for status in [None, Some(WebhookStatus::DisabledByHand), Some(WebhookStatus::DisabledByFailures)] {
            let page = Page::first(WEBHOOKS_PER_PAGE);
            let some =
                self.crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.webhooks(status, page).await).await?;
            for webhook in some {
                if !all.iter().any(|known| known.id == webhook.id) {
                    all.push(webhook);
                }
            }
        }
        Ok(all)
    }

    /// Creates or changes one thing. Nothing to do takes no request.
    pub async fn make(&self, make: &Make, until_ms: i64) -> Result<(), SetupError> {
        let crm = &self.crm;
        match make {
            Make::Nothing => {}
            Make::ActivityType(new) => {
                let code =
                    crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.create_activity_type(new).await).await?;
                self.ledger.set_setting(&activity_setting(&new.name), &code.to_string()).await?;
            }
            Make::LeadField(new) => {
                crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.create_lead_field(new).await).await?;
            }
            Make::Webhook(new) => {
                crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.create_webhook(new).await).await?;
            }
            Make::Rewrite(id, new) => {
                crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.update_webhook(id, new).await).await?;
            }
        }
        Ok(())
    }
}

/// The setting that keeps an activity type's code.
#[must_use]
pub fn activity_setting(name: &str) -> String {
    format!("activity_code:{name}")
}

/// Whether a failed creation may have been carried out nevertheless. Another look shows it.
#[must_use]
pub fn is_open(error: &SetupError) -> bool {
    matches!(error, SetupError::Crm(CrmError::Call(CallError::Unknown { .. })))
}
