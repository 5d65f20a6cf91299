//! Reads leads by a key.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    fields::{STANDARD, flat},
    received::Lead,
    refusal::{Refused, invalid},
};

const IDS_MAX: usize = 10_000;
/// The fewest digits that are compared: a national number of the shortest country code has as many.
const PHONE_DIGITS_MIN: usize = 8;

/// `Paging` of several requests. Numbers may be numbers or text.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Paging {
    #[serde(rename = "PageIndex")]
    index: Option<Value>,
    #[serde(rename = "PageSize")]
    size: Option<Value>,
}

impl Paging {
    /// How many rows to skip and to take. A page larger than `most` is an error; without a size, all rows are one page.
    pub(super) fn range(&self, most: usize) -> Result<(usize, usize), Refused> {
        let size =
            self.size.as_ref().map_or(Some(usize::MAX), whole).ok_or(Refused::Malformed("PageSize is not a number"))?;
        let index =
            self.index.as_ref().map_or(Some(1), whole).ok_or(Refused::Malformed("PageIndex is not a number"))?;
        if self.size.is_some() && size > most {
            return Err(invalid(format!("PageSize cannot exceed {most}")));
        }
        Ok((index.saturating_sub(1).saturating_mul(size), size))
    }
}

/// A number, or text with a number.
pub(super) fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        _ => value.as_u64().and_then(|number| usize::try_from(number).ok()),
    }
}

/// `Columns`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Columns {
    #[serde(rename = "Include_CSV")]
    include: Option<String>,
}

impl Columns {
    /// The named columns; `None` means all.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let include = self.include.as_deref().filter(|names| !names.trim().is_empty())?;
        Some(include.split(',').map(|name| name.trim().to_owned()).collect())
    }
}

/// `GET Leads.GetById?id=`: an array with one lead, or an empty array.
pub(super) fn by_id(desk: &Desk<'_>) -> Value {
    let lead = desk.query("id").and_then(|id| desk.store.lead(id));
    array(desk, lead)
}

/// `GET Leads.GetByEmailaddress?emailaddress=`. A parameter with another name finds nothing and is no error.
pub(super) fn by_email(desk: &Desk<'_>) -> Value {
    let email = desk.query("emailaddress").filter(|email| !email.is_empty());
    let same = |lead: &&Lead| lead.field("EmailAddress").zip(email).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
    array(desk, desk.store.leads().iter().filter(same))
}

/// `GET RetrieveLeadByPhoneNumber?phone=`: Phone and Mobile, with or without country code; the most recently active of
/// several.
pub(super) fn by_phone(desk: &Desk<'_>) -> Value {
    let wanted = digits(desk.query("phone").unwrap_or_default());
    let found = desk.store.leads().iter().filter(|lead| {
        ["Phone", "Mobile"].iter().any(|field| lead.field(field).is_some_and(|phone| is_same(&digits(phone), &wanted)))
    });
    array(desk, found.max_by_key(|lead| lead.modified_ms))
}

/// `GET Leads.GetByQuickSearch?key=`: free text over names, e-mail and phones.
pub(super) fn by_key(desk: &Desk<'_>) -> Value {
    let key = desk.query("key").unwrap_or_default().to_lowercase();
    let holds = |lead: &&Lead| {
        let fields = ["FirstName", "LastName", "EmailAddress", "Phone", "Mobile"];
        !key.is_empty()
            && fields.iter().any(|field| lead.field(field).unwrap_or_default().to_lowercase().contains(&key))
    };
    array(desk, desk.store.leads().iter().filter(holds))
}

#[derive(Deserialize)]
struct ByIds {
    #[serde(rename = "SearchParameters")]
    parameters: Option<Ids>,
    #[serde(rename = "Columns", default)]
    columns: Columns,
    #[serde(rename = "Paging", default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Ids {
    #[serde(rename = "LeadIds", default)]
    ids: Vec<String>,
}

/// `POST Leads/Retrieve/ByIds`: up to 10,000. Ids and columns are both mandatory. Unknown ids are left out.
pub(super) fn by_ids(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: ByIds = desk.body()?;
    let ids = body.parameters.map(|parameters| parameters.ids).unwrap_or_default();
    let columns = body.columns.names().ok_or_else(|| invalid("Include_CSV is mandatory"))?;
    desk.rows = ids.len();
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(invalid("LeadIds must hold 1 to 10000 ids"));
    }
    let (skip, take) = body.paging.range(IDS_MAX)?;
    let found: Vec<&Lead> = ids.iter().filter_map(|id| desk.store.lead(id)).collect();
    let page = found.iter().skip(skip).take(take).map(|lead| flat(lead, Some(&columns), &desk.store.schema));
    Ok(json!({ "RecordCount": found.len(), "Leads": page.collect::<Vec<Value>>() }))
}

/// `GET LeadsMetaData.Get`: all fields, or the one of `schemaName`. With `excludeOptionSets=1` dropdowns have no
/// options.
pub(super) fn metadata(desk: &Desk<'_>) -> Value {
    let schema = &desk.store.schema;
    let custom = schema.custom.iter().map(String::as_str).filter(|name| !STANDARD.contains(name));
    let (only, is_short) = (desk.query("schemaName"), desk.query("excludeOptionSets") == Some("1"));
    let row = |name: &str| {
        let dropdown = desk.options.dropdowns.iter().find(|dropdown| dropdown.name == name);
        let (data_type, rendered) = match dropdown {
            Some(_) => ("Select", "Dropdown"),
            None if super::fields::BOOLEANS.contains(&name) => ("Boolean", "CheckBox"),
            None => ("Text", "Textbox"),
        };
        let mut row = json!({
            "SchemaName": name,
            "DisplayName": name.trim_start_matches("mx_").replace('_', " "),
            "DataType": data_type,
            "IsMandatory": false,
            "MaxLength": "200",
            "RenderTypeTextValue": rendered,
        });
        if let (Some(dropdown), Some(row)) = (dropdown.filter(|_| !is_short), row.as_object_mut()) {
            let options = dropdown.options.iter().map(|option| json!({ "Value": option })).collect();
            row.insert("Options".to_owned(), options);
        }
        row
    };
    schema.standard().chain(custom).filter(|name| only.is_none_or(|only| only == *name)).map(row).collect()
}

fn array<'a>(desk: &Desk<'_>, leads: impl IntoIterator<Item = &'a Lead>) -> Value {
    leads.into_iter().map(|lead| flat(lead, None, &desk.store.schema)).collect()
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

fn is_same(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.len() >= PHONE_DIGITS_MIN && long.ends_with(short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Paging, digits, is_same};

    #[test]
    fn phones_match_with_and_without_country_code() {
        assert!(is_same(&digits("+55-11987654321"), &digits("11987654321")));
        assert!(!is_same(&digits("+55-11987654321"), &digits("21987654321")));
        assert!(!is_same(&digits("1"), &digits("11987654321")));
    }

    #[test]
    fn a_page_has_a_largest_size() {
        let paging =
            |index, size| serde_json::from_value::<Paging>(json!({ "PageIndex": index, "PageSize": size })).unwrap();
        assert_eq!(paging(json!(3), json!("100")).range(1_000).unwrap(), (200, 100));
        assert!(paging(json!(1), json!(1_001)).range(1_000).is_err());
        assert_eq!(Paging::default().range(1_000).unwrap(), (0, usize::MAX));
    }
}
