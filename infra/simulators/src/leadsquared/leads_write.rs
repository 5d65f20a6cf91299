//! Writing one lead.

use serde_json::{Value, json};

use super::{
    events::Raised,
    fields::{Pair, known, pairs, take},
    refusal::{Refused, invalid, no_such_lead, success},
    store::Change,
    vendor::Desk,
};

/// At least one of these must have a value in a new lead.
const IDENTITIES: [&str; 4] = ["FirstName", "LastName", "EmailAddress", "Phone"];

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

fn raise_if_asked(desk: &mut Desk<'_>, change: Change) {
    if desk.query("postUpdatedLead").is_some_and(|flag| flag.eq_ignore_ascii_case("true")) {
        desk.raised.push(Raised::Lead(change));
    }
}

/// Creates a lead under a new id, or the one that the write brings.
pub(super) fn insert(desk: &mut Desk<'_>, mut write: Vec<Pair>) -> Result<Change, Refused> {
    let id = take(&mut write, "ProspectID").unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    known(&write, desk.options)?;
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

/// Changes a lead that exists.
pub(super) fn change(desk: &mut Desk<'_>, id: &str, write: Vec<Pair>) -> Result<Change, Refused> {
    known(&write, desk.options)?;
    if desk.store.lead(id).is_none() {
        return Err(no_such_lead());
    }
    desk.store.unique(&write, Some(id), desk.options)?;
    Ok(desk.store.write(id, write, &desk.options.user_id, desk.now_ms))
}

/// Changes the lead that the write's `SearchBy`, or else its id, e-mail or phone finds; creates one when there is none.
/// A search compares the whole text: `+55-119…` and `55119…` are two leads.
pub(super) fn upsert(desk: &mut Desk<'_>, mut write: Vec<Pair>) -> Result<Change, Refused> {
    let search_by = take(&mut write, "SearchBy");
    let keys: Vec<&str> = match &search_by {
        Some(field) => vec![field],
        None => vec!["ProspectID", "EmailAddress", "Phone"],
    };
    let value_of = |field: &&str| {
        let pair = write.iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
        pair.1.clone().filter(|value| !value.is_empty()).map(|value| ((*field).to_owned(), value))
    };
    let found: Vec<(String, String)> = keys.iter().filter_map(value_of).collect();
    if search_by.is_some() && found.is_empty() {
        return Err(invalid("The field of SearchBy has no value"));
    }
    let id = found.iter().find_map(|(field, value)| desk.store.lead_by(field, value)).map(|lead| lead.id.clone());
    match id {
        Some(id) => {
            take(&mut write, "ProspectID");
            change(desk, &id, write)
        }
        None => insert(desk, write),
    }
}
