//! What a schedule is about, drawn from its seed: a configuration or two, leads, their changes, and the weather.

use std::{collections::BTreeSet, sync::Arc};

use fastrand::Rng;
use recado_core::{config::Config, message::Priority};
use serde_json::{Value, json};

use super::operator::{self, Order};

/// 10:00 in São Paulo on a Tuesday, in ms since the epoch: schedules begin up to a day after it.
const BEGIN_MS: i64 = 1_773_147_600_000;
pub(super) const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long reports are waited for, in hours.
pub(super) const UNKNOWN_AFTER_H: i64 = 6;
/// Area codes in three of Brazil's zones, with their distance from UTC in hours.
const AREAS: [(&str, i64); 3] = [("11", -3), ("92", -4), ("68", -5)];
/// A phone that LigueLead refuses, with the whole request that it stands in.
const REFUSED_ENDING: &str = "666";

/// A configuration with what the oracle must know of it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) config: Arc<Config>,
    pub(super) requests_per_minute: u32,
    pub(super) messages_per_day: Option<u64>,
    pub(super) credits_per_day: Option<u64>,
    /// Opening hours, `[from, until)` on the recipient's clock.
    pub(super) open: Option<(i64, i64)>,
    /// At most so many messages to one lead in so many ms.
    pub(super) cap: Option<(usize, i64)>,
    /// Of the messages about a stage.
    pub(super) priority: Priority,
    /// Messages about a stage are sent once more if it stays unknown whether they were sent.
    pub(super) resends: bool,
}

/// One change of one lead, which asks for one message.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) at_ms: i64,
    pub(super) phone: String,
    pub(super) text: String,
    pub(super) body: Value,
}

/// How often what goes wrong goes wrong, as probabilities of each step, call or delivery.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    pub(super) crash: f64,
    pub(super) stall: f64,
    pub(super) store_refuses: f64,
    pub(super) store_loses_answer: f64,
    pub(super) store_applies_late: f64,
    pub(super) store_takes_part: f64,
    pub(super) store_slow: f64,
    pub(super) index_lags: f64,
    pub(super) vendor_not_reached: f64,
    pub(super) vendor_turns_away: f64,
    pub(super) vendor_refuses: f64,
    pub(super) vendor_loses_answer: f64,
    pub(super) vendor_fails_after: f64,
    pub(super) vendor_slow: f64,
    pub(super) wake_up_lost: f64,
    pub(super) twice: f64,
    pub(super) report_lost: f64,
    /// Times in which nearly every answer of the store is lost, in ms since the beginning.
    pub(super) outages: Vec<(i64, i64)>,
}

/// What a schedule is about.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) begin_ms: i64,
    /// The configuration at the beginning, and the one after the change if there is one.
    pub(super) settings: Vec<Setting>,
    /// When the configuration changes, in ms since the beginning.
    pub(super) reconfigured_after_ms: Option<i64>,
    pub(super) changes: Vec<Change>,
    /// What an operator does, and when, in ms since the beginning.
    pub(super) orders: Vec<(i64, Order)>,
    pub(super) processes: usize,
    pub(super) weather: Weather,
    /// How long the weather lasts, in ms since the beginning.
    pub(super) storm_ms: i64,
    pub(super) reject_phones: Vec<String>,
    /// LigueLead's own window, which may be narrower than what is configured: others use the token.
    pub(super) vendor_per_minute: u64,
}

impl Scenario {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let begin_ms = BEGIN_MS + rng.i64(0..DAY_MS);
        let (first, is_changed) = (Sketch::draw(rng), one_in(rng, 3));
        let second = first.changed(rng);
        let mut sketches = vec![first];
        sketches.extend(is_changed.then_some(second));
        // Long enough that what is sent again meets the same weather.
        let is_long = sketches.iter().any(|sketch| sketch.resends) && one_in(rng, 2);
        let storm_ms = if is_long { 2 * UNKNOWN_AFTER_H + 2 } else { rng.i64(1..=4) } * HOUR_MS;
        let leads = rng.usize(2..=4);
        let phones: Vec<(String, String)> = (0..leads).map(|lead| (lead_id(lead), phone(rng, lead))).collect();
        let reject_phones =
            phones.iter().map(|(_, phone)| phone.clone()).filter(|p| p.ends_with(REFUSED_ENDING)).collect();
        let reconfigured_after_ms = is_changed.then(|| rng.i64(0..storm_ms));
        let per_minute = sketches.iter().map(|sketch| sketch.requests_per_minute).min().unwrap_or(1);
        Self {
            begin_ms,
            settings: sketches.iter().map(Sketch::setting).collect(),
            reconfigured_after_ms,
            changes: changes(rng, &phones, begin_ms, storm_ms / 2),
            orders: operator::draw(rng, &phones, storm_ms),
            processes: rng.usize(1..=3),
            weather: if is_long {
                Weather { vendor_loses_answer: 0.4, ..Weather::draw(rng, storm_ms) }
            } else {
                Weather::draw(rng, storm_ms)
            },
            storm_ms,
            reject_phones,
            vendor_per_minute: if one_in(rng, 4) { u64::from(per_minute).div_ceil(2) } else { 600_000 },
        }
    }
}

impl Scenario {
    /// The priorities that messages have.
    pub(super) fn lanes(&self) -> BTreeSet<Priority> {
        self.settings.iter().map(|setting| setting.priority).chain([Priority::Normal]).collect()
    }
}

/// The parts of a configuration, before it is written as one.
#[derive(Debug, Clone)]
struct Sketch {
    phones_per_request: u32,
    requests_per_minute: u32,
    messages_per_day: Option<u64>,
    credits_per_day: Option<u64>,
    rule_quota: bool,
    open: Option<(i64, i64)>,
    cap: Option<(usize, i64)>,
    expires_h: i64,
    linger: &'static str,
    priority: Priority,
    resends: bool,
}

impl Sketch {
    fn draw(rng: &mut Rng) -> Self {
        let expires_h = pick(rng, &[6, 30, 72]);
        Self {
            phones_per_request: pick(rng, &[1, 2, 10_000, 10_000]),
            requests_per_minute: pick(rng, &[1, 3, 600_000, 600_000]),
            messages_per_day: one_in(rng, 3).then(|| rng.u64(1..=6)),
            credits_per_day: one_in(rng, 4).then(|| rng.u64(2..=8)),
            rule_quota: one_in(rng, 4),
            open: one_in(rng, 3).then(|| pick(rng, &[(8, 20), (9, 18), (10, 12)])),
            cap: one_in(rng, 3).then(|| (rng.usize(1..=2), pick(rng, &[6, 24]) * HOUR_MS)),
            expires_h,
            linger: pick(rng, &["0s", "0s", "0s", "0s", "4s", "2m"]),
            priority: pick(
                rng,
                &[Priority::Normal, Priority::Normal, Priority::Normal, Priority::Urgent, Priority::Low],
            ),
            // A resend comes after `unknown_after`: the message must be worth sending then.
            resends: expires_h > UNKNOWN_AFTER_H && one_in(rng, 3),
        }
    }

    /// The same, with one thing or another changed.
    fn changed(&self, rng: &mut Rng) -> Self {
        let other = Self::draw(rng);
        let mut changed = self.clone();
        match rng.u8(0..9) {
            0 => changed.phones_per_request = other.phones_per_request,
            1 => changed.requests_per_minute = other.requests_per_minute,
            2 => changed.messages_per_day = other.messages_per_day,
            3 => changed.credits_per_day = other.credits_per_day,
            4 => changed.open = other.open,
            5 => changed.linger = other.linger,
            6 => changed.priority = other.priority,
            7 => changed.resends = self.expires_h > UNKNOWN_AFTER_H && !self.resends,
            _ => changed.rule_quota = other.rule_quota,
        }
        changed
    }

    fn setting(&self) -> Setting {
        let text = self.yaml();
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
            cap: self.cap,
            priority: self.priority,
            resends: self.resends,
        }
    }

    fn yaml(&self) -> String {
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
        let quotas = [("messages_per_day", self.messages_per_day), ("credits_per_day", self.credits_per_day)];
        let quotas: Vec<String> =
            quotas.iter().filter_map(|(name, quota)| Some(format!("{name}: {}", (*quota)?))).collect();
        if !quotas.is_empty() {
            parts.push(format!("quotas: {{ {} }}", quotas.join(", ")));
        }
        if let Some((from, until)) = self.open {
            parts.push(format!("hours: {{ sms: \"{from:02}:00-{until:02}:00\" }}"));
        }
        if let Some((max, every_ms)) = self.cap {
            parts.push(format!("caps: [ {{ max: {max}, every: {}h }} ]", every_ms / HOUR_MS));
        }
        let quota = if self.rule_quota { ", quota: { messages_per_day: 3 }" } else { "" };
        let expires = self.expires_h;
        parts.push("rules:".to_owned());
        parts.push(format!("  - {{ id: welcome, on: lead.created, sms: \"{WELCOME}\", expires: {expires}h{quota} }}"));
        parts.push(format!(
            "  - {{ id: stage, on: lead.changed, field: ProspectStage, sms: \"{STAGE}{{{{ lead.ProspectStage }}}}\", \
             expires: {expires}h, priority: {}{} }}",
            self.priority.as_str(),
            if self.resends { ", on_unknown: resend" } else { "" },
        ));
        parts.join("\n")
    }
}

const WELCOME: &str = "Recebemos o seu contato";
/// Long enough for two credits with the stage behind it.
const STAGE: &str = "A sua proposta andou mais um passo, e queremos que o caminho seja claro para quem confia em nosso \
                     trabalho desde o primeiro dia. Qualquer dúvida, responda quando puder. Etapa: ";

fn lead_id(lead: usize) -> String {
    format!("00000000-0000-4000-8000-{lead:012}")
}

fn phone(rng: &mut Rng, lead: usize) -> String {
    let (area, _) = pick(rng, &AREAS);
    let ending = if one_in(rng, 12) { REFUSED_ENDING } else { "111" };
    format!("{area}98{lead:04}{ending}")
}

/// How far the clock of this phone's area is from UTC, in hours.
pub(super) fn hours_from_utc(phone: &str) -> i64 {
    AREAS.iter().find(|(area, _)| phone.starts_with(area)).map_or(-3, |(_, hours)| *hours)
}

fn changes(rng: &mut Rng, phones: &[(String, String)], begin_ms: i64, within_ms: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for (lead, phone) in phones {
        // Several at the same moment, so that requests have several phones.
        let moment = |rng: &mut Rng| if one_in(rng, 2) { rng.i64(0..within_ms) } else { within_ms / 2 };
        let at_ms = begin_ms + moment(rng);
        changes.push(Change {
            at_ms,
            phone: phone.clone(),
            text: WELCOME.to_owned(),
            body: fields(lead, phone, "Prospect", at_ms),
        });
        for stage in 1..=rng.u8(0..=2) {
            let at_ms = begin_ms + moment(rng);
            let (from, to) = (format!("Stage{}", stage - 1), format!("Stage{stage}"));
            let body =
                json!({ "Before": fields(lead, phone, &from, begin_ms), "After": fields(lead, phone, &to, at_ms) });
            changes.push(Change { at_ms, phone: phone.clone(), text: format!("{STAGE}{to}"), body });
        }
    }
    changes
}

fn fields(lead: &str, phone: &str, stage: &str, modified_ms: i64) -> Value {
    let at = |ms| recado_core::writeback::crm_time(ms);
    json!({
        "ProspectID": lead,
        "ProspectAutoId": "1",
        "FirstName": "Ana",
        "Phone": format!("+55-{phone}"),
        "Source": "Site",
        "ProspectStage": stage,
        "CreatedBy": "9d1f6c50-0000-4000-8000-00000000000a",
        "CreatedOn": at(BEGIN_MS),
        "ModifiedBy": "9d1f6c50-0000-4000-8000-00000000000a",
        "ModifiedOn": at(modified_ms),
    })
}

impl Weather {
    fn draw(rng: &mut Rng, storm_ms: i64) -> Self {
        if one_in(rng, 10) {
            return Self::default();
        }
        // Each kind of trouble is absent, rare or common, so that schedules differ in what they are about.
        let mut some = |rare: f64, common: f64| pick(rng, &[0.0, rare, rare, common]);
        let mut weather = Self {
            crash: some(0.003, 0.02),
            stall: some(0.002, 0.02),
            store_refuses: some(0.01, 0.08),
            store_loses_answer: some(0.01, 0.08),
            store_applies_late: some(0.005, 0.03),
            store_takes_part: some(0.05, 0.3),
            store_slow: some(0.01, 0.05),
            index_lags: some(0.02, 0.3),
            vendor_not_reached: some(0.05, 0.3),
            vendor_turns_away: some(0.05, 0.3),
            vendor_refuses: some(0.02, 0.1),
            vendor_loses_answer: some(0.1, 0.4),
            vendor_fails_after: some(0.05, 0.3),
            vendor_slow: some(0.05, 0.3),
            wake_up_lost: some(0.1, 0.5),
            twice: some(0.1, 0.4),
            report_lost: some(0.1, 0.5),
            outages: Vec::new(),
        };
        for _ in 0..rng.usize(0..=2) {
            // Half of them when many messages are under way.
            let from_ms = if one_in(rng, 2) { storm_ms / 4 + rng.i64(0..5_000) } else { rng.i64(0..storm_ms) };
            weather.outages.push((from_ms, from_ms + pick(rng, &[2_000, 20_000, 200_000])));
        }
        weather
    }
}

pub(super) fn one_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(0..many) == 0
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}
