//! LeadSquared's client, held inside the account's limits. Every request needs a permit from this module, the only
//! place that grants permits (`clippy.toml` enforces that). Every refusal for the rate is reported here, so that all
//! functions stop.

use std::time::Duration;

use leadsquared::{Admitted, CallError, Class, Client, Permit};
use recado_ledger::LedgerError;
use recado_limits::{CallClass, CrmAccount, LimitError, Seen, Slot};

use crate::world::World;

/// LeadSquared's client, and the account's limits, which all functions share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Crm {
    /// LeadSquared's client.
    pub client: Client,
    /// The account's limits.
    pub account: CrmAccount,
    /// The clock.
    pub world: World,
}

impl Crm {
    /// Waits for a slot of the account that begins by `until_ms`, in ms since the epoch. `None`: none comes in time.
    ///
    /// An unused slot is lost to the account, and must not be used late. Make the request at once.
    pub async fn permit<C: Class>(&self, until_ms: i64) -> Result<Option<Permit<C>>, LimitError> {
        loop {
            let Some(at_ms) = self.reserve::<C>(self.world.now_ms(), until_ms).await? else { return Ok(None) };
            // After a delay on the way the slot is lost, and another one is needed.
            if let Some(permit) = self.permit_at(at_ms).await {
                return Ok(Some(permit));
            }
        }
    }

    /// Reserves a slot of the account that begins between `from_ms` and `until_ms`, in ms since the epoch. Use it with
    /// [`Crm::permit_at`]. `None`: there is no slot.
    pub async fn reserve<C: Class>(&self, from_ms: i64, until_ms: i64) -> Result<Option<i64>, LimitError> {
        match self.account.slot(class_of::<C>(), from_ms, until_ms).await? {
            Slot::At(at_ms) => Ok(Some(at_ms)),
            Slot::NotBefore(_) => Ok(None),
        }
    }

    /// Waits for the slot that was reserved for `at_ms`. `None`: the slot is lost, because it was missed or a refusal
    /// has closed the account since.
    pub async fn permit_at<C: Class>(&self, at_ms: i64) -> Option<Permit<C>> {
        self.wait_until(at_ms).await;
        let now_ms = self.world.now_ms();
        let may_start = Slot::holds(at_ms, now_ms) && self.account.is_open(now_ms);
        #[allow(clippy::disallowed_methods, reason = "the one place: the shared limits have granted it")]
        may_start.then(Permit::granted)
    }

    /// Waits until `at_ms`, in ms since the epoch.
    pub async fn wait_until(&self, at_ms: i64) {
        let wait_ms = u64::try_from(at_ms - self.world.now_ms()).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }

    /// The one request that `permit` allows.
    pub const fn with<C: Class>(&self, permit: Permit<C>) -> Admitted<'_, C> {
        self.client.with(permit)
    }

    /// Makes a request, and retries it while LeadSquared refuses it for its rate. A retry is harmless, because the
    /// refused request was not carried out. Starts no request after `until_ms`, in ms since the epoch.
    pub async fn call<C: Class, T>(
        &self,
        until_ms: i64,
        make: impl AsyncFn(Admitted<'_, C>) -> Result<T, CallError>,
    ) -> Result<T, CrmError> {
        loop {
            let permit = self.permit(until_ms).await?.ok_or(CrmError::NoSlot)?;
            match make(self.with(permit)).await {
                Err(error @ CallError::Throttled { .. }) => self.heed::<C>(&error).await?,
                done => return Ok(done?),
            }
        }
    }

    /// Tells all functions what a failed request of this class said about the account's rate, if anything.
    pub async fn heed<C: Class>(&self, error: &CallError) -> Result<(), LimitError> {
        let CallError::Throttled { limit, retry_after_ms } = error else { return Ok(()) };
        let now_ms = self.world.now_ms();
        let until_ms = now_ms + i64::try_from(*retry_after_ms).unwrap_or(i64::MAX / 4);
        let named = limit.map(|limit| Seen { calls: limit.calls, window_ms: i64::from(limit.seconds) * 1_000 });
        self.account.refused(class_of::<C>(), now_ms, until_ms, named).await.map(|_| ())
    }
}

/// Why a request was not made, or failed.
#[derive(Debug, thiserror::Error)]
pub enum CrmError {
    /// The limits could not be read. No request was made.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The account's rate has no room in time. No request was made.
    #[error("LeadSquared's rate has no room for the call in time; `recado usage` shows what uses it")]
    NoSlot,
    /// LeadSquared's request failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why a run over many rows stopped early: a write-back, the reading of leads, or a reconciliation. The next run does
/// the rest.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The table failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The limits could not be read. No request is made.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// LeadSquared's requests fail for all rows alike.
    #[error(transparent)]
    Call(#[from] CallError),
}

fn class_of<C: Class>() -> CallClass {
    match C::CLASS {
        leadsquared::CallClass::Standard => CallClass::Standard,
        leadsquared::CallClass::Bulk => CallClass::Bulk,
    }
}
