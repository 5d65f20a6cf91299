//! `recado.yaml`: one installation's limits, quotas, hours, caps, rules and campaigns. It never holds a secret.
//!
//! Reading has two steps. `tree` turns the text into nodes that remember their position. The modules beside it turn
//! nodes into the types below. Nothing stops at the first mistake. A person who edits the file gets all mistakes at
//! once, each with its line, its column and a correction. That is why the file is not deserialized with serde, which
//! ends at its first error.
//!
//! A [`Config`] exists only if the file had no error, so other code can rely on its values.

mod account;
mod action;
mod campaign;
mod diagnostic;
mod gateway;
mod key;
mod names;
mod never;
mod phones;
mod renamed;
mod rule;
mod schedule;
mod schema;
mod section;
mod sending;
mod snippet;
mod tree;
mod trigger;
mod values;

pub use account::{LeadLink, LeadSquared, OptOut, Plan, WriteBack};
pub use action::{Action, MAX_AUDIO_NAME_CHARS, MAX_TITLE_LENGTH, Voice, title_length};
pub use campaign::{Audience, Campaign, Comparison, Search, Tell};
pub use diagnostic::{Diagnostic, NamedField, NamedValue, Severity};
pub use gateway::LigueLead;
pub use key::{Absent, Key, Keys, Kind};
pub use names::{FieldName, RuleId};
pub use rule::Rule;
pub use schedule::Schedule;
pub use schema::schema;
pub use sending::{Cap, Quotas, SendTiming};
pub use trigger::{FieldChange, Trigger};

pub use crate::hours::SendingHours;

use std::collections::BTreeMap;

use diagnostic::{Noticed, Problems};
use icu_normalizer::ComposingNormalizerBorrowed;
use section::Section;

use crate::{
    phone::PhoneRules,
    zone::{DEFAULT_ZONE, Zone},
};

/// The largest file that is read, in bytes. A stored version must fit one table item (400 KB) with room to spare.
pub const MAX_CONFIG_BYTES: usize = 256 * 1_024;
/// The most rules, and the most campaigns, in one file.
pub const MAX_RULES: u64 = 500;
/// When a message expires unless its rule says, in ms: after three days. So a quota or a closed hour may move it to the
/// next working day.
pub const DEFAULT_EXPIRES_MS: i64 = 72 * 3_600_000;
/// The only version of the format.
const VERSION: u64 = 1;
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// All keys of the file.
pub const FILE: Keys = Keys::new(
    "Top level",
    &[
        Key::required("version", Kind::Version, "1", "The version of this format."),
        Key::with_default(
            "timezone",
            Kind::Zone,
            DEFAULT_ZONE,
            "The time zone of daily quotas, of schedules, and of `date` and `time` in texts.",
        ),
        Key::optional(
            "leadsquared",
            Kind::Section(&account::LEADSQUARED),
            "the smallest plan, with a warning",
            "The limits and settings of the LeadSquared account.",
        ),
        Key::optional(
            "liguelead",
            Kind::Section(&gateway::LIGUELEAD),
            "its defaults",
            "The limits of the LigueLead token.",
        ),
        Key::optional("phones", Kind::Section(&phones::PHONES), "its defaults", "How a lead's phone may be completed."),
        Key::optional("quotas", Kind::Section(&sending::QUOTAS), "none", "Daily limits of messages and credits.")
            .more("Messages over a limit wait for the next day."),
        Key::optional(
            "hours",
            Kind::Section(&sending::HOURS),
            "its defaults, with a warning",
            "When messages may start, on the clock of the recipient's area code.",
        ),
        sending::CAPS.example("[]"),
        Key::optional("send", Kind::Section(&sending::SEND), "its defaults", "The sender's timing."),
        Key::with_default(
            "retention",
            Kind::Duration(DAY_MS, 3_650 * DAY_MS),
            "90d",
            "How long Recado keeps rows after they were written.",
        )
        .more(
            "It keeps messages at least until they expire. With a removed row it forgets the message and its identity.",
        ),
        Key::optional(
            "rules",
            Kind::List(&rule::RULE, MAX_RULES),
            "none",
            "Each rule sends a message when its event comes.",
        )
        .more("An event that two rules match makes two messages."),
        Key::optional(
            "campaigns",
            Kind::List(&campaign::CAMPAIGN, MAX_RULES),
            "none",
            "Each campaign sends a message to an audience, at a time or by hand.",
        ),
    ],
);

/// A checked configuration. Only [`Config::parse`] makes one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The zone for the calendar days of quotas, and for the clock of `date` and `time`. Default America/Sao_Paulo.
    pub timezone: Zone,
    /// The LeadSquared account: its limits and where outcomes are written.
    pub leadsquared: LeadSquared,
    /// The LigueLead token's limits.
    pub liguelead: LigueLead,
    /// How a lead's phone may be completed when it is read.
    pub phones: PhoneRules,
    /// Daily budgets.
    pub quotas: Quotas,
    /// When messages may start, on each recipient's clock.
    pub hours: SendingHours,
    /// Messages per person in rolling windows. All caps apply.
    pub caps: Vec<Cap>,
    /// Timing of the sender.
    pub send: SendTiming,
    /// How long rows are kept, in milliseconds (1 day to 10 years). Default 90 days.
    pub retention_ms: u64,
    /// The rules, in the file's order. Their ids are unique, also among the campaigns' ids.
    pub rules: Vec<Rule>,
    /// The campaigns, in the file's order.
    pub campaigns: Vec<Campaign>,
}

/// A configuration, and the warnings about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The content of the file.
    pub config: Config,
    /// The warnings in the file's order; all are [`Severity::Warning`].
    pub warnings: Vec<Diagnostic>,
    /// Defaults that the file's author should decide on: whether there are caps, and the hours. All are
    /// [`Severity::Warning`]. They are separate because only a person who edits the file needs them.
    pub undecided: Vec<Diagnostic>,
    /// The position of each rule's and campaign's id: its line and column, from 1.
    pub ids: BTreeMap<RuleId, (usize, usize)>,
    /// Each lead field that the file names, with its position, in the file's order.
    pub lead_fields: Vec<NamedField>,
    /// Each value that the file compares a lead field with, in the file's order.
    pub lead_values: Vec<NamedValue>,
}

impl Config {
    /// Reads and checks a whole file.
    ///
    /// The error holds all mistakes at once, warnings among them, in the file's order. At least one is a
    /// [`Severity::Error`].
    pub fn parse(text: &str) -> Result<Checked, Vec<Diagnostic>> {
        let mut problems = Problems::default();
        let config = read(text, &mut problems);
        let Noticed { diagnostics, has_errors, fields, values } = problems.finish();
        match config {
            Some((config, undecided, ids)) if !has_errors => {
                let (lead_fields, lead_values) = (fields, values);
                Ok(Checked { config, warnings: diagnostics, undecided, ids, lead_fields, lead_values })
            }
            _ => Err(diagnostics),
        }
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id.as_str() == id)
    }

    /// The campaign with this id.
    #[must_use]
    pub fn campaign(&self, id: &str) -> Option<&Campaign> {
        self.campaigns.iter().find(|campaign| campaign.id.as_str() == id)
    }
}

/// A configuration, the defaults to decide on, and the positions of its ids.
type Read = (Config, Vec<Diagnostic>, BTreeMap<RuleId, (usize, usize)>);

fn read(text: &str, problems: &mut Problems) -> Option<Read> {
    if text.len() > MAX_CONFIG_BYTES {
        let message = format!("the file is larger than {} KiB", MAX_CONFIG_BYTES / 1_024);
        problems.error(tree::Position::START, "", message, "fewer or shorter rules".to_owned());
        return None;
    }
    // The values that conditions are compared with are normalized too: in a file, an accent may be a character of its
    // own.
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let root = match tree::parse(&text) {
        Ok(root) => root,
        Err(mistake) => {
            problems.error(mistake.at, "", mistake.message, mistake.suggestion);
            return None;
        }
    };
    let root = Section::root(&root, &FILE, problems)?;
    version(&root, problems);
    let timezone = timezone(&root, problems);
    let mut ids = names::Ids::default();
    let send = sending::send(&root, problems);
    let hours = sending::hours(&root, problems);
    let leadsquared = account::read(&root, problems);
    let rules = rule::read_all(
        &root,
        &mut ids,
        rule::Account { send: &send, hours: &hours, leadsquared: &leadsquared },
        problems,
    );
    let campaigns = campaign::read_all(&root, &mut ids, never::Clock { zone: &timezone, hours: &hours }, problems);
    ids.check_was(problems);
    let mut undecided = Problems::default();
    sending::undecided(&root, &mut undecided);
    let config = Config {
        timezone,
        leadsquared,
        liguelead: gateway::read(&root, problems),
        phones: phones::read(&root, problems),
        quotas: sending::quotas(&root, "quotas", problems).unwrap_or_default(),
        hours,
        caps: sending::caps(&root, problems),
        send,
        retention_ms: root.duration_ms("retention", problems),
        rules,
        campaigns,
    };
    Some((config, undecided.finish().diagnostics, ids.places()))
}

fn version(root: &Section<'_>, problems: &mut Problems) {
    let Some(item) = root.required("version", problems) else {
        return;
    };
    if item.text(problems).is_some_and(|version| version != VERSION.to_string()) {
        item.error("this version of the format is unknown", "1", problems);
    }
}

fn timezone(root: &Section<'_>, problems: &mut Problems) -> Zone {
    let Some(item) = root.get("timezone", problems) else {
        return Zone::default();
    };
    let Some(name) = item.text(problems) else {
        return Zone::default();
    };
    Zone::parse(&name).unwrap_or_else(|_| {
        item.error(format!("there is no time zone \"{name}\""), nearest_zone(&name), problems);
        Zone::default()
    })
}

/// The zone that was probably meant, or the default zone.
fn nearest_zone(name: &str) -> String {
    let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    crate::spelling::closest(name, &known).unwrap_or(DEFAULT_ZONE).to_owned()
}

#[cfg(test)]
mod tests;
