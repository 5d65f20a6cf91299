//! `leadsquared:` the account's limits, and where outcomes are written.

use super::DAY_MS;
use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::names::FieldName;
use super::section::Section;
use crate::spelling::closest;
use crate::state::Channel;

/// Windows of five seconds in a day.
const WINDOWS_PER_DAY: u64 = 17_280;
/// The largest share that may be left, in per mille: some requests must remain.
const MAX_RESERVE_PER_MILLE: u16 = 900;

/// `leadsquared`.
pub(super) const LEADSQUARED: Keys = Keys::new(
    "`leadsquared`",
    &[
        Key::optional("plan", Kind::Word(&Plan::NAMES), "the smallest, with a warning", "The account's plan.")
            .limit("with 2, 5, 10, 10, 15 and 25 calls in 5 s")
            .more("It sets the limits that the file does not give.")
            .example("standard"),
        Key::optional(
            "calls_per_5s",
            Kind::Whole(1, 10_000),
            "the plan's",
            "Calls that the account may start in any 5 s.",
        )
        .example("15"),
        Key::with_default(
            "bulk_calls_per_5s",
            Kind::Whole(1, 10_000),
            "1",
            "Bulk calls that the account may start in any 5 s.",
        )
        .limit("not more than `calls_per_5s`")
        .more("Newer accounts may have 5 or 10: ask LeadSquared."),
        Key::optional(
            "calls_per_day",
            Kind::Whole(1, 1_000_000_000),
            "the smaller of the plan's rate and `calls_per_5s`, times 17,280",
            "Calls in one UTC day.",
        )
        .more("Newer accounts have a quota far below the default: set it.")
        .example("259_200"),
        Key::with_default(
            "shadow_calls_per_day",
            Kind::Flag,
            "false",
            "With `true`, Recado counts and shows the day's calls, but does not stop at `calls_per_day`.",
        )
        .more("The rates in 5 s have no such setting."),
        Key::with_default(
            "bulk_counts_in_window",
            Kind::Flag,
            "true",
            "Whether a bulk call also counts in `calls_per_5s`.",
        )
        .more("LeadSquared does not say; `true` never exceeds the limit."),
        Key::with_default(
            "bulk_create_or_update_max",
            Kind::Whole(1, 50),
            "25",
            "Rows in one Create-or-Update call.",
        )
        .more("Checked only."),
        Key::with_default(
            "reserve",
            Kind::Percent(0, MAX_RESERVE_PER_MILLE as u64),
            "20%",
            "The share of `calls_per_5s` and `calls_per_day` that Recado leaves to the account's other users.",
        )
        .more("One call always remains for Recado."),
        Key::optional(
            "integration_user",
            Kind::Text,
            "none",
            "The id of the user whose keys Recado uses.",
        )
        .more(
            "This user's activities and edits of leads start no rule. Leads that it creates do, and so do its changes \
             of tasks and opportunities. Recado recognises its own write-back without this key too: by the activity's \
             name and the `write_back` fields.",
        )
        .example("5c0e1f2a-0000-4000-8000-000000000001"),
        Key::optional(
            "opt_out",
            Kind::Section(&OPT_OUT),
            "its defaults",
            "Fields of the lead that forbid messages, beside LeadSquared's own.",
        ),
        Key::optional(
            "write_back",
            Kind::Section(&WRITE_BACK),
            "none",
            "Fields of the lead that show its last outcome.",
        ),
        Key::with_default(
            "activity",
            Kind::Text,
            "Recado message",
            "The name of the custom activity type that shows messages in LeadSquared.",
        )
        .more("Recado creates the type if the account has none of this name."),
        Key::optional(
            "lead_link",
            Kind::Text,
            "none",
            "The address of a lead's page in LeadSquared, with `{lead}` where its id goes.",
        )
        .limit("https")
        .more("`recado export` writes it beside each lead. Open a lead in LeadSquared and copy the address.")
        .example("\"https://in21.leadsquared.com/LeadManagement/LeadDetails?LeadID={lead}\""),
    ],
);

/// `leadsquared.opt_out`.
const OPT_OUT: Keys = Keys::new(
    "",
    &[
        Key::optional("sms", Kind::Field, "none", "Forbids SMS and Flash, beside LeadSquared's `DoNotSMS`.")
            .example("mx_SMS_Opt_Out"),
        Key::optional("voice", Kind::Field, "none", "Forbids voice calls, beside LeadSquared's `DoNotCall`.")
            .example("mx_Call_Opt_Out"),
        Key::with_default("system", Kind::Flag, "true", "Whether Recado obeys LeadSquared's own fields too.")
            .more("With `false` it obeys only the fields of this section."),
        Key::with_default(
            "missing",
            Kind::Word(&["send", "skip"]),
            "send",
            "What to do if the field is empty, or if LeadSquared does not know the lead.",
        ),
        Key::with_default(
            "fresh",
            Kind::Duration(0, 30 * DAY_MS),
            "1h",
            "How old the fields' values may be when a message goes.",
        )
        .more("Recado reads older values again."),
    ],
);

/// `leadsquared.write_back`.
const WRITE_BACK: Keys = Keys::new(
    "",
    &[
        Key::optional("status", Kind::Field, "none", "Receives the message's state.").example("mx_Message_Status"),
        Key::optional("at", Kind::Field, "none", "Receives the state's time, in UTC: `2026-11-21 13:45:00`.")
            .example("mx_Message_At"),
    ],
);

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
    /// The address of a lead's page, if the file names one.
    pub lead_link: Option<LeadLink>,
}

/// The address of a lead's page in LeadSquared, with a place for the lead's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadLink {
    before: String,
    after: String,
}

impl LeadLink {
    /// Where the id goes.
    const PLACE: &'static str = "{lead}";

    fn read(text: &str) -> Result<Self, (String, String)> {
        let suggestion = || "https://in21.leadsquared.com/LeadManagement/LeadDetails?LeadID={lead}".to_owned();
        let is_plain = text.starts_with("https://") && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.split_once(Self::PLACE) {
            Some((before, after)) if is_plain && !after.contains(Self::PLACE) => {
                Ok(Self { before: before.to_owned(), after: after.to_owned() })
            }
            Some(_) => Err(("this is not one https address with one {lead}".to_owned(), suggestion())),
            None => Err(("the address has no {lead}, where the lead's id goes".to_owned(), suggestion())),
        }
    }

    /// The address of this lead's page. `None`: the id has characters that no id of LeadSquared's has.
    #[must_use]
    pub fn of(&self, lead: &str) -> Option<String> {
        let is_id = !lead.is_empty() && lead.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_id.then(|| format!("{}{lead}{}", self.before, self.after))
    }
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
    let given = root.section("leadsquared", problems);
    let is_given = given.is_some();
    let section = given.unwrap_or_else(|| root.empty("leadsquared"));
    let plan = plan(&section, problems);
    let rate = section.given_whole("calls_per_5s", problems);
    if is_given && !section.has("plan") && !section.has("calls_per_5s") {
        let suggestion = Some("plan: standard, or calls_per_5s: 15");
        section.warning("", "without `plan`, Recado uses the smallest plan: 2 calls in 5 s", suggestion, problems);
    } else if !root.has("leadsquared") {
        let message = "without `leadsquared`, Recado uses the smallest plan: 2 calls in 5 s";
        root.warning("", message, Some("leadsquared: { plan: standard }"), problems);
    }
    // Without a plan the smallest one is assumed, so that no account is ever overrun.
    let calls_per_5s = rate.unwrap_or_else(|| plan.unwrap_or(Plan::Lite).calls_per_5s());
    let bulk_calls_per_5s = section.whole("bulk_calls_per_5s", problems);
    if bulk_calls_per_5s > calls_per_5s {
        let suggestion = format!("a number from 1 to {calls_per_5s}");
        section.error("bulk_calls_per_5s", "`bulk_calls_per_5s` is larger than `calls_per_5s`", &suggestion, problems);
    }
    let by_rate = u64::from(plan.map_or(calls_per_5s, Plan::calls_per_5s).min(calls_per_5s)) * WINDOWS_PER_DAY;
    LeadSquared {
        plan,
        calls_per_5s,
        bulk_calls_per_5s,
        calls_per_day: section.given_whole("calls_per_day", problems).unwrap_or(by_rate),
        day_in_shadow: section.flag("shadow_calls_per_day", problems),
        bulk_counts_in_window: section.flag("bulk_counts_in_window", problems),
        bulk_create_or_update_max: section.whole("bulk_create_or_update_max", problems),
        reserve_per_mille: section.per_mille("reserve", problems),
        integration_user: section.text("integration_user", problems),
        opt_out: opt_out(&section, problems),
        write_back: write_back(&section, problems),
        activity: section.text_or_default("activity", problems),
        lead_link: lead_link(&section, problems),
    }
}

fn lead_link(section: &Section<'_>, problems: &mut Problems) -> Option<LeadLink> {
    section.get("lead_link", problems)?.parsed(problems, LeadLink::read)
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

fn opt_out(section: &Section<'_>, problems: &mut Problems) -> OptOut {
    let section = section.section_or_empty("opt_out", problems);
    OptOut {
        sms: FieldName::read(&section, "sms", problems),
        voice: FieldName::read(&section, "voice", problems),
        system: section.flag("system", problems),
        missing_allows: section.word("missing", problems, |word| match word {
            "send" => Some(true),
            "skip" => Some(false),
            _ => None,
        }),
        fresh_ms: section.duration_ms("fresh", problems),
    }
}

fn write_back(section: &Section<'_>, problems: &mut Problems) -> WriteBack {
    let section = section.section_or_empty("write_back", problems);
    WriteBack { status: FieldName::read(&section, "status", problems), at: FieldName::read(&section, "at", problems) }
}
