//! A snapshot of a lead's (or an activity's) fields.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Field names and their values, as LeadSquared writes them: every value is a text, or none.
///
/// Names must match exactly. LeadSquared's own look-ups are case-sensitive (`ProspectID` finds, `ProspectId` does not),
/// and a template that works by luck today fails on the next account. Values are personal data, so `Debug` shows the
/// names alone, and `Serialize` is for storage only, never for logs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, Option<String>>);

impl Fields {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a field, `None` when the field is absent or null. An empty text is a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// The value of a field unless it is absent, null or blank. LeadSquared writes null and `""` for the same thing.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether the field is there, even if its value is null.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a field and returns its former value.
    pub fn insert(&mut self, name: impl Into<String>, value: Option<String>) -> Option<Option<String>> {
        self.0.insert(name.into(), value)
    }

    /// Names and values, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// How many fields there are, null ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, Option<V>)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, Option<V>)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))).collect())
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, Option<V>)> for Fields {
    fn extend<I: IntoIterator<Item = (N, Option<V>)>>(&mut self, fields: I) {
        self.0.extend(fields.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))));
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead() -> Fields {
        Fields::from_iter([("FirstName", Some("Ana")), ("Phone", None), ("City", Some("  "))])
    }

    #[test]
    fn absent_null_and_empty_are_told_apart() {
        let lead = lead();
        assert_eq!(lead.get("FirstName"), Some("Ana"));
        assert_eq!(lead.get("firstname"), None);
        assert_eq!(lead.get("Phone"), None);
        assert!(lead.contains("Phone") && !lead.contains("Mobile"));
        assert_eq!(lead.get("City"), Some("  "));
        assert_eq!(lead.filled("City"), None);
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", lead()), r#"Fields{"City", "FirstName", "Phone"}"#);
    }

    #[test]
    fn it_is_stored_as_a_plain_object() {
        let json = serde_json::to_string(&lead()).unwrap();
        assert_eq!(json, r#"{"City":"  ","FirstName":"Ana","Phone":null}"#);
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), lead());
    }
}
