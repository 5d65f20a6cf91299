//! Shared rates, on the same table as everything else.
//!
//! A small rate (a handful of calls in some seconds) is kept exactly: one item holds the instants of the last
//! grants, and a call may start when the oldest of them is a window old. A caller that must wait is told the instant,
//! and its slot is reserved by the same write, so nobody polls. That is [`CrmAccount`].
//!
//! A large rate (600,000 calls a minute) is leased: one write takes a block of permits, which are spent in memory
//! until they expire. That is [`LigueLeadAccount`]; the arithmetic by which no window ever holds too many calls is in
//! [`Plan`]'s module, and `docs/limits.md` has the whole of it.
//!
//! Daily quotas of messages and credits are kept by the ledger, in the same transaction as the batch that spends
//! them.

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
