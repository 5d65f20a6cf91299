//! Writing one row by a standard call, for when the bulk rate is used up and the standard one is not.

use serde_json::{Value, json};

use crate::{
    Admitted, CallError, LeadUpdate, NewActivity, Standard, activities::new_json, client::Repeat, json as members,
};

impl Admitted<'_, Standard> {
    /// Creates one activity: `ProspectActivity.svc/Create`. Returns its id, if the answer tells it. **Not to be repeated
    /// unseen**: each repetition creates it again. Source: LeadSquared post-an-activity-to-a-lead page.
    pub async fn add_activity(self, activity: &NewActivity) -> Result<Option<String>, CallError> {
        let path = "ProspectActivity.svc/Create";
        let answer = self.client.post(path, &[], &new_json(activity), Repeat::Creates).await?;
        let message = answer.get("Message").and_then(Value::as_object);
        Ok(message.and_then(|message| members::text_of(message, &["Id"])))
    }

    /// Sets one lead's values: `Lead.Update`. Raises no webhook, automation or rule in the account. Repeating it does no
    /// harm, except that it may overwrite newer values. Source: LeadSquared update-a-lead page.
    pub async fn update_lead(self, update: &LeadUpdate) -> Result<(), CallError> {
        let fields: Value =
            update.fields.iter().map(|(name, value)| json!({"Attribute": name, "Value": value})).collect();
        let query = [("leadId", update.lead_id.as_str()), ("postUpdatedLead", "false")];
        self.client.post("LeadManagement.svc/Lead.Update", &query, &fields, Repeat::Harmless).await?;
        Ok(())
    }
}
