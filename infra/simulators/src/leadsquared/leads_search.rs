//! Reads leads by a condition: `Leads.Get` and `Leads.RecentlyModified`, with the traps that were seen live.

use std::{borrow::Cow, cmp::Ordering};

use jiff::{civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    fields::{BOOLEANS, all, exists, flat, list},
    leads_read::{Columns, Paging},
    received::Lead,
    refusal::{Refused, invalid},
    store::Found,
};

const RECENT_MAX: usize = 5_000;
const SEARCH_MAX: usize = 10_000;

#[derive(Deserialize)]
struct Search<P> {
    #[serde(rename = "Parameter")]
    parameter: Option<P>,
    #[serde(rename = "Columns", default)]
    columns: Columns,
    #[serde(rename = "Sorting")]
    sorting: Option<Sorting>,
    #[serde(rename = "Paging", default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "LookupName")]
    name: String,
    #[serde(rename = "LookupValue")]
    value: String,
    #[serde(rename = "SqlOperator")]
    operator: String,
}

#[derive(Deserialize)]
struct Period {
    #[serde(rename = "FromDate")]
    from: String,
    #[serde(rename = "ToDate")]
    to: String,
}

#[derive(Deserialize)]
struct Sorting {
    #[serde(rename = "ColumnName")]
    column: String,
    #[serde(rename = "Direction", default)]
    direction: Value,
}

/// `POST Leads.Get`. A body without `Parameter` is no error: it returns every lead. An unknown field name, or one in
/// another case, finds nothing.
pub(super) fn by_criteria(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: Search<Condition> = desk.body()?;
    let mut found: Vec<&Lead> = match &body.parameter {
        None => desk.store.leads().iter().collect(),
        Some(condition) => {
            let operator = Operator::read(&condition.operator)?;
            if BOOLEANS.contains(&condition.name.as_str()) && !matches!(condition.value.as_str(), "0" | "1") {
                return Err(invalid("A boolean is looked up as 1 or 0"));
            }
            let by = [&condition.name, &condition.operator, &condition.value].map(Clone::clone);
            if desk.store.found.as_ref().is_none_or(|found| found.by != by) {
                let is_there = exists(&condition.name, &desk.store.schema);
                let holds =
                    |lead: &Lead| is_there && operator.holds(&value_of(lead, &condition.name, desk), &condition.value);
                let all = desk.store.leads().iter().enumerate();
                let places = all.filter(|(_, lead)| holds(lead)).map(|(place, _)| place).collect();
                desk.store.found = Some(Found { by, places });
            }
            let places = desk.store.found.iter().flat_map(|found| &found.places);
            places.filter_map(|place| desk.store.leads().get(*place)).collect()
        }
    };
    sort(&mut found, body.sorting.as_ref(), desk);
    let (skip, take) = body.paging.range(SEARCH_MAX)?;
    let columns = body.columns.names();
    Ok(found.into_iter().skip(skip).take(take).map(|lead| flat(lead, columns.as_deref(), &desk.store.schema)).collect())
}

/// `POST Leads.RecentlyModified`: filters by `LeadLastModifiedOn`. Both ends are inclusive and read as whole seconds,
/// while the stored instants have milliseconds. `Leads` is absent when no row is found.
pub(super) fn recently_modified(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: Search<Period> = desk.body()?;
    let period = body.parameter.ok_or_else(|| invalid("FromDate and ToDate are mandatory"))?;
    let (from_ms, to_ms) = (whole_second_ms(&period.from)?, whole_second_ms(&period.to)?);
    let inside = |lead: &&Lead| (from_ms..=to_ms).contains(&lead.modified_ms);
    let mut found: Vec<&Lead> = desk.store.leads().iter().filter(inside).collect();
    sort(&mut found, body.sorting.as_ref(), desk);
    let (skip, take) = body.paging.range(RECENT_MAX)?;
    let total = found.len();
    let columns = body.columns.names();
    let page = found.into_iter().skip(skip).take(take.min(RECENT_MAX)).map(|lead| {
        let mut attributes = list(lead, columns.as_deref(), &desk.store.schema);
        attributes.push(json!({ "Attribute": "Total", "Value": total.to_string() }));
        json!({ "LeadPropertyList": attributes })
    });
    let page: Vec<Value> = page.collect();
    if page.is_empty() {
        return Ok(json!({ "RecordCount": total }));
    }
    Ok(json!({ "RecordCount": total, "Leads": page }))
}

/// A UTC date-time of the API in milliseconds since the epoch, without its fraction.
pub(super) fn whole_second_ms(text: &str) -> Result<u64, Refused> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let parsed = DateTime::strptime("%Y-%m-%d %H:%M:%S", whole).or_else(|_| DateTime::strptime("%Y-%m-%d", whole));
    let instant = parsed.and_then(|civil| civil.to_zoned(TimeZone::UTC));
    let ms = instant.ok().and_then(|zoned| u64::try_from(zoned.timestamp().as_millisecond()).ok());
    ms.ok_or_else(|| Refused::Mx("MXInvalidDataTypeException", "A date must be yyyy-MM-dd HH:mm:ss".to_owned()))
}

fn value_of<'l>(lead: &'l Lead, name: &str, desk: &Desk<'_>) -> Cow<'l, str> {
    match name {
        // Values of a lead that are not among its own fields.
        "ProspectID" | "ProspectAutoId" | "ModifiedOn" | "LeadLastModifiedOn" => {
            all(lead, &desk.store.schema).remove(name).flatten().unwrap_or_default().into()
        }
        _ => lead.field(name).unwrap_or_default().into(),
    }
}

/// Direction `"1"` is descending.
fn sort(leads: &mut [&Lead], sorting: Option<&Sorting>, desk: &Desk<'_>) {
    let Some(sorting) = sorting else { return };
    let descending = sorting.direction == json!("1") || sorting.direction == json!(1);
    if sorting.column == "ProspectAutoId" {
        // Leads are stored in this order, so an account with a million leads is not sorted for each page.
        if descending {
            leads.reverse();
        }
        return;
    }
    leads.sort_by(|a, b| {
        let order = compare(&value_of(a, &sorting.column, desk), &value_of(b, &sorting.column, desk));
        if descending { order.reverse() } else { order }
    });
}

/// Compares numbers by value; everything else, dates in the API's form included, as text.
fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Like,
    Less,
    More,
    AtMost,
    AtLeast,
}

impl Operator {
    fn read(text: &str) -> Result<Self, Refused> {
        Ok(match text {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "LIKE" => Self::Like,
            "<" => Self::Less,
            ">" => Self::More,
            "<=" => Self::AtMost,
            ">=" => Self::AtLeast,
            _ => return Err(invalid("SqlOperator is not valid")),
        })
    }

    fn holds(self, stored: &str, wanted: &str) -> bool {
        let order = compare(stored, wanted);
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Like => stored.to_lowercase().contains(wanted.trim_matches('%').to_lowercase().as_str()),
            Self::Less => order == Ordering::Less,
            Self::More => order == Ordering::Greater,
            Self::AtMost => order != Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Operator, whole_second_ms};

    #[test]
    fn numbers_compare_by_size_and_dates_by_time() {
        assert!(Operator::More.holds("10", "9"));
        assert!(Operator::Less.holds("2026-01-01 10:00:00.000", "2026-01-02 09:00:00"));
        assert!(Operator::Like.holds("Site Novo", "%novo%"));
        assert!(Operator::read("IN").is_err());
    }

    #[test]
    fn a_fraction_of_a_second_is_cut_off() {
        assert_eq!(whole_second_ms("1970-01-01 00:00:01.999").unwrap(), 1_000);
        assert!(whole_second_ms("01/02/2026").is_err());
    }
}
