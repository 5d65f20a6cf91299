//! Whether a message may be sent now: asked when it is made, and again by the one choke point that every send passes.

use crate::{
    call::{Dial, dial},
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
    let zone = phone.zone();
    let until_ms = match message.channel {
        Channel::Sms | Channel::Flash => hours.sms.next_open_ms(now_ms, &zone),
        Channel::Voice => match dial(hours, &zone, now_ms) {
            Dial::Now { .. } => now_ms,
            Dial::NotBefore(until_ms) if hours.voice.is_open(now_ms, &zone) => {
                let why = "no call can start now: LigueLead's day, or the hours with time for redials, are over";
                return Gate::Hold { until_ms, why: why.to_owned() };
            }
            Dial::NotBefore(until_ms) => until_ms,
        },
    };
    if until_ms > now_ms { Gate::Hold { until_ms, why: format!("outside the hours in {zone}") } } else { Gate::Open }
}
