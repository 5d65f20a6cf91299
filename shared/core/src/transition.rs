//! Every move of a message: what it needs, what it changes, and what becomes due.
//!
//! A [`Transition`] is data: one conditional write of one row. The ledger writes it, and [`Transition::apply`] does the
//! same to a message in memory. A test of the ledger compares both. No other code changes a message's row, except for a
//! block's recipients ([`crate::block`]).
//!
//! [`Move`] and [`BatchMove`] list the moves between states. docs/architecture.md shows the same lists.

mod batches;
mod crm;
mod moves;

use std::mem::discriminant;

use crate::{
    identity::{BatchId, MessageId},
    message::{Content, Label, Message, Priority, Recipients, State},
    reason::Reason,
};

pub use self::{
    batches::BatchMove,
    moves::{ACCEPTED_LINGER_MS, Move},
};

/// One conditional change of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    id: MessageId,
    needs: Needs,
    sets: Vec<Set>,
}

/// What a transition needs. If the row differs, nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The message is in one of these states. `None`: in any state. An empty list allows nothing.
    pub states: Option<Vec<State>>,
    /// Or the message is claimed by this batch already. A claim whose first response was lost is still a claim.
    pub or_claimed_by: Option<BatchId>,
    /// `Some(Some(batch))`: it belongs to this batch. `Some(None)`: it belongs to none.
    pub batch: Option<Option<BatchId>>,
    /// The recipients of the block are as they were read in this version.
    pub version: Option<u64>,
    /// The wait for its report has not ended yet.
    pub no_report_yet: bool,
    /// It has no activity in LeadSquared, and none is being posted.
    pub unposted: bool,
}

/// A change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// The state.
    State(State),
    /// When the state changed, in ms since the epoch.
    ChangedMs(i64),
    /// The reason, or no reason.
    Why(Option<Reason>),
    /// When the row is due next.
    Due(Due),
    /// The batch that claims it, or none.
    Batch(Option<BatchId>),
    /// LigueLead's campaign, or none.
    CampaignId(Option<String>),
    /// How often an attempt certainly did not send it.
    Attempts(u32),
    /// The part of a refused request in which it goes next.
    Part(String),
    /// The estimated price, in LigueLead credits. It is the amount that was reserved.
    Credits(u32),
    /// Removes the price that LigueLead charged: it belongs to an earlier attempt.
    NotCharged,
    /// Until when it may be sent, in ms since the epoch.
    ExpiresMs(i64),
    /// The batches that carried it before.
    Earlier(Vec<BatchId>),
    /// When the wait for its report ended without one, in ms since the epoch; or that a report came.
    NoCallbackMs(Option<i64>),
    /// When LeadSquared is told, in ms since the epoch; none once LeadSquared knows everything.
    CrmDueMs(Option<i64>),
    /// When an activity is about to be posted, in ms since the epoch; none once the result is known.
    CrmPostedMs(Option<i64>),
    /// The message's activity.
    CrmActivityId(String),
    /// The state that the activity shows; none if that is unknown.
    CrmActivityState(Option<State>),
    /// The state that the lead's own fields show.
    CrmLeadState(State),
    /// Requests in which LeadSquared refused the row so far.
    CrmAttempts(u32),
    /// Why a part of the write-back was given up.
    CrmWhy(String),
    /// When LeadSquared last learnt something about it, in ms since the epoch.
    CrmToldMs(i64),
    /// Removes the person: phone, lead, text, label and fallback, and what LeadSquared said of its row.
    Forgotten,
}

/// When a row is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It waits for the sender until this instant, in ms since the epoch, among the messages of its priority.
    Wait(i64, Priority),
    /// The sweep looks at it at this instant, in ms since the epoch.
    Look(i64),
    /// Nothing is due.
    Never,
}

impl Transition {
    /// The message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// What it needs.
    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// What it changes. No attribute is named twice.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// The state that it moves to; none if the state stays.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        self.sets.iter().find_map(|set| if let Set::State(state) = set { Some(*state) } else { None })
    }

    /// Until when the message then waits for the sender, in ms since the epoch, and its priority.
    #[must_use]
    pub fn waits(&self) -> Option<(Priority, i64)> {
        self.sets.iter().find_map(|set| match set {
            Set::Due(Due::Wait(due_ms, priority)) => Some((*priority, *due_ms)),
            _ => None,
        })
    }

    /// When LeadSquared is then told, in ms since the epoch. None for a repetition, which the write-back plans itself.
    #[must_use]
    pub fn tells_ms(&self) -> Option<i64> {
        if self.sets.iter().any(|set| matches!(set, Set::CrmAttempts(_))) {
            return None;
        }
        self.sets.iter().find_map(|set| if let Set::CrmDueMs(due_ms) = set { *due_ms } else { None })
    }

    /// Makes the change to a message in memory. `false`: the message is not as the transition needs it.
    pub fn apply(&self, message: &mut Message) -> bool {
        if !self.needs.allow(message) {
            return false;
        }
        for set in &self.sets {
            set.apply(message);
        }
        true
    }

    /// A change of a message in any state that sets nothing yet.
    fn of(id: MessageId) -> Self {
        Self { id, needs: Needs::default(), sets: Vec::new() }
    }

    /// Sets an attribute. The last value counts, because the table refuses a write that names an attribute twice.
    fn set(mut self, set: Set) -> Self {
        self.sets.retain(|other| discriminant(other) != discriminant(&set));
        self.sets.push(set);
        self
    }

    fn needs_batch(mut self, batch: Option<BatchId>) -> Self {
        self.needs.batch = Some(batch);
        self
    }

    fn needs_state(mut self, state: State) -> Self {
        self.needs.states = Some(vec![state]);
        self
    }
}

impl Needs {
    fn allow(&self, message: &Message) -> bool {
        let claimed = self.or_claimed_by.is_some_and(|by| message.state == State::Sending && message.batch == Some(by));
        let version = message.block().map(|block| block.version);
        (claimed || self.states.as_ref().is_none_or(|states| states.contains(&message.state)))
            && self.batch.is_none_or(|batch| message.batch == batch)
            && self.version.is_none_or(|needed| version == Some(needed))
            && (!self.no_report_yet || message.history.no_callback_ms.is_none())
            && (!self.unposted || (message.crm.posted_ms.is_none() && message.crm.activity_id.is_none()))
    }
}

impl Set {
    fn apply(&self, message: &mut Message) {
        let Message { crm, history, .. } = message;
        match self.clone() {
            Self::State(state) => message.state = state,
            Self::ChangedMs(changed_ms) => message.changed_ms = changed_ms,
            Self::Why(why) => message.why = why,
            Self::Due(Due::Wait(due_ms, _) | Due::Look(due_ms)) => message.due_ms = Some(due_ms),
            Self::Due(Due::Never) => message.due_ms = None,
            Self::Batch(batch) => message.batch = batch,
            Self::CampaignId(campaign_id) => message.campaign_id = campaign_id,
            Self::Attempts(attempts) => message.attempts = attempts,
            Self::Part(part) => message.part = Some(part),
            Self::Credits(credits) => message.credits = credits,
            Self::NotCharged => history.charged = None,
            Self::ExpiresMs(expires_ms) => message.expires_ms = expires_ms,
            Self::Earlier(earlier) => history.earlier = earlier,
            Self::NoCallbackMs(no_callback_ms) => history.no_callback_ms = no_callback_ms,
            Self::CrmDueMs(due_ms) => crm.due_ms = due_ms,
            Self::CrmPostedMs(posted_ms) => crm.posted_ms = posted_ms,
            Self::CrmActivityId(activity_id) => crm.activity_id = Some(activity_id),
            Self::CrmActivityState(state) => crm.activity_state = state,
            Self::CrmLeadState(state) => crm.lead_state = Some(state),
            Self::CrmAttempts(attempts) => crm.attempts = attempts,
            Self::CrmWhy(why) => history.crm_why = Some(why),
            Self::CrmToldMs(told_ms) => history.crm_told_ms = Some(told_ms),
            Self::Forgotten => {
                (crm.activity_id, history.crm_why) = (None, None);
                message.content = Content::none(message.content.channel());
                if let Recipients::One { phone, lead_id } = &mut message.to {
                    (*phone, *lead_id) = (None, String::new());
                }
                (message.label, message.part, message.fallback) = (Label::default(), None, None);
            }
        }
    }
}
