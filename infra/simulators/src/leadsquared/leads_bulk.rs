//! Writes leads in bulk, row by row. The exception is `Update`, which sets one field of many leads to one value.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    events::Raised,
    fields::{Pair, known, pair, pairs},
    leads_write::{insert, upsert},
    refusal::{Refused, success},
    store::Change,
};

const CREATE_ROWS_MAX: usize = 50;
const UPDATE_ROWS_MAX: usize = 50;

/// `POST Lead/Bulk/Create`.
pub(super) fn create(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    row_by_row(
        desk,
        CREATE_ROWS_MAX,
        insert,
        |number, change| json!({ "RowNumber": number, "LeadId": change.after.id, "LeadCreated": true }),
    )
}

/// `POST Lead/Bulk/CreateOrUpdate`.
pub(super) fn create_or_update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let most = desk.options.create_or_update_rows;
    row_by_row(desk, most, upsert, |number, change| {
        let created = change.before.is_none();
        json!({
            "RowNumber": number,
            "LeadId": change.after.id,
            "LeadCreated": created,
            "LeadUpdated": !created,
            "AffectedRows": 1,
        })
    })
}

/// An array of arrays of attributes. A refused row does not affect the other rows.
fn row_by_row(
    desk: &mut Desk<'_>,
    most: usize,
    write: fn(&mut Desk<'_>, Vec<Pair>) -> Result<Change, Refused>,
    written: fn(usize, &Change) -> Value,
) -> Result<Value, Refused> {
    let body: Vec<Value> = desk.body()?;
    let rows: Vec<Vec<Pair>> = body.iter().map(pairs).collect::<Result<_, _>>()?;
    let rows = desk.bulk_rows(rows, most)?;
    let mut results = Vec::with_capacity(rows.len());
    for (number, row) in (1..).zip(rows) {
        results.push(match write(desk, row) {
            Ok(change) => {
                let result = written(number, &change);
                raise(desk, change);
                result
            }
            Err(refused) => {
                let (kind, message) = refused.parts();
                json!({ "RowNumber": number, "LeadCreated": false, "ExceptionType": kind, "ErrorMessage": message })
            }
        });
    }
    Ok(Value::Array(results))
}

#[derive(Deserialize)]
struct SameValue {
    #[serde(rename = "LeadIds")]
    ids: Vec<String>,
    #[serde(rename = "LeadFields")]
    field: Value,
}

/// `POST Lead/Bulk/Update`: one field, one value, no result per lead. Unknown ids only lower `AffectedRows`.
pub(super) fn update(desk: &mut Desk<'_>) -> Result<Value, Refused> {
    let body: SameValue = desk.body()?;
    let write = pair(&body.field)?;
    let ids = desk.bulk_rows(body.ids, UPDATE_ROWS_MAX)?;
    known(std::slice::from_ref(&write), &desk.store.schema)?;
    let mut affected = 0;
    for id in ids {
        if desk.store.lead(&id).is_some() {
            let change = desk.store.write(&id, vec![write.clone()], &desk.options.user_id, desk.now_ms);
            raise(desk, change);
            affected += 1;
        }
    }
    Ok(success(&json!({ "AffectedRows": affected })))
}

/// Raises webhooks for a bulk write if the option says so. No document says whether the vendor does.
pub(super) fn raise(desk: &mut Desk<'_>, change: Change) {
    if desk.options.bulk_raises_webhooks {
        desk.raised.push(Raised::Lead(change));
    }
}
