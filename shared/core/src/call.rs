//! Calls: what one plays, and when one may be dialled.
//!
//! Two clocks bind a call. The tenant's hours are on the recipient's clock; LigueLead dials from 08:00 to 21:44 on São
//! Paulo's, and keeps whatever comes later until 08:00, which may be outside the recipient's hours. So a call is only
//! handed over while both are open, and its redials are told to end before the first of them closes
//! (`retry_end_time`). That end must be 10 minutes ahead of the request, which makes a call impossible in the last
//! minutes of a day: it waits for the next opening.
//!
//! Source: LigueLead's voice reference (`retry_end_time`, silent window) and its published clients (08:00 to 21:44).

use jiff::Timestamp;

use crate::{config::SendingHours, identity::AudioId, zone::Zone};

/// How long before the redials' end a call may start at the latest, in ms: LigueLead asks for 10 minutes, the rest is
/// for clocks that disagree.
pub const REDIALS_NEED_MS: i64 = 10 * MINUTE_MS + 15_000;
/// The same when a call is let through, in ms: it may wait in a queue before it is made.
const LET_THROUGH_MS: i64 = 12 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;
/// How long one dial may ring, be answered and be reported on, in ms. An assumption: LigueLead says nothing of it.
const DIAL_MS: i64 = 2 * MINUTE_MS;
/// Openings and closings that are looked at before a call is given up as impossible: two weeks of many ranges.
const MAX_STEPS: usize = 400;
/// The week that stands for any when a configuration is checked begins here: Monday, 5 January 2026, 00:00 UTC. No holiday
/// is in it.
pub(crate) const CHECKED_FROM_MS: i64 = 1_767_571_200_000;
/// One zone for each offset that area codes have.
pub(crate) const ZONES: [&str; 3] = ["America/Sao_Paulo", "America/Manaus", "America/Rio_Branco"];

/// What a call plays, and how it is redialled. Messages of one request share all of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// The recording, by the file name that the rule gives.
    pub audio: String,
    /// Redials of a call that nobody answers, 1 to 3. Always said, since LigueLead's default is 3.
    pub redials: u8,
    /// Minutes between redials, 5 to 180.
    pub every_min: u16,
    /// What else the request needs, once the call may be made. Not kept in the table: it is judged anew each time.
    pub ready: Option<Ready>,
}

/// What makes a call one that can be made now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ready {
    /// What the recording's name stands for at present.
    pub content: AudioId,
    /// That content's id at LigueLead.
    pub upload_id: u64,
    /// The last minute in which it may be redialled, in ms since the epoch; none if nothing ever closes.
    pub redial_until_ms: Option<i64>,
}

/// How long after it was accepted a call may still be redialled, in ms: all redials, and two minutes for each dial.
#[must_use]
pub fn redials_take_ms(redials: u8, every_min: u16) -> i64 {
    let redials = i64::from(redials);
    redials * i64::from(every_min) * MINUTE_MS + (redials + 1) * DIAL_MS
}

/// Whether a call may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    /// Now.
    Now {
        /// The last minute in which it may be redialled, in ms since the epoch; none if nothing ever closes.
        redial_until_ms: Option<i64>,
    },
    /// Not before this instant, in ms since the epoch.
    NotBefore(i64),
}

/// Whether a call to somebody in `recipient` may be dialled at `now_ms`.
#[must_use]
pub fn dial(hours: &SendingHours, recipient: &Zone, now_ms: i64) -> Dial {
    match next(hours, recipient, now_ms) {
        Ok((at_ms, redial_until_ms)) if at_ms <= now_ms => Dial::Now { redial_until_ms },
        Ok((at_ms, _)) => Dial::NotBefore(at_ms),
        Err(searched_until_ms) => Dial::NotBefore(searched_until_ms),
    }
}

/// Whether there are hours at all in which a call can start, for recipients of any area code.
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

/// The first instant from `now_ms` on at which a call can start, with the end of its redials; otherwise until when
/// there is none.
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
        // The vendor is told a time of day, so it cannot lie beyond midnight.
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
