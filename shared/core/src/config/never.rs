//! Warnings about rules and campaigns that can never send, or that wait for Recado's own writes.
//!
//! They say only what is certain from the file alone. A rule that sends nothing is legal, so none of them is an error.

use super::DEFAULT_EXPIRES_MS;
use super::account::LeadSquared;
use super::diagnostic::Problems;
use super::schedule::Schedule;
use super::section::Section;
use super::trigger::{FieldChange, Trigger};
use crate::call;
use crate::hours::SendingHours;
use crate::text::{Condition, Known};
use crate::zone::Zone;

/// The clocks for a campaign's start and its messages.
#[derive(Clone, Copy)]
pub(super) struct Clock<'a> {
    pub(super) zone: &'a Zone,
    pub(super) hours: &'a SendingHours,
}

/// Warns of a rule that never sends.
pub(super) fn of_rule(
    section: &Section<'_>,
    trigger: &Trigger,
    when: Option<&Condition>,
    crm: &LeadSquared,
    problems: &mut Problems,
) {
    let change = trigger.change();
    if let Some(change) = change {
        write_back(section, change, crm, problems);
    }
    if let Some((change, value)) = change.and_then(|change| Some((change, change.to.as_ref()?)))
        && change.from.as_ref() == Some(value)
    {
        let message = format!("`from` and `to` are both \"{value}\": the rule never sends");
        section.warning("to", message, Some("another value, or leave from out"), problems);
        return;
    }
    let (Some(condition), Some(item)) = (when, section.get("when", problems)) else { return };
    let known = facts(trigger);
    if let Some(never) = condition.never_holds(&known) {
        item.snippet_warning(&never, problems);
        return;
    }
    let known = condition.with_demands(&known);
    let value = |root: &str, name: &str| known.get(&format!("{root}.{name}")).and_then(Option::as_deref);
    if let Some(change) = change
        && let Some(is) = value("lead", change.name.as_str())
        && value("before", change.name.as_str()) == Some(is)
    {
        let message = format!("here {} is \"{is}\" before and after the change: the rule never sends", change.name);
        section.warning("when", message, Some("two different values"), problems);
    }
    if trigger.kind().has_activity() && value("event", "activity") == Some(crm.activity.as_str()) {
        let message = format!("Recado itself writes the activities \"{}\", and they start no rule", crm.activity);
        section.warning("when", message, Some("another activity, or another leadsquared.activity"), problems);
    }
    let by_us = crm.integration_user.is_some() && value("event", "by") == crm.integration_user.as_deref();
    if by_us && trigger.kind().may_be_ours() {
        let message = "edits by the integration user start no rule";
        section.warning("when", message, Some("another user's id"), problems);
    }
}

/// Facts that hold for every event that the rule waits for.
fn facts(trigger: &Trigger) -> Known {
    let mut known = Known::from([("event.kind".to_owned(), Some(trigger.kind().name().to_owned()))]);
    if !trigger.kind().has_activity() {
        known.insert("event.activity".to_owned(), None);
    }
    if let Some(change) = trigger.change() {
        for (root, value) in [("before", &change.from), ("lead", &change.to)] {
            if value.is_some() {
                known.insert(format!("{root}.{}", change.name), value.clone());
            }
        }
    }
    known
}

/// Warns of a rule that waits for a field that Recado writes.
fn write_back(section: &Section<'_>, change: &FieldChange, crm: &LeadSquared, problems: &mut Problems) {
    let written = [&crm.write_back.status, &crm.write_back.at];
    if written.into_iter().flatten().any(|field| *field == change.name) {
        let message = format!("Recado itself writes {} after each message, and that starts no rule", change.name);
        section.warning("field", message, Some("another field, or another field in write_back"), problems);
    }
}

/// Warns of a campaign that never sends: by its condition, or because all its messages expire at closed hours.
pub(super) fn of_campaign(
    section: &Section<'_>,
    when: Option<&Condition>,
    clock: Clock<'_>,
    (schedule, expires_ms): (Option<&Schedule>, Option<u64>),
    problems: &mut Problems,
) {
    if let (Some(condition), Some(item)) = (when, section.get("when", problems))
        && let Some(never) = condition.never_holds(&Known::new())
    {
        item.snippet_warning(&never, problems);
    }
    let Some(schedule) = schedule else { return };
    let expires_ms = expires_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(DEFAULT_EXPIRES_MS);
    let is_voice = section.has("voice");
    let starts = schedule.starts_in_a_week(clock.zone);
    if !starts.is_empty() && !starts.iter().any(|&at_ms| opens(clock.hours, is_voice, at_ms, at_ms + expires_ms)) {
        let message =
            "the campaign starts outside the hours, and its messages expire before the hours begin: it never sends";
        let key = if section.has("expires") { "expires" } else { "schedule" };
        section.warning(key, message, Some("a longer expires, or a start inside the hours"), problems);
    }
}

/// Whether any recipient may get messages between two instants.
fn opens(hours: &SendingHours, is_voice: bool, from_ms: i64, until_ms: i64) -> bool {
    call::ZONES.into_iter().filter_map(|name| Zone::parse(name).ok()).any(|zone| {
        let opens_ms = if is_voice {
            match call::dial(hours, &zone, from_ms) {
                call::Dial::Now { .. } => from_ms,
                call::Dial::NotBefore(at_ms) => at_ms,
            }
        } else {
            hours.sms.next_open_ms(from_ms, &zone)
        };
        opens_ms < until_ms
    })
}
