//! The hours of an installation or of a rule.

use super::Hours;

/// When messages may start, on each recipient's own clock. Default: 08:00 to 22:00.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendingHours {
    /// For SMS and Flash. LigueLead has no window for them, so this is the only one.
    pub sms: Hours,
    /// For voice calls.
    pub voice: Hours,
    /// When LigueLead dials at all, on São Paulo's clock: default 08:00 to 21:44. Voice calls need both.
    pub dialling: Hours,
    /// The period over which waiting messages are released after an opening, in milliseconds: 0 to 1 hour, default 5
    /// minutes.
    pub spread_ms: u64,
}

impl SendingHours {
    /// The hours for a rule with its own hours for SMS and Flash, or for voice calls: both must be open. `None` if they
    /// never are.
    pub(crate) fn narrowed(&self, own: &Hours, is_voice: bool) -> Option<Self> {
        Some(if is_voice {
            Self { voice: self.voice.and(own)?, ..self.clone() }
        } else {
            Self { sms: self.sms.and(own)?, ..self.clone() }
        })
    }

    /// The hours of an SMS or Flash that cannot wait.
    pub(crate) fn at_any_hour(&self) -> Self {
        Self { sms: Hours::ALWAYS, ..self.clone() }
    }
}
