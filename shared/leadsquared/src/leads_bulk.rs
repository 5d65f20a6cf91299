//! `LeadManagement.svc`, writing in bulk. Two requests create leads. Two only update. One sets a single field to a
//! single value for up to 50 leads. The other sets each lead's own values for up to 25.

use serde_json::{Value, json};

use crate::{
    Admitted, Bulk, CallError, LeadRowOutcome, LeadUpdate, LeadWrite, RowOutcome,
    error::Repeat,
    json,
    leads_write::{attributes, write_json},
    rows,
    rows_of_leads::of_leads,
};

/// Most leads in one request that sets different values. Source: LeadSquared update-lead-in-bulk-v2 page.
pub const MAX_LEADS_PER_UPDATE: usize = 25;
/// Most leads in one request that sets one value for all. Source: LeadSquared bulk-update page.
pub const MAX_LEADS_PER_SAME_VALUE: usize = 50;

/// Most leads in one request that creates them. Source: LeadSquared bulk create page and rate limits page.
pub const MAX_LEADS_PER_CREATE: usize = 50;
/// Leads in one create-or-update request that every account takes. Source: LeadSquared bulk create-or-update page.
pub const LEADS_PER_CREATE_OR_UPDATE: usize = 25;
/// Most leads in one such request according to another page, which says 50. Try whether an account takes more than
/// [`LEADS_PER_CREATE_OR_UPDATE`]. Source: LeadSquared rate limits page.
pub const MAX_LEADS_PER_CREATE_OR_UPDATE: usize = 50;

impl Admitted<'_, Bulk> {
    /// Creates leads, each with its own fields: `Lead/Bulk/Create`, at most [`MAX_LEADS_PER_CREATE`]. One outcome per
    /// lead, in their order. **Do not repeat it without a look-up.** Source: LeadSquared bulk create page; its answer
    /// from public clients.
    ///
    /// Without leads, no request is made.
    pub async fn create_leads(self, leads: &[Vec<(String, String)>]) -> Result<Vec<LeadRowOutcome>, CallError> {
        CallError::at_most("leads", leads.len(), MAX_LEADS_PER_CREATE)?;
        let body = leads.iter().map(|fields| attributes(fields)).collect();
        self.write_leads("LeadManagement.svc/Lead/Bulk/Create", leads.len(), body).await
    }

    /// Creates or updates leads: `Lead/Bulk/CreateOrUpdate`, at most [`LEADS_PER_CREATE_OR_UPDATE`], or up to
    /// [`MAX_LEADS_PER_CREATE_OR_UPDATE`] if the account takes more. One outcome per lead, in their order. **Do not
    /// repeat it without a look-up**, as with [`Admitted::create_or_update_lead`].
    ///
    /// Without leads, no request is made.
    pub async fn create_or_update_leads(self, leads: &[LeadWrite]) -> Result<Vec<LeadRowOutcome>, CallError> {
        CallError::at_most("leads", leads.len(), MAX_LEADS_PER_CREATE_OR_UPDATE)?;
        let body = leads.iter().map(write_json).collect();
        self.write_leads("LeadManagement.svc/Lead/Bulk/CreateOrUpdate", leads.len(), body).await
    }

    async fn write_leads(self, path: &str, sent: usize, body: Value) -> Result<Vec<LeadRowOutcome>, CallError> {
        if sent == 0 {
            return Ok(Vec::new());
        }
        let answer = self.client.post(path, &[], &body, Repeat::Creates).await?;
        Ok(of_leads(&answer, sent))
    }

    /// Sets each lead's own values: `Lead/Bulk/UpdateV2`, at most [`MAX_LEADS_PER_UPDATE`]. One outcome per update, in
    /// their order. Repeating it does no harm, except that it may overwrite newer values.
    ///
    /// Without updates, no request is made.
    pub async fn update_leads(self, updates: &[LeadUpdate]) -> Result<Vec<RowOutcome>, CallError> {
        CallError::at_most("leads", updates.len(), MAX_LEADS_PER_UPDATE)?;
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let path = "LeadManagement.svc/Lead/Bulk/UpdateV2";
        let answer = self.client.post(path, &[], &updates_json(updates), Repeat::Harmless).await?;
        let ids: Vec<&str> = updates.iter().map(|update| update.lead_id.as_str()).collect();
        Ok(rows::of_lead_updates(&answer, &ids))
    }

    /// Sets one field to one value for all these leads: `Lead/Bulk/Update`, at most [`MAX_LEADS_PER_SAME_VALUE`].
    /// Returns how many leads LeadSquared says it changed, if it says. It never says which ones.
    ///
    /// Without ids, no request is made.
    pub async fn update_leads_same_value(
        self,
        ids: &[String],
        attribute: &str,
        value: &str,
    ) -> Result<Option<u64>, CallError> {
        CallError::at_most("leads", ids.len(), MAX_LEADS_PER_SAME_VALUE)?;
        if ids.is_empty() {
            return Ok(Some(0));
        }
        let body = json!({"LeadIds": ids, "LeadFields": {"Attribute": attribute, "Value": value}});
        let answer = self.client.post("LeadManagement.svc/Lead/Bulk/Update", &[], &body, Repeat::Harmless).await?;
        Ok(answer.pointer("/Message/AffectedRows").and_then(json::whole))
    }
}

fn updates_json(updates: &[LeadUpdate]) -> Value {
    let leads: Vec<Value> = updates
        .iter()
        .map(|update| {
            let mut fields = vec![json!({"Attribute": "ProspectId", "Value": update.lead_id})];
            fields.extend(update.fields.iter().map(|(name, value)| json!({"Attribute": name, "Value": value})));
            json!({"Fields": fields})
        })
        .collect();
    json!({
        "SearchByKey": "ProspectId",
        "Options": {"PushNonExistentLeadsToUnProcessedList": true},
        "LeadPropertiesList": leads,
    })
}
