//! What the configuration says about sending, and the tenant's calendar.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, ToSpan as _};
use recado_core::{
    caps::Caps,
    config::{Config, SendingHours},
    zone::Zone,
};
use recado_ledger::Quotas;

use crate::send::enforced;

/// What the sender and the sweep need of the configuration.
#[derive(Debug, Clone)]
pub struct SendSettings {
    /// Most phones in one request, 1 to 10,000.
    pub phones_per_request: usize,
    /// The pause that LigueLead's rate leaves between requests on the whole, in µs.
    pub request_every_us: i64,
    /// Requests under way at once.
    pub requests_at_once: usize,
    /// What a day of the account may spend.
    pub quotas: Quotas,
    /// What a day of a rule may spend, for rules with a budget of their own.
    pub rule_quotas: HashMap<String, Quotas>,
    /// How many messages a lead may get.
    pub caps: Caps,
    /// The tenant's zone, whose calendar days the quotas count.
    pub zone: Zone,
    /// When messages may start, on the recipient's clock.
    pub hours: SendingHours,
    /// The same for rules where it is another.
    pub rule_hours: HashMap<String, SendingHours>,
    /// How long one call may take, in ms.
    pub call_timeout_ms: i64,
    /// How long after a step its process is taken for dead, in ms.
    pub stale_after_ms: i64,
    /// How long callbacks are waited for, in ms.
    pub unknown_after_ms: i64,
    /// The rules whose messages are sent once more if it stays unknown whether they were sent.
    pub resends_unknown: HashSet<String>,
}

impl SendSettings {
    /// What `config` says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            phones_per_request: config.liguelead.phones_per_request as usize,
            request_every_us: 60_000_000 / i64::from(config.liguelead.requests_per_minute.max(1)),
            requests_at_once: config.liguelead.in_flight as usize,
            quotas: enforced(config.quotas),
            rule_quotas: config
                .rules
                .iter()
                .map(|rule| (&rule.id, rule.quota))
                .chain(config.campaigns.iter().map(|campaign| (&campaign.id, campaign.quota)))
                .filter_map(|(id, quota)| Some((id.as_str().to_owned(), enforced(quota?))))
                .collect(),
            caps: Caps::of(config),
            zone: config.timezone.clone(),
            hours: config.hours.clone(),
            rule_hours: config
                .rules
                .iter()
                .filter_map(|rule| Some((rule.id.as_str().to_owned(), rule.hours.clone()?)))
                .collect(),
            call_timeout_ms: ms(config.send.call_timeout_ms),
            stale_after_ms: ms(config.send.stale_after_ms),
            unknown_after_ms: ms(config.send.unknown_after_ms),
            resends_unknown: config
                .rules
                .iter()
                .filter(|rule| rule.resends_unknown)
                .map(|rule| rule.id.as_str().to_owned())
                .collect(),
        }
    }
}

impl SendSettings {
    /// When messages of `rule` may start. One that is not in the configuration any more has the account's hours.
    pub(crate) fn hours_of(&self, rule: &str) -> &SendingHours {
        self.rule_hours.get(rule).unwrap_or(&self.hours)
    }
}

/// A duration of the configuration as a difference of instants.
pub(crate) fn ms(duration_ms: u64) -> i64 {
    i64::try_from(duration_ms).unwrap_or(i64::MAX / 4)
}

/// The calendar day of `now_ms` in `zone`, `YYYY-MM-DD`.
#[must_use]
pub fn today(now_ms: i64, zone: &Zone) -> String {
    instant(now_ms).to_zoned(zone.time_zone().clone()).date().to_string()
}

/// The first instant of the next calendar day in `zone`, in ms since the epoch.
#[must_use]
pub fn next_midnight_ms(now_ms: i64, zone: &Zone) -> i64 {
    let now = instant(now_ms).to_zoned(zone.time_zone().clone());
    now.date()
        .checked_add(1.day())
        .and_then(|tomorrow| tomorrow.to_zoned(zone.time_zone().clone()))
        .map_or(now_ms + 86_400_000, |midnight| midnight.timestamp().as_millisecond())
}

fn instant(now_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use recado_core::writeback::crm_time;

    use super::*;

    #[test]
    fn days_are_the_tenants_own() {
        let zone = Zone::parse("America/Sao_Paulo").unwrap();
        // 02:30 UTC on the 22nd is 23:30 on the 21st in São Paulo.
        let now_ms = "2026-11-22T02:30:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(today(now_ms, &zone), "2026-11-21");
        assert_eq!(crm_time(next_midnight_ms(now_ms, &zone)), "2026-11-22 03:00:00");
    }
}
