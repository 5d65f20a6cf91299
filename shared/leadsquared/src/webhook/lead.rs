//! Where a body holds the lead, and under which name it has the lead's id.

use serde_json::{Map, Value};

use super::{
    body::inner_json,
    change::{BelongsTo, Lead},
    found::is_guid,
};
use crate::{LeadFields, json};

pub(super) type Object = Map<String, Value>;
/// The result of reading, or what is wrong with the element, as in "is not an object".
pub(super) type Read<T> = Result<T, &'static str>;

/// Names of a lead's id, the CRM's own name first. All names match in any case.
const LEAD_IDS: [&str; 3] = ["ProspectID", "LeadId", "RelatedProspectId"];
/// The same in a body about an object that belongs to a lead.
const RELATED_IDS: [&str; 3] = ["RelatedProspectId", "ProspectID", "LeadId"];
/// The id of a task's owner, which is not always a lead.
const RELATED_ENTITY_ID: &str = "RelatedEntityId";
/// Members that show that a flat object is a lead.
pub(super) const LEAD_SIGNS: [&str; 7] =
    ["ProspectAutoId", "FirstName", "LastName", "EmailAddress", "Phone", "Mobile", "ProspectStage"];
/// Members that contain a lead, in any body.
const WRAPS: [&str; 4] = ["Lead", "Current", "LeadFields", "LeadPropertyList"];
/// The member with the fields of the body's object. Those are the lead's fields if there is no other object.
pub(super) const DATA: &str = "Data";
/// Members that may contain a lead's id.
const NESTS: [&str; 4] = ["After", "Current", "Lead", DATA];

impl BelongsTo {
    pub(super) fn of(object: &Object) -> Self {
        let Some(told) = json::member(object, "RelatedEntity") else { return Self::Unstated };
        match json::text(told).unwrap_or_default().to_ascii_lowercase().as_str() {
            "1" | "lead" | "prospect" => Self::Lead,
            "5" | "opportunity" => Self::Opportunity,
            "0" | "none" => Self::Nobody,
            _ => Self::Other,
        }
    }
}

/// Whether the object has one of these members, in any case.
pub(super) fn has(object: &Object, names: &[&str]) -> bool {
    object.keys().any(|key| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
}

/// Whether the object itself has a lead's id.
pub(super) fn names_lead(object: &Object) -> bool {
    has(object, &LEAD_IDS)
}

/// Whether `RelatedProspectId` is the only id of a lead: then the body is about an object that belongs to the lead.
pub(super) fn is_related_only(has: impl Fn(&str) -> bool) -> bool {
    has("RelatedProspectId") && !["ProspectID", "LeadId", "ProspectAutoId"].iter().any(|name| has(name))
}

/// The lead that an object belongs to, named by the object or by a part of it.
pub(super) fn related(object: &Object) -> Option<String> {
    let id = |object: &Object| {
        let entity = || json::text_of(object, &[RELATED_ENTITY_ID]);
        let is_lead = matches!(BelongsTo::of(object), BelongsTo::Lead | BelongsTo::Unstated);
        json::text_of(object, &RELATED_IDS).or_else(|| entity().filter(|_| is_lead))
    };
    id(object).or_else(|| {
        NESTS.iter().find_map(|name| {
            let nest = json::member(object, name)?;
            let decoded = inner_json(nest);
            id(decoded.as_ref().unwrap_or(nest).as_object()?)
        })
    })
}

/// The lead in a part of an object; its id may be beside that part. A scalar is a field of that name.
pub(super) fn wrapped(object: &Object) -> Read<Option<Lead>> {
    in_wraps(object, &WRAPS)
}

/// The same for an object that is about a lead alone: the lead may be under `Data` too.
pub(super) fn wrapped_alone(object: &Object) -> Read<Option<Lead>> {
    match in_wraps(object, &WRAPS)? {
        None if !has(object, &LEAD_SIGNS) => in_wraps(object, &[DATA]),
        lead => Ok(lead),
    }
}

fn in_wraps(object: &Object, wraps: &[&str]) -> Read<Option<Lead>> {
    for inside in wraps.iter().filter_map(|name| json::member(object, name)) {
        let decoded = inner_json(inside);
        let inside = decoded.as_ref().unwrap_or(inside);
        if let Some(mut lead) = lead(inside)? {
            let beside = json::text_of(object, &LEAD_IDS);
            one_lead(lead.id.as_deref(), beside.as_deref())?;
            lead.id = lead.id.or(beside);
            return Ok(Some(lead));
        }
        if inside.is_array() {
            return Err("has a lead that is a list, but not one of pairs");
        }
    }
    Ok(None)
}

/// A lead as an object, as pairs, or as the JSON text of either. `None`: the value is something else.
pub(super) fn lead(value: &Value) -> Read<Option<Lead>> {
    let decoded = inner_json(value);
    match decoded.as_ref().unwrap_or(value) {
        Value::Object(object) => match wrapped_alone(object)? {
            None => Ok(Some(lead_of_object(object))),
            lead => Ok(lead),
        },
        Value::Array(list) => match (lead_of_pairs(list), list.as_slice()) {
            (None, [only @ Value::Object(_)]) => lead(only),
            (lead, _) => Ok(lead),
        },
        _ => Ok(None),
    }
}

/// An object's members as a lead's fields.
pub(super) fn lead_of_object(object: &Object) -> Lead {
    Lead { id: json::text_of(object, &LEAD_IDS), fields: LeadFields::from_object(object) }
}

/// A lead as a list of its attributes.
pub(super) fn lead_of_pairs(list: &[Value]) -> Option<Lead> {
    let fields = LeadFields::from_pairs(list)?;
    let id = LEAD_IDS.iter().find_map(|name| fields.get_any_case(name)).map(str::trim).filter(|id| !id.is_empty());
    Some(Lead { id: id.map(str::to_owned), fields })
}

/// Refuses two different ids of LeadSquared's form: the phone would be one lead's and the message the other's.
pub(super) fn one_lead(one: Option<&str>, other: Option<&str>) -> Read<()> {
    match (one, other) {
        (Some(one), Some(other)) if is_guid(one) && is_guid(other) && !one.eq_ignore_ascii_case(other) => {
            Err("names two leads")
        }
        _ => Ok(()),
    }
}
