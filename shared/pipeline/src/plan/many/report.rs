//! The report of a dry run of many deliveries.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::PlannedEvent;

/// What many deliveries would become.
#[derive(Debug, Default, Serialize)]
pub struct ManyPlan {
    /// Events in them.
    pub events: u64,
    /// Events that no rule judges, by reason.
    pub not_asked: BTreeMap<String, u64>,
    /// Each rule's verdicts.
    pub rules: BTreeMap<String, RuleTally>,
    /// Messages that an earlier event already led to, in this dry run or in the table. No second message is written.
    pub known: u64,
    /// Messages that would be written.
    pub messages: u64,
    /// Messages that go out at once, with their requests and credits.
    pub now: Going,
    /// Messages that wait for their sending hours or for others of their text, by the instant (ms since the epoch).
    pub later: BTreeMap<i64, Going>,
    /// Messages that end at once, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Suppressed messages. They end when their turn comes.
    pub suppressed: u64,
    /// Messages that a cap would hold.
    pub capped: u64,
    /// Messages that today's budgets would hold until tomorrow.
    pub over_quota: u64,
    /// Voice calls whose recording was not added yet. They wait for it.
    pub without_audio: u64,
    /// What rules' `else` may add to the messages that go out, now or later.
    pub followed: Followed,
    /// Each text that would be sent, now or later, with its number of recipients.
    pub texts: Vec<TextTally>,
    /// The budgets after the dry run.
    pub budgets: Vec<BudgetAfter>,
    /// LeadSquared's part.
    pub crm: CrmPart,
    /// Each event, if the caller asked for it.
    pub each: Vec<PlannedEvent>,
}

/// One rule's verdicts.
#[derive(Debug, Default, Serialize)]
pub struct RuleTally {
    /// Events for which it wants a message, including skipped messages.
    pub wants: u64,
    /// Events for which it wants no message, by reason.
    pub why_not: BTreeMap<String, u64>,
}

/// Messages that go out together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Going {
    /// How many.
    pub messages: u64,
    /// The number of requests.
    pub requests: u64,
    /// The credits, by estimate.
    pub credits: u64,
}

/// Fallback messages, counted as if no first message arrives.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// The most messages.
    pub messages: u64,
    /// The most credits, by estimate.
    pub credits: u64,
}

/// A text, a title or a recording, as it would be sent. Shown to the person who asked; never logged.
#[derive(Debug, Serialize)]
pub struct TextTally {
    /// `sms`, `flash` or `voice`.
    pub channel: String,
    /// The text; for a voice call, the recording's name.
    pub text: String,
    /// The text as it may arrive, if the delivery changes it.
    pub arrives: Option<String>,
    /// The title in LigueLead's reports.
    pub title: Option<String>,
    /// The text's length, in characters.
    pub chars: usize,
    /// The cost for each recipient, in credits: a text costs one credit for each part.
    pub credits: u32,
    /// The number of recipients.
    pub recipients: u64,
}

/// A day's budget after the plan.
#[derive(Debug, Serialize)]
pub struct BudgetAfter {
    /// The day, in the tenant's zone.
    pub day: String,
    /// The rule that owns the budget; `None` for the account's.
    pub rule: Option<String>,
    /// Messages of the day, including messages sent before.
    pub messages: u64,
    /// The budget of messages.
    pub messages_per_day: Option<u64>,
    /// Credits of the day, counted likewise.
    pub credits: u64,
    /// The budget of credits.
    pub credits_per_day: Option<u64>,
}

/// The requests to LeadSquared.
#[derive(Debug, Default, Serialize)]
pub struct CrmPart {
    /// Events with too few of their lead's fields. The dry run judges their conditions and texts without the missing
    /// fields.
    pub incomplete_events: u64,
    /// Messages for which the opt-out field is read first.
    pub opt_outs_asked: u64,
    /// Requests to read both, if the leads are read together.
    pub calls_to_read: u64,
    /// Messages whose outcome is written back.
    pub told: u64,
    /// Bulk requests for the write-back.
    pub bulk_calls: u64,
    /// Single requests for the write-back.
    pub single_calls: u64,
    /// The shortest time from the outcomes to the last write, in ms.
    pub lasts_ms: i64,
}
