//! `campaigns:`: at a time, to the leads with a value.

use super::MAX_RULES;
use super::action::{self, Action};
use super::diagnostic::Problems;
use super::names::{FieldName, Ids, RuleId};
use super::rule;
use super::section::{Item, Section};

const KEYS: [&str; 9] = ["id", "schedule", "audience", "sms", "flash", "voice", "title", "expires", "group_id"];
const EXAMPLE: &str = "- id: newsletter, with its keys below it";
const SCHEDULE_EXAMPLE: &str = "\"cron(0 13 1 * ? *)\" or \"rate(1 day)\"";

/// One campaign.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Campaign {
    /// Its id; unique among rules and campaigns.
    pub id: RuleId,
    /// When it starts, in UTC as EventBridge counts.
    pub schedule: Schedule,
    /// To whom.
    pub audience: Audience,
    /// What it sends.
    pub action: Action,
    /// How long after its start a message may still start, in milliseconds; `None` for ever.
    pub expires_ms: Option<u64>,
    /// LigueLead's `group_id`.
    pub group_id: Option<String>,
}

/// An EventBridge schedule: `cron(…)` with six fields, or `rate(…)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule(String);

/// The leads whose field compares so with a value: LeadSquared's search takes one comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audience {
    /// The field; its case matters to LeadSquared.
    pub field: FieldName,
    /// The comparison.
    pub op: Comparison,
    /// The value.
    pub value: String,
}

/// The operators of LeadSquared's `Leads.Get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `LIKE`
    Like,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Schedule {
    /// The expression as EventBridge takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, (String, String)> {
        let bad = |message: &str| (message.to_owned(), SCHEDULE_EXAMPLE.to_owned());
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let fits = match (inside("cron"), inside("rate")) {
            (Some(cron), _) => is_cron(cron),
            (_, Some(rate)) => is_rate(rate),
            _ => return Err(bad("a schedule is cron(…) or rate(…)")),
        };
        if fits { Ok(Self(text.to_owned())) } else { Err(bad("the schedule is not one that EventBridge takes")) }
    }
}

/// Six fields, one of day-of-month and day-of-week being `?`.
fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday, year] = fields.as_slice() else {
        return false;
    };
    let is_fit = |field: &&str| field.chars().all(|c| c.is_ascii_alphanumeric() || "*?,-/#".contains(c));
    let plain = [minute, hour, month, year];
    fields.iter().all(is_fit) && (*day == "?") != (*weekday == "?") && plain.iter().all(|field| !field.contains('?'))
}

/// A positive number and a unit, singular for one.
fn is_rate(text: &str) -> bool {
    let Some((count, unit)) = text.split_once(' ') else {
        return false;
    };
    match count.parse::<u32>() {
        Ok(1) => matches!(unit, "minute" | "hour" | "day"),
        Ok(2..) => matches!(unit, "minutes" | "hours" | "days"),
        _ => false,
    }
}

impl Comparison {
    const NAMES: &str = "one of = <> LIKE > >= < <=, in quotes";

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "LIKE" => Self::Like,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// As LeadSquared's `SqlOperator` takes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Like => "LIKE",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

pub(super) fn read_all(root: &Section<'_>, ids: &mut Ids, problems: &mut Problems) -> Vec<Campaign> {
    let items = root.list("campaigns", MAX_RULES, EXAMPLE, problems);
    if !items.is_empty() {
        root.warning("campaigns", "`campaigns` is checked but not acted on yet", None, problems);
    }
    items.iter().filter_map(|item| read(item, ids, problems)).collect()
}

fn read(item: &Item<'_>, ids: &mut Ids, problems: &mut Problems) -> Option<Campaign> {
    let section = item.section(&KEYS, problems)?;
    let id = ids.read(&section, problems);
    let schedule = section.required("schedule", SCHEDULE_EXAMPLE, problems);
    let schedule = schedule.and_then(|item| item.parsed(problems, Schedule::parse));
    let audience = audience(&section, problems);
    let action = action::read(&section, None, problems);
    let expires_ms = rule::expires_ms(&section, problems);
    let group_id = rule::group_id(&section, problems);
    Some(Campaign { id: id?, schedule: schedule?, audience: audience?, action: action?, expires_ms, group_id })
}

fn audience(section: &Section<'_>, problems: &mut Problems) -> Option<Audience> {
    let example = "audience: { field: ProspectStage, op: \"=\", value: \"Customer\" }";
    let item = section.required("audience", example, problems)?;
    let section = item.section(&["field", "op", "value"], problems)?;
    for (key, example) in [("field", "field: ProspectStage"), ("op", "op: \"=\""), ("value", "value: \"Customer\"")] {
        if !section.has(key) {
            section.required(key, example, problems);
        }
    }
    let field = FieldName::read(&section, "field", problems);
    let op = section.get("op", problems).and_then(|item| {
        item.parsed(problems, |text| {
            let suggestion = if text == "!=" { "\"<>\"" } else { Comparison::NAMES };
            Comparison::parse(text).ok_or_else(|| (format!("there is no comparison \"{text}\""), suggestion.to_owned()))
        })
    });
    let value = section.text("value", problems);
    Some(Audience { field: field?, op: op?, value: value? })
}
