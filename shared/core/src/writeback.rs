//! What to tell LeadSquared next: the cheapest set of requests for the outcomes that wait.
//!
//! There are two steps, both pure. [`needs`] says what each waiting message still needs. That is an activity, a newer
//! state of one, its lead's own fields, or nothing, if LeadSquared shows it already. [`Backlog::next_calls`] then
//! chooses the requests that may start together in one window of the account's limits.
//!
//! # What is scarce
//!
//! A window holds `bulk_calls` bulk requests and, besides, `spare` single requests. A bulk request carries 25 rows, or
//! 50 leads if one field gets one value. A single request carries one row. So a waiting row costs 1/25 of a bulk
//! request, or 1/50 if leads share a value. A single request is worth 1/25 of a bulk request. No plan gets more out of
//! a window than `bulk_calls + spare / 25` bulk requests. `docs/limits.md` has the full account, with figures.
//!
//! The rules follow from that:
//!
//! - Full bulk requests go before others, and among equals the oldest row goes first.
//! - A request that is not full waits [`LINGER_MS`] for more rows, and longer while there are full ones. It never waits
//!   longer than [`STARVED_MS`], or a rare kind of row would wait for ever.
//! - Single requests are made only when the backlog is [long](LONG_WINDOWS), because a bulk request does the same with
//!   fewer requests. The day's requests must also suffice for all bulk requests still to come. Single requests take the
//!   rows that fill no bulk request first.
//! - Posts without a recorded answer are looked up together, by one listing of the activities written since. Those that
//!   the listing does not settle are looked up one by one.

mod backlog;
mod forecast;
mod needs;
mod pace;

use crate::identity::MessageId;

pub use backlog::Backlog;
pub use forecast::{Forecast, forecast};
pub use needs::{LeadFieldNames, Needs, Shown, Told, crm_time, needs};
pub use pace::Pace;

/// Rows in one bulk request. Source: LeadSquared's bulk activity and update-lead-in-bulk-v2 pages.
pub const ROWS_PER_CALL: usize = 25;
/// Leads in one bulk request that sets one field to one value for all. Source: LeadSquared's bulk-update page.
pub const SAME_VALUE_PER_CALL: usize = 50;

/// How long a request that is not full waits for more rows, in ms. Bulk requests are the scarcest resource of the whole
/// system (one in 5 s), and outcomes come in groups.
pub const LINGER_MS: i64 = 2_000;
/// How long a row waits at most, in ms, while other requests are full and its own is not. With one bulk request in 5.25
/// s, one such request for each of two kinds in this time is 1.75 % of all.
pub const STARVED_MS: i64 = 600_000;
/// A backlog is long if bulk requests alone would take more windows than this.
pub const LONG_WINDOWS: usize = 2;
/// One day, in ms.
const DAY_MS: i64 = 86_400_000;

/// What the account's limits leave for the write-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in any window, at least 1.
    pub calls: u32,
    /// Bulk requests in any window, at least 1.
    pub bulk_calls: u32,
    /// Whether a bulk request uses up one of `calls` as well.
    pub bulk_counts_in_window: bool,
    /// How long after a request its place is free again, in ms: the window, and the limiter's safety margin.
    pub window_ms: i64,
    /// Requests that one day (UTC) may hold, if there is such a limit.
    pub calls_per_day: Option<u64>,
    /// Requests that were made today.
    pub day_calls: u64,
}

/// A row of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The message.
    pub id: MessageId,
    /// When it was due, in ms since the epoch. Older rows go first.
    pub due_ms: i64,
    /// What remains for the message once the row is written.
    pub then: Then,
}

/// What remains for a message once one of its rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// LeadSquared knows everything.
    Done,
    /// The same, and the lead's own fields need not show this message.
    DoneWithLead,
    /// Another row of the message waits.
    More,
}

/// A lead's own fields, to be written for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadRow {
    /// The message whose outcome is shown.
    pub row: Row,
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// Names and values, at least one: only those that LeadSquared does not show yet.
    pub set: Vec<(String, String)>,
    /// Whether the row needs a request that judges each row: the answer to an earlier request omitted it.
    pub judged: bool,
}

/// One request to LeadSquared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Look up these messages' activities in one listing. Their posts have no recorded answer.
    Find(Vec<Row>),
    /// Look up one message's activity in its lead's own list.
    FindOne(Row),
    /// Post activities: a bulk request.
    Create(Vec<Row>),
    /// Update activities: a bulk request.
    Update(Vec<Row>),
    /// Write each lead's own values: a bulk request.
    Leads(Vec<LeadRow>),
    /// Set one field to one value for all these leads: a bulk request. Each row's `set` is that value.
    SameValue(Vec<LeadRow>),
    /// Post one activity.
    CreateOne(Row),
    /// Update one activity.
    UpdateOne(Row),
    /// Write one lead's values.
    LeadOne(LeadRow),
}

impl Call {
    /// Turns a bulk request of one row into the single request that does the same: bulk requests are scarcer.
    fn alone(self) -> Self {
        match self {
            Self::Create(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Create(rows), Self::CreateOne),
            Self::Update(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Update(rows), Self::UpdateOne),
            Self::Leads(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Leads(rows), Self::LeadOne),
            call => call,
        }
    }

    /// Whether this is a bulk request.
    #[must_use]
    pub fn is_bulk(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Update(_) | Self::Leads(_) | Self::SameValue(_))
    }

    /// How many rows it writes.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Find(_) | Self::FindOne(_) => 0,
            Self::Create(rows) | Self::Update(rows) => rows.len(),
            Self::Leads(rows) | Self::SameValue(rows) => rows.len(),
            Self::CreateOne(_) | Self::UpdateOne(_) | Self::LeadOne(_) => 1,
        }
    }
}

impl Allowance {
    /// Single requests that a window holds beside `bulk` bulk requests.
    #[must_use]
    pub fn spare(&self, bulk: usize) -> usize {
        let calls = self.calls as usize;
        if self.bulk_counts_in_window { calls.saturating_sub(bulk) } else { calls }
    }

    /// Bulk requests that a window holds.
    #[must_use]
    pub fn bulk(&self) -> usize {
        let most = self.bulk_calls.max(1);
        (if self.bulk_counts_in_window { most.min(self.calls) } else { most }) as usize
    }

    /// How many of `wanted` single requests the day has room for, after all its bulk requests are set aside.
    fn singles_today(&self, now_ms: i64, wanted: usize) -> usize {
        let Some(per_day) = self.calls_per_day else { return wanted };
        let windows_left = (DAY_MS - now_ms.rem_euclid(DAY_MS)) / self.window_ms.max(1) + 1;
        let for_bulk = u64::try_from(windows_left).unwrap_or_default().saturating_mul(self.bulk() as u64);
        let left = per_day.saturating_sub(self.day_calls).saturating_sub(for_bulk);
        wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}
