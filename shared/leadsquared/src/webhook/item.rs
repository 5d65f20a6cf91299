//! Bodies about an object that belongs to a lead: an activity, a task, an opportunity, a submitted form.

use serde_json::Value;

use super::{
    body::inner_json,
    change::{Activity, ActivityChange, BelongsTo, Change, Item, Lead, OpportunityChange, TaskChange},
    lead::{DATA, Object, Read, has, lead_of_object, one_lead, related, wrapped},
};
use crate::{LeadFields, json};

/// Members that only an activity has, and one that hand-composed bodies use for it.
pub(super) const ACTIVITY_SIGNS: [&str; 3] = ["ProspectActivityId", "ActivityEvent", "ActivityEventName"];
pub(super) const ACTIVITY_NAME: &str = "ActivityName";
pub(super) const OPPORTUNITY_SIGNS: [&str; 3] = ["ProspectOpportunityId", "OpportunityEvent", "OpportunityId"];
pub(super) const TASK_SIGNS: [&str; 4] = ["UserTaskId", "TaskId", "TaskTypeId", "TaskType"];
/// Members that hold the own fields of the body's object.
const OWN_PARTS: [&str; 3] = [DATA, "Fields", "CustomFields"];
/// An activity's own fields if they are among others: these, and `mx_Custom_1` and so on.
const OWN_NAMES: [&str; 4] = ["Status", "Note", "ActivityEvent_Note", "Owner"];
const OWN_CUSTOM: &str = "mx_custom_";

pub(super) fn activity(object: &Object, kind: ActivityChange) -> Read<Change> {
    // A body without a sign of an activity, apart from its name or its event in the address, was composed of the lead's
    // fields.
    let of_lead = || (!has(object, &ACTIVITY_SIGNS)).then(|| lead_of_object(object));
    let current = wrapped(object)?.or_else(of_lead);
    let snapshot = snapshot(object);
    let text = |names: &[&str]| json::text_of(object, names);
    let code = json::member(object, "ActivityEvent").or_else(|| json::member(snapshot.as_ref()?, "ActivityEvent"));
    let lead_id = related(object).or_else(|| current.as_ref().and_then(|lead| lead.id.clone()));
    one_lead(lead_id.as_deref(), current.as_ref().and_then(|lead| lead.id.as_deref()))?;
    let activity = Activity {
        id: text(&["ProspectActivityId", "ActivityId"]),
        lead_id,
        code: code.and_then(json::code),
        name: text(&["ActivityEventName", ACTIVITY_NAME]),
        created_by: text(&["CreatedBy"]),
        created_on: text(&["CreatedOn"]),
        modified_on: text(&["ModifiedOn"]),
        data: own_fields_of_activity(object, snapshot.as_ref())?,
        current,
    };
    Ok(Change::Activity { activity, kind })
}

/// The activity in a flat lead, which comes under an activity's event or with an activity's name. The lead is the
/// activity's lead.
pub(super) fn activity_of_lead(lead: Lead, kind: ActivityChange) -> Change {
    let text = |name: &str| lead.fields.get_any_case(name).map(str::trim).filter(|text| !text.is_empty());
    let activity = Activity {
        lead_id: lead.id.clone(),
        code: text("ActivityEvent").and_then(|code| code.parse().ok()),
        name: text("ActivityEventName").or_else(|| text(ACTIVITY_NAME)).map(str::to_owned),
        data: lead.fields.clone().into_iter().filter(|(name, _)| is_own(name)).collect(),
        current: Some(lead),
        ..Activity::default()
    };
    Change::Activity { activity, kind }
}

/// The part of an activity's body that shows the lead as it is now.
fn snapshot(object: &Object) -> Option<Object> {
    let current = json::member(object, "Current")?;
    match inner_json(current).unwrap_or_else(|| current.clone()) {
        Value::Object(snapshot) => Some(snapshot),
        _ => None,
    }
}

/// An activity's own fields, each from the first place that has it. Forms and automations leave some places empty, and
/// some deliveries have the fields in the lead's snapshot alone.
fn own_fields_of_activity(object: &Object, snapshot: Option<&Object>) -> Read<LeadFields> {
    let mut fields = LeadFields::default();
    for part in OWN_PARTS {
        fill(&mut fields, own_part(object, part)?);
    }
    for place in [Some(object), snapshot].into_iter().flatten() {
        fill(&mut fields, LeadFields::from_object(place).into_iter().filter(|(name, _)| is_own(name)));
    }
    Ok(fields)
}

fn fill(fields: &mut LeadFields, more: impl IntoIterator<Item = (String, Option<String>)>) {
    for (name, value) in more {
        if !fields.contains(&name) {
            fields.insert(name, value);
        }
    }
}

fn is_own(name: &str) -> bool {
    let is_custom = |rest: &str| rest.starts_with(|sign: char| sign.is_ascii_digit());
    name.to_ascii_lowercase().strip_prefix(OWN_CUSTOM).is_some_and(is_custom)
        || OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Fields in one member: an object, a list of pairs, or either as JSON text. Forms leave it empty.
fn own_part(object: &Object, name: &str) -> Read<LeadFields> {
    let Some(part) = json::member(object, name) else {
        return Ok(LeadFields::default());
    };
    let decoded = inner_json(part);
    match decoded.as_ref().unwrap_or(part) {
        Value::Object(object) => Ok(LeadFields::from_object(object)),
        Value::Array(list) if list.is_empty() => Ok(LeadFields::default()),
        Value::Array(list) => LeadFields::from_pairs(list).ok_or("has fields in a list that is not one of pairs"),
        Value::String(text) if text.trim().is_empty() => Ok(LeadFields::default()),
        _ => Err("has fields that are neither an object nor a list"),
    }
}

pub(super) fn opportunity(object: &Object, kind: OpportunityChange) -> Change {
    // For LeadSquared an opportunity is an activity of a certain kind.
    Change::Opportunity { kind, item: item(object, &["ProspectOpportunityId", "OpportunityId", "ProspectActivityId"]) }
}

pub(super) fn task(object: &Object, kind: TaskChange) -> Change {
    Change::Task { kind, item: item(object, &["UserTaskId", "TaskId", "Id"]) }
}

/// A form's fields are the lead's, unless the lead has its own member.
pub(super) fn landing_page(object: &Object) -> Change {
    let mut item = item(object, &[]);
    item.lead = item.lead.or_else(|| Some(lead_of_object(object)));
    Change::LandingPage { item }
}

/// The item in a body of attributes and values: an automation that posts the lead.
pub(super) fn item_of_lead(lead: Lead) -> Item {
    Item { lead_id: lead.id.clone(), fields: lead.fields.clone(), lead: Some(lead), ..Item::default() }
}

/// A task, an opportunity or a submission, flat or under `After`.
fn item(object: &Object, ids: &[&str]) -> Item {
    let after = json::member(object, "After").map(|after| inner_json(after).unwrap_or_else(|| after.clone()));
    let own = after.as_ref().and_then(Value::as_object).unwrap_or(object);
    let text = |names: &[&str]| json::text_of(own, names);
    Item {
        id: text(ids),
        lead_id: related(object),
        belongs_to: BelongsTo::of(own),
        fields: own_fields(own),
        lead: wrapped(object).ok().flatten(),
        created_by: text(&["CreatedBy"]),
        modified_by: text(&["ModifiedBy"]),
        created_on: text(&["CreatedOn"]),
        modified_on: text(&["ModifiedOn", "LastModifiedOn", "CompletedOn"]),
    }
}

/// The members of an object that belong to no other object, and those of its [`OWN_PARTS`].
fn own_fields(object: &Object) -> LeadFields {
    const APART: [&str; 6] = ["Lead", "Current", "Before", DATA, "Fields", "CustomFields"];
    let is_apart = |name: &str, value: &Value| {
        APART.iter().any(|apart| name.eq_ignore_ascii_case(apart)) && (value.is_object() || value.is_array())
    };
    let members = object.iter().filter(|(name, value)| !is_apart(name, value));
    let members: Object = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut fields = LeadFields::from_object(&members);
    for part in OWN_PARTS {
        for (name, value) in own_part(object, part).unwrap_or_default() {
            fields.insert(name, value);
        }
    }
    fields
}
