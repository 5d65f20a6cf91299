//! A message, what is known of it, and the request that carries it.

use crate::{
    block::{Block, Recipient},
    call::Call,
    credits::SmsText,
    identity::{BatchId, MessageId, RunId},
    opt_out::Seen,
    phone::Phone,
    reason::Reason,
};

pub use crate::state::{BatchState, Channel, NotAWord, Priority, Report, State};

/// The message that one rule makes of one change. `Debug` shows neither phone nor text.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id. A repeated event gives the same id.
    pub id: MessageId,
    /// The rule that made it.
    pub rule: String,
    /// The kind of event that caused it, in the words of the configuration.
    pub event: String,
    /// Who gets it.
    pub to: Recipients,
    /// What they get.
    pub content: Content,
    /// What LigueLead shows beside the content.
    pub label: Label,
    /// Estimated price, in LigueLead credits.
    pub credits: u32,
    /// Its state.
    pub state: State,
    /// Why it is in that state.
    pub why: Option<Reason>,
    /// Its priority.
    pub priority: Priority,
    /// How often an attempt certainly did not send it.
    pub attempts: u32,
    /// The part of a split request in which it goes alone; none for most messages.
    pub part: Option<String>,
    /// When the event was accepted, in ms since the epoch.
    pub created_ms: i64,
    /// When it expires, in ms since the epoch.
    pub expires_ms: i64,
    /// When `state` last changed, in ms since the epoch.
    pub changed_ms: i64,
    /// When the sweep must look at it, in ms since the epoch; none once nothing more is due.
    pub due_ms: Option<i64>,
    /// The batch that last claimed it.
    pub batch: Option<BatchId>,
    /// LigueLead's `campaign_id` of that batch.
    pub campaign_id: Option<String>,
    /// What LeadSquared knows of the message.
    pub crm: Crm,
    /// Earlier batches, and what is known beyond the state.
    pub history: History,
    /// Its fallback if it is not delivered. Both were decided on together.
    pub fallback: Option<Box<Message>>,
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// One recipient.
    One {
        /// The phone; none if the message is skipped because its lead has none.
        phone: Option<Phone>,
        /// The lead's `ProspectID`; empty if a file named the phone alone.
        lead_id: String,
    },
    /// Many recipients.
    Many(Block),
}

/// What a message brings: `None` if it could not be made for this lead. Such a message is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// An SMS of this text.
    Sms(Option<SmsText>),
    /// A Flash SMS of this text.
    Flash(Option<SmsText>),
    /// A voice call.
    Voice(Option<Call>),
}

/// What LigueLead shows beside the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Label {
    /// LigueLead's title for the request, at most 255 characters.
    pub title: Option<String>,
    /// LigueLead's `group_id`, as the rule gives it.
    pub group_id: Option<String>,
}

impl Content {
    /// The content of a channel that is not made yet.
    #[must_use]
    pub fn none(channel: Channel) -> Self {
        match channel {
            Channel::Sms => Self::Sms(None),
            Channel::Flash => Self::Flash(None),
            Channel::Voice => Self::Voice(None),
        }
    }

    /// The same channel with this text. A voice call has no text.
    #[must_use]
    pub fn with_text(&self, text: Option<SmsText>) -> Self {
        match self {
            Self::Sms(_) => Self::Sms(text),
            Self::Flash(_) => Self::Flash(text),
            Self::Voice(call) => Self::Voice(call.clone()),
        }
    }

    /// Its channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Sms(_) => Channel::Sms,
            Self::Flash(_) => Channel::Flash,
            Self::Voice(_) => Channel::Voice,
        }
    }

    /// The text, if it has one.
    #[must_use]
    pub fn text(&self) -> Option<&SmsText> {
        match self {
            Self::Sms(text) | Self::Flash(text) => text.as_ref(),
            Self::Voice(_) => None,
        }
    }

    /// The voice call, if it is one.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Voice(call) => call.as_ref(),
            Self::Sms(_) | Self::Flash(_) => None,
        }
    }

    /// The voice call, to be completed.
    pub fn call_mut(&mut self) -> Option<&mut Call> {
        match self {
            Self::Voice(call) => call.as_mut(),
            Self::Sms(_) | Self::Flash(_) => None,
        }
    }

    /// Whether it was made, and so can be sent.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.text().is_some() || self.call().is_some()
    }
}

impl Message {
    /// A pending message without phone, content or due time.
    #[must_use]
    pub fn new(id: MessageId, rule: &str, lead_id: &str, channel: Channel, created_ms: i64, expires_ms: i64) -> Self {
        Self {
            id,
            rule: rule.to_owned(),
            event: String::new(),
            to: Recipients::One { phone: None, lead_id: lead_id.to_owned() },
            content: Content::none(channel),
            label: Label::default(),
            credits: 0,
            state: State::Pending,
            why: None,
            priority: Priority::Normal,
            attempts: 0,
            part: None,
            created_ms,
            expires_ms,
            changed_ms: created_ms,
            due_ms: None,
            batch: None,
            campaign_id: None,
            crm: Crm::default(),
            history: History::default(),
            fallback: None,
        }
    }

    /// The same message to this phone. A block has phones of its own.
    #[must_use]
    pub fn at(mut self, to: Phone) -> Self {
        if let Recipients::One { phone, .. } = &mut self.to {
            *phone = Some(to);
        }
        self
    }

    /// The same message for this lead. A block has leads of its own.
    #[must_use]
    pub fn for_lead(mut self, id: &str) -> Self {
        if let Recipients::One { lead_id, .. } = &mut self.to {
            id.clone_into(lead_id);
        }
        self
    }

    /// The recipient's phone; none for a block, and if the message is skipped because its lead has none.
    #[must_use]
    pub fn phone(&self) -> Option<Phone> {
        match &self.to {
            Recipients::One { phone, .. } => *phone,
            Recipients::Many(_) => None,
        }
    }

    /// The lead's `ProspectID`; empty if there is none.
    #[must_use]
    pub fn lead_id(&self) -> &str {
        match &self.to {
            Recipients::One { lead_id, .. } => lead_id,
            Recipients::Many(_) => "",
        }
    }

    /// The block, if it has many recipients.
    #[must_use]
    pub fn block(&self) -> Option<&Block> {
        match &self.to {
            Recipients::One { .. } => None,
            Recipients::Many(block) => Some(block),
        }
    }

    /// The fallback of this message, which had not arrived by `now_ms`. It is as it was decided on, but is to be sent
    /// now. None if the rule names no fallback.
    #[must_use]
    pub fn followed_by(&self, now_ms: i64, wake_up_within_ms: i64) -> Option<Self> {
        let mut next = self.fallback.as_deref()?.clone();
        (next.created_ms, next.changed_ms) = (now_ms, now_ms);
        if next.state == State::Skipped {
            next.crm.due_ms = Some(now_ms);
        } else {
            // The sender holds it if it may not go yet.
            (next.state, next.why, next.due_ms) = (State::Pending, None, Some(now_ms + wake_up_within_ms));
        }
        Some(next)
    }

    /// Its recipients: 1, unless it is a block.
    #[must_use]
    pub fn recipients(&self) -> u64 {
        self.block().map_or(1, |block| u64::from(block.recipients()))
    }
}

impl Recipient {
    /// The recipient's own message, as the block's row would have it. The recipient's place does not matter.
    #[must_use]
    pub fn message(&self, block: &Message, run: RunId) -> Message {
        let own = self.own.as_ref();
        let content = own.map_or_else(|| block.content.clone(), |own| block.content.with_text(own.text.clone()));
        Message {
            id: self.message_id(run),
            to: Recipients::One { phone: Some(self.phone), lead_id: self.lead.clone().unwrap_or_default() },
            credits: own.and(content.text()).map_or(block.credits, SmsText::credits),
            content,
            label: Label {
                title: own.map_or_else(|| block.label.title.clone(), |own| own.title.clone()),
                group_id: block.label.group_id.clone(),
            },
            ..block.clone()
        }
    }
}

/// What is known of a message beyond its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Batches that carried it before it was given back, oldest first.
    pub earlier: Vec<BatchId>,
    /// What LigueLead charged for the present attempt, in credits, if that differs from the estimate.
    pub charged: Option<u32>,
    /// When the wait for delivery reports ended without a report, in ms since the epoch.
    pub no_callback_ms: Option<i64>,
    /// When the CRM's opt-out fields were read for it, in ms since the epoch. None if none was seen, or if the field
    /// that the configuration names was not among them.
    pub opt_out_read_ms: Option<i64>,
    /// Whether LeadSquared's own opt-out field was among those read.
    pub own_opt_out_read: bool,
    /// Why the write-back gave up on its row after LeadSquared's refusals.
    pub crm_why: Option<String>,
    /// When LeadSquared last got an outcome of it, in ms since the epoch.
    pub crm_told_ms: Option<i64>,
}

impl History {
    /// Records which opt-out fields were seen, as they were at `at_ms` (ms since the epoch).
    pub fn saw_opt_out(&mut self, seen: Seen, at_ms: i64) {
        self.opt_out_read_ms = (seen != Seen::TooLittle).then_some(at_ms);
        self.own_opt_out_read = seen == Seen::All;
    }

    /// The earlier batches and `batch`, each once.
    #[must_use]
    pub fn with(&self, batch: BatchId) -> Vec<BatchId> {
        let mut all = self.earlier.clone();
        if !all.contains(&batch) {
            all.push(batch);
        }
        all
    }
}

/// What LeadSquared knows of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crm {
    /// The activity that stands for the message, once it exists.
    pub activity_id: Option<String>,
    /// The state that the activity shows.
    pub activity_state: Option<State>,
    /// The state that was last written to the lead's own fields for this message.
    pub lead_state: Option<State>,
    /// When an activity was last posted and the answer is not recorded yet, in ms since the epoch. The activity is
    /// looked up before it is posted again.
    pub posted_ms: Option<i64>,
    /// Requests in which LeadSquared refused the row so far.
    pub attempts: u32,
    /// When the write-back is due, in ms since the epoch; none once LeadSquared knows everything.
    pub due_ms: Option<i64>,
}

/// One request to LigueLead: one text, up to 10,000 phones.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its id, which delivery reports carry.
    pub id: BatchId,
    /// Its state.
    pub state: BatchState,
    /// When it was prepared, in ms since the epoch.
    pub prepared_ms: i64,
    /// When the request began, in ms since the epoch.
    pub called_ms: Option<i64>,
    /// When the request ended, in ms since the epoch.
    pub ended_ms: Option<i64>,
    /// The messages that the request carries. Written together with `Calling`, so a claim that the request did not know
    /// of never counts as sent.
    pub members: Vec<MessageId>,
    /// LigueLead's `campaign_id`.
    pub campaign_id: Option<String>,
    /// Why it was refused, released or unknown.
    pub why: Option<Reason>,
    /// The day whose quota it draws on, `YYYY-MM-DD` in the installation's zone.
    pub day: String,
    /// The rule whose own budget it draws on too.
    pub rule: Option<String>,
    /// Messages reserved from that day's quota.
    pub messages: u64,
    /// Credits reserved from that day's quota.
    pub credits: u64,
    /// 1 if it counts among the fewest possible requests, else 0.
    pub requests_fewest: u64,
}
