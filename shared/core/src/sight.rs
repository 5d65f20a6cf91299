//! What was last seen of the lead's fields that rules watch.
//!
//! LeadSquared's list of modified leads shows what a lead is like and that something in it changed. Beside what was seen
//! last, by whichever webhook or list, it shows *which* watched field changed: the one whose value differs. So a change
//! whose webhook did not come can be told from a value of old. A lead of which nothing was seen yet teaches its values
//! and nothing else.
//!
//! A change that the list told of has the list's instant, and its webhook, should it come after all, an earlier one. So
//! the sight remembers the list's: the late webhook takes it over, and with it the same message's id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{config::Config, event::Event, fields::Fields};

/// Values of which it is remembered that the list told of them. A webhook that comes later than that many other changes of
/// the same field that the list told of is not recognised.
const MOST_LISTED: usize = 8;

/// An instant by LeadSquared's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// As LeadSquared wrote it: this is part of a message's id.
    pub text: String,
    /// The same in ms since the epoch, whole seconds.
    pub ms: i64,
}

/// What was last seen of one field. `Serialize` is for storage and for nothing that is logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sight {
    value: Option<String>,
    at_ms: i64,
    /// Changes that the list told of, the last of each value: the value, and the list's instant. At most [`MOST_LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    listed: Vec<(Option<String>, Instant)>,
}

/// What was last seen of a lead's watched fields. Shows no value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sights(BTreeMap<String, Sight>);

impl std::fmt::Debug for Sights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sights")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Sights {
    /// Takes in what a webhook shows of the `watched` fields at `at_ms`, the instant that it names, or else that at which
    /// it came. What is older than what was seen changes nothing. Returns the fields whose change the list has told of
    /// already, with the instant under which it did.
    pub fn deliver(&mut self, event: &Event, watched: &BTreeSet<&str>, at_ms: i64) -> BTreeMap<String, String> {
        let mut listed = BTreeMap::new();
        for &field in watched.iter().filter(|field| event.lead.contains(field)) {
            let (value, is_change) = (event.is(field), event.field_changed(field));
            let Some(sight) = self.0.get_mut(field) else {
                self.0.insert(field.to_owned(), Sight { value: value.map(str::to_owned), at_ms, listed: Vec::new() });
                continue;
            };
            let told = sight.listed.iter().find(|(told, at)| told.as_deref() == value && at_ms <= at.ms);
            if let Some((_, at)) = told.filter(|_| is_change) {
                listed.insert(field.to_owned(), at.text.clone());
            }
            // A field that a webhook shows unchanged is no news, and worth no write. If it was seen with another value,
            // a change was missed: that is for the list to tell of.
            if at_ms >= sight.at_ms && is_change {
                (sight.value, sight.at_ms) = (value.map(str::to_owned), at_ms);
            }
        }
        listed
    }

    /// Takes in what the list shows of the `watched` fields, at the instant of the lead's last edit. Returns the fields
    /// that changed since they were last seen, with the values of then.
    pub fn list(&mut self, lead: &Fields, watched: &BTreeSet<&str>, at: &Instant) -> Fields {
        let mut changed = Fields::new();
        for &field in watched.iter().filter(|field| lead.contains(field)) {
            let value = lead.get(field).filter(|value| !value.is_empty()).map(str::to_owned);
            match self.0.get_mut(field) {
                None => {
                    self.0.insert(field.to_owned(), Sight { value, at_ms: at.ms, listed: Vec::new() });
                }
                // Not in the same second either: a webhook may have told of a later edit in it.
                Some(sight) if sight.value != value && at.ms > sight.at_ms => {
                    changed.insert(field, std::mem::replace(&mut sight.value, value.clone()));
                    sight.at_ms = at.ms;
                    sight.listed.retain(|(told, _)| *told != value);
                    sight.listed.insert(0, (value, at.clone()));
                    sight.listed.truncate(MOST_LISTED);
                }
                Some(_) => {}
            }
        }
        changed
    }
}

/// The fields that rules watch.
#[must_use]
pub fn watched(config: &Config) -> BTreeSet<&str> {
    config.rules.iter().filter_map(|rule| Some(rule.trigger.change()?.name.as_str())).collect()
}
