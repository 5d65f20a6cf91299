//! `rules:`: if an event comes and a condition holds, a message is sent.

use std::ops::RangeInclusive;

use super::account::LeadSquared;
use super::action::{self, Action, FLASH, SMS, TITLE, VOICE};
use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::names::{ID, Ids, RuleId, WAS};
use super::never;
use super::section::{Item, Section};
use super::sending::{self, CAPS, Cap, MAX_LINGER_MS, QUOTAS, Quotas, SendTiming};
use super::trigger::{self, ACTIVITY, FIELD, FROM, ON, TO, Trigger};
use super::{DAY_MS, DEFAULT_EXPIRES_MS, MINUTE_MS, values};
use crate::call;
use crate::hours::SendingHours;
use crate::kind::EventKind;
use crate::spelling::closest;
use crate::state::Priority;
use crate::text::Condition;

const PRIORITIES: [&str; 3] = ["urgent", "normal", "low"];
const EXAMPLE: &str = "- id: welcome, with its keys below it";

/// `when`.
pub(super) const WHEN: Key = Key::optional("when", Kind::Condition, "always", "The condition that must hold.")
    .example("lead.Source == \"Site\"");
/// `expires`.
pub(super) const EXPIRES: Key = Key::with_default(
    "expires",
    Kind::Duration(MINUTE_MS, 90 * DAY_MS),
    "72h",
    "How long after the event the message may still start.",
);
/// `group_id`. LigueLead states no limit; this is its limit for titles.
pub(super) const GROUP_ID: Key =
    Key::optional("group_id", Kind::TextUpTo(255), "none", "LigueLead's own label for grouping sends.").example("site");
/// `quota`.
pub(super) const QUOTA: Key =
    Key::optional("quota", Kind::Section(&QUOTAS), "none", "The rule's own daily limits, beside the account's.")
        .more("Its messages go in requests of their own.");
/// `priority`.
pub(super) const PRIORITY: Key =
    Key::with_default("priority", Kind::Word(&PRIORITIES), "normal", "Which messages go first.").more(
        "`urgent` messages go before all others and in requests of their own. `low` messages gather for \
         a second (on AWS for up to a minute) and go after the others. They use at most `campaign_share` of LigueLead's rate.",
    );

/// A rule.
pub(super) const RULE: Keys = Keys::new(
    "`rules`",
    &[
        ID,
        WAS,
        ON,
        FIELD,
        FROM,
        TO,
        ACTIVITY,
        WHEN,
        SMS,
        FLASH,
        VOICE,
        TITLE,
        EXPIRES,
        GROUP_ID,
        QUOTA,
        PRIORITY,
        Key { doc: "At most so many messages of this rule to one person, beside the account's caps.", ..CAPS },
        Key::optional(
            "else",
            Kind::Section(&ELSE),
            "none",
            "The fallback for a message that is not delivered, or a call that nobody answers.",
        ),
        Key::optional(
            "linger",
            Kind::Duration(0, MAX_LINGER_MS),
            "`send.linger`",
            "How long its messages may [wait for others of the same text](#linger).",
        )
        .limit("shorter than `expires`, not for `urgent` messages")
        .example("2s"),
        Key::with_default("shadow", Kind::Flag, "false", "With `true`, Recado decides as usual, but sends nothing.")
            .more("It writes the message as `skipped`, \"in shadow\"."),
        Key::with_default(
            "on_unknown",
            Kind::Word(&["keep", "resend"]),
            "keep",
            "What to do if nobody knows after `send.unknown_after` whether a message was sent.",
        )
        .more(
            "`resend` sends it once more, and its recipient may get it twice. Then `expires` must be longer than \
             `unknown_after`.",
        ),
        Key::optional("hours", Kind::Hours, "the account's", "The rule's own hours, inside the account's hours.")
            .more("Both must be open.")
            .example("\"09:00-18:00 mon-fri\""),
        Key::with_default(
            "urgent",
            Kind::Flag,
            "false",
            "With `true`, the message may come at any hour and on holidays, and goes before all others.",
        )
        .limit("not with `voice`, `hours` or `priority`")
        .more("It needs a `reason`. Quotas, caps and opt-outs apply to it too."),
        Key::optional(
            "reason",
            Kind::Text,
            "none",
            "Why people want the message at any hour, for readers of the file.",
        )
        .needs("urgent")
        .example("\"the lead asked for the code a moment ago\""),
        Key::with_default(
            "control_percent",
            // With a larger control group, the rule should be removed instead.
            Kind::Whole(0, 90),
            "0",
            "How many of a hundred leads get nothing of this rule, to compare the others with.",
        )
        .more(
            "They are always the same leads, chosen by rule and lead. Recado writes their messages as `skipped`, \"in \
             the rule's control group\".",
        ),
    ],
);

/// The inside of `else`.
const ELSE: Keys = Keys::new(
    "`else`",
    &[
        SMS.limit("for a rule with a voice call"),
        FLASH.limit("for a rule with a voice call, no web address"),
        VOICE.limit("for a rule that sends a text"),
        TITLE,
    ],
);

/// One rule. Cheap to clone: its compiled parts are shared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// Its id, which is part of each message's identity.
    pub id: RuleId,
    /// Its earlier ids, the first one first. Messages have the identity of the first id.
    pub was: Vec<RuleId>,
    /// The events that it waits for.
    pub trigger: Trigger,
    /// The condition; `None` always holds.
    pub when: Option<Condition>,
    /// What it sends.
    pub action: Action,
    /// How long after the event a message may still start, in milliseconds (1 minute to 90 days); `None` is three
    /// days, [`DEFAULT_EXPIRES_MS`](super::DEFAULT_EXPIRES_MS).
    pub expires_ms: Option<u64>,
    /// LigueLead's `group_id`, 1 to 255 characters.
    pub group_id: Option<String>,
    /// The rule's own daily budget, beside the account's.
    pub quota: Option<Quotas>,
    /// The rule is evaluated, counted and reported, but sends nothing. Default false.
    pub shadow: bool,
    /// The priority of its messages. Default normal.
    pub priority: Priority,
    /// How long its messages may linger for more messages of the same text, in milliseconds (0 to 10 minutes). `None`
    /// is [`SendTiming::linger_ms`](super::SendTiming::linger_ms). Urgent messages never wait.
    pub linger_ms: Option<u64>,
    /// Whether a message that is still unknown after `send.unknown_after` is sent once more. Default false.
    pub resends_unknown: bool,
    /// When its messages may start, if that differs from the account's own hours.
    pub hours: Option<SendingHours>,
    /// How many of a hundred leads get nothing of this rule, always the same leads: 0 to 90. Default 0.
    pub control_percent: u8,
    /// Messages of this rule per person in rolling windows, beside the account's caps. All caps apply.
    pub caps: Vec<Cap>,
    /// Fallback when a message is not delivered or a voice call is not answered. It uses another channel.
    pub fallback: Option<Action>,
}

impl Rule {
    /// The rule's first id. Changes that have a message under this id get no second one.
    #[must_use]
    pub fn first_id(&self) -> &RuleId {
        self.was.first().unwrap_or(&self.id)
    }

    /// All that the rule may send: its action, and its fallback.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        std::iter::once(&self.action).chain(&self.fallback)
    }
}

/// The parts of the file that a rule depends on.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) send: &'a SendTiming,
    pub(super) hours: &'a SendingHours,
    pub(super) leadsquared: &'a LeadSquared,
}

pub(super) fn read_all(root: &Section<'_>, ids: &mut Ids, account: Account<'_>, problems: &mut Problems) -> Vec<Rule> {
    let items = root.list("rules", EXAMPLE, problems);
    if !root.has("rules") && !root.has("campaigns") {
        root.warning("rules", "without rules, Recado sends nothing", Some("rules: with at least one rule"), problems);
    }
    items.iter().filter_map(|item| read(item, ids, account, problems)).collect()
}

fn read(item: &Item<'_>, ids: &mut Ids, account: Account<'_>, problems: &mut Problems) -> Option<Rule> {
    let section = item.section(&RULE, problems)?;
    // All parts are read before any is required, so that each part reports its mistakes.
    let id = ids.read(&section, problems);
    let was = ids.read_was(&section, problems);
    let trigger = trigger::read(&section, problems);
    let when = when(&section, trigger.as_ref(), problems);
    let action = action::read(&section, trigger.as_ref().map(Trigger::kind), problems);
    let expires_ms = expires_ms(&section, problems);
    let group_id = group_id(&section, problems);
    let quota = sending::quotas(&section, "quota", problems);
    let shadow = section.flag("shadow", problems);
    let is_voice = section.has("voice");
    let is_urgent = is_urgent(&section, is_voice, problems);
    let priority = if is_urgent { Priority::Urgent } else { priority(&section, problems) };
    let linger_ms = linger_ms(&section, priority, expires_ms, problems);
    let resends_unknown = resends_unknown(&section, expires_ms, account.send.unknown_after_ms, problems);
    let own_hours = own_hours(&section, account.hours, is_voice, problems);
    let hours = if is_urgent { Some(account.hours.at_any_hour()) } else { own_hours };
    let control_percent = section.whole("control_percent", problems);
    let caps = sending::caps(&section, problems);
    if let Some(trigger) = &trigger {
        never::of_rule(&section, trigger, when.as_ref(), account.leadsquared, problems);
    }
    let fallback = fallback(&section, trigger.as_ref().map(Trigger::kind), problems);
    let (id, trigger, action) = (id?, trigger?, action?);
    Some(Rule {
        id,
        was,
        trigger,
        when,
        action,
        expires_ms,
        group_id,
        quota,
        shadow,
        priority,
        linger_ms,
        resends_unknown,
        hours,
        control_percent,
        caps,
        fallback,
    })
}

pub(super) fn priority(section: &Section<'_>, problems: &mut Problems) -> Priority {
    let read = |text: &str, _: &RangeInclusive<u64>| {
        text.parse().map_err(|_| {
            let suggestion = match text {
                "high" | "highest" => "urgent".to_owned(),
                _ => closest(text, &PRIORITIES).map_or("one of urgent, normal and low".to_owned(), str::to_owned),
            };
            (format!("there is no priority \"{text}\""), suggestion)
        })
    };
    section.value("priority", problems, read).unwrap_or_default()
}

/// `urgent: true` with its reason: an SMS or Flash that may arrive at any hour and goes first.
fn is_urgent(section: &Section<'_>, is_voice: bool, problems: &mut Problems) -> bool {
    let is_urgent = section.flag("urgent", problems);
    let reason = section.text("reason", problems);
    if !is_urgent {
        if reason.is_some() {
            section.error("reason", "`reason` needs `urgent: true`", "urgent: true, or leave reason out", problems);
        }
        return false;
    }
    if !section.has("reason") {
        let suggestion = "reason: and why people want it at any hour, such as \"the lead asked for a code\"";
        section.error("urgent", "an urgent message needs a reason", suggestion, problems);
    }
    if is_voice {
        section.error("urgent", "a voice call cannot be urgent", "an sms or flash, or leave urgent out", problems);
    }
    for key in ["hours", "priority"].into_iter().filter(|key| section.has(key)) {
        let message = format!("`urgent` and `{key}` cannot be together");
        section.error(key, message, &format!("either urgent or {key}"), problems);
    }
    true
}

/// `else`: an action on another channel than the rule's own.
fn fallback(section: &Section<'_>, kind: Option<EventKind>, problems: &mut Problems) -> Option<Action> {
    let inner = section.section("else", problems)?;
    let action = action::read(&inner, kind, problems)?;
    let is_call = |section: &Section<'_>| section.has("voice");
    if is_call(section) == is_call(&inner) {
        let (message, suggestion) = if is_call(section) {
            ("the fallback of a voice call must be an SMS or Flash", "sms or flash")
        } else {
            ("the fallback of a text must be a voice call", "voice")
        };
        section.error("else", message, suggestion, problems);
    }
    Some(action)
}

/// `hours`: the hours of the rule's channel, within the account's.
fn own_hours(
    section: &Section<'_>,
    account: &SendingHours,
    is_voice: bool,
    problems: &mut Problems,
) -> Option<SendingHours> {
    let own = section.given("hours", problems, sending::read_hours)?;
    let narrowed = account.narrowed(&own, is_voice);
    if narrowed.as_ref().is_none_or(|hours| is_voice && !call::ever(hours)) {
        let message = "these hours and the account's `hours` leave no time to send";
        section.error("hours", message, "hours inside the account's, or change the account's", problems);
    }
    narrowed
}

fn linger_ms(
    section: &Section<'_>,
    priority: Priority,
    expires_ms: Option<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    let linger_ms = section.given_duration_ms("linger", problems)?;
    if priority == Priority::Urgent && linger_ms > 0 {
        let suggestion = "no linger here, or priority: normal";
        section.error("linger", "an urgent message cannot linger", suggestion, problems);
    }
    if expires_ms.is_some_and(|expires_ms| linger_ms >= expires_ms) {
        let suggestion = "a linger shorter than expires";
        section.error("linger", "the message would expire while it lingers", suggestion, problems);
    }
    Some(linger_ms)
}

/// Reads the condition of a rule (with its trigger) or of a campaign (without a trigger).
pub(super) fn when(section: &Section<'_>, trigger: Option<&Trigger>, problems: &mut Problems) -> Option<Condition> {
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
    item.note_lead_fields(&condition.names(), problems);
    item.note_lead_values(&condition.compared(), problems);
    if let Some(trigger) = trigger {
        action::check_names(&item, condition.references(), Some(trigger.kind()), problems);
    }
    Some(condition)
}

/// `on_unknown`: `keep` or `resend`. A message is sent again after `unknown_after`, so it must still be worth sending
/// then.
fn resends_unknown(
    section: &Section<'_>,
    expires_ms: Option<u64>,
    unknown_after_ms: u64,
    problems: &mut Problems,
) -> bool {
    let resends = section.word("on_unknown", problems, |word| match word {
        "keep" => Some(false),
        "resend" => Some(true),
        _ => None,
    });
    let lifetime_ms = expires_ms.unwrap_or(DEFAULT_EXPIRES_MS.unsigned_abs());
    if resends && lifetime_ms <= unknown_after_ms {
        let message = "the message expires before Recado can send it again";
        let suggestion = format!("an expires longer than {}", values::written(unknown_after_ms));
        section.error("on_unknown", message, &suggestion, problems);
    }
    resends
}

pub(super) fn expires_ms(section: &Section<'_>, problems: &mut Problems) -> Option<u64> {
    section.given_duration_ms("expires", problems)
}

pub(super) fn group_id(section: &Section<'_>, problems: &mut Problems) -> Option<String> {
    section.given("group_id", problems, |text, range| match text.chars().count() {
        chars if chars as u64 > *range.end() => {
            Err((format!("the group id has {chars} characters"), format!("at most {} characters", range.end())))
        }
        _ => Ok(text.to_owned()),
    })
}
