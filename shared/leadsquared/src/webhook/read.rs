//! From JSON to a change: by the address's query, by the body's own words, and by its shape.
//!
//! If query and shape disagree, a clear shape wins: `Before` and `After` are a change whatever the address says. A flat
//! object is not clear. Then the query decides, else the body's own words, else the lead's times. If none of them does,
//! the result is [`Change::Untold`]: a guess could greet a lead that is years old.

use serde_json::Value;

use super::{
    body::inner_json,
    change::{ActivityChange, Change, ChangeKind, Lead, OpportunityChange, TaskChange},
    item::{
        ACTIVITY_NAME, ACTIVITY_SIGNS, OPPORTUNITY_SIGNS, TASK_SIGNS, activity, activity_of_lead, item_of_lead,
        landing_page, opportunity, task,
    },
    lead::{
        DATA, LEAD_SIGNS, Object, Read, has, is_related_only, lead, lead_of_object, lead_of_pairs, names_lead,
        one_lead, related, wrapped_alone,
    },
    words::Hint,
};
use crate::{LeadFields, json, parse_time_ms};

/// The most time between a new lead's creation and its last edit, in ms: both are one write, cut to seconds.
const ONE_WRITE_MS: i64 = 1_000;
/// How long a lead counts as new by its own times alone, in ms: an hour, for delays and repetitions.
const NEW_FOR_MS: i64 = 3_600_000;
/// The most by which LeadSquared's clock may be ahead, in ms.
const AHEAD_MS: i64 = 300_000;

/// The known facts of a delivery besides the element.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The event according to the query, or to a body that contains this element.
    pub(super) hint: Option<Hint>,
    /// When the delivery came, in ms since 1970.
    pub(super) now_ms: i64,
}

impl Reading {
    /// The same for the content of an object, which may name the event for its content.
    pub(super) fn inside(&self, object: &Object) -> Self {
        let words = || Hint::of_body(object.iter().map(|(name, value)| (name.as_str(), json::text(value))));
        Self { hint: self.hint.clone().or_else(words), now_ms: self.now_ms }
    }
}

/// Whether a list is one lead, as `[{"Attribute": .., "Value": ..}]`.
pub(super) fn is_pairs(list: &[Value]) -> bool {
    LeadFields::from_pairs(list).is_some()
}

/// The elements of a body that is an object around a list, as `{"Event": .., "Data": [..]}`.
pub(super) fn elements(object: &Object) -> Option<&[Value]> {
    let list = json::member(object, DATA).filter(|_| !has_sign(object))?.as_array()?;
    (!list.is_empty() && list.iter().all(Value::is_object) && !is_pairs(list)).then_some(list)
}

/// One element of a body.
pub(super) fn change(element: &Value, reading: &Reading) -> Read<Change> {
    let decoded = inner_json(element);
    match decoded.as_ref().unwrap_or(element) {
        Value::Object(object) => of_object(object, reading),
        Value::Array(list) => match lead_of_pairs(list) {
            Some(lead) => Ok(flat(lead, reading)),
            None => Err("is a list, but not one of attributes and values"),
        },
        _ => Err("is not an object"),
    }
}

fn of_object(object: &Object, reading: &Reading) -> Read<Change> {
    let reading = &reading.inside(object);
    if let Some(inside) = enveloped(object) {
        return of_object(&inside, reading);
    }
    match reading.hint {
        Some(Hint::Opportunity(kind)) => return Ok(opportunity(object, kind)),
        Some(Hint::Task(kind)) => return Ok(task(object, kind)),
        Some(Hint::LandingPage) => return Ok(landing_page(object)),
        _ => {}
    }
    if has(object, &["Before", "After"]) {
        return before_after(object, reading);
    }
    if has(object, &ACTIVITY_SIGNS) || matches!(reading.hint, Some(Hint::Activity(_))) {
        return activity_or_end(object, reading.hint.as_ref());
    }
    if has(object, &OPPORTUNITY_SIGNS) {
        return Ok(opportunity(object, OpportunityChange::Unstated));
    }
    if has(object, &TASK_SIGNS) {
        return Ok(task(object, TaskChange::Unstated));
    }
    let is_of_lead = matches!(reading.hint, Some(Hint::LeadCreated | Hint::LeadChanged(_)));
    let tells = |name: &str| json::text_of(object, &[name]).is_some();
    if !is_of_lead && (tells(ACTIVITY_NAME) || is_related_only(tells)) {
        return activity_or_end(object, reading.hint.as_ref());
    }
    Ok(match wrapped_alone(object)? {
        Some(lead) => flat(lead, reading),
        None => flat(lead_of_object(object), reading),
    })
}

/// Whether an object's own members show its kind.
fn has_sign(object: &Object) -> bool {
    let signs =
        [&LEAD_SIGNS[..], &ACTIVITY_SIGNS, &OPPORTUNITY_SIGNS, &TASK_SIGNS, &["Before", "After", ACTIVITY_NAME]];
    names_lead(object) || signs.iter().any(|signs| has(object, signs))
}

/// The inner object that shows its kind, if the outer object does not, as `{"Event": .., "Data": {..}}`.
fn enveloped(object: &Object) -> Option<Object> {
    let inside = json::member(object, DATA).filter(|_| !has_sign(object))?;
    match inner_json(inside).unwrap_or_else(|| inside.clone()) {
        Value::Object(inside) if has_sign(&inside) => Some(inside),
        _ => None,
    }
}

/// A single state of a lead: the only shape that does not itself show what happened.
fn flat(lead: Lead, reading: &Reading) -> Change {
    let words = || Hint::of_body(lead.fields.iter().map(|(name, value)| (name, value.map(str::to_owned))));
    match reading.hint.clone().or_else(words) {
        Some(Hint::LeadCreated) => Change::LeadCreated { lead },
        Some(Hint::LeadChanged(kind)) => Change::LeadChanged { before: None, after: lead, kind },
        Some(Hint::Unknown(name)) => Change::Other { what: format!("event {name}"), lead_id: lead.id },
        Some(Hint::Activity(kind)) => activity_of_lead(lead, kind),
        Some(Hint::Opportunity(kind)) => Change::Opportunity { kind, item: item_of_lead(lead) },
        Some(Hint::Task(kind)) => Change::Task { kind, item: item_of_lead(lead) },
        Some(Hint::LandingPage) => Change::LandingPage { item: item_of_lead(lead) },
        Some(Hint::Unclear) => Change::Untold { lead_id: lead.id, is_named: true },
        None if is_of_activity(&lead.fields) => activity_of_lead(lead, ActivityChange::Created),
        None if says_new(&lead.fields, reading.now_ms) => Change::LeadCreated { lead },
        None => Change::Untold { lead_id: lead.id, is_named: false },
    }
}

fn is_of_activity(fields: &LeadFields) -> bool {
    let has = |name: &str| fields.get_any_case(name).is_some();
    has(ACTIVITY_NAME) || is_related_only(has)
}

/// Whether a lead's own times show that it was created just now and not edited since.
fn says_new(fields: &LeadFields, now_ms: i64) -> bool {
    let time = |name: &str| fields.get_any_case(name).and_then(parse_time_ms);
    let (Some(made_ms), Some(edited_ms)) = (time("CreatedOn"), time("ModifiedOn")) else { return false };
    (edited_ms - made_ms).abs() <= ONE_WRITE_MS && (-AHEAD_MS..=NEW_FOR_MS).contains(&now_ms.saturating_sub(made_ms))
}

/// A part that may be left empty: null, a blank text, or absent.
fn part<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    json::member(object, name).filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
}

fn before_after(object: &Object, reading: &Reading) -> Read<Change> {
    let hint = reading.hint.as_ref();
    let Some(after) = part(object, "After") else {
        return Ok(Change::Other { what: "a change without After".to_owned(), lead_id: related(object) });
    };
    let decoded = inner_json(after);
    let after = decoded.as_ref().unwrap_or(after);
    if let Some(after) = after.as_object().filter(|after| has(after, &ACTIVITY_SIGNS)) {
        let edited = Hint::Activity(ActivityChange::Updated);
        return activity_or_end(after, hint.filter(|hint| is_of_activities(hint)).or(Some(&edited)));
    }
    let mut after = lead(after)?.ok_or("has an After that is not an object")?;
    let before = match part(object, "Before") {
        Some(before) => Some(lead(before)?.ok_or("has a Before that is not an object")?),
        None => None,
    };
    let id_before = before.as_ref().and_then(|before| before.id.clone());
    one_lead(after.id.as_deref(), id_before.as_deref())?;
    after.id = after.id.or(id_before);
    let kind = match hint {
        Some(Hint::LeadChanged(kind)) => *kind,
        // There was no state before.
        Some(Hint::LeadCreated) if before.is_none() => return Ok(Change::LeadCreated { lead: after }),
        // Users and products change too. Without a lead's id there is no reason to assume a lead.
        Some(Hint::Unknown(name)) if after.id.is_none() => {
            return Ok(Change::Other { what: format!("event {name}"), lead_id: None });
        }
        _ => ChangeKind::Unstated,
    };
    Ok(Change::LeadChanged { before, after, kind })
}

fn is_of_activities(hint: &Hint) -> bool {
    matches!(hint, Hint::Activity(_) | Hint::Unknown(_))
}

fn activity_or_end(object: &Object, hint: Option<&Hint>) -> Read<Change> {
    match hint {
        Some(Hint::Activity(kind)) => activity(object, *kind),
        // Activities are deleted too, and a LeadSquared account has activities of its own.
        Some(Hint::Unknown(name)) => Ok(Change::Other { what: format!("event {name}"), lead_id: related(object) }),
        _ => activity(object, ActivityChange::Created),
    }
}
