//! Finds webhooks that LeadSquared has switched off. After ten failed deliveries LeadSquared stops posting, and tells
//! only the account's administrators. It posts again only after somebody switches the webhook on. Nothing else shows
//! that events have stopped.

use leadsquared::{Page, Standard, Webhook, WebhookStatus};
use recado_ledger::{Ledger, LedgerError};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Reconciler;
use crate::{
    crm::RunError,
    secrets::WEBHOOK_PATH,
    setup::{WEBHOOKS_PER_PAGE, is_ours},
};

/// The setting that holds the findings, as JSON.
const WEBHOOK_HEALTH: &str = "webhook_health";
/// The interval between two requests for the list, in ms.
const EVERY_MS: i64 = 3_600_000;

/// The state of Recado's webhooks at the last look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookHealth {
    /// The time of the look, in ms since the epoch.
    pub looked_ms: i64,
    /// The webhooks that LeadSquared had switched off.
    pub switched_off: Vec<SwitchedOff>,
}

/// A webhook that LeadSquared no longer posts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// Its id in LeadSquared.
    pub id: String,
    /// Its event, by LeadSquared's name.
    pub event: String,
}

impl WebhookHealth {
    /// The findings of the last look, if there was one.
    pub async fn load(ledger: &Ledger) -> Result<Option<Self>, LedgerError> {
        let kept = ledger.setting(WEBHOOK_HEALTH).await?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }
}

impl Reconciler {
    /// Asks LeadSquared which webhooks it has switched off, at most once an hour over all functions. Logs an error for
    /// each of Recado's webhooks. Returns the number of requests.
    ///
    /// Asks only for webhooks that failures switched off: LeadSquared's pages disagree about the number for "by hand".
    pub(super) async fn look_at_webhooks(&self, until_ms: i64) -> Result<u64, RunError> {
        let now_ms = self.world.now_ms();
        let last = WebhookHealth::load(&self.ledger).await?;
        if last.is_some_and(|last| now_ms < last.looked_ms + EVERY_MS) {
            return Ok(0);
        }
        let (status, page) = (WebhookStatus::DisabledByFailures, Page::first(WEBHOOKS_PER_PAGE));
        let Some(permit) = self.crm.permit::<Standard>(until_ms).await? else { return Ok(0) };
        let found = match self.crm.with(permit).webhooks(Some(status), page).await {
            Ok(found) => found,
            Err(error) => {
                self.crm.heed::<Standard>(&error).await?;
                return Err(error.into());
            }
        };
        let off = found.into_iter().filter(|webhook| webhook.status == Some(status) && posts_to_us(webhook));
        let switched_off: Vec<SwitchedOff> = off.map(SwitchedOff::of).collect();
        for one in &switched_off {
            tracing::error!(webhook.event = one.event, webhook.id = one.id, "reconcile.webhook_switched_off");
        }
        let health = WebhookHealth { looked_ms: now_ms, switched_off };
        self.ledger.set_setting(WEBHOOK_HEALTH, &serde_json::to_string(&health).unwrap_or_default()).await?;
        Ok(1)
    }
}

/// Whether it posts to a Recado, as far as the list says: it has Recado's path, or `recado setup` made it. This
/// installation's own address is no criterion. Behind a proxy or on AWS, LeadSquared may know another address.
fn posts_to_us(webhook: &Webhook) -> bool {
    let path = webhook.url.as_deref().and_then(|url| Url::parse(url).ok());
    path.is_some_and(|url| url.path().ends_with(WEBHOOK_PATH)) || is_ours(webhook)
}

impl SwitchedOff {
    fn of(webhook: Webhook) -> Self {
        let event = webhook.event.and_then(|event| event.name()).unwrap_or("another event");
        Self { id: webhook.id, event: event.to_owned() }
    }
}
