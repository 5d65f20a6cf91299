//! Why a message is in its state: a code with its data, and one way to say it.
//!
//! What a program decides by a reason, it decides by the code. [`fmt::Display`] alone has the words, so that they can be
//! changed, or be those of another language.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a message, or a request, is in its state. Holds no phone and no text of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The rule is in shadow.
    Shadow,
    /// The lead is in the rule's control group.
    Control,
    /// It waits for others of its text.
    Lingers,
    /// It could not be made for this lead: no phone, no text, an opt-out that the event shows.
    NotMade {
        /// Which of them.
        why: String,
    },
    /// Its channel's hours are closed where its recipient is.
    OutsideHours {
        /// The recipient's zone.
        zone: String,
    },
    /// LigueLead dials at no such hour, or there is no time for redials.
    NoCallNow,
    /// The hours closed between the decision and the call.
    CallHoursOver,
    /// An operator has paused it.
    Paused {
        /// What is paused.
        what: String,
        /// By whom.
        by: Option<String>,
        /// Why.
        why: Option<String>,
    },
    /// A cap has been reached.
    Capped {
        /// Whose: `lead` or `phone`.
        who: String,
    },
    /// The rows of the caps are being written all the time.
    CapsUnknown,
    /// A day's budget is spent.
    OverQuota {
        /// Messages that fitted.
        fit: u64,
        /// Messages that wanted to go.
        all: u64,
    },
    /// Its recording is not ready.
    AudioMissing {
        /// What is missing.
        why: String,
    },
    /// LeadSquared could not be asked who opted out.
    OptOutNotAsked {
        /// Why not.
        why: String,
    },
    /// LeadSquared says that the lead opted out.
    OptedOut {
        /// By which field.
        why: String,
    },
    /// The suppression list has its lead or its phone.
    Suppressed {
        /// `lead` or `phone`.
        who: String,
        /// For which channel.
        channel: String,
        /// Where the suppression comes from.
        source: String,
    },
    /// An operator has cancelled it.
    Cancelled,
    /// An operator has sent it again.
    SentAgain,
    /// All recipients of a message to many have messages of their own.
    AllLeft,
    /// It leaves a message to many, and is a message of its own.
    GoesAlone,
    /// It was no longer worth sending.
    Expired,
    /// The account's rate had no permit for it.
    NoPermit,
    /// LigueLead's rate is used up.
    RateUsedUp,
    /// No time was left for the call.
    NoTime,
    /// Its messages had moved on before the request was made.
    NotWaiting,
    /// Its sender was taken for dead before it called.
    TakenForDead,
    /// No request could be made of it.
    NotBuilt {
        /// What was wrong.
        why: String,
    },
    /// LigueLead refuses the account.
    AccountRefused {
        /// What it says.
        why: String,
    },
    /// LigueLead does not know the recording.
    AudioUnknown {
        /// HTTP status.
        status: u16,
        /// What LigueLead says.
        why: String,
    },
    /// LigueLead refused it.
    Refused {
        /// HTTP status.
        status: u16,
        /// What LigueLead says.
        why: String,
    },
    /// LigueLead refused a request, and it goes again in parts.
    InParts {
        /// Why the request was refused.
        first: Box<Reason>,
        /// How many were in it.
        all: u64,
    },
    /// LigueLead could not be reached, or asked to wait.
    NotReached {
        /// What was seen.
        why: String,
    },
    /// Nothing says whether it was sent.
    NoAnswer {
        /// What was seen.
        why: String,
    },
    /// Its sender died while it called.
    DiedCalling,
    /// Its sender died.
    Died,
    /// Nothing says whether it was sent, and no delivery report came either.
    NeverReported {
        /// Why it was unknown, if that was said.
        first: Option<Box<Reason>>,
    },
    /// It was sent once more, since nothing said whether it had been sent.
    Resent,
    /// Told in an earlier version's words.
    Earlier {
        /// The words.
        words: String,
    },
}

/// The words of earlier versions by which something was decided.
const CANCELLED: &str = "cancelled by an operator";
const LINGERS: &str = "waits for others of its text, to go in one request with them";
const PAUSED: &str = "paused: ";

impl Reason {
    /// The reason of a row that an earlier version wrote, which told it in words alone.
    #[must_use]
    pub fn of_earlier(words: &str) -> Self {
        match (words, words.strip_prefix(PAUSED)) {
            (CANCELLED, _) => Self::Cancelled,
            (LINGERS, _) => Self::Lingers,
            (_, Some(what)) => Self::Paused { what: what.to_owned(), by: None, why: None },
            _ => Self::Earlier { words: words.to_owned() },
        }
    }

    /// Reads what a row has: the code with its data, else an earlier version's words.
    #[must_use]
    pub fn read(code: Option<&str>, words: Option<&str>) -> Option<Self> {
        let known = code.and_then(|code| serde_json::from_str(code).ok());
        known.or_else(|| words.map(Self::of_earlier))
    }

    /// The code with its data, as it is stored.
    #[must_use]
    pub fn code(&self) -> String {
        // It holds texts and numbers alone, which JSON can always write.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The code alone, such as `over_quota`.
    #[must_use]
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    /// Whether it waits because an operator paused it.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    /// The data of it that come from outside, by which it could be more than ours alone.
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
        // A code of a later version is unknown, and its words are told.
        let later = Reason::read(Some(r#"{"code":"of_a_later_version"}"#), Some("later words"));
        assert_eq!(later.unwrap().to_string(), "later words");
    }
}
