//! `rules:`: when something happens, and a condition holds, send.

use super::action::{self, Action};
use super::diagnostic::Problems;
use super::names::{Ids, RuleId};
use super::section::{Item, Section};
use super::sending::{self, MAX_LINGER_MS, Quotas};
use super::trigger::{self, Trigger};
use super::{DAY_MS, MAX_RULES, values};
use crate::decide::DEFAULT_EXPIRES_MS;
use crate::message::Priority;
use crate::spelling::closest;
use crate::text::Condition;

const KEYS: [&str; 18] = [
    "id",
    "on",
    "field",
    "from",
    "to",
    "activity",
    "when",
    "sms",
    "flash",
    "voice",
    "title",
    "expires",
    "group_id",
    "quota",
    "shadow",
    "priority",
    "linger",
    "on_unknown",
];
const PRIORITIES: [&str; 3] = ["urgent", "normal", "low"];
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
    /// Which messages go first. Default normal.
    pub priority: Priority,
    /// How long its messages may wait for others of their text, in milliseconds (0 to 10 minutes); `None` is
    /// [`SendTiming::linger_ms`](super::SendTiming::linger_ms). An urgent rule's wait for nobody.
    pub linger_ms: Option<u64>,
    /// Whether a message of which it is still unknown after `send.unknown_after` whether it was sent is sent once
    /// more. Default false.
    pub resends_unknown: bool,
}

pub(super) fn read_all(root: &Section<'_>, ids: &mut Ids, unknown_after_ms: u64, problems: &mut Problems) -> Vec<Rule> {
    let items = root.list("rules", MAX_RULES, EXAMPLE, problems);
    if !root.has("rules") && !root.has("campaigns") {
        root.warning("rules", "without rules nothing is ever sent", Some("rules: with at least one"), problems);
    }
    items.iter().filter_map(|item| read(item, ids, unknown_after_ms, problems)).collect()
}

fn read(item: &Item<'_>, ids: &mut Ids, unknown_after_ms: u64, problems: &mut Problems) -> Option<Rule> {
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
    let priority = priority(&section, problems);
    let linger_ms = linger_ms(&section, priority, expires_ms, problems);
    let resends_unknown = resends_unknown(&section, expires_ms, unknown_after_ms, problems);
    let (id, trigger, action) = (id?, trigger?, action?);
    Some(Rule { id, trigger, when, action, expires_ms, group_id, quota, shadow, priority, linger_ms, resends_unknown })
}

fn priority(section: &Section<'_>, problems: &mut Problems) -> Priority {
    let item = section.get("priority", problems);
    let read = item.and_then(|item| {
        item.parsed(problems, |text| {
            text.parse().map_err(|_| {
                let suggestion = match text {
                    "high" | "highest" => "urgent".to_owned(),
                    _ => closest(text, &PRIORITIES).map_or("one of urgent, normal and low".to_owned(), str::to_owned),
                };
                (format!("there is no priority \"{text}\""), suggestion)
            })
        })
    });
    read.unwrap_or_default()
}

fn linger_ms(
    section: &Section<'_>,
    priority: Priority,
    expires_ms: Option<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    let linger_ms = section.duration_ms("linger", 0..=MAX_LINGER_MS, problems)?;
    if priority == Priority::Urgent && linger_ms > 0 {
        let suggestion = "no linger here, or priority: normal";
        section.error("linger", "an urgent message waits for nobody", suggestion, problems);
    }
    if expires_ms.is_some_and(|expires_ms| linger_ms >= expires_ms) {
        let suggestion = "a linger shorter than expires";
        section.error("linger", "the message would expire while it waits for others", suggestion, problems);
    }
    Some(linger_ms)
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

/// `on_unknown`: `keep` or `resend`. A resend comes after `unknown_after`, so the message must be worth sending then.
fn resends_unknown(
    section: &Section<'_>,
    expires_ms: Option<u64>,
    unknown_after_ms: u64,
    problems: &mut Problems,
) -> bool {
    let resends = section.get("on_unknown", problems).and_then(|item| {
        item.parsed(problems, |word| match word {
            "keep" => Ok(false),
            "resend" => Ok(true),
            _ => Err((format!("\"{word}\" does not say what to do"), "keep or resend".to_owned())),
        })
    });
    let resends = resends.unwrap_or_default();
    let lifetime_ms = expires_ms.unwrap_or(DEFAULT_EXPIRES_MS.unsigned_abs());
    if resends && lifetime_ms <= unknown_after_ms {
        let message = "the message expires before it could be sent again";
        let suggestion = format!("an expires longer than {}", values::written(unknown_after_ms));
        section.error("on_unknown", message, &suggestion, problems);
    }
    resends
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
