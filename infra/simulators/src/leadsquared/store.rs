//! The account's data: leads, activities and activity types.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{
    fields::{DATE, DO_NOT_SMS, Pair, Schema},
    options::Options,
    received::{Activity, Lead},
    refusal::Refused,
};
use crate::clock::utc;

/// The first code of custom types, as on most accounts.
const FIRST_CUSTOM_CODE: u32 = 206;

/// An activity type.
#[derive(Debug, Clone)]
pub(super) struct ActivityType {
    pub(super) name: String,
    /// The declared fields as they were sent. Empty if the type declares none; then it accepts any.
    pub(super) fields: Vec<Value>,
}

/// A lead before and after a write. A new lead has no `before`.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) before: Option<Lead>,
    pub(super) after: Lead,
}

/// The result of the last search, so that an account with a million leads is not searched for each page.
#[derive(Debug)]
pub(super) struct Found {
    /// The field, the operator and the value.
    pub(super) by: [String; 3],
    /// The indexes of the leads, in order.
    pub(super) places: Vec<usize>,
}

/// Leads by their id without regard to case, and all data that belongs to them.
#[derive(Debug)]
pub(super) struct Store {
    leads: HashMap<String, usize>,
    ordered: Vec<Lead>,
    /// Valid as long as no lead is written.
    pub(super) found: Option<Found>,
    pub(super) activities: Vec<Activity>,
    activity_places: HashMap<String, usize>,
    pub(super) types: BTreeMap<u32, ActivityType>,
    pub(super) schema: Schema,
}

impl Store {
    pub(super) fn new(options: &Options, now_ms: u64) -> Self {
        let system =
            [(21, "Inbound Phone Call Activity"), (22, "Outbound Phone Call Activity"), (3002, "Stage Change")];
        let custom = options.activity_types.iter().map(|(code, name)| (*code, name.as_str()));
        let named = |(code, name): (u32, &str)| (code, ActivityType { name: name.to_owned(), fields: Vec::new() });
        let mut store = Self {
            leads: HashMap::new(),
            ordered: Vec::new(),
            found: None,
            activities: Vec::new(),
            activity_places: HashMap::new(),
            types: system.into_iter().chain(custom).map(named).collect(),
            schema: Schema::of(options),
        };
        for (id, fields) in &options.leads {
            let pairs = fields.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
            store.write(id, pairs, &options.user_id, now_ms);
        }
        store
    }

    /// All leads in the order of creation.
    pub(super) fn leads(&self) -> &[Lead] {
        &self.ordered
    }

    pub(super) fn lead(&self, id: &str) -> Option<&Lead> {
        self.leads.get(&id.to_ascii_lowercase()).and_then(|place| self.ordered.get(*place))
    }

    /// The first lead whose field has exactly this value.
    pub(super) fn lead_by(&self, field: &str, value: &str) -> Option<&Lead> {
        if field.eq_ignore_ascii_case("ProspectID") {
            return self.lead(value);
        }
        self.ordered.iter().find(|lead| lead.field(field) == Some(value))
    }

    /// Creates the lead, or changes its given fields.
    pub(super) fn write(&mut self, id: &str, pairs: Vec<Pair>, author: &str, now_ms: u64) -> Change {
        self.found = None;
        let key = id.to_ascii_lowercase();
        let place = self.leads.get(&key).copied();
        if let Some(lead) = place.and_then(|place| self.ordered.get_mut(place)) {
            let before = lead.clone();
            lead.fields.extend(pairs);
            lead.fields.insert("ModifiedBy".to_owned(), Some(author.to_owned()));
            lead.modified_ms = now_ms;
            lead.updates += 1;
            return Change { before: Some(before), after: lead.clone() };
        }
        let number = self.ordered.len() + 1;
        let mut lead = fresh(id, u64::try_from(number).unwrap_or(u64::MAX), author, now_ms);
        if self.schema.do_not_sms {
            lead.fields.insert(DO_NOT_SMS.to_owned(), Some("0".to_owned()));
        }
        lead.fields.extend(pairs);
        self.leads.insert(key, self.ordered.len());
        self.ordered.push(lead.clone());
        Change { before: None, after: lead }
    }

    /// Refuses a unique value that another lead than `id` already holds.
    pub(super) fn unique(&self, pairs: &[Pair], id: Option<&str>, options: &Options) -> Result<(), Refused> {
        for (name, value) in pairs {
            let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else {
                continue;
            };
            let taken = options.unique_fields.contains(name)
                && self
                    .lead_by(name, value)
                    .is_some_and(|lead| !id.is_some_and(|id| id.eq_ignore_ascii_case(&lead.id)));
            if taken {
                let message = format!("A Lead with same {} already exists", name.trim_end_matches("Address"));
                return Err(Refused::Mx("MXDuplicateEntryException", message));
            }
        }
        Ok(())
    }

    pub(super) fn add_activity(&mut self, activity: Activity) {
        self.activity_places.insert(activity.id.to_ascii_lowercase(), self.activities.len());
        self.activities.push(activity);
    }

    pub(super) fn activity_mut(&mut self, id: &str) -> Option<&mut Activity> {
        let place = self.activity_places.get(&id.to_ascii_lowercase())?;
        self.activities.get_mut(*place)
    }

    pub(super) fn free_code(&self) -> u32 {
        let highest = self.types.keys().copied().filter(|code| (FIRST_CUSTOM_CODE..3_000).contains(code)).max();
        highest.map_or(FIRST_CUSTOM_CODE, |code| code + 1)
    }
}

/// A lead as the account creates it before any field is written.
fn fresh(id: &str, number: u64, author: &str, now_ms: u64) -> Lead {
    let created = utc(now_ms, DATE);
    let preset = [
        ("ProspectStage", "Prospect"),
        ("Score", "0"),
        ("EngagementScore", "0"),
        ("TotalVisits", "0"),
        ("DoNotEmail", "0"),
        ("DoNotCall", "0"),
        ("DoNotTrack", "0"),
        ("Origin", "API"),
        ("OwnerId", author),
        ("CreatedBy", author),
        ("ModifiedBy", author),
        ("CreatedOn", &created),
    ];
    let fields = preset.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).into();
    Lead { id: id.to_owned(), number, fields, modified_ms: now_ms, updates: 0 }
}

#[cfg(test)]
mod tests {
    use super::{Options, Store};

    fn email(value: &str) -> Vec<super::Pair> {
        vec![("EmailAddress".to_owned(), Some(value.to_owned()))]
    }

    #[test]
    fn ids_differ_in_more_than_case() {
        let mut store = Store::new(&Options::default(), 0);
        store.write("AB-1", email("a@x"), "me", 1);
        let change = store.write("ab-1", email("b@x"), "me", 2);
        assert_eq!(change.before.unwrap().field("EmailAddress"), Some("a@x"));
        assert_eq!((store.leads().len(), store.lead("Ab-1").unwrap().updates), (1, 1));
    }

    #[test]
    fn a_unique_value_is_taken_for_others_only() {
        let options = Options::default();
        let mut store = Store::new(&options, 0);
        store.write("a", email("a@x"), "me", 1);
        assert!(store.unique(&email("a@x"), None, &options).is_err());
        assert!(store.unique(&email("a@x"), Some("A"), &options).is_ok());
        assert!(store.unique(&email(""), None, &options).is_ok());
    }
}
