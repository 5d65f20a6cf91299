//! Shared rates, on the same table as everything else.
//!
//! A small rate (a handful of requests in some seconds) is kept exactly. One item holds the instants of the last
//! grants, and a request may start when the oldest of them is a window old. A caller that must wait gets the instant,
//! and the same write reserves its slot, so nobody polls. That is [`CrmAccount`].
//!
//! A large rate (600,000 requests a minute) is leased. One write takes a block of permits, which are spent in memory
//! until they expire. That is [`LigueLeadAccount`]. The arithmetic that keeps every window within its limit is in
//! [`Plan`]'s module, and `docs/limits.md` has all of it.
//!
//! Daily quotas of messages and credits are kept by the ledger, in the same transaction as the batch that spends them.

mod account;
mod item;
mod lease;
mod liguelead;
mod others;
mod rate;
mod slots;
mod taker;
mod wire;

#[cfg(test)]
mod proof;

pub use account::{CrmAccount, LimitError};
pub use lease::{Clock, NotNow, Permits, Reading};
pub use liguelead::{LigueLeadAccount, NoPermit, RateState};
pub use others::RateHeaders;
pub use rate::{CALL_DELAY_MS, CLOCK_ERROR_MS, Plan};
pub use slots::{CallClass, CrmLimits, CrmState, Seen, Slot};
