//! A message, its states, and the allowed transitions between them.

use std::{fmt, str::FromStr};

use crate::{
    block::Block,
    call::Call,
    credits::SmsText,
    identity::{BatchId, MessageId},
    opt_out::Seen,
    phone::Phone,
    reason::Reason,
};

/// How a message reaches its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// An SMS.
    Sms,
    /// An SMS that pops up on the screen; its text may hold no URL.
    Flash,
    /// A recorded voice call.
    Voice,
}

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for the sender.
    Pending,
    /// Waits until a stated time, such as an opening hour or the next day's quota.
    Held,
    /// Claimed by a batch that is being sent.
    Sending,
    /// The request may or may not have reached LigueLead. It is never sent again; a delivery report settles it.
    Unknown,
    /// LigueLead refused it; nothing was sent.
    Refused,
    /// LigueLead accepted it.
    Accepted,
    /// The carrier could not deliver it.
    Undelivered,
    /// The carrier delivered it.
    Delivered,
    /// Nobody answered the voice call. A redial may still be answered.
    NoAnswer,
    /// The line was busy. A redial may still be answered.
    Busy,
    /// The voice call was answered.
    Answered,
    /// Must not be sent, for a reason that is about this lead: no phone, opted out, a text that cannot be filled in.
    Skipped,
    /// It expired before it could be sent.
    Expired,
}

/// The order in which messages go. The variants are in that order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Goes before all others, never in one request with them, and never waits for other messages.
    Urgent,
    /// Goes in the order of arrival.
    #[default]
    Normal,
    /// Goes when the others leave room: only the sweep sends it, at no more than a share of LigueLead's rate.
    Low,
}

impl Priority {
    /// All priorities, first to last.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Low];
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word that the table, the reports and the CRM use for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = NotAWord;

            fn from_str(text: &str) -> Result<Self, NotAWord> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err(NotAWord) }
            }
        }
    };
}

/// The text is no state, channel or priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the words in use here")]
pub struct NotAWord;

words!(Priority { Urgent => "urgent", Normal => "normal", Low => "low" });
words!(Channel { Sms => "sms", Flash => "flash", Voice => "voice" });
words!(State {
    Pending => "pending", Held => "held", Sending => "sending", Unknown => "unknown", Refused => "refused",
    Accepted => "accepted", Undelivered => "undelivered", Delivered => "delivered", Skipped => "skipped",
    Expired => "expired", NoAnswer => "no_answer", Busy => "busy", Answered => "answered",
});
words!(BatchState {
    Prepared => "prepared", Calling => "calling", Accepted => "accepted", Refused => "refused",
    Unknown => "unknown", Released => "released",
});

impl State {
    /// Whether the state is final. `Unknown` and `Accepted` may still change. So may a voice call that was not
    /// answered, while redials may follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Undelivered | Self::Delivered | Self::Skipped | Self::Expired | Self::Answered
        )
    }
}

/// What a delivery report says of one phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The message went to the carrier.
    Sent,
    /// The message arrived.
    Delivered,
    /// The message did not arrive, and will not.
    Undelivered,
    /// Nobody answered the voice call.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The voice call was answered.
    Answered,
}

impl Report {
    /// The state of a message after this report.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::Sent => State::Accepted,
            Self::Delivered => State::Delivered,
            Self::Undelivered => State::Undelivered,
            Self::NoAnswer => State::NoAnswer,
            Self::Busy => State::Busy,
            Self::Answered => State::Answered,
        }
    }

    /// The states that the report changes. In any other state, the report repeats or is older than what is known.
    ///
    /// A message may be called refused or unknown, and a report may come all the same. Then it was sent, and the report
    /// wins. An undelivered message may still arrive; a delivered one stays delivered. A voice call keeps the first of
    /// "not answered" and "busy" until it is answered: how each redial ended is of no use.
    #[must_use]
    pub fn moves(self) -> &'static [State] {
        match self {
            Self::Sent => &[State::Sending, State::Unknown, State::Refused],
            Self::Undelivered | Self::NoAnswer | Self::Busy => {
                &[State::Sending, State::Unknown, State::Refused, State::Accepted]
            }
            Self::Delivered => &[State::Sending, State::Unknown, State::Refused, State::Accepted, State::Undelivered],
            Self::Answered => &[
                State::Sending,
                State::Unknown,
                State::Refused,
                State::Accepted,
                State::Undelivered,
                State::NoAnswer,
                State::Busy,
            ],
        }
    }
}

/// The message that one rule makes of one change. `Debug` shows neither phone nor text.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id. A repeated event gives the same id.
    pub id: MessageId,
    /// The rule that made it.
    pub rule: String,
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// The kind of event that caused it, in the words of the configuration.
    pub event: String,
    /// Its channel.
    pub channel: Channel,
    /// The recipient's phone; none if the message is skipped because it has none.
    pub phone: Option<Phone>,
    /// The text; none if it could not be rendered, and for a voice call.
    pub text: Option<SmsText>,
    /// What the voice call plays; none for other channels.
    pub call: Option<Call>,
    /// LigueLead's title for the request, at most 255 characters.
    pub title: Option<String>,
    /// LigueLead's `group_id`, as the rule gives it.
    pub group_id: Option<String>,
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
    /// The recipients, if this row is a block. Then `phone` and `lead_id` are empty.
    pub block: Option<Block>,
    /// Its fallback if it is not delivered. Both were decided on together.
    pub fallback: Option<Box<Message>>,
}

impl Message {
    /// A pending message without recipient, content or due time.
    #[must_use]
    pub fn new(id: MessageId, rule: &str, lead_id: &str, channel: Channel, created_ms: i64, expires_ms: i64) -> Self {
        Self {
            id,
            rule: rule.to_owned(),
            lead_id: lead_id.to_owned(),
            event: String::new(),
            channel,
            phone: None,
            text: None,
            call: None,
            title: None,
            group_id: None,
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
            block: None,
            fallback: None,
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
        self.block.as_ref().map_or(1, |block| u64::from(block.recipients()))
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

/// The state of a request to LigueLead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Written before any message is claimed. Nothing has left this machine.
    Prepared,
    /// Written right before the request's bytes leave.
    Calling,
    /// LigueLead accepted it.
    Accepted,
    /// LigueLead refused it; nothing was sent.
    Refused,
    /// No answer came, or none that could be used.
    Unknown,
    /// Given up before the request, or certainly not taken. Its messages were given back.
    Released,
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
