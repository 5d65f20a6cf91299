//! What was last seen of the lead fields that rules watch.
//!
//! LeadSquared's list of modified leads shows a lead's present values, and that something changed. A comparison with
//! the values last seen, by a webhook or by the list, shows *which* watched field changed. So a change is found even if
//! its webhook did not come. For a lead that was never seen, the values are only stored.
//!
//! A change found in the list has the list's instant. Its webhook, if it comes after all, has an earlier instant. So
//! the sight remembers the list's instant. The late webhook takes it over, and the message gets the same id.
//!
//! Bodies composed in an automation show a lead after an edit and not before it. What was seen of the lead before that
//! instant shows whether a watched field changed, as for the list. Such a change may belong to an earlier edit whose
//! own webhook is still to come. So its instant is remembered in the same way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{config::Config, event::Event, fields::Fields};

/// The most values remembered as found in the list. A webhook is not recognised if more changes of the same field than
/// this were found in the list after its own.
const MOST_LISTED: usize = 8;

/// An instant by LeadSquared's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// As LeadSquared wrote it: it is part of a message's id.
    pub text: String,
    /// The same in ms since the epoch, whole seconds.
    pub ms: i64,
}

/// What was last seen of one field. `Serialize` is for storage only, never for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sight {
    value: Option<String>,
    at_ms: i64,
    /// The value before `at_ms`, if known: a repeated delivery gets the same answer as the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Earlier>,
    /// Changes found in the list, or in a delivery without the lead's earlier values. The last change of each value is
    /// kept: the value and its instant. At most [`MOST_LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    listed: Vec<(Option<String>, Instant)>,
}

/// A known value, which may be none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Earlier {
    value: Option<String>,
}

/// What was known of a delivery's watched fields before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Fields whose change was found earlier, with the instant of that change: see [`Event::listed`].
    pub listed: BTreeMap<String, String>,
    /// The fields' earlier values, where the delivery does not show them: see [`Event::seen`].
    pub seen: Fields,
}

impl Sight {
    fn first(value: Option<&str>, at_ms: i64) -> Self {
        Self { value: value.map(str::to_owned), at_ms, was: None, listed: Vec::new() }
    }

    /// The value before an edit at `at_ms` that left the field with `value`. Unknown for an edit older than what was
    /// seen, and for another edit in the same second.
    fn before(&self, value: Option<&str>, at_ms: i64) -> Option<Earlier> {
        if at_ms > self.at_ms {
            return Some(Earlier { value: self.value.clone() });
        }
        let is_same = at_ms == self.at_ms && self.value.as_deref() == value;
        self.was.clone().filter(|_| is_same)
    }

    /// Records a change, unless something newer or the same change was seen.
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

/// What was last seen of a lead's watched fields. `Debug` shows no value.
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
    /// Records what a webhook shows of the `watched` fields at `at_ms`: the instant that it names, or else when it
    /// came. Anything older than what was seen changes nothing. Returns what was known of the fields before.
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
            // A field that a webhook shows unchanged is no news and needs no write. If another value was seen, a change
            // was missed; the list will find it.
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

    /// Records what the list shows of the `watched` fields, at the instant of the lead's last edit. Returns the fields
    /// that changed since they were last seen, with their earlier values.
    pub fn list(&mut self, lead: &Fields, watched: &BTreeSet<&str>, at: &Instant) -> Fields {
        let mut changed = Fields::new();
        for &field in watched.iter().filter(|field| lead.contains(field)) {
            let value = lead.get(field).filter(|value| !value.is_empty());
            match self.0.get_mut(field) {
                None => {
                    self.0.insert(field.to_owned(), Sight::first(value, at.ms));
                }
                // A change in the same second does not count: a webhook may have shown a later edit in that second.
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
