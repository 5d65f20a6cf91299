//! Whether a message may be sent now: asked when it is made, and again by the one choke point that every send passes.

use crate::{
    config::SendingHours,
    message::{Channel, Message},
};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// Not before this instant, in ms since the epoch.
    Hold {
        /// The instant.
        until_ms: i64,
        /// Why, for a person to read.
        why: String,
    },
    /// Never: its expiry has come.
    Expired,
}

/// Whether `message` may be sent at `now_ms`, given when messages may start on their recipients' clocks.
#[must_use]
pub fn gate(message: &Message, hours: &SendingHours, now_ms: i64) -> Gate {
    if now_ms >= message.expires_ms {
        return Gate::Expired;
    }
    let Some(phone) = message.phone else { return Gate::Open };
    let hours = match message.channel {
        Channel::Sms | Channel::Flash => &hours.sms,
        Channel::Voice => &hours.voice,
    };
    let until_ms = hours.next_open_ms(now_ms, &phone.zone());
    if until_ms > now_ms {
        Gate::Hold { until_ms, why: format!("outside the hours in {}", phone.zone()) }
    } else {
        Gate::Open
    }
}
