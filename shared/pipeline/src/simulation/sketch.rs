//! Configurations: their parts, and how they are written.

use std::sync::Arc;

use fastrand::Rng;
use recado_core::{config::Config, message::Priority};

use super::{
    campaign::{ID, Sends},
    crm::Leads,
    recording::NAME,
    scenario::{HOUR_MS, STAGE, STAGE_RULE, TITLE, UNKNOWN_AFTER_H, WELCOME, one_in, pick},
};

/// The budget of the rule that has one.
pub(super) const RULE_MESSAGES_PER_DAY: u64 = 3;

/// How messages about a stage are sent, and their fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Text,
    TextElseCall,
    Call,
    CallElseText,
}

impl Way {
    pub(super) fn calls_first(self) -> bool {
        matches!(self, Self::Call | Self::CallElseText)
    }
}

/// A configuration, with the values that the oracle needs.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) config: Arc<Config>,
    pub(super) requests_per_minute: u32,
    pub(super) messages_per_day: Option<u64>,
    pub(super) credits_per_day: Option<u64>,
    /// Opening hours of texts, `[from, until)` in the recipient's time zone.
    pub(super) open: Option<(i64, i64)>,
    /// The same for voice calls.
    pub(super) open_for_calls: Option<(i64, i64)>,
    /// The cap: the most messages to one person, and its period in ms.
    pub(super) cap: Option<(usize, i64)>,
    /// The campaign's quota of messages a day.
    pub(super) campaign_quota: Option<u64>,
    /// Whether messages about a stage are sent once more if their outcome stays unknown.
    pub(super) resends: bool,
}

/// The parts of a configuration, before it is written as one.
#[derive(Debug, Clone)]
pub(super) struct Sketch {
    /// The campaign's kind of messages, their priority, and the campaign's own quota of messages a day.
    pub(super) campaign: Option<(Sends, Priority, Option<u64>)>,
    pub(super) way: Way,
    /// The redials of voice calls, and the minutes between them.
    redials: (u8, u16),
    phones_per_request: u32,
    pub(super) requests_per_minute: u32,
    messages_per_day: Option<u64>,
    credits_per_day: Option<u64>,
    rule_quota: bool,
    open: Option<(i64, i64)>,
    open_for_calls: Option<(i64, i64)>,
    pub(super) cap: Option<(usize, i64)>,
    expires_h: i64,
    linger: &'static str,
    priority: Priority,
    pub(super) resends: bool,
}

impl Sketch {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let expires_h = pick(rng, &[6, 30, 72]);
        let way =
            if one_in(rng, 3) { pick(rng, &[Way::TextElseCall, Way::Call, Way::CallElseText]) } else { Way::Text };
        let campaign = one_in(rng, 4).then(|| {
            (
                Sends::draw(rng),
                pick(rng, &[Priority::Low, Priority::Low, Priority::Normal]),
                pick(rng, &[None, None, Some(1), Some(3)]),
            )
        });
        Self {
            campaign,
            way,
            redials: (rng.u8(1..=2), pick(rng, &[5, 15, 60])),
            phones_per_request: pick(rng, &[1, 2, 10_000, 10_000]),
            requests_per_minute: pick(rng, &[1, 3, 600_000, 600_000]),
            messages_per_day: one_in(rng, 3).then(|| rng.u64(1..=6)),
            credits_per_day: one_in(rng, 4).then(|| rng.u64(3..=9)),
            rule_quota: one_in(rng, 4),
            open: one_in(rng, 3).then(|| pick(rng, &[(8, 20), (9, 18), (10, 12)])),
            open_for_calls: one_in(rng, 3).then(|| pick(rng, &[(8, 20), (9, 18), (10, 12)])),
            cap: one_in(rng, 3).then(|| (rng.usize(1..=2), pick(rng, &[6, 24]) * HOUR_MS)),
            expires_h,
            linger: pick(rng, &["0s", "0s", "0s", "0s", "4s", "2m"]),
            priority: pick(
                rng,
                &[Priority::Normal, Priority::Normal, Priority::Normal, Priority::Urgent, Priority::Low],
            ),
            // A message is sent again after `unknown_after`, so it must not expire before.
            resends: expires_h > UNKNOWN_AFTER_H && one_in(rng, 3),
        }
    }

    /// The same sketch with one value changed.
    pub(super) fn changed(&self, rng: &mut Rng) -> Self {
        let other = Self::draw(rng);
        let mut changed = self.clone();
        match rng.u8(0..10) {
            0 => changed.phones_per_request = other.phones_per_request,
            1 => changed.requests_per_minute = other.requests_per_minute,
            2 => changed.messages_per_day = other.messages_per_day,
            3 => changed.credits_per_day = other.credits_per_day,
            4 => changed.open = other.open,
            5 => changed.linger = other.linger,
            6 => changed.priority = other.priority,
            7 => changed.resends = self.expires_h > UNKNOWN_AFTER_H && !self.resends,
            8 => changed.open_for_calls = other.open_for_calls,
            _ => changed.rule_quota = other.rule_quota,
        }
        changed
    }

    /// The sketch as a configuration, with the opt-out fields of these leads.
    pub(super) fn setting(&self, leads: &Leads) -> Setting {
        let text = self.yaml(leads);
        let config = match Config::parse(&text) {
            Ok(checked) => checked.config,
            Err(mistakes) => panic!("{mistakes:?}\n{text}"),
        };
        Setting {
            config: Arc::new(config),
            requests_per_minute: self.requests_per_minute,
            messages_per_day: self.messages_per_day,
            credits_per_day: self.credits_per_day,
            open: self.open,
            open_for_calls: self.open_for_calls,
            cap: self.cap,
            campaign_quota: self.campaign.and_then(|(.., quota)| quota),
            resends: self.resends,
        }
    }

    fn yaml(&self, leads: &Leads) -> String {
        let mut parts = vec![
            "version: 1".to_owned(),
            format!(
                "liguelead: {{ requests_per_minute: {}, in_flight: 4, environments: 4, phones_per_request: {} }}",
                self.requests_per_minute, self.phones_per_request
            ),
            format!(
                "send: {{ stale_after: 2m, call_timeout: 20s, unknown_after: {UNKNOWN_AFTER_H}h, linger: {} }}",
                self.linger
            ),
        ];
        parts.push(leads.yaml());
        let quotas = [("messages_per_day", self.messages_per_day), ("credits_per_day", self.credits_per_day)];
        let quotas: Vec<String> =
            quotas.iter().filter_map(|(name, quota)| Some(format!("{name}: {}", (*quota)?))).collect();
        if !quotas.is_empty() {
            parts.push(format!("quotas: {{ {} }}", quotas.join(", ")));
        }
        let hours = [("sms", self.open), ("voice", self.open_for_calls)].map(|(channel, open)| match open {
            Some((from, until)) => format!("{channel}: \"{from:02}:00-{until:02}:00\""),
            None => format!("{channel}: always"),
        });
        parts.push(format!("hours: {{ {} }}", hours.join(", ")));
        if let Some((max, every_ms)) = self.cap {
            parts.push(format!("caps: [ {{ max: {max}, every: {}h }} ]", every_ms / HOUR_MS));
        }
        let quota = format!(", quota: {{ messages_per_day: {RULE_MESSAGES_PER_DAY} }}");
        let quota = if self.rule_quota { quota } else { String::new() };
        let expires = self.expires_h;
        parts.push("rules:".to_owned());
        parts.push(format!("  - {{ id: welcome, on: lead.created, sms: \"{WELCOME}\", expires: {expires}h{quota} }}"));
        let text = format!("sms: \"{STAGE}{{{{ lead.ProspectStage }}}}\"");
        let (redials, every) = self.redials;
        let call = format!(
            "voice: {{ audio: {NAME}, title: \"{TITLE}{{{{ lead.ProspectStage }}}}\", redials: {redials}, every: {every}m }}"
        );
        let action = match self.way {
            Way::Text => text,
            Way::TextElseCall => format!("{text}, else: {{ {call} }}"),
            Way::Call => call,
            Way::CallElseText => format!("{call}, else: {{ {text} }}"),
        };
        parts.push(format!(
            "  - {{ id: {STAGE_RULE}, on: lead.changed, field: ProspectStage, {action}, expires: {expires}h, priority: {}{} }}",
            self.priority.as_str(),
            if self.resends { ", on_unknown: resend" } else { "" },
        ));
        if let Some((sends, priority, quota)) = self.campaign {
            let quota = quota.map(|quota| format!(", quota: {{ messages_per_day: {quota} }}")).unwrap_or_default();
            parts.push("campaigns:".to_owned());
            parts.push(format!(
                "  - {{ id: {ID}, audience: csv, {}, expires: {expires}h, priority: {}{quota} }}",
                sends.yaml(NAME),
                priority.as_str(),
            ));
        }
        parts.join("\n")
    }
}
