//! Which lead fields exist, and the two forms in which a lead is written out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    options::Options,
    received::Lead,
    refusal::{Refused, unknown_attributes},
};
use crate::clock::utc;

/// A field on which the vendor's pages and live accounts disagree.
pub(super) const DO_NOT_SMS: &str = "DoNotSMS";

/// Fields that every account has, in the order of a flat lead. Not every account has [`DO_NOT_SMS`].
pub(super) const STANDARD: [&str; 44] = [
    "ProspectID",
    "ProspectAutoId",
    "FirstName",
    "LastName",
    "EmailAddress",
    "Phone",
    "Mobile",
    "Company",
    "Website",
    "JobTitle",
    "Source",
    "SourceMedium",
    "SourceCampaign",
    "SourceContent",
    "Origin",
    "Notes",
    "DoNotEmail",
    "DoNotCall",
    DO_NOT_SMS,
    "DoNotTrack",
    "CurrentOptInStatus",
    "OptInDate",
    "OptInDetails",
    "ProspectStage",
    "Score",
    "EngagementScore",
    "QualityScore01",
    "TotalVisits",
    "TimeZone",
    "NotableEvent",
    "ProspectActivityName_Max",
    "ProspectActivityDate_Max",
    "OwnerId",
    "OwnerIdName",
    "OwnerIdEmailAddress",
    "CreatedBy",
    "CreatedOn",
    "ModifiedBy",
    "ModifiedOn",
    "LeadLastModifiedOn",
    "mx_Street1",
    "mx_City",
    "mx_State",
    "mx_Country",
];

/// Fields whose conditions accept only `"1"` and `"0"`.
pub(super) const BOOLEANS: [&str; 4] = ["DoNotEmail", "DoNotCall", DO_NOT_SMS, "DoNotTrack"];

/// The API's form of an instant: UTC, no zone marker.
pub(super) const DATE: &str = "%Y-%m-%d %H:%M:%S.%3f";

/// One attribute of a write.
pub(super) type Pair = (String, Option<String>);

/// The account's custom lead fields.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    /// The custom fields known by name.
    pub(super) custom: Vec<String>,
    /// Whether any `mx_` name is a custom field.
    pub(super) any_custom: bool,
    /// Whether leads have [`DO_NOT_SMS`].
    pub(super) do_not_sms: bool,
}

impl Schema {
    pub(super) fn of(options: &Options) -> Self {
        Self {
            custom: options.mx_fields.clone(),
            any_custom: options.mx_fields.is_empty(),
            do_not_sms: options.do_not_sms,
        }
    }

    /// The standard fields that this account has, in the order of a flat lead.
    pub(super) fn standard(&self) -> impl Iterator<Item = &str> {
        STANDARD.into_iter().filter(|name| self.do_not_sms || *name != DO_NOT_SMS)
    }
}

/// Whether a lead has a field of this name. Names are case-sensitive.
pub(super) fn exists(name: &str, schema: &Schema) -> bool {
    schema.standard().any(|field| field == name)
        || schema.custom.iter().any(|field| field == name)
        || (schema.any_custom && name.starts_with("mx_"))
}

/// Refuses the whole write if one name is unknown.
pub(super) fn known(pairs: &[Pair], schema: &Schema) -> Result<(), Refused> {
    let unknown: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).filter(|name| !exists(name, schema)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown_attributes(&unknown)) }
}

/// `[{"Attribute", "Value"}, …]`. Values are strings or null. Other values are refused, since the vendor documents
/// none.
pub(super) fn pairs(value: &Value) -> Result<Vec<Pair>, Refused> {
    let rows = value.as_array().ok_or(Refused::Malformed("An array of Attribute and Value was expected"))?;
    rows.iter().map(pair).collect()
}

/// `{"Attribute", "Value"}`.
pub(super) fn pair(value: &Value) -> Result<Pair, Refused> {
    let name = value.get("Attribute").and_then(Value::as_str);
    let name = name.ok_or(Refused::Malformed("An Attribute was expected"))?;
    match value.get("Value") {
        Some(Value::String(text)) => Ok((name.to_owned(), Some(text.clone()))),
        None | Some(Value::Null) => Ok((name.to_owned(), None)),
        Some(_) => Err(Refused::Malformed("A Value must be a string")),
    }
}

/// Removes the named attribute from a write, and returns its value.
pub(super) fn take(pairs: &mut Vec<Pair>, name: &str) -> Option<String> {
    let place = pairs.iter().position(|(attribute, _)| attribute.eq_ignore_ascii_case(name))?;
    pairs.remove(place).1
}

/// All fields as strings or null. LeadSquared writes even numbers as strings.
pub(super) fn all(lead: &Lead, schema: &Schema) -> BTreeMap<String, Option<String>> {
    let mut fields: BTreeMap<String, Option<String>> =
        schema.standard().chain(schema.custom.iter().map(String::as_str)).map(|name| (name.to_owned(), None)).collect();
    fields.extend(lead.fields.clone());
    fields.insert("ProspectID".to_owned(), Some(lead.id.clone()));
    fields.insert("ProspectAutoId".to_owned(), Some(lead.number.to_string()));
    for name in ["ModifiedOn", "LeadLastModifiedOn"] {
        fields.insert(name.to_owned(), Some(utc(lead.modified_ms, DATE)));
    }
    fields
}

/// `columns` of a lead, or all of them, as one flat object.
pub(super) fn flat(lead: &Lead, columns: Option<&[String]>, schema: &Schema) -> Value {
    let chosen = all(lead, schema).into_iter().filter(|(name, _)| wanted(name, columns));
    Value::Object(chosen.map(|(name, value)| (name, json!(value))).collect::<Map<String, Value>>())
}

/// `columns` of a lead, or all of them, as a list of attributes.
pub(super) fn list(lead: &Lead, columns: Option<&[String]>, schema: &Schema) -> Vec<Value> {
    let chosen = all(lead, schema).into_iter().filter(|(name, _)| wanted(name, columns));
    chosen.map(|(name, value)| json!({ "Attribute": name, "Value": value })).collect()
}

fn wanted(name: &str, columns: Option<&[String]>) -> bool {
    columns.is_none_or(|columns| columns.iter().any(|column| column == name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Options, Schema, known, pairs, take};
    use crate::leadsquared::refusal::Refused;

    #[test]
    fn names_are_case_sensitive_and_all_unknown_ones_are_told() {
        let write = |name: &str| (name.to_owned(), None);
        let refused = known(&[write("Phone"), write("phone"), write("mx_Nope")], &Schema::of(&Options::default()));
        let message = "Attribute(s) does not exist - phone,mx_Nope".to_owned();
        assert_eq!(refused, Err(Refused::Mx("MXUnknownAttributeException", message)));
        let any = Options { mx_fields: Vec::new(), ..Options::default() };
        assert_eq!(known(&[write("mx_Anything")], &Schema::of(&any)), Ok(()));
    }

    #[test]
    fn only_arrays_of_string_values_are_writes() {
        assert!(
            pairs(&json!([{ "Attribute": "Phone", "Value": "1" }, { "Attribute": "Notes", "Value": null }])).is_ok()
        );
        for body in
            [json!({ "Attribute": "Phone" }), json!([{ "Value": "1" }]), json!([{ "Attribute": "Score", "Value": 1 }])]
        {
            assert!(matches!(pairs(&body), Err(Refused::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn a_search_key_is_taken_out_of_the_write() {
        let mut write = vec![("SearchBy".to_owned(), Some("Phone".to_owned())), ("Phone".to_owned(), None)];
        assert_eq!(take(&mut write, "SearchBy").as_deref(), Some("Phone"));
        assert_eq!(write.len(), 1);
    }
}
