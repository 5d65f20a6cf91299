//! Whether a message may be sent now. It is checked when the message is made, and again at the one place that every
//! send passes.

use crate::{
    call::{Dial, dial},
    hours::SendingHours,
    message::{Channel, Message, Priority},
    reason::Reason,
    zone::Zone,
};

const MINUTE_MS: i64 = 60_000;

/// The result of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// The message may be sent.
    Open,
    /// The message may not be sent before this instant, in ms since the epoch.
    Hold {
        /// The instant.
        until_ms: i64,
        /// The reason.
        why: Reason,
    },
    /// The message has expired and is never sent.
    Expired,
}

/// Whether `message` may be sent at `now_ms`, given the hours on the recipients' clocks.
#[must_use]
pub fn gate(message: &Message, hours: &SendingHours, now_ms: i64) -> Gate {
    if now_ms >= message.expires_ms {
        return Gate::Expired;
    }
    let Some(phone) = message.phone() else { return Gate::Open };
    let zone = phone.zone();
    let opening_ms = match message.content.channel() {
        Channel::Sms | Channel::Flash => hours.sms.next_open_ms(now_ms, &zone),
        Channel::Voice => match dial(hours, &zone, now_ms) {
            Dial::Now { .. } => now_ms,
            Dial::NotBefore(until_ms) if hours.voice.is_open(now_ms, &zone) => {
                return Gate::Hold { until_ms, why: Reason::NoCallNow };
            }
            Dial::NotBefore(until_ms) => until_ms,
        },
    };
    if opening_ms <= now_ms {
        return Gate::Open;
    }
    let until_ms = opening_ms + behind_ms(message, hours, opening_ms, &zone);
    Gate::Hold { until_ms, why: Reason::OutsideHours { zone: zone.to_string() } }
}

/// How long after an opening a waiting message is released, in ms. Whole minutes, so that messages of one text still
/// share requests. The number differs between messages, so that an opening causes no burst. Zero if the message is
/// urgent, would expire, or would miss the hours.
fn behind_ms(message: &Message, hours: &SendingHours, opening_ms: i64, zone: &Zone) -> i64 {
    let minutes = (hours.spread_ms / MINUTE_MS.unsigned_abs()).max(1);
    let (first, _) = message.id.as_bytes().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let behind_ms = i64::try_from(u64::from_be_bytes(*first) % minutes).unwrap_or_default() * MINUTE_MS;
    let at_ms = opening_ms + behind_ms;
    let is_open = match message.content.channel() {
        Channel::Sms | Channel::Flash => hours.sms.is_open(at_ms, zone),
        Channel::Voice => matches!(dial(hours, zone, at_ms), Dial::Now { .. }),
    };
    if is_open && at_ms < message.expires_ms && message.priority != Priority::Urgent { behind_ms } else { 0 }
}
