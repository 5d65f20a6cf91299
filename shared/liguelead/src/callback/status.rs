//! The words of a delivery report. Sources: LigueLead's published skill (SMS), its RCS reference, and clients seen
//! (voice).

use crate::reason::Reason;

/// The channel of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// A text message, flash ones included.
    Sms,
    /// A recorded or spoken voice call.
    Voice,
    /// A rich message.
    Rcs,
    /// Another word, shortened and masked.
    Other(String),
}

/// The status of one recipient. For voice it is not documented which statuses are final: a voice call that was not
/// answered may be redialled and answered later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Waiting at the vendor.
    Queued,
    /// Given to the carrier, or dialled.
    Sent,
    /// On the recipient's device.
    Delivered,
    /// Opened by the recipient.
    Read,
    /// Not delivered in time, or rejected by the carrier.
    Undelivered,
    /// Failed before the carrier: error, congestion, no route.
    Failed,
    /// The voice call was answered.
    Answered,
    /// Nobody answered the voice call.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// Another word, shortened and masked.
    Other(String),
}

impl Channel {
    pub(crate) fn read(word: &str) -> Self {
        match letters(word).as_str() {
            "rcs" => Self::Rcs,
            "voice" | "voiceagent" | "voicecall" => Self::Voice,
            "sms" => Self::Sms,
            _ if is_flash(word) => Self::Sms,
            _ => Self::Other(shown(word)),
        }
    }
}

impl Status {
    pub(crate) fn read(word: &str, channel: Option<&Channel>) -> Self {
        match letters(word).as_str() {
            "queued" | "pending" => Self::Queued,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" | "opened" => Self::Read,
            "undelivered" | "rejected" => Self::Undelivered,
            "failed" => Self::Failed,
            "answer" | "answered" => Self::Answered,
            "noanswer" => Self::NoAnswer,
            "busy" => Self::Busy,
            // A completed voice call was answered. For a text, the word was never seen, so its meaning is unknown.
            "complete" | "completed" if channel == Some(&Channel::Voice) => Self::Answered,
            _ => Self::Other(shown(word)),
        }
    }
}

pub(super) fn is_flash(kind: &str) -> bool {
    matches!(letters(kind).as_str(), "flash" | "smsflash" | "flashsms")
}

/// Only the letters, in lower case: `no_answer`, `No Answer` and `no-answer` are one word.
fn letters(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphabetic).map(|sign| sign.to_ascii_lowercase()).collect()
}

/// An unknown word in a form that is safe for people and logs.
fn shown(word: &str) -> String {
    Reason::from_text(word).as_str().chars().take(40).collect()
}
