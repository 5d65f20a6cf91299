//! Checks that no rate, quota or cap is exceeded, and that nothing is sent outside the hours.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    log::Call,
    oracle::SLOW_MS,
    scenario::{HOUR_MS, Scenario, hours_from_utc},
    sketch::Setting,
    universe::Invariant,
};

pub(super) const MINUTE_MS: i64 = 60_000;
/// The largest error of a process's clock plus the time from its last reading to the request, in ms.
pub(super) const NEARLY_MS: i64 = 500;
/// The time zone of the tenant and of LigueLead's day: São Paulo, in hours from UTC.
pub(super) const TENANT_FROM_UTC: i64 = -3;
/// LigueLead dials between these minutes of its day; the second one is excluded.
const DIALLING_MIN: (i64, i64) = (8 * 60, 21 * 60 + 45);
/// The shortest time from a voice call to the end of its redials.
const REDIALS_NEED_MS: i64 = 10 * MINUTE_MS;

/// The limits that the requests of a schedule broke.
pub(super) fn limits(calls: &[Call], scenario: &Scenario) -> impl Iterator<Item = (Invariant, String)> {
    let settings = &scenario.settings;
    let broken = [rates(calls, settings), hours(calls, settings), caps(calls, scenario)];
    broken.into_iter().flatten().map(|what| (Invariant::Limits, what))
}

/// No 60 s contain more requests than the loosest configuration allows.
fn rates(calls: &[Call], settings: &[Setting]) -> Option<String> {
    let most = settings.iter().map(|setting| setting.requests_per_minute as usize).max().unwrap_or(0);
    let fullest = fullest(calls.iter().map(|call| call.at_ms).collect(), MINUTE_MS);
    (fullest > most).then(|| format!("{fullest} calls in a minute, of {most}"))
}

/// The largest number of these instants in any window of this length.
fn fullest(mut at_ms: Vec<i64>, window_ms: i64) -> usize {
    at_ms.sort_unstable();
    let inside = |first: &i64| at_ms.iter().filter(|at| (*first..first + window_ms).contains(at)).count();
    at_ms.iter().map(inside).max().unwrap_or(0)
}

/// No request leaves outside the hours in a recipient's time zone, and no voice call outside LigueLead's day.
fn hours(calls: &[Call], settings: &[Setting]) -> Option<String> {
    calls.iter().find_map(|call| {
        let dialled = !call.dials || is_dialled_in_its_day(call);
        let open = |phone: &String| dialled && settings.iter().any(|setting| is_open(setting, call, phone));
        let closed = call.phones.iter().find(|phone| !open(phone))?;
        Some(format!("a call to {closed} left outside of the hours, at {}", call.at_ms))
    })
}

/// Whether a request leaves during these hours, and its redials end within them.
fn is_open(setting: &Setting, call: &Call, phone: &str) -> bool {
    let open = if call.dials { setting.open_for_calls } else { setting.open };
    let Some((from, until)) = open else { return true };
    let of_day = (call.at_ms + hours_from_utc(phone) * HOUR_MS).rem_euclid(24 * HOUR_MS);
    let redials_min = call.redials_until_min.map(|at| at + (hours_from_utc(phone) - TENANT_FROM_UTC) * 60);
    (from * HOUR_MS - NEARLY_MS..until * HOUR_MS + NEARLY_MS).contains(&of_day)
        && redials_min.is_none_or(|at| (from * 60..until * 60).contains(&at))
}

fn is_dialled_in_its_day(call: &Call) -> bool {
    let of_day = (call.at_ms + TENANT_FROM_UTC * HOUR_MS).rem_euclid(24 * HOUR_MS);
    let (from, until) = DIALLING_MIN;
    let Some(redials_min) = call.redials_until_min else { return false };
    of_day >= from * MINUTE_MS - NEARLY_MS
        && redials_min < until
        && of_day + REDIALS_NEED_MS <= redials_min * MINUTE_MS + NEARLY_MS
}

/// No person gets more messages than the caps allow: neither a phone, nor a lead with all its phones.
fn caps(calls: &[Call], scenario: &Scenario) -> Option<String> {
    let (max, every_ms) = scenario.settings.first().and_then(|setting| setting.cap)?;
    let mut of_phone: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    for call in calls.iter().filter(|call| call.accepted) {
        // A message that is sent again counts once.
        for phone in call.phones.iter().filter(|phone| counted.insert((*phone, &call.content))) {
            of_phone.entry(phone).or_default().push(call.at_ms);
        }
    }
    let of = |phone: &String| of_phone.get(phone.as_str()).into_iter().flatten().copied();
    let of_lead: Vec<i64> = scenario.phones_of_one.iter().flatten().flat_map(of).collect();
    let of_each = of_phone.iter().map(|(phone, at_ms)| (*phone, at_ms.clone()));
    of_each.chain([("a lead of two phones", of_lead)]).find_map(|(who, at_ms)| {
        let most = fullest(at_ms, every_ms - SLOW_MS);
        (most > max).then(|| format!("{who} got {most} messages in {} h", every_ms / HOUR_MS))
    })
}
