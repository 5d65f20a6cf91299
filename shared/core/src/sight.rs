//! What was last seen of the lead's fields that rules watch.
//!
//! LeadSquared's list of modified leads shows what a lead is like and that something in it changed. Beside what was seen
//! last, by whichever webhook or list, it shows *which* watched field changed: the one whose value differs. So a change
//! whose webhook did not come can be told from a value of old. A lead of which nothing was seen yet teaches its values
//! and nothing else.
//!
//! A change that the list told of has the list's instant, and its webhook, should it come after all, an earlier one. So
//! the sight remembers the list's: the late webhook takes it over, and with it the same message's id.
//!
//! Bodies composed in an automation show a lead after an edit and not before it. What was seen of the lead before that
//! instant tells whether a watched field changed, as it does for the list. Such a change may have been an earlier edit's,
//! whose own webhook is still to come: its instant is remembered in the same way.

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
    /// What it was before `at_ms`, if that is known: a repeated delivery is told the same as the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Earlier>,
    /// Changes that the list told of, or a delivery without the lead before, the last of each value: the value, and that
    /// instant. At most [`MOST_LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    listed: Vec<(Option<String>, Instant)>,
}

/// A value that is known, be it none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Earlier {
    value: Option<String>,
}

/// What was seen of a delivery's watched fields before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Fields whose change was told of already, with the instant under which it was: see [`Event::listed`].
    pub listed: BTreeMap<String, String>,
    /// What fields were before, where the delivery does not say: see [`Event::seen`].
    pub seen: Fields,
}

impl Sight {
    fn first(value: Option<&str>, at_ms: i64) -> Self {
        Self { value: value.map(str::to_owned), at_ms, was: None, listed: Vec::new() }
    }

    /// What the field was before an edit at `at_ms` that left it with `value`. Of an edit that is older than what was seen,
    /// or of another one in the same second, nobody knows.
    fn before(&self, value: Option<&str>, at_ms: i64) -> Option<Earlier> {
        if at_ms > self.at_ms {
            return Some(Earlier { value: self.value.clone() });
        }
        let is_same = at_ms == self.at_ms && self.value.as_deref() == value;
        self.was.clone().filter(|_| is_same)
    }

    /// Takes in a change, unless something newer was seen, or the same.
    fn change(&mut self, value: Option<&str>, at_ms: i64, was: Option<Earlier>) {
        let is_same = at_ms == self.at_ms && self.value.as_deref() == value;
        if at_ms >= self.at_ms && !is_same {
            (self.value, self.at_ms, self.was) = (value.map(str::to_owned), at_ms, was);
        }
    }

    fn remember(&mut self, value: Option<&str>, at: Instant) {
        self.listed.retain(|(told, _)| told.as_deref() != value);
        self.listed.insert(0, (value.map(str::to_owned), at));
        self.listed.truncate(MOST_LISTED);
    }
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
    /// it came. What is older than what was seen changes nothing. Returns what was known of them before.
    pub fn deliver(&mut self, event: &Event, watched: &BTreeSet<&str>, at_ms: i64) -> Delivered {
        let mut delivered = Delivered::default();
        for &field in watched.iter().filter(|field| event.lead.contains(field)) {
            let value = event.is(field);
            let Some(sight) = self.0.get_mut(field) else {
                self.0.insert(field.to_owned(), Sight::first(value, at_ms));
                continue;
            };
            let was = if event.tells_before(field) {
                Some(Earlier { value: event.was(field).map(str::to_owned) })
            } else {
                sight.before(value, at_ms)
            };
            let is_change = match &was {
                Some(was) => was.value.as_deref() != value,
                None => event.about.as_deref() == Some(field),
            };
            let is_seen = was.as_ref().filter(|_| !event.tells_before(field));
            if let Some(was) = is_seen {
                delivered.seen.insert(field, was.value.clone());
            }
            // A field that a webhook shows unchanged is no news, and worth no write. If it was seen with another value,
            // a change was missed: that is for the list to tell of.
            if !is_change {
                continue;
            }
            let told = sight.listed.iter().find(|(told, at)| told.as_deref() == value && at_ms <= at.ms);
            if let Some((_, at)) = told {
                delivered.listed.insert(field.to_owned(), at.text.clone());
            } else if let (Some(_), Some(text)) = (is_seen, &event.at) {
                sight.remember(value, Instant { text: text.clone(), ms: at_ms });
            }
            sight.change(value, at_ms, was);
        }
        delivered
    }

    /// Takes in what the list shows of the `watched` fields, at the instant of the lead's last edit. Returns the fields
    /// that changed since they were last seen, with the values of then.
    pub fn list(&mut self, lead: &Fields, watched: &BTreeSet<&str>, at: &Instant) -> Fields {
        let mut changed = Fields::new();
        for &field in watched.iter().filter(|field| lead.contains(field)) {
            let value = lead.get(field).filter(|value| !value.is_empty());
            match self.0.get_mut(field) {
                None => {
                    self.0.insert(field.to_owned(), Sight::first(value, at.ms));
                }
                // Not in the same second either: a webhook may have told of a later edit in it.
                Some(sight) if sight.value.as_deref() != value && at.ms > sight.at_ms => {
                    changed.insert(field, sight.value.clone());
                    sight.change(value, at.ms, Some(Earlier { value: sight.value.clone() }));
                    sight.remember(value, at.clone());
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
