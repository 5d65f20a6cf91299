//! What a dry run of many deliveries tells.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::PlannedEvent;

/// What many deliveries would become.
#[derive(Debug, Default, Serialize)]
pub struct ManyPlan {
    /// Events in them.
    pub events: u64,
    /// Events of which no rule is asked, by why.
    pub not_asked: BTreeMap<String, u64>,
    /// Each rule's verdicts.
    pub rules: BTreeMap<String, RuleTally>,
    /// Messages that an earlier event, here or in the table, has asked for already: no second one is made.
    pub known: u64,
    /// Messages that would be written.
    pub messages: u64,
    /// Those that go out at once, the requests that they take, and their credits.
    pub now: Going,
    /// Those that wait for their hours or for others of their text, by until when (ms since the epoch).
    pub later: BTreeMap<i64, Going>,
    /// Messages that end at once, by why.
    pub skipped: BTreeMap<String, u64>,
    /// Messages that are suppressed: they end when their turn comes.
    pub suppressed: u64,
    /// Messages that a cap holds.
    pub capped: u64,
    /// Messages that today's budgets hold until tomorrow.
    pub over_quota: u64,
    /// Calls whose recording has not been added: they wait for it.
    pub without_audio: u64,
    /// What rules' `else` may add to those that go out, now or later.
    pub followed: Followed,
    /// Each text that is sent, now or later, and to how many.
    pub texts: Vec<TextTally>,
    /// The budgets after that.
    pub budgets: Vec<BudgetAfter>,
    /// LeadSquared's part.
    pub crm: CrmPart,
    /// Each event, if that was asked for.
    pub each: Vec<PlannedEvent>,
}

/// One rule's verdicts.
#[derive(Debug, Default, Serialize)]
pub struct RuleTally {
    /// Events for which it wants a message, skipped ones among them.
    pub wants: u64,
    /// Events for which it wants none, by why.
    pub why_not: BTreeMap<String, u64>,
}

/// Messages that go together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Going {
    /// How many.
    pub messages: u64,
    /// In how many requests.
    pub requests: u64,
    /// For how many credits, by estimate.
    pub credits: u64,
}

/// Messages that follow others which do not arrive: so many if none arrives.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// How many at most.
    pub messages: u64,
    /// For how many credits, by estimate.
    pub credits: u64,
}

/// A text, a title or a recording, as it would be sent. It is shown to the person who asked; never logged.
#[derive(Debug, Serialize)]
pub struct TextTally {
    /// `sms`, `flash` or `voice`.
    pub channel: String,
    /// The text; the recording's name for a call.
    pub text: String,
    /// The text as it may arrive, if that is another one.
    pub arrives: Option<String>,
    /// The title in LigueLead's reports.
    pub title: Option<String>,
    /// The text's length, in characters.
    pub chars: usize,
    /// What it costs each recipient, in credits: for a text, one for each part.
    pub credits: u32,
    /// How many get it.
    pub recipients: u64,
}

/// A day's budget after the plan.
#[derive(Debug, Serialize)]
pub struct BudgetAfter {
    /// The day, in the tenant's zone.
    pub day: String,
    /// The rule whose budget it is; none for the account's.
    pub rule: Option<String>,
    /// Messages of the day, those that were sent before among them.
    pub messages: u64,
    /// Of how many.
    pub messages_per_day: Option<u64>,
    /// Credits, alike.
    pub credits: u64,
    /// Of how many.
    pub credits_per_day: Option<u64>,
}

/// What LeadSquared is asked and told.
#[derive(Debug, Default, Serialize)]
pub struct CrmPart {
    /// Events that carry too little of their lead; their conditions and texts were judged without it here.
    pub incomplete_events: u64,
    /// Messages before which the opt-out field is asked for.
    pub opt_outs_asked: u64,
    /// Calls for both, if they are asked for together.
    pub calls_to_read: u64,
    /// Messages whose outcome is told.
    pub told: u64,
    /// Bulk calls for that.
    pub bulk_calls: u64,
    /// Single calls for that.
    pub single_calls: u64,
    /// How long after the outcomes the last of them is written at the earliest, in ms.
    pub lasts_ms: i64,
}
