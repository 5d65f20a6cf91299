//! `leadsquared:` the account's limits, and where outcomes are written.

use super::diagnostic::Problems;
use super::names::FieldName;
use super::section::Section;
use super::{DAY_MS, values};
use crate::spelling::closest;
use crate::state::Channel;

const KEYS: [&str; 12] = [
    "plan",
    "calls_per_5s",
    "bulk_calls_per_5s",
    "calls_per_day",
    "bulk_counts_in_window",
    "bulk_create_or_update_max",
    "reserve",
    "integration_user",
    "opt_out",
    "write_back",
    "activity",
    "shadow_calls_per_day",
];

/// Windows of five seconds in a day.
const WINDOWS_PER_DAY: u64 = 17_280;
/// The share left for the account's other users if the file does not say, in per mille.
const DEFAULT_RESERVE_PER_MILLE: u16 = 200;
/// The largest share that may be left: some requests must remain.
const MAX_RESERVE_PER_MILLE: u16 = 900;
/// How old an opt-out field's value may be when a message is sent, in milliseconds.
const DEFAULT_FRESH_MS: u64 = 3_600_000;
/// The custom activity type for outcomes.
const DEFAULT_ACTIVITY: &str = "Recado message";

/// A LeadSquared plan, by the names of its rate-limits page (seed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// 2 requests in 5 s.
    Lite,
    /// 5 requests in 5 s.
    Pro,
    /// 10 requests in 5 s.
    Super,
    /// 10 requests in 5 s.
    Basic,
    /// 15 requests in 5 s.
    Standard,
    /// 25 requests in 5 s.
    Enterprise,
}

/// The account's limits and settings.
///
/// Two versions of LeadSquared's page contradict each other, and higher limits can be bought. So each number is a
/// setting, and the plan supplies the numbers that are not given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeadSquared {
    /// The plan, if the file names one.
    pub plan: Option<Plan>,
    /// Requests that the account may start in any 5 s, before the reserve. Default: the plan's.
    pub calls_per_5s: u32,
    /// Bulk requests in any 5 s, at least 1. Default 1 (the seed; newer pages say 5 or 10).
    pub bulk_calls_per_5s: u32,
    /// Requests a day, before the reserve. Default: the rate in 5 s times the windows of a day, as the seed's table
    /// prints. Newer pages have real quotas far below.
    pub calls_per_day: u64,
    /// The day's requests are counted and shown, but limit nothing. Default false. The rates in 5 s have no such
    /// setting, because they must never be exceeded.
    pub day_in_shadow: bool,
    /// Whether a bulk request also uses up the ordinary window. Undocumented; the default true never exceeds the limit.
    pub bulk_counts_in_window: bool,
    /// Rows in one Create-or-Update request, 1 to 50. Default 25 (its own page; the seed says 50).
    pub bulk_create_or_update_max: u16,
    /// The share of requests left for the account's other users, in per mille (0 to 900). Default 200.
    pub reserve_per_mille: u16,
    /// The user that the integration writes as. Its edits start no rule.
    pub integration_user: Option<String>,
    /// The opt-out fields.
    pub opt_out: OptOut,
    /// The lead fields that outcomes are written to.
    pub write_back: WriteBack,
    /// The name of the custom activity type for outcomes. Default "Recado message".
    pub activity: String,
}

/// Fields that, when set, forbid messages to a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptOut {
    /// For SMS, beside LeadSquared's own `DoNotSMS`.
    pub sms: Option<FieldName>,
    /// For voice calls, beside LeadSquared's own `DoNotCall`.
    pub voice: Option<FieldName>,
    /// Whether LeadSquared's own fields are checked too, if the account has them. Default true.
    pub system: bool,
    /// Whether a lead may get messages if its field is empty, or if LeadSquared does not know the lead. Default true.
    pub missing_allows: bool,
    /// How old the field's value may be when a message is sent, in milliseconds (0 to 30 days). Default 1 hour.
    pub fresh_ms: u64,
}

impl Default for OptOut {
    fn default() -> Self {
        Self { sms: None, voice: None, system: true, missing_allows: true, fresh_ms: DEFAULT_FRESH_MS }
    }
}

impl OptOut {
    /// The field that forbids messages of `channel`, if the file names one.
    #[must_use]
    pub const fn field(&self, channel: Channel) -> Option<&FieldName> {
        match channel {
            Channel::Sms | Channel::Flash => self.sms.as_ref(),
            Channel::Voice => self.voice.as_ref(),
        }
    }
}

/// Fields of the lead that show its last message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteBack {
    /// The field for the state.
    pub status: Option<FieldName>,
    /// The field for the state's time.
    pub at: Option<FieldName>,
}

impl Plan {
    /// The names of all plans, the smallest first.
    pub const NAMES: [&str; 6] = ["lite", "pro", "super", "basic", "standard", "enterprise"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "lite" => Self::Lite,
            "pro" => Self::Pro,
            "super" => Self::Super,
            "basic" => Self::Basic,
            "standard" => Self::Standard,
            "enterprise" => Self::Enterprise,
            _ => return None,
        })
    }

    /// Requests in any 5 s, by the seed's table.
    #[must_use]
    pub fn calls_per_5s(self) -> u32 {
        match self {
            Self::Lite => 2,
            Self::Pro => 5,
            Self::Super | Self::Basic => 10,
            Self::Standard => 15,
            Self::Enterprise => 25,
        }
    }
}

impl LeadSquared {
    /// Recado's requests in any 5 s, after the reserve: at least one.
    #[must_use]
    pub fn own_calls_per_5s(&self) -> u32 {
        let own = self.own(u64::from(self.calls_per_5s));
        u32::try_from(own).unwrap_or(u32::MAX)
    }

    /// Recado's requests a day, after the reserve: at least one.
    #[must_use]
    pub fn own_calls_per_day(&self) -> u64 {
        self.own(self.calls_per_day)
    }

    fn own(&self, all: u64) -> u64 {
        (all.saturating_mul(u64::from(1_000 - self.reserve_per_mille.min(MAX_RESERVE_PER_MILLE))) / 1_000).max(1)
    }
}

pub(super) fn read(root: &Section<'_>, problems: &mut Problems) -> LeadSquared {
    let Some(section) = root.section("leadsquared", &KEYS, problems) else {
        return read_absent(root, problems);
    };
    let plan = plan(&section, problems);
    let rate = section.whole("calls_per_5s", 1..=10_000, problems);
    if !section.has("plan") && !section.has("calls_per_5s") {
        let suggestion = Some("plan: standard, or calls_per_5s: 15");
        section.warning("", "without `plan` the smallest one is assumed, 2 calls in 5 s", suggestion, problems);
    }
    let calls_per_5s = rate.unwrap_or_else(|| plan.unwrap_or(Plan::Lite).calls_per_5s());
    let bulk_calls_per_5s = section.whole("bulk_calls_per_5s", 1..=10_000, problems).unwrap_or(1);
    if bulk_calls_per_5s > calls_per_5s {
        let suggestion = format!("a number from 1 to {calls_per_5s}");
        section.error("bulk_calls_per_5s", "there are more bulk calls than calls", &suggestion, problems);
    }
    let by_rate = u64::from(plan.map_or(calls_per_5s, Plan::calls_per_5s).min(calls_per_5s)) * WINDOWS_PER_DAY;
    let create_or_update = section.whole("bulk_create_or_update_max", 1..=50, problems);
    LeadSquared {
        plan,
        calls_per_5s,
        bulk_calls_per_5s,
        calls_per_day: section.whole("calls_per_day", 1..=1_000_000_000, problems).unwrap_or(by_rate),
        day_in_shadow: section.flag("shadow_calls_per_day", problems).unwrap_or(false),
        bulk_counts_in_window: section.flag("bulk_counts_in_window", problems).unwrap_or(true),
        bulk_create_or_update_max: create_or_update.unwrap_or(25),
        reserve_per_mille: reserve(&section, problems),
        integration_user: section.text("integration_user", problems),
        opt_out: opt_out(&section, problems),
        write_back: write_back(&section, problems),
        activity: section.text("activity", problems).unwrap_or_else(|| DEFAULT_ACTIVITY.to_owned()),
    }
}

/// Without the section, the smallest plan is assumed, so that no account is ever overrun.
fn read_absent(root: &Section<'_>, problems: &mut Problems) -> LeadSquared {
    if !root.has("leadsquared") {
        let message = "without `leadsquared` the smallest plan is assumed, 2 calls in 5 s";
        root.warning("", message, Some("leadsquared: { plan: standard }"), problems);
    }
    LeadSquared {
        plan: None,
        calls_per_5s: Plan::Lite.calls_per_5s(),
        bulk_calls_per_5s: 1,
        calls_per_day: u64::from(Plan::Lite.calls_per_5s()) * WINDOWS_PER_DAY,
        day_in_shadow: false,
        bulk_counts_in_window: true,
        bulk_create_or_update_max: 25,
        reserve_per_mille: DEFAULT_RESERVE_PER_MILLE,
        integration_user: None,
        opt_out: OptOut::default(),
        write_back: WriteBack::default(),
        activity: DEFAULT_ACTIVITY.to_owned(),
    }
}

fn plan(section: &Section<'_>, problems: &mut Problems) -> Option<Plan> {
    section.get("plan", problems)?.parsed(problems, |name| {
        Plan::parse(name).ok_or_else(|| {
            let suggestion = match closest(name, &Plan::NAMES) {
                Some(near) => near.to_owned(),
                None => format!("one of {}, or calls_per_5s with the account's number", Plan::NAMES.join(", ")),
            };
            (format!("there is no plan \"{name}\""), suggestion)
        })
    })
}

fn reserve(section: &Section<'_>, problems: &mut Problems) -> u16 {
    let item = section.get("reserve", problems);
    item.and_then(|item| item.parsed(problems, |text| values::per_mille(text, MAX_RESERVE_PER_MILLE)))
        .unwrap_or(DEFAULT_RESERVE_PER_MILLE)
}

fn opt_out(section: &Section<'_>, problems: &mut Problems) -> OptOut {
    let Some(section) = section.section("opt_out", &["sms", "voice", "system", "missing", "fresh"], problems) else {
        return OptOut::default();
    };
    let missing = section.get("missing", problems).and_then(|item| {
        item.parsed(problems, |word| match word {
            "send" => Ok(true),
            "skip" => Ok(false),
            _ => Err((format!("\"{word}\" does not say what an empty field means"), "send or skip".to_owned())),
        })
    });
    OptOut {
        sms: FieldName::read(&section, "sms", problems),
        voice: FieldName::read(&section, "voice", problems),
        system: section.flag("system", problems).unwrap_or(true),
        missing_allows: missing.unwrap_or(true),
        fresh_ms: section.duration_ms("fresh", 0..=30 * DAY_MS, problems).unwrap_or(DEFAULT_FRESH_MS),
    }
}

fn write_back(section: &Section<'_>, problems: &mut Problems) -> WriteBack {
    let Some(section) = section.section("write_back", &["status", "at"], problems) else {
        return WriteBack::default();
    };
    WriteBack { status: FieldName::read(&section, "status", problems), at: FieldName::read(&section, "at", problems) }
}
