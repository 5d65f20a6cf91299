//! `rules:`: when something happens, and a condition holds, send.

use super::action::{self, Action};
use super::diagnostic::Problems;
use super::names::{Ids, RuleId};
use super::section::{Item, Section};
use super::sending::{self, Quotas};
use super::trigger::{self, Trigger};
use super::{DAY_MS, MAX_RULES};
use crate::text::Condition;

const KEYS: [&str; 15] = [
    "id", "on", "field", "from", "to", "activity", "when", "sms", "flash", "voice", "title", "expires", "group_id",
    "quota", "shadow",
];
const EXAMPLE: &str = "- id: welcome, with its keys below it";
const MINUTE_MS: u64 = 60_000;
/// The longest `group_id`, in characters. LigueLead states no limit; this is its limit for titles.
const MAX_GROUP_CHARS: usize = 255;

/// One rule. Cheap to clone: its compiled parts are shared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// Its id, which is part of each message's identity.
    pub id: RuleId,
    /// What it waits for.
    pub trigger: Trigger,
    /// What must hold then; `None` always holds.
    pub when: Option<Condition>,
    /// What it sends.
    pub action: Action,
    /// How long after the event a message may still start, in milliseconds (1 minute to 90 days); `None` is three
    /// days, [`DEFAULT_EXPIRES_MS`](crate::decide::DEFAULT_EXPIRES_MS).
    pub expires_ms: Option<u64>,
    /// LigueLead's `group_id`, 1 to 255 characters.
    pub group_id: Option<String>,
    /// The rule's own budget of a day, beside the account's.
    pub quota: Option<Quotas>,
    /// Evaluated, counted and reported, but nothing is sent. Default false.
    pub shadow: bool,
}

pub(super) fn read_all(root: &Section<'_>, ids: &mut Ids, problems: &mut Problems) -> Vec<Rule> {
    let items = root.list("rules", MAX_RULES, EXAMPLE, problems);
    if !root.has("rules") && !root.has("campaigns") {
        root.warning("rules", "without rules nothing is ever sent", Some("rules: with at least one"), problems);
    }
    items.iter().filter_map(|item| read(item, ids, problems)).collect()
}

fn read(item: &Item<'_>, ids: &mut Ids, problems: &mut Problems) -> Option<Rule> {
    let section = item.section(&KEYS, problems)?;
    // All parts are read before any is asked for, so that each shows its mistakes.
    let id = ids.read(&section, problems);
    let trigger = trigger::read(&section, problems);
    let when = when(&section, trigger.as_ref(), problems);
    let action = action::read(&section, trigger.as_ref().map(Trigger::kind), problems);
    let expires_ms = expires_ms(&section, problems);
    let group_id = group_id(&section, problems);
    let quota = sending::quotas(&section, "quota", problems);
    let shadow = section.flag("shadow", problems).unwrap_or_default();
    Some(Rule { id: id?, trigger: trigger?, when, action: action?, expires_ms, group_id, quota, shadow })
}

fn when(section: &Section<'_>, trigger: Option<&Trigger>, problems: &mut Problems) -> Option<Condition> {
    let item = section.get("when", problems)?;
    let source = item.text(problems)?;
    let condition = match Condition::compile(source.trim_end()) {
        Ok(condition) => condition,
        Err(error) => {
            item.snippet_error(&error, problems);
            return None;
        }
    };
    condition.warnings().iter().for_each(|warning| item.snippet_warning(warning, problems));
    if let Some(trigger) = trigger {
        action::check_names(&item, condition.references(), Some(trigger.kind()), problems);
    }
    Some(condition)
}

pub(super) fn expires_ms(section: &Section<'_>, problems: &mut Problems) -> Option<u64> {
    section.duration_ms("expires", MINUTE_MS..=90 * DAY_MS, problems)
}

pub(super) fn group_id(section: &Section<'_>, problems: &mut Problems) -> Option<String> {
    section.get("group_id", problems)?.parsed(problems, |text| match text.chars().count() {
        chars if chars > MAX_GROUP_CHARS => {
            Err((format!("the group id has {chars} characters"), format!("{MAX_GROUP_CHARS} characters at most")))
        }
        _ => Ok(text.to_owned()),
    })
}
