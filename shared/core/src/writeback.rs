//! What to tell LeadSquared next: the cheapest set of calls for the outcomes that wait.
//!
//! Two steps, both pure. [`needs`] says what each waiting message still needs: an activity, a newer state of one, its
//! lead's own fields, or nothing, because LeadSquared shows it already. [`Backlog::next_calls`] then takes from what is
//! needed the calls that may start together in one window of the account's limits.
//!
//! # What is scarce
//!
//! A window holds `bulk_calls` bulk calls and, besides, `spare` single ones. A bulk call carries 25 rows, or 50 leads
//! where one field gets one value; a single call carries one row. So a row that waits costs 1/25 of a bulk call (1/50
//! where leads share a value), a single call is worth 1/25 of a bulk call, and no plan gets more out of a window than
//! `bulk_calls + spare / 25` bulk calls' worth. `docs/limits.md` has the whole of it, and figures.
//!
//! From that follow the rules:
//!
//! - Full bulk calls before others, the oldest row first among equals.
//! - A call that is not full waits [`LINGER_MS`] for more rows, and longer while there are full ones; but not longer
//!   than [`STARVED_MS`], or a kind of which there is little would wait for ever.
//! - Single calls only when the backlog is [long](LONG_WINDOWS) (a bulk call does the same in fewer calls), and when
//!   the day's calls suffice for all bulk calls that are still to come. They take what fills no bulk call first.
//! - Posts that were never answered for are looked up together, by one listing of what was written since; those of
//!   which that says nothing for certain, one by one.

mod backlog;
mod forecast;
mod needs;
mod pace;

use crate::identity::MessageId;

pub use backlog::Backlog;
pub use forecast::{Forecast, forecast};
pub use needs::{LeadFieldNames, Needs, Shown, Told, crm_time, needs};
pub use pace::Pace;

/// Rows in one bulk call. Source: LeadSquared's bulk activity and update-lead-in-bulk-v2 pages.
pub const ROWS_PER_CALL: usize = 25;
/// Leads in one bulk call that sets one field to one value for all. Source: LeadSquared's bulk-update page.
pub const SAME_VALUE_PER_CALL: usize = 50;

/// How long a call that is not full waits for more rows, in ms. Bulk calls are the scarcest thing of the whole system
/// (one in 5 s), and outcomes come in flocks.
pub const LINGER_MS: i64 = 2_000;
/// How long a row waits at most, in ms, because others fill their calls and its own is not full. With one bulk call in
/// 5.25 s, a call that is not full for each of two kinds in this time is 1.75 % of all.
pub const STARVED_MS: i64 = 600_000;
/// A backlog is long when bulk calls alone would take more windows than this.
pub const LONG_WINDOWS: usize = 2;
/// One day, in ms.
const DAY_MS: i64 = 86_400_000;

/// What the account's limits leave for the write-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls in any window, at least 1.
    pub calls: u32,
    /// Bulk calls in any window, at least 1.
    pub bulk_calls: u32,
    /// Whether a bulk call uses up one of `calls` as well.
    pub bulk_counts_in_window: bool,
    /// How long after a call its place is free again, in ms: the window, and what the limiter adds for safety.
    pub window_ms: i64,
    /// Calls that one day (UTC) may hold, if there is such a limit.
    pub calls_per_day: Option<u64>,
    /// Calls that were made today.
    pub day_calls: u64,
}

/// A row of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The message.
    pub id: MessageId,
    /// When it was due, in ms since the epoch: the older goes first.
    pub due_ms: i64,
    /// What is known of the message once the row is written.
    pub then: Then,
}

/// What is known of a message once one of its rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// LeadSquared knows all there is.
    Done,
    /// The same; and its lead's own fields need not show this message.
    DoneWithLead,
    /// Another row of it waits.
    More,
}

/// A lead's own fields, to be written for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadRow {
    /// The message whose outcome is shown.
    pub row: Row,
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// Names and values, at least one: only those that LeadSquared does not show already.
    pub set: Vec<(String, String)>,
    /// Whether the row must be in a call that judges each row: an earlier one did not tell what became of it.
    pub judged: bool,
}

/// One call to LeadSquared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Look up by one listing which of these messages' activities were made: posts of them were never answered for.
    Find(Vec<Row>),
    /// Look one of them up in its lead's own list.
    FindOne(Row),
    /// Post activities: a bulk call.
    Create(Vec<Row>),
    /// Update activities: a bulk call.
    Update(Vec<Row>),
    /// Write each lead's own values: a bulk call.
    Leads(Vec<LeadRow>),
    /// Set one field to one value for all these leads: a bulk call. Each row's `set` is that one.
    SameValue(Vec<LeadRow>),
    /// Post one activity.
    CreateOne(Row),
    /// Update one activity.
    UpdateOne(Row),
    /// Write one lead's values.
    LeadOne(LeadRow),
}

impl Call {
    /// A bulk call of one row as the single call that does the same: bulk calls are scarcer.
    fn alone(self) -> Self {
        match self {
            Self::Create(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Create(rows), Self::CreateOne),
            Self::Update(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Update(rows), Self::UpdateOne),
            Self::Leads(mut rows) if rows.len() == 1 => rows.pop().map_or(Self::Leads(rows), Self::LeadOne),
            call => call,
        }
    }

    /// Whether the call is of the bulk class.
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
    /// Single calls that a window holds beside `bulk` bulk ones.
    #[must_use]
    pub fn spare(&self, bulk: usize) -> usize {
        let calls = self.calls as usize;
        if self.bulk_counts_in_window { calls.saturating_sub(bulk) } else { calls }
    }

    /// Bulk calls that a window holds.
    #[must_use]
    pub fn bulk(&self) -> usize {
        let most = self.bulk_calls.max(1);
        (if self.bulk_counts_in_window { most.min(self.calls) } else { most }) as usize
    }

    /// How many of `wanted` single calls the day has room for once each of its bulk calls is set aside.
    fn singles_today(&self, now_ms: i64, wanted: usize) -> usize {
        let Some(per_day) = self.calls_per_day else { return wanted };
        let windows_left = (DAY_MS - now_ms.rem_euclid(DAY_MS)) / self.window_ms.max(1) + 1;
        let for_bulk = u64::try_from(windows_left).unwrap_or_default().saturating_mul(self.bulk() as u64);
        let left = per_day.saturating_sub(self.day_calls).saturating_sub(for_bulk);
        wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}
