//! Channels, priorities and states, the words for them, and the allowed transitions between states.

use std::{fmt, str::FromStr};

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
    /// Goes when the others leave room: the sweep sends it, at no more than a share of LigueLead's rate. On one machine
    /// the sweep runs a second after it was written.
    Low,
}

impl Priority {
    /// All priorities, first to last.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Low];
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
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(NotAWord { what: stringify!($type), text: text.to_owned(), words: &[$($word),+] }),
                }
            }
        }
    };
}

/// The text is no state, channel or priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {} \"{text}\"; use one of {}", what.to_lowercase(), words.join(", "))]
pub struct NotAWord {
    what: &'static str,
    text: String,
    words: &'static [&'static str],
}

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
    /// All states, from the first to the ends.
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Held,
        Self::Sending,
        Self::Unknown,
        Self::Refused,
        Self::Accepted,
        Self::Undelivered,
        Self::Delivered,
        Self::NoAnswer,
        Self::Busy,
        Self::Answered,
        Self::Skipped,
        Self::Expired,
    ];

    /// Whether the message still waits to be sent.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::Held)
    }

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
