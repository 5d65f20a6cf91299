//! What a condition or a text can see.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::Object;

use crate::fields::Fields;
use crate::zone::Zone;

/// The variable under which the filters find the tenant's zone. Not a name that a snippet can write.
const ZONE_KEY: &str = " zone";

/// LeadSquared's own form of an instant, in UTC.
const UTC_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The names and values of one evaluation. Built once for an event and shared by all its rules.
///
/// It holds personal data and has no `Debug`.
#[derive(Clone)]
pub struct Context {
    root: BTreeMap<&'static str, Value>,
}

/// The names that a snippet may start from.
pub(super) const ROOTS: [&str; 8] =
    ["lead", "before", "activity", "event", "now", "task", "opportunity", "landing_page"];

impl Context {
    /// A context with `lead`, and `now` in milliseconds since 1970. The zone is the tenant's, for `date` and `time`.
    /// A `now` outside the calendar (beyond the year 9999) is left undefined.
    #[must_use]
    pub fn new(lead: &Fields, now_ms: i64, zone: &Zone) -> Self {
        let mut root = BTreeMap::from([
            ("lead", fields_value(lead)),
            ("event", Value::from_object(Names(BTreeMap::new()))),
            (ZONE_KEY, Value::from_object(ZoneValue(zone.clone()))),
        ]);
        if let Ok(now) = Timestamp::from_millisecond(now_ms) {
            root.insert("now", Value::from(now.strftime(UTC_FORMAT).to_string()));
        }
        Self { root }
    }

    /// Adds `before`: the lead as it was.
    #[must_use]
    pub fn with_before(mut self, before: &Fields) -> Self {
        self.root.insert("before", fields_value(before));
        self
    }

    /// Adds `activity`.
    #[must_use]
    pub fn with_activity(mut self, activity: &Fields) -> Self {
        self.root.insert("activity", fields_value(activity));
        self
    }

    /// Adds what the event is about, under its name of [`EventKind::item`](crate::kind::EventKind::item).
    #[must_use]
    pub fn with_item(mut self, name: &'static str, item: &Fields) -> Self {
        self.root.insert(name, fields_value(item));
        self
    }

    /// Sets `event`: its kind and what else rules may ask about it.
    #[must_use]
    pub fn with_event(mut self, event: &Fields) -> Self {
        self.root.insert("event", fields_value(event));
        self
    }

    pub(super) fn value(&self) -> Value {
        Value::from_object(Names(self.root.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()))
    }

    /// Whether a dotted name leads to a value, null included.
    pub(super) fn has(&self, dotted: &str) -> bool {
        let mut steps = dotted.split('.');
        let mut at = steps.next().and_then(|root| self.root.get(root)).cloned();
        for step in steps {
            at = at.and_then(|value| value.get_attr(step).ok());
        }
        at.is_some_and(|value| !value.is_undefined())
    }
}

fn fields_value(fields: &Fields) -> Value {
    Value::from_object(Names(
        fields
            .iter()
            .map(|(name, value)| (name.to_owned(), value.map_or_else(|| Value::from(()), Value::from)))
            .collect(),
    ))
}

/// A map that can be looked into but not printed or walked: `{{ lead }}` must not send a whole lead.
#[derive(Debug)]
struct Names(BTreeMap<String, Value>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_empty()
    }
}

/// The tenant's zone, as the filters find it.
#[derive(Debug)]
struct ZoneValue(Zone);

impl Object for ZoneValue {}

/// The zone of the evaluation under way.
pub(super) fn zone_of(state: &minijinja::State<'_, '_>) -> Zone {
    state
        .lookup(ZONE_KEY)
        .and_then(|value| value.downcast_object_ref::<ZoneValue>().map(|zone| zone.0.clone()))
        .unwrap_or_default()
}
