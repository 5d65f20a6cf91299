//! `quotas:`, `hours:`, `caps:`, `send:`: how much, when, how often, and the sender's own timing.

use super::diagnostic::Problems;
use super::section::Section;
use super::{DAY_MS, values};
use crate::call;
use crate::hours::{Hours, SendingHours};

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The longest timeout of a request.
const MAX_CALL_MS: u64 = 30 * SECOND_MS;
/// The longest linger: a longer wait should be a schedule.
pub(super) const MAX_LINGER_MS: u64 = 10 * MINUTE_MS;
/// When LigueLead dials, on São Paulo's clock; the last minute is 21:44. Source: its published clients.
const DIALLING: &str = "08:00-21:45 daily";
/// When messages start unless the file says: nobody is woken up.
const BY_DAY: &str = "08:00-22:00 daily";
/// The period over which waiting messages are released after an opening, unless the file says.
const SPREAD_MS: u64 = 5 * MINUTE_MS;
/// The most caps: each costs room in a lead's item.
const MAX_CAPS: usize = 10;

/// Budgets of one calendar day in the installation's zone, of the account or of one rule; `None` is no budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Messages a day, 1 at least.
    pub messages_per_day: Option<u64>,
    /// Credits a day, 1 at least.
    pub credits_per_day: Option<u64>,
    /// Counted and reported, but not enforced. Default false.
    pub shadow: bool,
}

/// At most `max` messages to one person in any window of `every_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cap {
    /// 1 to 1,000.
    pub max: u32,
    /// 1 minute to 365 days, in milliseconds.
    pub every_ms: u64,
    /// Counted and reported, but not enforced. Default false.
    pub shadow: bool,
}

/// The sender's timing, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendTiming {
    /// When an unfinished batch counts as abandoned. Default 3 minutes. It must be longer than `call_timeout_ms`, or a
    /// slow request would be taken for a dead one.
    pub stale_after_ms: u64,
    /// Timeout of one request: 1 to 30 seconds, the most that LigueLead's page advises. Default 30 seconds.
    pub call_timeout_ms: u64,
    /// How long an unknown outcome may wait for a delivery report. Default 24 hours.
    pub unknown_after_ms: u64,
    /// How long a message may linger for more messages of the same text, unless its rule says; 0 sends at once. Default
    /// 0.
    pub linger_ms: u64,
}

/// Warns of defaults that the file's author should decide on: how often messages go, and when.
pub(super) fn undecided(root: &Section<'_>, problems: &mut Problems) {
    if !root.has("caps") {
        let message = "without `caps` there is no limit to the messages that one person gets";
        root.warning("caps", message, Some("caps: [ { max: 2, every: 24h } ], or caps: [] for no limit"), problems);
    }
    if !root.has("hours") {
        let message = "without `hours` messages go from 08:00 to 22:00, on the recipient's clock";
        let suggestion = "hours: { sms: \"08:00-22:00\", voice: \"08:00-22:00\" }, or the hours that you want";
        root.warning("hours", message, Some(suggestion), problems);
    }
}

/// Reads the budgets under `key`: `quotas` of the file, `quota` of a rule.
pub(super) fn quotas(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Quotas> {
    const MOST: u64 = 1_000_000_000;
    let section = section.section(key, &["messages_per_day", "credits_per_day", "shadow"], problems)?;
    Some(Quotas {
        messages_per_day: section.whole("messages_per_day", 1..=MOST, problems),
        credits_per_day: section.whole("credits_per_day", 1..=MOST, problems),
        shadow: section.flag("shadow", problems).unwrap_or_default(),
    })
}

pub(super) fn hours(root: &Section<'_>, problems: &mut Problems) -> SendingHours {
    let [by_day, dialling] = [BY_DAY, DIALLING].map(|text| Hours::parse(text).unwrap_or(Hours::ALWAYS));
    let default = SendingHours { sms: by_day.clone(), voice: by_day, dialling, spread_ms: SPREAD_MS };
    let Some(section) = root.section("hours", &["sms", "voice", "dialling", "holidays", "spread"], problems) else {
        return default;
    };
    let (sms, voice) = (of(&section, "sms", problems), of(&section, "voice", problems));
    let dialling = of(&section, "dialling", problems);
    let is_closed = section.get("holidays", problems).and_then(|item| {
        item.parsed(problems, |word| match word {
            "open" => Ok(false),
            "closed" => Ok(true),
            _ => Err((format!("\"{word}\" does not say what holidays are"), "open or closed".to_owned())),
        })
    });
    let on_holidays = |hours: Hours| {
        if is_closed == Some(true) { hours.but_holidays() } else { hours }
    };
    let hours = SendingHours {
        sms: on_holidays(sms.unwrap_or(default.sms)),
        voice: on_holidays(voice.unwrap_or(default.voice)),
        dialling: dialling.unwrap_or(default.dialling),
        spread_ms: section.duration_ms("spread", 0..=HOUR_MS, problems).unwrap_or(SPREAD_MS),
    };
    if !call::ever(&hours) {
        let key = if section.has("voice") { "voice" } else { "dialling" };
        let message = "no call can ever start: LigueLead dials from 08:00 to 21:44 in São Paulo";
        section.error(key, message, "a range with 15 minutes or more inside of that", problems);
    }
    hours
}

/// The hours under a key.
pub(super) fn of(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Hours> {
    section
        .get(key, problems)?
        .parsed(problems, |text| Hours::parse(text).map_err(|error| (error.to_string(), error.hint())))
}

/// `caps`, of the account or of a rule.
pub(super) fn caps(section: &Section<'_>, problems: &mut Problems) -> Vec<Cap> {
    let items = section.list("caps", MAX_CAPS, "[ { max: 1, every: 24h } ]", problems);
    let caps = items.iter().filter_map(|item| {
        let section = item.section(&["max", "every", "shadow"], problems)?;
        section.required("max", "max: 1", problems)?;
        section.required("every", "every: 24h", problems)?;
        Some(Cap {
            max: section.whole("max", 1..=1_000, problems)?,
            every_ms: section.duration_ms("every", MINUTE_MS..=365 * DAY_MS, problems)?,
            shadow: section.flag("shadow", problems).unwrap_or_default(),
        })
    });
    caps.collect()
}

pub(super) fn send(root: &Section<'_>, problems: &mut Problems) -> SendTiming {
    let defaults = SendTiming {
        stale_after_ms: 3 * MINUTE_MS,
        call_timeout_ms: 30 * SECOND_MS,
        unknown_after_ms: 24 * HOUR_MS,
        linger_ms: 0,
    };
    let keys = ["stale_after", "call_timeout", "unknown_after", "linger"];
    let Some(section) = root.section("send", &keys, problems) else {
        return defaults;
    };
    let mut duration = |key, range| section.duration_ms(key, range, problems);
    let stale_after = duration("stale_after", 10 * SECOND_MS..=HOUR_MS);
    let call_timeout = duration("call_timeout", SECOND_MS..=MAX_CALL_MS);
    let unknown_after = duration("unknown_after", MINUTE_MS..=30 * DAY_MS);
    let linger_ms = duration("linger", 0..=MAX_LINGER_MS);
    let send = SendTiming {
        stale_after_ms: stale_after.unwrap_or(defaults.stale_after_ms),
        call_timeout_ms: call_timeout.unwrap_or(defaults.call_timeout_ms),
        unknown_after_ms: unknown_after.unwrap_or(defaults.unknown_after_ms),
        linger_ms: linger_ms.unwrap_or(defaults.linger_ms),
    };
    if send.call_timeout_ms >= send.stale_after_ms {
        let key = if section.has("call_timeout") { "call_timeout" } else { "stale_after" };
        let message = "a call may take as long as an abandoned one is waited for";
        let suggestion = format!("a call_timeout shorter than {}", values::written(send.stale_after_ms));
        section.error(key, message, &suggestion, problems);
    }
    send
}
