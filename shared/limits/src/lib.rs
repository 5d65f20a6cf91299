//! Shared rates, on the same table as everything else.
//!
//! A small rate (a handful of calls in some seconds) is kept exactly: one item holds the instants of the last
//! grants, and a call may start when the oldest of them is a window old. A caller that must wait is told the instant,
//! and its slot is reserved by the same write, so nobody polls. Daily quotas of messages and credits are kept by the
//! ledger, in the same transaction as the batch that spends them.
//!
//! LigueLead's own rate (600,000 requests a minute) is not limited here yet: one request takes 10,000 phones, and a
//! request is written to the table before it is made, which a single table could not do that often. Leased permits
//! will make it a proof.

mod account;
mod slots;

pub use account::{CrmAccount, LimitError};
pub use slots::{CallClass, CrmLimits, CrmState, Slot};
