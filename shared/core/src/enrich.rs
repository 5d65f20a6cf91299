//! Events with too few of their lead's fields: which fields rules also need, and the event once these were read.
//!
//! LeadSquared's webhooks carry the fields that had a value, and not always custom fields. If a rule needs more, the
//! lead itself is read. The fields in the delivery stay as they are: they show the lead at the change.

use std::collections::BTreeSet;

use crate::{
    config::{Action, Config, Rule},
    decide::{PHONE_FIELDS, channel, is_triggered},
    event::Event,
    fields::Fields,
    opt_out::OwnFields,
    text::{Condition, Template},
};

/// The lead's fields that rules need to judge `event` and that it does not carry, not even as empty ones. If there are
/// none, the event can be decided on as it is.
#[must_use]
pub fn missing_fields(config: &Config, event: &Event) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    for rule in config.rules.iter().filter(|rule| is_triggered(rule, event)) {
        missing.extend(needed(rule).into_iter().filter(|field| !event.lead.contains(field)));
        if !PHONE_FIELDS.iter().any(|field| event.lead.contains(field)) {
            missing.extend(PHONE_FIELDS.map(str::to_owned));
        }
    }
    missing
}

/// The lead's fields to read: all that any rule may need, since one answer serves many events. The opt-out fields are
/// among them, because they must be current. `own` are LeadSquared's own opt-out fields that the account has.
#[must_use]
pub fn columns(config: &Config, own: OwnFields) -> BTreeSet<String> {
    let mut columns: BTreeSet<String> = config.rules.iter().flat_map(needed).collect();
    columns.extend(PHONE_FIELDS.map(str::to_owned));
    columns.extend(opt_outs(config, own).into_iter().map(str::to_owned));
    columns
}

/// The opt-out fields for the channels that rules use.
#[must_use]
pub fn opt_outs(config: &Config, own: OwnFields) -> BTreeSet<&str> {
    let channels = config.rules.iter().flat_map(Rule::actions).map(channel);
    channels.flat_map(|channel| config.leadsquared.opt_out.asked(channel, own)).collect()
}

/// `event` with the lead's fields that it does not carry, as `read` just now. Opt-out fields are always taken from
/// `read`.
#[must_use]
pub fn completed(config: &Config, event: &Event, read: &Fields) -> Event {
    let mut event = event.clone();
    // A field that was not requested is not in `read`.
    let fresh = opt_outs(config, OwnFields { sms: true, voice: true });
    for (name, value) in read.iter() {
        if fresh.contains(name) || !event.lead.contains(name) {
            event.lead.insert(name, value.map(str::to_owned));
        }
    }
    event
}

/// The lead's fields that a rule uses.
fn needed(rule: &Rule) -> BTreeSet<String> {
    named(rule.actions().flat_map(Action::templates), rule.when.as_ref())
}

/// The lead's fields that these templates and this condition use.
pub(crate) fn named<'c>(
    templates: impl Iterator<Item = &'c Template>,
    when: Option<&'c Condition>,
) -> BTreeSet<String> {
    let when = when.into_iter().flat_map(Condition::references);
    when.chain(templates.flat_map(Template::references))
        .filter_map(|name| name.strip_prefix("lead."))
        .map(|field| field.split('.').next().unwrap_or(field).to_owned())
        .collect()
}
