//! From JSON to a change, by its shape first and the query's hint second.
//!
//! Where the two disagree the shape wins, if it leaves no doubt: `Before` and `After` are a change whatever the address
//! says. A flat object leaves doubt, so there the hint decides.

use serde_json::{Map, Value};

use super::{
    body::inner_json,
    change::{Activity, ActivityChange, Change, ChangeKind, Item, Lead, OpportunityChange, TaskChange},
    hint::Hint,
};
use crate::{LeadFields, json};

type Object = Map<String, Value>;
type Read<T> = Result<T, &'static str>;

/// What a lead's id is called, the CRM's own name first. All names match in any case.
const LEAD_IDS: [&str; 3] = ["ProspectID", "LeadId", "RelatedProspectId"];
/// The same in a body about something that belongs to a lead.
const RELATED_IDS: [&str; 4] = ["RelatedProspectId", "ProspectID", "LeadId", "RelatedEntityId"];
/// Members that show that a flat object is a lead.
const LEAD_SIGNS: [&str; 10] = [
    "ProspectID",
    "LeadId",
    "RelatedProspectId",
    "ProspectAutoId",
    "FirstName",
    "LastName",
    "EmailAddress",
    "Phone",
    "Mobile",
    "ProspectStage",
];
const ACTIVITY_SIGNS: [&str; 3] = ["ProspectActivityId", "ActivityEvent", "ActivityEventName"];
const OPPORTUNITY_SIGNS: [&str; 3] = ["ProspectOpportunityId", "OpportunityEvent", "OpportunityId"];
const TASK_SIGNS: [&str; 4] = ["UserTaskId", "TaskId", "TaskTypeId", "TaskType"];
/// Members that wrap a lead.
const LEAD_WRAPS: [&str; 2] = ["Lead", "Current"];
/// Members in which a lead's id may hide.
const NESTS: [&str; 4] = ["After", "Current", "Lead", "Data"];

/// Whether a list is one lead, as `[{"Attribute": .., "Value": ..}]`.
pub(super) fn is_pairs(list: &[Value]) -> bool {
    LeadFields::from_pairs(list).is_some()
}

/// One element of a body.
pub(super) fn change(element: &Value, hint: Option<&Hint>) -> Read<Change> {
    let decoded = inner_json(element);
    match decoded.as_ref().unwrap_or(element) {
        Value::Object(object) => of_object(object, hint),
        Value::Array(list) => match lead_of_pairs(list) {
            Some(lead) => Ok(flat(lead, hint)),
            None => Err("is a list, but not one of attributes and values"),
        },
        _ => Err("is not an object"),
    }
}

fn of_object(object: &Object, hint: Option<&Hint>) -> Read<Change> {
    match hint {
        Some(Hint::Opportunity(kind)) => return Ok(opportunity(object, *kind)),
        Some(Hint::Task(kind)) => return Ok(task(object, *kind)),
        Some(Hint::LandingPage) => return Ok(landing_page(object)),
        _ => {}
    }
    if has(object, &["Before"]) || has(object, &["After"]) {
        return before_after(object, hint);
    }
    if has(object, &ACTIVITY_SIGNS) || matches!(hint, Some(Hint::Activity(_))) {
        return activity(object, hint);
    }
    if has(object, &OPPORTUNITY_SIGNS) {
        return Ok(opportunity(object, OpportunityChange::Unstated));
    }
    if has(object, &TASK_SIGNS) {
        return Ok(task(object, TaskChange::Unstated));
    }
    if let Some(lead) = wrapped_lead(object)? {
        return Ok(flat(lead, hint));
    }
    if has(object, &LEAD_SIGNS) || matches!(hint, Some(Hint::LeadCreated | Hint::LeadChanged(_) | Hint::Unknown(_))) {
        return Ok(flat(lead_of_object(object), hint));
    }
    Ok(Change::Other { what: format!("an object with {} members, none of them known", object.len()) })
}

/// A single state of a lead: the one shape in which only the hint tells what happened.
fn flat(lead: Lead, hint: Option<&Hint>) -> Change {
    match hint {
        Some(Hint::LeadChanged(kind)) => Change::LeadChanged { before: None, after: lead, kind: *kind },
        Some(Hint::Unknown(name)) => Change::Other { what: format!("event {name}") },
        Some(Hint::Activity(kind)) => {
            let activity = Activity { lead_id: lead.id.clone(), current: Some(lead), ..Activity::default() };
            Change::Activity { activity, kind: *kind }
        }
        Some(Hint::Opportunity(kind)) => Change::Opportunity { kind: *kind, item: item_of_lead(lead) },
        Some(Hint::Task(kind)) => Change::Task { kind: *kind, item: item_of_lead(lead) },
        Some(Hint::LandingPage) => Change::LandingPage { item: item_of_lead(lead) },
        Some(Hint::LeadCreated) | None => Change::LeadCreated { lead },
    }
}

fn before_after(object: &Object, hint: Option<&Hint>) -> Read<Change> {
    let Some(after) = json::member(object, "After") else {
        return Ok(Change::Other { what: "a change without After".to_owned() });
    };
    let decoded = inner_json(after);
    let after = decoded.as_ref().unwrap_or(after);
    if let Some(after) = after.as_object().filter(|after| has(after, &ACTIVITY_SIGNS)) {
        return activity(after, hint.or(Some(&Hint::Activity(ActivityChange::Updated))));
    }
    let after = lead(after).ok_or("has an After that is not an object")?;
    let before = match json::member(object, "Before") {
        Some(before) => Some(lead(before).ok_or("has a Before that is not an object")?),
        None => None,
    };
    let kind = match hint {
        Some(Hint::LeadChanged(kind)) => *kind,
        // Users and products change too. Without a lead's id there is no reason to take it for a lead.
        Some(Hint::Unknown(name)) if after.id.is_none() => {
            return Ok(Change::Other { what: format!("event {name}") });
        }
        _ => ChangeKind::Unstated,
    };
    Ok(Change::LeadChanged { before, after, kind })
}

fn activity(object: &Object, hint: Option<&Hint>) -> Read<Change> {
    let kind = match hint {
        Some(Hint::Activity(kind)) => *kind,
        // Activities are deleted too, and accounts have activities of their own.
        Some(Hint::Unknown(name)) => {
            return Ok(Change::Other { what: format!("event {name}") });
        }
        _ => ActivityChange::Created,
    };
    // An automation that posts a lead under an activity's event means the lead that the activity is of.
    let only_a_lead = || (!has(object, &ACTIVITY_SIGNS)).then(|| lead_of_object(object));
    let current = wrapped_lead(object)?.or_else(only_a_lead);
    let text = |name: &str| json::text_of(object, &[name]);
    let id_in_current = || current.as_ref().and_then(|lead| lead.id.clone());
    let activity = Activity {
        id: json::text_of(object, &["ProspectActivityId", "ActivityId"]),
        lead_id: json::text_of(object, &RELATED_IDS).or_else(id_in_current),
        code: json::member(object, "ActivityEvent").and_then(json::code),
        name: text("ActivityEventName"),
        created_by: text("CreatedBy"),
        created_on: text("CreatedOn"),
        modified_on: text("ModifiedOn"),
        data: data(object)?,
        current,
    };
    Ok(Change::Activity { activity, kind })
}

/// An activity's own fields: an object, a list of pairs, or either as JSON text; forms leave it empty.
fn data(object: &Object) -> Read<LeadFields> {
    let Some(data) = json::member(object, "Data") else {
        return Ok(LeadFields::default());
    };
    let decoded = inner_json(data);
    match decoded.as_ref().unwrap_or(data) {
        Value::Object(object) => Ok(LeadFields::from_object(object)),
        Value::Array(list) if list.is_empty() => Ok(LeadFields::default()),
        Value::Array(list) => LeadFields::from_pairs(list).ok_or("has a Data that is a list, but not one of pairs"),
        Value::String(text) if text.trim().is_empty() => Ok(LeadFields::default()),
        _ => Err("has a Data that is neither an object nor a list"),
    }
}

fn opportunity(object: &Object, kind: OpportunityChange) -> Change {
    // To LeadSquared an opportunity is an activity of a certain kind.
    Change::Opportunity { kind, item: item(object, &["ProspectOpportunityId", "OpportunityId", "ProspectActivityId"]) }
}

fn task(object: &Object, kind: TaskChange) -> Change {
    Change::Task { kind, item: item(object, &["UserTaskId", "TaskId", "Id"]) }
}

/// A form's fields are the lead's, where the lead does not stand apart.
fn landing_page(object: &Object) -> Change {
    let mut item = item(object, &[]);
    item.lead = item.lead.or_else(|| Some(lead_of_object(object)));
    Change::LandingPage { item }
}

/// A task, an opportunity or a submission, told flat or under `After`.
fn item(object: &Object, ids: &[&str]) -> Item {
    let after = json::member(object, "After").map(|after| inner_json(after).unwrap_or_else(|| after.clone()));
    let own = after.as_ref().and_then(Value::as_object).unwrap_or(object);
    let text = |names: &[&str]| json::text_of(own, names);
    Item {
        id: text(ids),
        lead_id: related_lead(object),
        fields: own_fields(own),
        lead: wrapped_lead(object).ok().flatten(),
        created_by: text(&["CreatedBy"]),
        modified_by: text(&["ModifiedBy"]),
        created_on: text(&["CreatedOn"]),
        modified_on: text(&["ModifiedOn", "LastModifiedOn", "CompletedOn"]),
    }
}

/// The members of an object that are no part of another thing, and what stands under `Data` or `Fields`.
fn own_fields(object: &Object) -> LeadFields {
    const APART: [&str; 5] = ["Lead", "Current", "Before", "Data", "Fields"];
    let is_apart = |name: &str, value: &Value| {
        APART.iter().any(|apart| name.eq_ignore_ascii_case(apart)) && (value.is_object() || value.is_array())
    };
    let members = object.iter().filter(|(name, value)| !is_apart(name, value));
    let members: Object = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut fields = LeadFields::from_object(&members);
    for name in ["Data", "Fields"] {
        let Some(value) = json::member(object, name) else { continue };
        let decoded = inner_json(value);
        let inside = match decoded.as_ref().unwrap_or(value) {
            Value::Object(inside) => Some(LeadFields::from_object(inside)),
            Value::Array(list) => LeadFields::from_pairs(list),
            _ => None,
        };
        for (name, value) in inside.into_iter().flatten() {
            fields.insert(name, value);
        }
    }
    fields
}

/// What a body of attributes and values tells: an automation that posts the lead.
fn item_of_lead(lead: Lead) -> Item {
    Item { lead_id: lead.id.clone(), fields: lead.fields.clone(), lead: Some(lead), ..Item::default() }
}

/// The lead that an object belongs to, told by itself or by a part of it.
fn related_lead(object: &Object) -> Option<String> {
    json::text_of(object, &RELATED_IDS).or_else(|| {
        NESTS.iter().find_map(|name| {
            let nest = json::member(object, name)?;
            let decoded = inner_json(nest);
            json::text_of(decoded.as_ref().unwrap_or(nest).as_object()?, &RELATED_IDS)
        })
    })
}

/// The lead under `Lead` or `Current`; its id may stand beside it. A scalar is a field of that name.
fn wrapped_lead(object: &Object) -> Read<Option<Lead>> {
    let Some(inside) = json::first(object, &LEAD_WRAPS) else {
        return Ok(None);
    };
    match lead(inside) {
        Some(mut lead) => {
            lead.id = lead.id.or_else(|| json::text_of(object, &LEAD_IDS));
            Ok(Some(lead))
        }
        None if inside.is_array() => Err("has a lead that is a list, but not one of pairs"),
        None => Ok(None),
    }
}

/// A lead as an object, as pairs, or as the JSON text of either.
fn lead(value: &Value) -> Option<Lead> {
    let decoded = inner_json(value);
    match decoded.as_ref().unwrap_or(value) {
        Value::Object(object) => Some(lead_of_object(object)),
        Value::Array(list) => lead_of_pairs(list),
        _ => None,
    }
}

fn lead_of_object(object: &Object) -> Lead {
    Lead { id: json::text_of(object, &LEAD_IDS), fields: LeadFields::from_object(object) }
}

fn lead_of_pairs(list: &[Value]) -> Option<Lead> {
    let fields = LeadFields::from_pairs(list)?;
    let id = LEAD_IDS.iter().find_map(|name| fields.get_any_case(name)).map(str::trim).filter(|id| !id.is_empty());
    Some(Lead { id: id.map(str::to_owned), fields })
}

fn has(object: &Object, names: &[&str]) -> bool {
    object.keys().any(|key| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
}
