//! The names and values that a condition or a text can use.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::Object;

use crate::fields::Fields;
use crate::zone::Zone;

/// The variable that holds the installation's zone for the filters. A snippet cannot write this name.
const ZONE_KEY: &str = " zone";

/// The variable that tells the printer that the text goes to a person. A snippet cannot write this name.
const GUARD_KEY: &str = " guard";

/// LeadSquared's own fields that hold instants and never days, in whatever object.
const INSTANTS: [&str; 16] = [
    "at",
    "CreatedOn",
    "ModifiedOn",
    "LastModifiedOn",
    "LeadLastModifiedOn",
    "CompletedOn",
    "DueDate",
    "EndDate",
    "ActivityDateTime",
    "ProspectActivityDate_Max",
    "ProspectActivityDate_Min",
    "FirstLandingPageSubmissionDate",
    "LeadConversionDate",
    "LastVisitDate",
    "OptInDate",
    "LastOptInEmailSentDate",
];

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
pub(super) const ROOTS: [&str; 9] =
    ["lead", "before", "activity", "event", "now", "task", "opportunity", "landing_page", "row"];

impl Context {
    /// A context with `lead`, and `now` in milliseconds since 1970. The zone is the installation's, for `date` and
    /// `time`. A `now` outside the calendar (beyond the year 9999) is left undefined.
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

    /// Adds `before`: the lead before the change.
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

    /// Adds the object that the event is about, under its name of [`EventKind::item`](crate::kind::EventKind::item).
    #[must_use]
    pub fn with_item(mut self, name: &'static str, item: &Fields) -> Self {
        self.root.insert(name, fields_value(item));
        self
    }

    /// Adds `row`: the columns of the line of a file.
    #[must_use]
    pub fn with_row(mut self, row: &Fields) -> Self {
        self.root.insert("row", fields_value(row));
        self
    }

    /// Sets `event`: its kind and the other values that rules may use.
    #[must_use]
    pub fn with_event(mut self, event: &Fields) -> Self {
        self.root.insert("event", fields_value(event));
        self
    }

    pub(super) fn value(&self) -> Value {
        Value::from_object(Names(self.root.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()))
    }

    /// The same for a text to a person: every value in it is guarded.
    pub(super) fn guarded(&self) -> Self {
        let mut guarded = self.clone();
        guarded.root.insert(GUARD_KEY, Value::from(true));
        guarded
    }

    /// The value of a dotted name, if it is a text.
    pub(super) fn text(&self, dotted: &str) -> Option<String> {
        self.find(dotted)?.as_str().map(ToOwned::to_owned)
    }

    /// Whether a dotted name has a value, null included.
    pub(super) fn has(&self, dotted: &str) -> bool {
        self.find(dotted).is_some_and(|value| !value.is_undefined())
    }

    fn find(&self, dotted: &str) -> Option<Value> {
        let mut steps = dotted.split('.');
        let root = steps.next().and_then(|root| self.root.get(root)).cloned();
        steps.fold(root, |at, step| at.and_then(|value| value.get_attr(step).ok()))
    }
}

fn fields_value(fields: &Fields) -> Value {
    Value::from_object(Names(
        fields
            .iter()
            .map(|(name, value)| (name.to_owned(), value.map_or_else(|| Value::from(()), field_value)))
            .collect(),
    ))
}

/// A field's text. A custom field set is an object in a text (`{"mx_CustomObject_1": "104"}`). Its members can be
/// looked up, and it cannot be printed whole. An empty set is an empty field.
fn field_value(text: &str) -> Value {
    let is_set = text.trim_start().starts_with('{');
    match is_set.then(|| serde_json::from_str(text)) {
        Some(Ok(serde_json::Value::Object(members))) if members.is_empty() => Value::from(()),
        Some(Ok(set @ serde_json::Value::Object(_))) => member_value(set),
        _ => Value::from(text),
    }
}

fn member_value(member: serde_json::Value) -> Value {
    match member {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(truth.to_string()),
        serde_json::Value::Number(number) => Value::from(number.to_string()),
        serde_json::Value::String(text) => Value::from(text),
        // A list has no names, and like a set it has no text.
        serde_json::Value::Array(_) => Value::from_object(Names(BTreeMap::new())),
        serde_json::Value::Object(members) => {
            Value::from_object(Names(members.into_iter().map(|(name, member)| (name, member_value(member))).collect()))
        }
    }
}

/// A map that can be looked into but not printed or iterated: `{{ lead }}` must not send a whole lead.
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

/// The installation's zone, in the form that the filters find.
#[derive(Debug)]
struct ZoneValue(Zone);

impl Object for ZoneValue {}

/// Whether the text goes to a person.
pub(super) fn is_guarded(state: &minijinja::State<'_, '_>) -> bool {
    state.lookup(GUARD_KEY).is_some()
}

/// Whether a text is an instant by its origin: it is `now`, or the value of a field that never holds days. A filter
/// gets only the value.
pub(super) fn is_instant(state: &minijinja::State<'_, '_>, text: &str) -> bool {
    let is_it = |value: &Value| value.as_str() == Some(text);
    ROOTS.iter().filter_map(|root| state.lookup(root)).any(|root| {
        let fields = root.downcast_object_ref::<Names>();
        is_it(&root) || INSTANTS.iter().any(|name| fields.and_then(|fields| fields.0.get(*name)).is_some_and(is_it))
    })
}

/// The zone of the present evaluation.
pub(super) fn zone_of(state: &minijinja::State<'_, '_>) -> Zone {
    state
        .lookup(ZONE_KEY)
        .and_then(|value| value.downcast_object_ref::<ZoneValue>().map(|zone| zone.0.clone()))
        .unwrap_or_default()
}
