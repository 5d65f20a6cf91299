//! A message, its states, and the only ways from one to another.

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
    /// A recorded call.
    Voice,
}

/// What became of a message so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for the sender.
    Pending,
    /// Waits for a stated moment: an opening hour, the next day's quota.
    Held,
    /// Claimed by a batch that is being sent.
    Sending,
    /// The request may or may not have reached LigueLead. Never sent again; a callback settles it.
    Unknown,
    /// LigueLead refused it; nothing was sent.
    Refused,
    /// LigueLead took it.
    Accepted,
    /// The carrier could not deliver it.
    Undelivered,
    /// The carrier delivered it.
    Delivered,
    /// Nobody answered the call. It may be redialled, and answered then.
    NoAnswer,
    /// The line was busy. It may be redialled, and answered then.
    Busy,
    /// The call was answered.
    Answered,
    /// Never to be sent, for a reason that holds for this lead: no phone, opted out, an unfillable text.
    Skipped,
    /// Its own expiry came before it could be sent.
    Expired,
}

/// Which message goes first. The variants are in that order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others and never in one request with them; it waits for nobody.
    Urgent,
    /// As it comes.
    #[default]
    Normal,
    /// When the others leave room: by the sweep, and at no more than a share of LigueLead's rate.
    Low,
}

impl Priority {
    /// All of them, first to last.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Low];
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word for it in the table, in reports and in the CRM.
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

/// A text that names no state, channel or priority.
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
    /// Whether nothing more is expected to happen to the message. `Unknown` and `Accepted` may still move, and so may
    /// a call that was not answered, while redials may follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Undelivered | Self::Delivered | Self::Skipped | Self::Expired | Self::Answered
        )
    }
}

/// What a callback says of one phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It went to the carrier.
    Sent,
    /// It arrived.
    Delivered,
    /// It did not arrive, and will not.
    Undelivered,
    /// Nobody answered the call.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The call was answered.
    Answered,
}

impl Report {
    /// The state that a message is in after such a report.
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

    /// The states that the report moves a message from; in any other it is a repetition or older than what is known.
    ///
    /// A message that was called refused or unknown and is reported on was sent after all: the report wins. One that
    /// was called undelivered may still arrive; one that arrived stays so. A call that nobody answered, or that met a
    /// busy line, keeps the first of these two until it is answered: which of its redials ended how is not of use.
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

/// One message: one rule's answer to one change. `Debug` shows neither phone nor text.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id, which a repeated event computes again.
    pub id: MessageId,
    /// The rule that made it.
    pub rule: String,
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// The kind of event that it answers, in the words of the configuration.
    pub event: String,
    /// How it goes out.
    pub channel: Channel,
    /// To whom; none where the message is skipped for want of one.
    pub phone: Option<Phone>,
    /// What it says; none where it could not be rendered, and for a call.
    pub text: Option<SmsText>,
    /// What it plays; none but for a call.
    pub call: Option<Call>,
    /// The campaign title at LigueLead, at most 255 characters.
    pub title: Option<String>,
    /// LigueLead's `group_id`, as the rule gives it.
    pub group_id: Option<String>,
    /// Estimated price, in LigueLead credits.
    pub credits: u32,
    /// Where it stands.
    pub state: State,
    /// Why it stands there.
    pub why: Option<Reason>,
    /// Which goes first.
    pub priority: Priority,
    /// How often it was certainly not sent.
    pub attempts: u32,
    /// The part of a refused request as which it goes alone; none for most.
    pub part: Option<String>,
    /// When the event was accepted, in ms since the epoch.
    pub created_ms: i64,
    /// When it is no longer worth sending, in ms since the epoch.
    pub expires_ms: i64,
    /// When `state` last changed, in ms since the epoch.
    pub changed_ms: i64,
    /// When the sweep must look at it, in ms since the epoch; none once nothing more is due.
    pub due_ms: Option<i64>,
    /// The batch that last claimed it.
    pub batch: Option<BatchId>,
    /// LigueLead's `campaign_id` of that batch.
    pub campaign_id: Option<String>,
    /// What LeadSquared knows of it.
    pub crm: Crm,
    /// What came before, and what is known beyond its state.
    pub history: History,
    /// The recipients, where one row stands for many; `phone` and `lead_id` are empty then.
    pub block: Option<Block>,
    /// The message that follows if this one does not arrive, as it was decided on together with this one.
    pub fallback: Option<Box<Message>>,
}

impl Message {
    /// A message of which nothing more is known: pending, without recipient or content, due to nobody.
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

    /// The message that follows this one, which did not arrive by `now_ms`: as it was decided on, but to be sent now. None
    /// if its rule names none.
    #[must_use]
    pub fn followed_by(&self, now_ms: i64, wake_up_within_ms: i64) -> Option<Self> {
        let mut next = self.fallback.as_deref()?.clone();
        (next.created_ms, next.changed_ms) = (now_ms, now_ms);
        if next.state == State::Skipped {
            next.crm.due_ms = Some(now_ms);
        } else {
            // Where it may not go yet the sender says so.
            (next.state, next.why, next.due_ms) = (State::Pending, None, Some(now_ms + wake_up_within_ms));
        }
        Some(next)
    }

    /// How many recipients it has: 1, unless it is a block.
    #[must_use]
    pub fn recipients(&self) -> u64 {
        self.block.as_ref().map_or(1, |block| u64::from(block.recipients()))
    }
}

/// What is known of a message beyond its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Batches that carried it before it was given back to be sent again, oldest first.
    pub earlier: Vec<BatchId>,
    /// What LigueLead charged for the present attempt, in credits, where that is not what was estimated.
    pub charged: Option<u32>,
    /// When the wait for delivery reports ended without one, in ms since the epoch.
    pub no_callback_ms: Option<i64>,
    /// When the CRM's opt-out fields were read for it, in ms since the epoch; none if none was seen, or not the one that the
    /// configuration names.
    pub opt_out_read_ms: Option<i64>,
    /// Whether LeadSquared's own opt-out field was among them.
    pub own_opt_out_read: bool,
    /// Why LeadSquared's refusals of its row were given up on.
    pub crm_why: Option<String>,
    /// When LeadSquared was last told, in ms since the epoch.
    pub crm_told_ms: Option<i64>,
}

impl History {
    /// Notes which opt-out fields were seen, as they were at `at_ms` (ms since the epoch).
    pub fn saw_opt_out(&mut self, seen: Seen, at_ms: i64) {
        self.opt_out_read_ms = (seen != Seen::TooLittle).then_some(at_ms);
        self.own_opt_out_read = seen == Seen::All;
    }

    /// These batches and `batch`, each once.
    #[must_use]
    pub fn with(&self, batch: BatchId) -> Vec<BatchId> {
        let mut all = self.earlier.clone();
        if !all.contains(&batch) {
            all.push(batch);
        }
        all
    }
}

/// What of a message has reached LeadSquared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crm {
    /// The activity that stands for the message, once it exists.
    pub activity_id: Option<String>,
    /// The state that the activity shows.
    pub activity_state: Option<State>,
    /// The state that the lead's own fields were last given for this message.
    pub lead_state: Option<State>,
    /// When an activity was last posted without the answer being recorded yet, in ms since the epoch. Its outcome is
    /// looked up before it is posted again.
    pub posted_ms: Option<i64>,
    /// Calls that refused the row so far.
    pub attempts: u32,
    /// When the write-back is due, in ms since the epoch; none when LeadSquared knows all there is.
    pub due_ms: Option<i64>,
}

/// Where a request to LigueLead stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Written before any message is claimed. Nothing left this machine.
    Prepared,
    /// Written right before the bytes leave.
    Calling,
    /// LigueLead took it.
    Accepted,
    /// LigueLead refused it; nothing was sent.
    Refused,
    /// The answer never came, or was none.
    Unknown,
    /// Given up before the call, or certainly not taken; its messages went back.
    Released,
}

/// One request to LigueLead: one text, up to 10,000 phones.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its id, which callbacks carry.
    pub id: BatchId,
    /// Where it stands.
    pub state: BatchState,
    /// When it was prepared, in ms since the epoch.
    pub prepared_ms: i64,
    /// When the call began, in ms since the epoch.
    pub called_ms: Option<i64>,
    /// When the call ended, in ms since the epoch.
    pub ended_ms: Option<i64>,
    /// The messages that the call carries; written with `Calling`, so that a claim which the call did not know of is
    /// never taken for sent.
    pub members: Vec<MessageId>,
    /// LigueLead's `campaign_id`.
    pub campaign_id: Option<String>,
    /// Why it was refused, released or unknown.
    pub why: Option<Reason>,
    /// The day whose quota it draws on, `YYYY-MM-DD` in the tenant's zone.
    pub day: String,
    /// The rule whose own budget it draws on as well.
    pub rule: Option<String>,
    /// Messages reserved from that day's quota.
    pub messages: u64,
    /// Credits reserved from that day's quota.
    pub credits: u64,
    /// Whether it counts among the fewest requests possible, 1 or 0.
    pub requests_fewest: u64,
}
