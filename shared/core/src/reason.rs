//! Why a message is in its state: a code with its data, and one way to put it in words.
//!
//! Programs decide by the code alone. Only [`fmt::Display`] has the words, so they can be changed or translated.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a message, or a request, is in its state. It holds no phone and no text of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The rule is in shadow: it sends nothing.
    Shadow,
    /// The lead is in the rule's control group.
    Control,
    /// It lingers for more messages of the same text.
    Lingers,
    /// No message could be made for this lead: no phone, no text, or an opt-out that the event shows.
    NotMade {
        /// Which of these.
        why: String,
    },
    /// The channel's hours are closed in the recipient's zone.
    OutsideHours {
        /// The recipient's zone.
        zone: String,
    },
    /// LigueLead does not dial at this hour, or no time is left for redials.
    NoCallNow,
    /// The hours closed between the decision and the request.
    CallHoursOver,
    /// An operator has paused it.
    Paused {
        /// What is paused.
        what: String,
        /// The operator who paused it.
        by: Option<String>,
        /// The operator's reason.
        why: Option<String>,
    },
    /// A cap has been reached.
    Capped {
        /// The subject of the cap: `lead` or `phone`.
        who: String,
    },
    /// The caps' rows could not be read or written: others write them all the time.
    CapsUnknown,
    /// A day's budget is spent.
    OverQuota {
        /// Messages that fit.
        fit: u64,
        /// Messages that were to go.
        all: u64,
    },
    /// Its recording is not ready.
    AudioMissing {
        /// What is missing.
        why: String,
    },
    /// The opt-out fields could not be read from LeadSquared.
    OptOutNotAsked {
        /// Why not.
        why: String,
    },
    /// LeadSquared says that the lead opted out.
    OptedOut {
        /// The field that says so.
        why: String,
    },
    /// A suppression covers its lead or its phone.
    Suppressed {
        /// `lead` or `phone`.
        who: String,
        /// The channel that is suppressed.
        channel: String,
        /// Where the suppression comes from.
        source: String,
    },
    /// An operator has cancelled it.
    Cancelled,
    /// An operator has sent it again.
    SentAgain,
    /// All recipients of the block have messages of their own.
    AllLeft,
    /// The recipient leaves a block and gets a message of its own.
    GoesAlone,
    /// It expired before it was sent.
    Expired,
    /// The account's rate had no permit for the request.
    NoPermit,
    /// LigueLead's rate is used up.
    RateUsedUp,
    /// No time was left for the request.
    NoTime,
    /// Its messages were no longer waiting when the request was to be made.
    NotWaiting,
    /// Its sender was taken for dead before the request.
    TakenForDead,
    /// The request could not be built.
    NotBuilt {
        /// What was wrong.
        why: String,
    },
    /// LigueLead refuses the account itself.
    AccountRefused {
        /// LigueLead's words.
        why: String,
    },
    /// LigueLead does not know the recording.
    AudioUnknown {
        /// HTTP status.
        status: u16,
        /// LigueLead's words.
        why: String,
    },
    /// LigueLead refused it.
    Refused {
        /// HTTP status.
        status: u16,
        /// LigueLead's words.
        why: String,
    },
    /// LigueLead refused the request, and its messages go again in smaller parts.
    InParts {
        /// Why the request was refused.
        first: Box<Reason>,
        /// How many messages the request carried.
        all: u64,
    },
    /// LigueLead could not be reached, or asked to wait.
    NotReached {
        /// What was seen.
        why: String,
    },
    /// It is unknown whether LigueLead took the request.
    NoAnswer {
        /// What was seen.
        why: String,
    },
    /// Its sender died during the request.
    DiedCalling,
    /// Its sender died.
    Died,
    /// It is unknown whether it was sent, and no delivery report came.
    NeverReported {
        /// Why it was unknown, if a reason was stored.
        first: Option<Box<Reason>>,
    },
    /// It was unknown whether it had been sent, so it was sent once more.
    Resent,
    /// An earlier version stored words and no code.
    Earlier {
        /// The words.
        words: String,
    },
}

/// The words of earlier versions that some decisions depend on.
const CANCELLED: &str = "cancelled by an operator";
const LINGERS: &str = "waits for others of its text, to go in one request with them";
const PAUSED: &str = "paused: ";

impl Reason {
    /// The reason in a row of an earlier version, which stored words alone.
    #[must_use]
    pub fn of_earlier(words: &str) -> Self {
        match (words, words.strip_prefix(PAUSED)) {
            (CANCELLED, _) => Self::Cancelled,
            (LINGERS, _) => Self::Lingers,
            (_, Some(what)) => Self::Paused { what: what.to_owned(), by: None, why: None },
            _ => Self::Earlier { words: words.to_owned() },
        }
    }

    /// Reads a row's reason: the code with its data, or else an earlier version's words.
    #[must_use]
    pub fn read(code: Option<&str>, words: Option<&str>) -> Option<Self> {
        let known = code.and_then(|code| serde_json::from_str(code).ok());
        known.or_else(|| words.map(Self::of_earlier))
    }

    /// The code with its data, in its stored form.
    #[must_use]
    pub fn code(&self) -> String {
        // The reason holds only texts and numbers, which JSON can always write.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The code alone, such as `over_quota`.
    #[must_use]
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    /// Whether the message waits because an operator paused it.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    /// The part of the reason that comes from outside, so it may hold words that are not Recado's.
    #[must_use]
    pub fn outside(&self) -> Option<&str> {
        match self {
            Self::NotMade { why }
            | Self::AudioMissing { why }
            | Self::OptOutNotAsked { why }
            | Self::AccountRefused { why }
            | Self::AudioUnknown { why, .. }
            | Self::Refused { why, .. }
            | Self::NotReached { why }
            | Self::NotBuilt { why }
            | Self::NoAnswer { why } => Some(why),
            Self::Suppressed { source, .. } => Some(source),
            Self::Paused { why, .. } => why.as_deref(),
            Self::Earlier { words } => Some(words),
            Self::InParts { first, .. } => first.outside(),
            Self::NeverReported { first } => first.as_ref()?.outside(),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shadow => f.write_str("the rule is in shadow: it would have been sent"),
            Self::Control => f.write_str("the lead is in the rule's control group: it would have been sent"),
            Self::Lingers => f.write_str(LINGERS),
            Self::NotMade { why }
            | Self::AudioMissing { why }
            | Self::OptedOut { why }
            | Self::NotBuilt { why }
            | Self::OptOutNotAsked { why } => f.write_str(why),
            Self::OutsideHours { zone } => write!(f, "outside the hours in {zone}"),
            Self::NoCallNow => {
                f.write_str("no call can start now: LigueLead's day, or the hours with time for redials, are over")
            }
            Self::CallHoursOver => f.write_str("the hours for calls are over"),
            Self::Paused { what, by, why } => {
                write!(f, "{PAUSED}{what}")?;
                by.iter().try_for_each(|by| write!(f, " by {by}"))?;
                why.iter().try_for_each(|why| write!(f, " ({why})"))
            }
            Self::Capped { who } => write!(f, "the {who} has had as many messages as the caps allow"),
            Self::CapsUnknown => f.write_str("it could not be told what the caps allow"),
            Self::OverQuota { fit, all } => {
                write!(f, "{fit} of {all} fit the day's quota; the rest goes tomorrow from 00:00")
            }
            Self::Suppressed { who, channel, source } => write!(f, "the {who} is suppressed for {channel} ({source})"),
            Self::Cancelled => f.write_str(CANCELLED),
            Self::SentAgain => f.write_str("sent again by an operator"),
            Self::AllLeft => f.write_str("all its recipients are messages of their own"),
            Self::GoesAlone => f.write_str("goes by itself"),
            Self::Expired => f.write_str("its expiry came first"),
            Self::NoPermit => f.write_str("the account's rate had no permit for it"),
            Self::RateUsedUp => f.write_str("LigueLead's rate is used up"),
            Self::NotWaiting => f.write_str("its messages were no longer waiting"),
            Self::TakenForDead => f.write_str("its sender was taken for dead before the call"),
            Self::NoTime => f.write_str("no time was left for the call"),
            Self::AccountRefused { why } => write!(f, "LigueLead refuses the account ({why})"),
            Self::AudioUnknown { status, why } => write!(f, "LigueLead does not know its audio ({status}): {why}"),
            Self::Refused { status, why } => write!(f, "LigueLead refused it ({status}): {why}"),
            Self::InParts { first, all } => write!(f, "{first}; all {all} of the request, which goes again in parts"),
            Self::NotReached { why } => write!(f, "LigueLead could not be reached or asked to wait: {why}"),
            Self::NoAnswer { why } => write!(f, "no answer that says whether it was sent: {why}"),
            Self::DiedCalling => f.write_str("the sender died during the call"),
            Self::Died => f.write_str("its sender died"),
            Self::NeverReported { first: Some(first) } => write!(f, "{first}; no delivery report came"),
            Self::NeverReported { first: None } => {
                f.write_str("no answer that says whether it was sent; no delivery report came")
            }
            Self::Resent => f.write_str("sent again: no answer and no delivery report said whether it had been sent"),
            Self::Earlier { words } => f.write_str(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_from_its_code_whatever_its_words() {
        for reason in [
            Reason::Cancelled,
            Reason::OverQuota { fit: 3, all: 5 },
            Reason::Paused { what: "rule a".to_owned(), by: Some("ana".to_owned()), why: None },
            Reason::NeverReported { first: Some(Box::new(Reason::NoAnswer { why: "timed out".to_owned() })) },
            Reason::InParts { first: Box::new(Reason::Refused { status: 400, why: "bad".to_owned() }), all: 7 },
        ] {
            assert_eq!(Reason::read(Some(&reason.code()), Some("other words")), Some(reason));
        }
        assert_eq!(Reason::Cancelled.code(), r#"{"code":"cancelled"}"#);
        assert_eq!(Reason::read(None, None), None);
    }

    #[test]
    fn what_an_earlier_version_decided_by_its_words_is_known_again() {
        for (words, is) in [
            ("cancelled by an operator", Reason::Cancelled),
            ("waits for others of its text, to go in one request with them", Reason::Lingers),
        ] {
            assert_eq!(Reason::read(None, Some(words)), Some(is));
        }
        let paused = Reason::of_earlier("paused: rule a by ana (wrong)");
        assert!(paused.is_pause());
        assert_eq!(paused.to_string(), "paused: rule a by ana (wrong)");
        // The code of a later version is unknown, so its words are shown.
        let later = Reason::read(Some(r#"{"code":"of_a_later_version"}"#), Some("later words"));
        assert_eq!(later.unwrap().to_string(), "later words");
    }
}
