//! The configuration's settings for sending, and the tenant's calendar.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, ToSpan as _};
use recado_core::{
    caps::Caps,
    config::{Config, Rule, SendingHours},
    zone::Zone,
};
use recado_ledger::Quotas;

/// The settings of the sender and the sweep.
#[derive(Debug, Clone)]
pub struct SendSettings {
    /// Most phones in one request, 1 to 10,000.
    pub phones_per_request: usize,
    /// The average interval between requests at LigueLead's rate, in µs.
    pub request_every_us: i64,
    /// Most requests under way at once.
    pub requests_at_once: usize,
    /// The account's quotas for a day.
    pub quotas: Quotas,
    /// Rules that had another id earlier. Any id of a rule leads to its present id and its first id.
    pub renamed: HashMap<String, (String, String)>,
    /// A rule's quotas for a day, for rules with a budget of their own.
    pub rule_quotas: HashMap<String, Quotas>,
    /// The caps on messages to one person.
    pub caps: Caps,
    /// The tenant's zone, whose calendar days the quotas count.
    pub zone: Zone,
    /// The hours in which messages may start, in the recipient's time zone.
    pub hours: SendingHours,
    /// The hours of rules that have their own.
    pub rule_hours: HashMap<String, SendingHours>,
    /// The timeout of one request, in ms.
    pub call_timeout_ms: i64,
    /// How long after a step its process counts as dead, in ms.
    pub stale_after_ms: i64,
    /// How long the sweep waits for delivery reports, in ms.
    pub unknown_after_ms: i64,
    /// The rules that send a message once more if its outcome stays unknown.
    pub resends_unknown: HashSet<String>,
}

impl SendSettings {
    /// The settings from `config`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            phones_per_request: config.liguelead.phones_per_request as usize,
            request_every_us: 60_000_000 / i64::from(config.liguelead.requests_per_minute.max(1)),
            requests_at_once: config.liguelead.in_flight as usize,
            quotas: enforced(config.quotas),
            renamed: config.rules.iter().flat_map(renamed).collect(),
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
    /// The sending hours of `rule`. A rule that the configuration no longer has gets the account's hours.
    pub(crate) fn hours_of(&self, rule: &str) -> &SendingHours {
        self.rule_hours.get(self.present(rule)).unwrap_or(&self.hours)
    }

    /// The present id of a rule, given any of its ids.
    pub(crate) fn present<'r>(&'r self, rule: &'r str) -> &'r str {
        self.renamed.get(rule).map_or(rule, |(present, _)| present)
    }

    /// The quotas of `rule` for a day, if it has a budget of its own.
    pub(crate) fn quotas_of(&self, rule: &str) -> Option<Quotas> {
        self.rule_quotas.get(self.present(rule)).copied()
    }

    /// The name under which the rule's spending is counted: its first id. A new name is therefore no new budget.
    pub(crate) fn counted_as(&self, rule: &str) -> String {
        self.renamed.get(rule).map_or(rule, |(_, first)| first).to_owned()
    }

    /// Whether a message of `rule` is sent once more if its outcome stays unknown.
    pub(crate) fn resends(&self, rule: &str) -> bool {
        self.resends_unknown.contains(self.present(rule))
    }
}

/// For each id of a rule that had several ids: the present id and the first.
fn renamed(rule: &Rule) -> impl Iterator<Item = (String, (String, String))> {
    let all = std::iter::once(&rule.id).chain(&rule.was).filter(|_| !rule.was.is_empty());
    all.map(|id| (id.to_string(), (rule.id.to_string(), rule.first_id().to_string())))
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

/// The quotas that the table enforces. A quota in shadow is only counted.
fn enforced(quotas: recado_core::config::Quotas) -> Quotas {
    if quotas.shadow {
        Quotas::NONE
    } else {
        Quotas { messages_per_day: quotas.messages_per_day, credits_per_day: quotas.credits_per_day }
    }
}

#[cfg(test)]
mod tests {
    use recado_core::writeback::crm_time;

    use super::*;

    #[test]
    fn a_rule_is_known_by_all_its_names() {
        let text = "version: 1\nleadsquared: { plan: pro }\nrules:\n  - { id: third, was: [first, second], on: lead.created, sms: a, \
                    hours: \"09:00-10:00\", on_unknown: resend, quota: { messages_per_day: 5 } }\n  \
                    - { id: other, on: lead.created, sms: a }\n";
        let settings = SendSettings::of(&Config::parse(text).unwrap().config);
        for name in ["first", "second", "third"] {
            assert_eq!((settings.present(name), settings.counted_as(name).as_str()), ("third", "first"));
            assert_eq!(settings.quotas_of(name).and_then(|quotas| quotas.messages_per_day), Some(5));
            assert!(settings.resends(name) && settings.hours_of(name) != &settings.hours);
        }
        assert_eq!((settings.present("other"), settings.counted_as("other").as_str()), ("other", "other"));
        assert!(settings.quotas_of("other").is_none() && settings.hours_of("other") == &settings.hours);
    }

    #[test]
    fn days_are_the_tenants_own() {
        let zone = Zone::parse("America/Sao_Paulo").unwrap();
        // 02:30 UTC on the 22nd is 23:30 on the 21st in São Paulo.
        let now_ms = "2026-11-22T02:30:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(today(now_ms, &zone), "2026-11-21");
        assert_eq!(crm_time(next_midnight_ms(now_ms, &zone)), "2026-11-22 03:00:00");
    }
}
