//! `campaigns:`: started on a schedule or by hand, for the leads that a search finds or for a file.

use super::action::{self, Action, FLASH, SMS, TITLE, VOICE};
use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::names::{FieldName, ID, Ids, RuleId};
use super::never::{self, Clock};
use super::rule::{self, EXPIRES, GROUP_ID, PRIORITY, QUOTA, WHEN};
use super::schedule::Schedule;
use super::section::{Item, Section};
use super::sending::{self, Quotas};
use crate::state::Priority;
use crate::text::{Condition, Template};

const EXAMPLE: &str = "- id: newsletter, with its keys below it";
/// The word for an audience that is given at each start.
const CSV: &str = "csv";
/// The name under which texts find the columns of a file.
const ROW: &str = "row";
/// The operators of LeadSquared's search.
const OPERATORS: [&str; 7] = ["=", "<>", "LIKE", ">", ">=", "<", "<="];

/// A campaign.
pub(super) const CAMPAIGN: Keys = Keys::new(
    "`campaigns`",
    &[
        Key { doc: "The campaign's name, a part of each message's identity.", more: "", example: "newsletter", ..ID },
        Key::optional(
            "schedule",
            Kind::Schedule,
            "by hand only",
            "When the campaign starts by itself, [on the clock of `timezone`](#schedules).",
        )
        .example("\"cron(0 13 1 * ? *)\""),
        Key::required(
            "audience",
            Kind::WordOrSection(CSV, &AUDIENCE),
            "{ field: ProspectStage, op: \"=\", value: \"Customer\" }, or audience: csv",
            "The leads of a search, or `csv`: a file of leads or phones, [given at each \
             start](operations.md#campaigns).",
        ),
        Key { doc: "A further condition on each lead.", example: "lead.mx_City == \"Recife\"", ..WHEN },
        SMS.example("\"Confira as novidades deste mês.\""),
        FLASH,
        VOICE,
        TITLE,
        Key { doc: "How long after the start of the run a message may still start.", ..EXPIRES },
        GROUP_ID,
        Key { doc: "The campaign's own daily limits, beside the account's.", ..QUOTA },
        Key::with_default("shadow", Kind::Flag, "false", "With `true`, Recado judges the audience, but sends nothing."),
        Key::with_default("priority", PRIORITY.kind, "low", PRIORITY.doc).more("By default, rules go before campaigns."),
        Key::with_default(
            "write_back",
            Kind::Word(&["all", "failed", "none"]),
            "all",
            "Which outcomes Recado tells LeadSquared.",
        )
        .more(
            "`failed` leaves out messages that were accepted, delivered or answered. 100,000 outcomes take six hours at \
             25 in 5 s.",
        ),
    ],
);

/// The inside of `audience`.
const AUDIENCE: Keys = Keys::new(
    "",
    &[
        Key::required(
            "field",
            Kind::Field,
            "ProspectStage",
            "The field that LeadSquared's search compares; its case matters.",
        ),
        Key::required("op", Kind::Word(&OPERATORS), "\"=\"", "The comparison.")
            .limit("in quotes")
            .more("LeadSquared's search takes one."),
        Key::required("value", Kind::Text, "\"Customer\"", "The value that the field is compared with.")
            .more("Instants are in UTC, as LeadSquared writes them."),
    ],
);

/// One campaign.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Campaign {
    /// Its id; unique among rules and campaigns.
    pub id: RuleId,
    /// When it starts by itself, on the installation's clock; `None`: by hand alone.
    pub schedule: Option<Schedule>,
    /// Its audience.
    pub audience: Audience,
    /// A further condition on each lead; `None` always holds.
    pub when: Option<Condition>,
    /// What it sends.
    pub action: Action,
    /// How long after its start a message may still start, in milliseconds (1 minute to 90 days); `None` is three days,
    /// [`DEFAULT_EXPIRES_MS`](super::DEFAULT_EXPIRES_MS).
    pub expires_ms: Option<u64>,
    /// LigueLead's `group_id`, 1 to 255 characters.
    pub group_id: Option<String>,
    /// The campaign's own daily budget, beside the account's.
    pub quota: Option<Quotas>,
    /// The campaign is evaluated, counted and reported, but sends nothing. Default false.
    pub shadow: bool,
    /// The priority of its messages. Default low: rules go first.
    pub priority: Priority,
    /// Which of its outcomes are told to LeadSquared. Default all.
    pub write_back: Tell,
}

/// The audience of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The leads that a search finds.
    Search(Search),
    /// The phones or leads of a file that is given at each start.
    Csv,
}

/// The leads whose field compares in this way with a value: LeadSquared's search takes one comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Search {
    /// The field; its case matters to LeadSquared.
    pub field: FieldName,
    /// The comparison.
    pub op: Comparison,
    /// The value.
    pub value: String,
}

/// Which outcomes of a campaign are told to LeadSquared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tell {
    /// All outcomes.
    #[default]
    All,
    /// Only outcomes that are neither accepted nor delivered nor answered.
    Failed,
    /// No outcome.
    None,
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

impl Tell {
    /// The word for the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::None => "none",
        }
    }

    /// The setting that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::All, Self::Failed, Self::None].into_iter().find(|tell| tell.as_str() == word)
    }
}

impl Comparison {
    /// The comparison that an operator names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
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

    /// The operator as LeadSquared's `SqlOperator` takes it.
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

pub(super) fn read_all(root: &Section<'_>, ids: &mut Ids, clock: Clock<'_>, problems: &mut Problems) -> Vec<Campaign> {
    let items = root.list("campaigns", EXAMPLE, problems);
    items.iter().filter_map(|item| read(item, ids, clock, problems)).collect()
}

fn read(item: &Item<'_>, ids: &mut Ids, clock: Clock<'_>, problems: &mut Problems) -> Option<Campaign> {
    let section = item.section(&CAMPAIGN, problems)?;
    // All parts are read before any is required, so that each part reports its mistakes.
    let id = ids.read(&section, problems);
    let schedule = section.get("schedule", problems).and_then(|item| item.parsed(problems, Schedule::parse));
    let audience = audience(&section, problems);
    let when = when(&section, problems);
    let action = action::read(&section, None, problems);
    let expires_ms = rule::expires_ms(&section, problems);
    let group_id = rule::group_id(&section, problems);
    let quota = sending::quotas(&section, "quota", problems);
    let shadow = section.flag("shadow", problems);
    let priority = rule::priority(&section, problems);
    let write_back = section.word("write_back", problems, Tell::parse);
    if audience == Some(Audience::Csv) && section.has("schedule") {
        let message = "a campaign with `audience: csv` cannot have a schedule";
        let suggestion = "no schedule, or an audience with field, op and value";
        section.error("schedule", message, suggestion, problems);
    }
    let names = action.iter().flat_map(Action::templates).flat_map(Template::references);
    row_names(&section, audience.as_ref(), names.chain(when.iter().flat_map(Condition::references)), problems);
    never::of_campaign(&section, when.as_ref(), clock, (schedule.as_ref(), expires_ms), problems);
    let (id, audience, action) = (id?, audience?, action?);
    let campaign =
        Campaign { id, schedule, audience, when, action, expires_ms, group_id, quota, shadow, priority, write_back };
    Some(campaign)
}

/// Refuses columns of a file if there is no file, and columns whose names are not literal.
fn row_names<'n>(
    section: &Section<'_>,
    audience: Option<&Audience>,
    mut names: impl Iterator<Item = &'n String>,
    problems: &mut Problems,
) {
    let Some(name) = names.find(|name| name.split('.').next() == Some(ROW)) else { return };
    if audience != Some(&Audience::Csv) {
        let message = format!("`{name}` needs `audience: csv`; the audience here is a search");
        section.error("audience", message, "audience: csv, or a field of lead in the text", problems);
    } else if name == ROW {
        let message = "`row[…]` does not name its column";
        section.error("", message, "row. and the column's name, such as row.valor", problems);
    }
}

fn when(section: &Section<'_>, problems: &mut Problems) -> Option<Condition> {
    let condition = rule::when(section, None, problems)?;
    if let Some(item) = section.get("when", problems) {
        action::check_names(&item, condition.references(), None, problems);
    }
    Some(condition)
}

fn audience(section: &Section<'_>, problems: &mut Problems) -> Option<Audience> {
    let item = section.required("audience", problems)?;
    if item.is_single() {
        return item.parsed(problems, |word| match word {
            CSV => Ok(Audience::Csv),
            _ => Err((format!("there is no audience \"{word}\""), section.example("audience"))),
        });
    }
    let section = item.section(&AUDIENCE, problems)?;
    for key in AUDIENCE.all.iter().filter(|key| !section.has(key.name)) {
        section.required(key.name, problems);
    }
    let field = FieldName::read(&section, "field", problems);
    let op = section.get("op", problems).and_then(|item| {
        item.parsed(problems, |text| {
            let suggestion = || match text {
                "!=" => "\"<>\"".to_owned(),
                _ => format!("one of {}, in quotes", OPERATORS.join(" ")),
            };
            Comparison::parse(text).ok_or_else(|| (format!("there is no comparison \"{text}\""), suggestion()))
        })
    });
    // Other operators compare with an order or a part of the value.
    let is_whole = matches!(op, Some(Comparison::Equal | Comparison::NotEqual));
    let value = section.value_of("value", field.as_ref().filter(|_| is_whole).map(FieldName::as_str), problems);
    Some(Audience::Search(Search { field: field?, op: op?, value: value? }))
}
