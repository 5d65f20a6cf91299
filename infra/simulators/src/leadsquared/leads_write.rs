//! Writes one lead.

use serde_json::{Value, json};

use super::{
    desk::Desk,
    events::Raised,
    fields::{Pair, known, pairs, take},
    refusal::{Refused, invalid, no_such_lead, success},
    store::Change,
};

/// At least one of these must have a value in a new lead.
const IDENTITIES: [&str; 4] = ["FirstName", "LastName", "EmailAddress", "Phone"];

/// The keys by which a lead is found if a write names no `SearchBy`, in this order.
const KEYS: [&str; 3] = ["ProspectID", "EmailAddress", "Phone"];

/// `POST Lead.Create`.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let write = pairs(&desk.body()?)?;
    let change = insert(desk, write)?;
    let id = change.after.id.clone();
    desk.raised.push(Raised::Lead(change));
    Ok(success(&json!({ "Id": id })))
}

/// `POST Lead.Update?leadId=`. Webhooks are raised only with `postUpdatedLead=true`.
pub(super) fn update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let write = pairs(&desk.body()?)?;
    let id = desk.query("leadId").ok_or_else(|| invalid("leadId is mandatory"))?.to_owned();
    let change = change(desk, &id, write)?;
    raise_if_asked(desk, change);
    Ok(success(&json!({ "AffectedRows": 1 })))
}

/// `POST Lead.CreateOrUpdate`.
pub(super) fn create_or_update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let write = pairs(&desk.body()?)?;
    let change = upsert(desk, write)?;
    let id = change.after.id.clone();
    raise_if_asked(desk, change);
    Ok(success(&json!({ "Id": id, "AffectedRows": 1 })))
}

/// `POST Lead.Capture[?LeadUpdateBehavior=]`: finds the lead by its id, then e-mail, then phone. `SearchBy` replaces
/// these keys, unless all three have values.
pub(super) fn capture(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let mut write = pairs(&desk.body()?)?;
    let behavior = desk.query("LeadUpdateBehavior").unwrap_or_default().to_owned();
    if !["", "DoNotUpdate", "UpdateOnlyEmptyFields", "DoNotUpdateUniqueFields"].contains(&behavior.as_str()) {
        return Err(invalid("LeadUpdateBehavior is not valid"));
    }
    let has = |name: &str| {
        write.iter().any(|(field, value)| field == name && value.as_deref().is_some_and(|v| !v.is_empty()))
    };
    if KEYS.iter().all(|key| has(key)) {
        take(&mut write, "SearchBy");
    }
    let Some(id) = find(desk, &mut write)? else {
        let change = insert(desk, write)?;
        let id = change.after.id.clone();
        desk.raised.push(Raised::Lead(change));
        return Ok(success(&json!({ "Id": id, "RelatedId": id, "IsCreated": true })));
    };
    take(&mut write, "ProspectID");
    let lead = desk.store.lead(&id).ok_or_else(|| no_such_lead(desk.options))?;
    let is_wanted = |(name, _): &Pair| match behavior.as_str() {
        "DoNotUpdate" => false,
        "UpdateOnlyEmptyFields" => lead.field(name).unwrap_or_default().is_empty(),
        "DoNotUpdateUniqueFields" => !desk.options.unique_fields.contains(name),
        _ => true,
    };
    write.retain(is_wanted);
    if !write.is_empty() {
        change(desk, &id, write)?;
    }
    Ok(success(&json!({ "Id": id, "RelatedId": id, "IsCreated": false })))
}

fn raise_if_asked(desk: &mut Desk<'_>, change: Change) {
    if desk.query("postUpdatedLead").is_some_and(|flag| flag.eq_ignore_ascii_case("true")) {
        desk.raised.push(Raised::Lead(change));
    }
}

/// Creates a lead under a new id, or under the id in the write.
pub(super) fn insert(desk: &mut Desk<'_>, mut write: Vec<Pair>) -> Result<Change, Refused> {
    let id = take(&mut write, "ProspectID").unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    known(&write, &desk.store.schema)?;
    let has_identity = |(name, value): &Pair| {
        IDENTITIES.contains(&name.as_str()) && value.as_deref().is_some_and(|value| !value.trim().is_empty())
    };
    if !write.iter().any(has_identity) {
        let message = format!("One of {} is mandatory", IDENTITIES.join(", "));
        return Err(Refused::Mx("MXMandatoryAttributeMissingException", message));
    }
    desk.store.unique(&write, None, desk.options)?;
    Ok(desk.store.write(&id, write, &desk.options.user_id, desk.now_ms))
}

/// Changes an existing lead.
pub(super) fn change(desk: &mut Desk<'_>, id: &str, write: Vec<Pair>) -> Result<Change, Refused> {
    known(&write, &desk.store.schema)?;
    if desk.store.lead(id).is_none() {
        return Err(no_such_lead(desk.options));
    }
    desk.store.unique(&write, Some(id), desk.options)?;
    Ok(desk.store.write(id, write, &desk.options.user_id, desk.now_ms))
}

/// Changes the lead found by the write's `SearchBy`, or else by its id, e-mail or phone. Creates a lead if none is
/// found.
pub(super) fn upsert(desk: &mut Desk<'_>, mut write: Vec<Pair>) -> Result<Change, Refused> {
    match find(desk, &mut write)? {
        Some(id) => {
            take(&mut write, "ProspectID");
            change(desk, &id, write)
        }
        None => insert(desk, write),
    }
}

/// The lead of a write. Removes `SearchBy` from the write. A search compares the whole text: `+55-119…` and `55119…`
/// are two leads.
fn find(desk: &Desk<'_>, write: &mut Vec<Pair>) -> Result<Option<String>, Refused> {
    let search_by = take(write, "SearchBy");
    let keys: Vec<&str> = match &search_by {
        Some(field) => vec![field],
        None => KEYS.to_vec(),
    };
    let value_of = |field: &&str| {
        let pair = write.iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
        pair.1.clone().filter(|value| !value.is_empty()).map(|value| ((*field).to_owned(), value))
    };
    let found: Vec<(String, String)> = keys.iter().filter_map(value_of).collect();
    if search_by.is_some() && found.is_empty() {
        return Err(invalid("The field of SearchBy has no value"));
    }
    Ok(found.iter().find_map(|(field, value)| desk.store.lead_by(field, value)).map(|lead| lead.id.clone()))
}
