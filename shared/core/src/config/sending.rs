//! `quotas:`, `hours:`, `caps:`, `send:`: how much, when, how often, and the sender's own timing.

use std::ops::RangeInclusive;

use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::section::Section;
use super::values::Read;
use super::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, values};
use crate::call;
use crate::hours::{Hours, SendingHours};

/// The longest linger: a longer wait should be a schedule.
pub(super) const MAX_LINGER_MS: u64 = 10 * MINUTE_MS;
/// The most caps: each costs room in a lead's item.
const MAX_CAPS: u64 = 10;
/// The largest budget of a day.
const MAX_PER_DAY: u64 = 1_000_000_000;

/// `shadow` of a budget or a cap.
const SHADOW: Key =
    Key::with_default("shadow", Kind::Flag, "false", "With `true`, Recado counts and reports, but does not enforce.");

/// `quotas`, and the `quota` of a rule or a campaign.
pub(super) const QUOTAS: Keys = Keys::new(
    "`quotas`",
    &[
        Key::optional(
            "messages_per_day",
            Kind::Whole(1, MAX_PER_DAY),
            "no limit",
            "Messages in one calendar day of `timezone`.",
        )
        .example("50_000"),
        Key::optional(
            "credits_per_day",
            Kind::Whole(1, MAX_PER_DAY),
            "no limit",
            "LigueLead credits in one calendar day, by estimate.",
        )
        .example("60_000"),
        SHADOW,
    ],
);

/// `hours`.
pub(super) const HOURS: Keys = Keys::new(
    "`hours`",
    &[
        // Nobody is woken up.
        Key::with_default("sms", Kind::Hours, "08:00-22:00 daily", "For SMS and Flash.")
            .more("LigueLead has no hours of its own for them."),
        Key::with_default("voice", Kind::Hours, "08:00-22:00 daily", "For voice calls and their redials.")
            .more("Recado ignores a range shorter than 13 minutes."),
        // The last minute is 21:44. Source: LigueLead's published clients.
        Key::with_default(
            "dialling",
            Kind::Hours,
            "08:00-21:45 daily",
            "When LigueLead dials at all, on **São Paulo's** clock.",
        )
        .more("A voice call needs `voice` and `dialling` open. Change it only if LigueLead tells you so."),
        Key::with_default(
            "holidays",
            Kind::Word(&["open", "closed"]),
            "open",
            "Whether messages start on Brazil's national holidays, by the recipient's date.",
        )
        .more(
            "They are the nine of federal law and Good Friday. Carnival, Corpus Christi and the holidays of states and \
             cities are not among them.",
        ),
        Key::with_default(
            "spread",
            Kind::Duration(0, HOUR_MS),
            "5m",
            "How long Recado takes after an opening to release the messages that waited for it.",
        )
        .more(
            "It releases a part each minute, so that 08:00 is not a burst. No message moves past a closing or its \
             expiry. Urgent messages do not move.",
        ),
    ],
);

/// `caps`, of the account or of a rule.
pub(super) const CAPS: Key =
    Key::optional("caps", Kind::List(&CAP, MAX_CAPS), "none", "At most so many messages to one person in a period.");

const CAP: Keys = Keys::new(
    "`caps`",
    &[
        Key::required("max", Kind::Whole(1, 1_000), "1", "The most messages to one person in the window."),
        Key::required("every", Kind::Duration(MINUTE_MS, 365 * DAY_MS), "24h", "The length of the window."),
        SHADOW,
    ],
);

/// `send`.
pub(super) const SEND: Keys = Keys::new(
    "`send`",
    &[
        Key::with_default(
            "stale_after",
            Kind::Duration(10 * SECOND_MS, HOUR_MS),
            "3m",
            "How long after its last step a sending process counts as dead.",
        ),
        Key::with_default(
            "call_timeout",
            Kind::Duration(SECOND_MS, 30 * SECOND_MS),
            "30s",
            "How long one call to a vendor may take.",
        )
        .limit("shorter than `stale_after`")
        .more("LigueLead may need 30 s. A shorter time makes *unknown* outcomes."),
        Key::with_default(
            "unknown_after",
            Kind::Duration(MINUTE_MS, 30 * DAY_MS),
            "24h",
            "How long Recado waits for delivery reports.",
        )
        .more(
            "Then it marks a message as one without a report. An unknown message stays unknown, or is sent again \
             (`on_unknown`).",
        ),
        Key::with_default(
            "linger",
            Kind::Duration(0, MAX_LINGER_MS),
            "0s",
            "How long a message may wait for others of the same text, so that they share a [request](#linger).",
        )
        .more("A rule may have its own `linger`."),
    ],
);

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
        let message = "without `caps`, nothing limits the messages to one person";
        root.warning("caps", message, Some("caps: [ { max: 2, every: 24h } ], or caps: [] for no limit"), problems);
    }
    if !root.has("hours") {
        let message = "without `hours`, messages go from 08:00 to 22:00 on the recipient's clock";
        let suggestion = "hours: { sms: \"08:00-22:00\", voice: \"08:00-22:00\" }, or the hours that you want";
        root.warning("hours", message, Some(suggestion), problems);
    }
}

/// Reads the budgets under `key`: `quotas` of the file, `quota` of a rule.
pub(super) fn quotas(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Quotas> {
    let section = section.section(key, problems)?;
    Some(Quotas {
        messages_per_day: section.given_whole("messages_per_day", problems),
        credits_per_day: section.given_whole("credits_per_day", problems),
        shadow: section.flag("shadow", problems),
    })
}

pub(super) fn hours(root: &Section<'_>, problems: &mut Problems) -> SendingHours {
    let section = root.section_or_empty("hours", problems);
    let mut of = |key| section.value(key, problems, read_hours).unwrap_or(Hours::ALWAYS);
    let (sms, voice, dialling) = (of("sms"), of("voice"), of("dialling"));
    let is_closed = section.word("holidays", problems, |word| match word {
        "open" => Some(false),
        "closed" => Some(true),
        _ => None,
    });
    let on_holidays = |hours: Hours| if is_closed { hours.but_holidays() } else { hours };
    let spread_ms = section.duration_ms("spread", problems);
    let hours = SendingHours { sms: on_holidays(sms), voice: on_holidays(voice), dialling, spread_ms };
    if !call::ever(&hours) {
        let key = if section.has("voice") { "voice" } else { "dialling" };
        let message = "no call can ever start: LigueLead dials from 08:00 to 21:44 in São Paulo";
        section.error(key, message, "a range with at least 15 minutes of that time", problems);
    }
    hours
}

/// Reads hours.
pub(super) fn read_hours(text: &str, _: &RangeInclusive<u64>) -> Read<Hours> {
    Hours::parse(text).map_err(|error| (error.to_string(), error.hint()))
}

/// `caps`, of the account or of a rule.
pub(super) fn caps(section: &Section<'_>, problems: &mut Problems) -> Vec<Cap> {
    let items = section.list("caps", "[ { max: 1, every: 24h } ]", problems);
    let caps = items.iter().filter_map(|item| {
        let section = item.section(&CAP, problems)?;
        section.required("max", problems)?;
        section.required("every", problems)?;
        Some(Cap {
            max: section.given_whole("max", problems)?,
            every_ms: section.given_duration_ms("every", problems)?,
            shadow: section.flag("shadow", problems),
        })
    });
    caps.collect()
}

pub(super) fn send(root: &Section<'_>, problems: &mut Problems) -> SendTiming {
    let section = root.section_or_empty("send", problems);
    let mut duration = |key| section.duration_ms(key, problems);
    let send = SendTiming {
        stale_after_ms: duration("stale_after"),
        call_timeout_ms: duration("call_timeout"),
        unknown_after_ms: duration("unknown_after"),
        linger_ms: duration("linger"),
    };
    if send.call_timeout_ms >= send.stale_after_ms {
        let key = if section.has("call_timeout") { "call_timeout" } else { "stale_after" };
        let message = "`call_timeout` is not shorter than `stale_after`";
        let suggestion = format!("a call_timeout shorter than {}", values::written(send.stale_after_ms));
        section.error(key, message, &suggestion, problems);
    }
    send
}
