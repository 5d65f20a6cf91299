//! Events that tell too little of their lead: which fields rules need besides, and the event once they are there.
//!
//! LeadSquared's webhooks carry what had a value, and custom fields not always. A rule that asks for more gets it from
//! the lead itself. What the delivery does carry stays as it is: it is what the lead was like at the change.

use std::collections::BTreeSet;

use crate::{
    config::{Action, Config, FieldName, Rule},
    decide::{PHONE_FIELDS, is_triggered},
    event::Event,
    fields::Fields,
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
/// messages, which must be as they are now.
#[must_use]
pub fn columns(config: &Config) -> BTreeSet<String> {
    let mut columns: BTreeSet<String> = config.rules.iter().flat_map(needed).collect();
    columns.extend(PHONE_FIELDS.map(str::to_owned));
    columns.extend(opt_outs(config).map(str::to_owned));
    columns
}

/// `event` with the lead's fields that it does not carry, as they were `read` just now. Fields that forbid messages are
/// taken as read in any case.
#[must_use]
pub fn completed(config: &Config, event: &Event, read: &Fields) -> Event {
    let mut event = event.clone();
    let fresh: BTreeSet<&str> = opt_outs(config).collect();
    for (name, value) in read.iter() {
        if fresh.contains(name) || !event.lead.contains(name) {
            event.lead.insert(name, value.map(str::to_owned));
        }
    }
    event
}

fn opt_outs(config: &Config) -> impl Iterator<Item = &str> {
    config.leadsquared.opt_out.fields().map(FieldName::as_str)
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
