//! When what is kept of a person may be removed.

use crate::message::{Message, State};

/// Why a message may not be erased yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotYet {
    /// What is open.
    pub open: Open,
    /// When that is over at the latest, in ms since the epoch, if it is known.
    pub until_ms: Option<i64>,
}

/// What is open about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// Its request is under way.
    Sent,
    /// Reports on it are expected. A report names the phone, so it would bring the phone back.
    Reported,
    /// LeadSquared is being told.
    Told,
}

impl Open {
    /// What is open, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Sent => "it is being sent",
            Self::Reported => "reports on it are expected",
            Self::Told => "LeadSquared is being told of it",
        }
    }
}

/// Whether a message may be erased. A waiting one is cancelled first.
pub fn may_erase(message: &Message) -> Result<(), NotYet> {
    let until_ms = message.due_ms;
    if message.crm.posted_ms.is_some() && message.crm.activity_id.is_none() {
        return Err(NotYet { open: Open::Told, until_ms: message.crm.due_ms });
    }
    match message.state {
        State::Sending => Err(NotYet { open: Open::Sent, until_ms }),
        State::Unknown | State::Accepted if message.history.no_callback_ms.is_none() => {
            Err(NotYet { open: Open::Reported, until_ms })
        }
        State::Pending
        | State::Held
        | State::Unknown
        | State::Accepted
        | State::Refused
        | State::Undelivered
        | State::Delivered
        | State::NoAnswer
        | State::Busy
        | State::Answered
        | State::Skipped
        | State::Expired => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::MessageId, message::Channel};

    #[test]
    fn a_message_is_erased_once_nothing_about_it_is_open() {
        let of = |state: State| {
            let mut message = Message::new(MessageId::from_bytes([1; 16]), "r", "l", Channel::Sms, 0, 9);
            (message.state, message.due_ms) = (state, Some(7));
            message
        };
        for (state, open) in
            [(State::Sending, Open::Sent), (State::Accepted, Open::Reported), (State::Unknown, Open::Reported)]
        {
            assert_eq!(may_erase(&of(state)), Err(NotYet { open, until_ms: Some(7) }));
        }
        let mut unreported = of(State::Accepted);
        unreported.history.no_callback_ms = Some(8);
        for message in [unreported, of(State::Held), of(State::Delivered), of(State::Refused), of(State::Busy)] {
            assert_eq!(may_erase(&message), Ok(()), "{}", message.state);
        }
        let mut told = of(State::Delivered);
        told.crm.posted_ms = Some(6);
        assert_eq!(may_erase(&told).map_err(|not_yet| not_yet.open), Err(Open::Told));
    }
}
