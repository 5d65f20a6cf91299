//! `LeadManagement.svc`, reading: leads by id, e-mail or phone.

use serde_json::{Value, json};

use crate::{Admitted, CallError, LeadFields, Standard, error::Repeat, json};

/// Most leads in one read by ids. Source: LeadSquared get-leads-in-bulk-by-ids page.
pub const MAX_LEADS_PER_READ: usize = 10_000;
/// The column that says which lead a row is.
const ID_COLUMN: &str = "ProspectID";

impl Admitted<'_, Standard> {
    /// Leads by their ids, at most [`MAX_LEADS_PER_READ`], with the given columns (schema names, case-sensitive).
    /// `ProspectID` is always among them: unknown leads are left out of the answer, whose order is not documented.
    /// `Leads/Retrieve/ByIds` is not named among the bulk requests, so it counts as a standard one. Source: LeadSquared
    /// get-leads-in-bulk-by-ids page.
    ///
    /// Without ids, no request is made.
    pub async fn leads_by_ids(self, ids: &[String], columns: &[&str]) -> Result<Vec<LeadFields>, CallError> {
        CallError::at_most("leads", ids.len(), MAX_LEADS_PER_READ)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let body = json!({
            "SearchParameters": {"LeadIds": ids},
            "Columns": {"Include_CSV": with_id(columns)},
            "Paging": {"PageIndex": 1, "PageSize": ids.len()},
        });
        let answer = self.client.post("LeadManagement.svc/Leads/Retrieve/ByIds", &[], &body, Repeat::Harmless).await?;
        leads(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of leads"))
    }

    /// The leads with this e-mail address, in any case, with all their fields: none, or one if the account holds it
    /// unique. Source: LeadSquared get-lead-by-email-id page.
    pub async fn leads_by_email(self, email: &str) -> Result<Vec<LeadFields>, CallError> {
        // Under any other name of the parameter LeadSquared finds nothing and reports no error.
        self.found("LeadManagement.svc/Leads.GetByEmailaddress", ("emailaddress", email)).await
    }

    /// The lead with this phone, in `Phone` or `Mobile` alone, with all its fields. Of several, it is the most recently
    /// active one. With or without country code. It is not certain whether characters other than digits matter, so pass
    /// digits. Source: LeadSquared get-lead-by-phone-number page.
    pub async fn leads_by_phone(self, phone: &str) -> Result<Vec<LeadFields>, CallError> {
        self.found("LeadManagement.svc/RetrieveLeadByPhoneNumber", ("phone", phone)).await
    }

    async fn found(self, path: &str, parameter: (&str, &str)) -> Result<Vec<LeadFields>, CallError> {
        let answer = self.client.get(path, &[parameter]).await?;
        leads(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of leads"))
    }

    /// One lead with all its fields, or `None` if no lead has this id. Source: LeadSquared get-lead-by-id page.
    pub async fn lead_by_id(self, id: &str) -> Result<Option<LeadFields>, CallError> {
        Ok(self.found("LeadManagement.svc/Leads.GetById", ("id", id)).await?.into_iter().next())
    }
}

pub(crate) fn with_id(columns: &[&str]) -> String {
    let mut all = vec![ID_COLUMN];
    all.extend(columns.iter().filter(|column| **column != ID_COLUMN));
    all.join(",")
}

/// A bare list or one under `Leads`, which is absent if there is no row; each lead is flat or a list of pairs.
pub(crate) fn leads(answer: &Value) -> Option<Vec<LeadFields>> {
    let rows = match answer {
        Value::Array(rows) => rows.as_slice(),
        Value::Object(object) => match json::member(object, "Leads") {
            Some(list) => list.as_array()?.as_slice(),
            None => return json::no_rows(answer),
        },
        _ => return None,
    };
    rows.iter().map(lead).collect()
}

fn lead(row: &Value) -> Option<LeadFields> {
    let row = row.as_object()?;
    match json::member(row, "LeadPropertyList").and_then(Value::as_array) {
        Some(pairs) => LeadFields::from_pairs(pairs),
        None => Some(LeadFields::from_object(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::{leads, with_id};
    use serde_json::json;

    #[test]
    fn every_shape_of_a_list_is_read() {
        let flat = json!({"ProspectID": "a", "Phone": null});
        let pairs = json!({"LeadPropertyList": [{"Attribute": "ProspectID", "Value": "a"}]});
        for answer in [json!([flat]), json!({"RecordCount": 1, "Leads": [flat]}), json!({"Leads": [pairs]})] {
            assert_eq!(leads(&answer).unwrap()[0].get("ProspectID"), Some("a"), "{answer}");
        }
        assert_eq!(leads(&json!({"RecordCount": 0})), Some(vec![]));
        assert_eq!(leads(&json!([])), Some(vec![]));
        assert_eq!(leads(&json!({"RecordCount": 2})), None);
        assert_eq!(leads(&json!("x")), None);
    }

    #[test]
    fn the_id_is_always_asked_for_once() {
        assert_eq!(with_id(&["Phone", "ProspectID"]), "ProspectID,Phone");
        assert_eq!(with_id(&[]), "ProspectID");
    }
}
