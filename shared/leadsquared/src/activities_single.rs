//! `ProspectActivity.svc`: one activity per request, of the standard class.

use serde_json::{Value, json};

use crate::{
    ActivityUpdate, Admitted, CallError, NewActivity, Standard,
    activities::{new_json, update_json},
    error::Repeat,
    json,
};

impl Admitted<'_, Standard> {
    /// Creates an activity and returns its id, if the answer has it: `Create`. May start the account's automations.
    /// **Do not repeat it without a look-up**: each repetition creates it again. Source: LeadSquared
    /// post-an-activity-to-lead page.
    pub async fn add_activity(self, activity: &NewActivity) -> Result<Option<String>, CallError> {
        let answer = self.client.post("ProspectActivity.svc/Create", &[], &new_json(activity), Repeat::Creates).await?;
        let message = answer.get("Message").and_then(Value::as_object);
        Ok(message.and_then(|message| json::text_of(message, &["Id"])))
    }

    /// Changes an activity of this code: `CustomActivity/Update`. Repeating it does no harm, except that it may
    /// overwrite newer values. On activities of opportunities (codes from 12,000) it answers success and does nothing.
    /// Source: LeadSquared update-activity page.
    pub async fn update_activity(self, update: &ActivityUpdate, code: u32) -> Result<(), CallError> {
        let mut body = update_json(update);
        if let Some(object) = body.as_object_mut() {
            object.insert("ActivityEvent".into(), json!(code));
        }
        let path = "ProspectActivity.svc/CustomActivity/Update";
        self.client.post(path, &[], &body, Repeat::Harmless).await.map(|_| ())
    }
}
