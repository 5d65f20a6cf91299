//! Events that tell too little of their lead: which fields rules need besides, and the event once they are there.
//!
//! LeadSquared's webhooks carry what had a value, and custom fields not always. A rule that asks for more gets it from
//! the lead itself. What the delivery does carry stays as it is: it is what the lead was like at the change.

use std::collections::BTreeSet;

use crate::{
    config::{Action, Config, Rule},
    decide::{PHONE_FIELDS, channel, is_triggered},
    event::Event,
    fields::Fields,
    opt_out::OwnFields,
    text::{Condition, Template},
};

/// The lead's fields that rules need to judge `event`, and that it does not carry, not even as empty ones. None: it can be
/// decided on as it is.
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

/// The lead's fields to ask for: whatever any rule may need, since one answer serves many events; and those that forbid
/// messages, which must be as they are now. `own` are LeadSquared's own of these that the account has.
#[must_use]
pub fn columns(config: &Config, own: OwnFields) -> BTreeSet<String> {
    let mut columns: BTreeSet<String> = config.rules.iter().flat_map(needed).collect();
    columns.extend(PHONE_FIELDS.map(str::to_owned));
    columns.extend(opt_outs(config, own).into_iter().map(str::to_owned));
    columns
}

/// The fields that forbid messages of the channels that rules send by.
#[must_use]
pub fn opt_outs(config: &Config, own: OwnFields) -> BTreeSet<&str> {
    let channels = config.rules.iter().flat_map(Rule::actions).map(channel);
    channels.flat_map(|channel| config.leadsquared.opt_out.asked(channel, own)).collect()
}

/// `event` with the lead's fields that it does not carry, as they were `read` just now. Fields that forbid messages are
/// taken as read in any case.
#[must_use]
pub fn completed(config: &Config, event: &Event, read: &Fields) -> Event {
    let mut event = event.clone();
    // What was not asked for was not read.
    let fresh = opt_outs(config, OwnFields { sms: true, voice: true });
    for (name, value) in read.iter() {
        if fresh.contains(name) || !event.lead.contains(name) {
            event.lead.insert(name, value.map(str::to_owned));
        }
    }
    event
}

/// The lead's fields that a rule names.
fn needed(rule: &Rule) -> BTreeSet<String> {
    named(rule.actions().flat_map(Action::templates), rule.when.as_ref())
}

/// The lead's fields that these templates and this condition name.
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
