//! The fields of a lead or an activity: names and values, with every scalar as text.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use crate::{json, value::normal};

/// Fields by their schema names, in the order of the names.
///
/// LeadSquared writes every scalar as a string or null, but bodies composed in an automation do not. So all values get
/// one form: numbers and truth values as their text, `""` unchanged, null as `None`, and anything nested as compact
/// JSON text. HTML entities are decoded and texts are in NFC, because web forms and imports write one name in several
/// ways. Schema names are case-sensitive in LeadSquared; so is [`LeadFields::get`].
///
/// `Debug` shows the names only: values are personal data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LeadFields(BTreeMap<String, Option<String>>);

impl LeadFields {
    /// The value of a field; `None` if the field is absent or null. [`LeadFields::contains`] distinguishes the two.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// The same, with the name in any case, the exact name first.
    #[must_use]
    pub fn get_any_case(&self, name: &str) -> Option<&str> {
        self.get(name)
            .or_else(|| self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, v)| v.as_deref()))
    }

    /// Whether the field is there, even if it is null.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a field.
    pub fn insert(&mut self, name: impl Into<String>, value: Option<String>) {
        self.0.insert(name.into(), value);
    }

    /// Removes a field and returns its value, if the field was there.
    pub fn remove(&mut self, name: &str) -> Option<Option<String>> {
        self.0.remove(name)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The map itself.
    #[must_use]
    pub fn into_inner(self) -> BTreeMap<String, Option<String>> {
        self.0
    }

    /// From a flat object.
    pub(crate) fn from_object(object: &Map<String, Value>) -> Self {
        object.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    }

    /// From pairs such as `[{"Attribute": .., "Value": ..}]` or `[{"Key": .., "Value": ..}]`. `None` if any entry is
    /// something else, or if there is no entry.
    pub(crate) fn from_pairs(entries: &[Value]) -> Option<Self> {
        if entries.is_empty() {
            return None;
        }
        entries
            .iter()
            .map(|entry| {
                let entry = entry.as_object()?;
                let name = json::text_of(entry, &["Attribute", "Key", "SchemaName"])?;
                Some((name, json::member(entry, "Value").and_then(plain)))
            })
            .collect()
    }
}

/// One value in the common form.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(normal(value.to_string())),
        value => json::scalar(value).map(normal),
    }
}

impl FromIterator<(String, Option<String>)> for LeadFields {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl IntoIterator for LeadFields {
    type Item = (String, Option<String>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for LeadFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::LeadFields;
    use serde_json::json;

    #[test]
    fn every_scalar_becomes_text_and_nested_values_stay_json() {
        let lead = json!({"A": "x", "B": 5, "C": 0.5, "D": true, "E": null, "F": "", "G": {"k": [1]}});
        let fields = LeadFields::from_object(lead.as_object().unwrap());
        let values: Vec<_> = fields.iter().map(|(_, value)| value).collect();
        let expected = [Some("x"), Some("5"), Some("0.5"), Some("true"), None, Some(""), Some(r#"{"k":[1]}"#)];
        assert_eq!(values, expected);
        assert!(fields.contains("E") && !fields.contains("e"));
        assert_eq!(fields.get("e"), None);
        assert_eq!(fields.get_any_case("a"), Some("x"));
    }

    #[test]
    fn pairs_are_all_or_nothing() {
        let pairs = json!([{"Attribute": "Phone", "Value": 11}, {"attribute": "City", "value": null}]);
        let fields = LeadFields::from_pairs(pairs.as_array().unwrap()).unwrap();
        assert_eq!(fields.get("Phone"), Some("11"));
        assert!(fields.contains("City"));
        assert_eq!(LeadFields::from_pairs(&[json!({"Phone": "11"})]), None);
        assert_eq!(LeadFields::from_pairs(&[]), None);
    }

    #[test]
    fn debug_shows_names_only() {
        let fields: LeadFields = [("Phone".to_owned(), Some("11988887777".to_owned()))].into_iter().collect();
        assert_eq!(format!("{fields:?}"), r#"{"Phone"}"#);
    }
}
