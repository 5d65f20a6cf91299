//! Voice calls: what one plays, and when it may be dialled.
//!
//! Two clocks bind a voice call. The installation's hours are on the recipient's clock. LigueLead dials from 08:00 to
//! 21:44 on São Paulo's clock, and keeps anything later until 08:00, which may be outside the recipient's hours. So a
//! voice call is only handed over while both are open, and its redials must end before the first of them closes
//! (`retry_end_time`). That end must be 10 minutes ahead of the request. In the last minutes of a day a voice call is
//! therefore impossible, and waits for the next opening.
//!
//! Source: LigueLead's voice reference (`retry_end_time`, silent window) and its published clients (08:00 to 21:44).

use jiff::Timestamp;

use crate::{hours::SendingHours, identity::AudioId, zone::Zone};

/// How long before the redials' end a voice call may start at the latest, in ms. LigueLead asks for 10 minutes; the
/// rest is for clocks that disagree.
pub const REDIALS_NEED_MS: i64 = 10 * MINUTE_MS + 15_000;
/// The same when a voice call is let through, in ms: it may wait in a queue before its request.
const LET_THROUGH_MS: i64 = 12 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;
/// How long one dial may ring, be answered and be reported on, in ms. An assumption: LigueLead does not document it.
const DIAL_MS: i64 = 2 * MINUTE_MS;
/// Openings and closings to look at before a voice call counts as impossible: two weeks of many ranges.
const MAX_STEPS: usize = 400;
/// The start of the sample week for checks of a configuration: Monday, 5 January 2026, 00:00 UTC. No holiday is in it.
pub(crate) const CHECKED_FROM_MS: i64 = 1_767_571_200_000;
/// One zone for each offset that area codes have.
pub(crate) const ZONES: [&str; 3] = ["America/Sao_Paulo", "America/Manaus", "America/Rio_Branco"];

/// What a voice call plays, and how it is redialled. Messages of one request share all of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// The recording, by the file name that the rule gives.
    pub audio: String,
    /// Redials of a voice call that nobody answers, 1 to 3. Always sent, since LigueLead's default is 3.
    pub redials: u8,
    /// Minutes between redials, 5 to 180.
    pub every_min: u16,
    /// What else the request needs, once the voice call may be made. Not stored: it is computed anew each time.
    pub ready: Option<Ready>,
}

/// What a voice call needs to be made now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ready {
    /// The content that the recording's name stands for at present.
    pub content: AudioId,
    /// LigueLead's id of that content.
    pub upload_id: u64,
    /// The last minute for a redial, in ms since the epoch; none if nothing ever closes.
    pub redial_until_ms: Option<i64>,
}

/// How long a voice call may still be redialled after it was accepted, in ms: all redials, and two minutes for each
/// dial.
#[must_use]
pub fn redials_take_ms(redials: u8, every_min: u16) -> i64 {
    let redials = i64::from(redials);
    redials * i64::from(every_min) * MINUTE_MS + (redials + 1) * DIAL_MS
}

/// Whether a voice call may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    /// Now.
    Now {
        /// The last minute for a redial, in ms since the epoch; none if nothing ever closes.
        redial_until_ms: Option<i64>,
    },
    /// Not before this instant, in ms since the epoch.
    NotBefore(i64),
}

/// Whether a voice call to a recipient in the zone `recipient` may be dialled at `now_ms`.
#[must_use]
pub fn dial(hours: &SendingHours, recipient: &Zone, now_ms: i64) -> Dial {
    match next(hours, recipient, now_ms) {
        Ok((at_ms, redial_until_ms)) if at_ms <= now_ms => Dial::Now { redial_until_ms },
        Ok((at_ms, _)) => Dial::NotBefore(at_ms),
        Err(searched_until_ms) => Dial::NotBefore(searched_until_ms),
    }
}

/// Whether there are any hours in which a voice call can start, for recipients of any area code.
#[must_use]
pub fn ever(hours: &SendingHours) -> bool {
    ZONES.into_iter().filter_map(|name| Zone::parse(name).ok()).any(|zone| next(hours, &zone, CHECKED_FROM_MS).is_ok())
}

/// The redials' end as LigueLead writes it: `HH:MM` in São Paulo.
#[must_use]
pub fn retry_end_time(redial_until_ms: i64) -> String {
    Timestamp::from_millisecond(redial_until_ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(Zone::default().time_zone().clone())
        .strftime("%H:%M")
        .to_string()
}

/// The first instant from `now_ms` on at which a voice call can start, with the end of its redials. The error says
/// until when there is none.
fn next(hours: &SendingHours, recipient: &Zone, now_ms: i64) -> Result<(i64, Option<i64>), i64> {
    let vendor = Zone::default();
    let mut at_ms = now_ms;
    for _ in 0..MAX_STEPS {
        let open_ms = hours.dialling.next_open_ms(hours.voice.next_open_ms(at_ms, recipient), &vendor);
        if open_ms > at_ms {
            at_ms = open_ms;
            continue;
        }
        let closings = [hours.voice.next_close_ms(at_ms, recipient), hours.dialling.next_close_ms(at_ms, &vendor)];
        let Some(closes_ms) = closings.into_iter().flatten().min() else { return Ok((at_ms, None)) };
        // LigueLead gets a time of day, so it cannot lie beyond midnight.
        let closes_ms = closes_ms.min(midnight_after(at_ms, &vendor));
        let last_minute_ms = (closes_ms - MINUTE_MS).div_euclid(MINUTE_MS) * MINUTE_MS;
        if last_minute_ms - at_ms >= LET_THROUGH_MS {
            return Ok((at_ms, Some(last_minute_ms)));
        }
        at_ms = closes_ms;
    }
    Err(at_ms)
}

/// The first midnight after `at_ms`.
fn midnight_after(at_ms: i64, zone: &Zone) -> i64 {
    let Ok(at) = Timestamp::from_millisecond(at_ms) else { return i64::MAX };
    let today = at.to_zoned(zone.time_zone().clone()).date();
    let midnight = today.tomorrow().and_then(|tomorrow| tomorrow.to_zoned(zone.time_zone().clone()));
    midnight.map_or(i64::MAX, |midnight| midnight.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests;
