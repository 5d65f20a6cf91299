//! `LeadManagement.svc`, writing one lead per request. Bodies are arrays of attributes even for one field.

use std::fmt;

use serde_json::{Value, json};

use crate::{Admitted, CallError, Standard, error::Repeat, json, rows_of_leads::created};

/// A lead to write; LeadSquared itself decides whether it is new.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LeadWrite {
    /// Schema names (case-sensitive) and values. One name unknown to the account makes LeadSquared refuse the whole
    /// lead; see [`CallError::unknown_attributes`].
    pub fields: Vec<(String, String)>,
    /// The field by which an existing lead is looked up: `Phone`, `EmailAddress`, `ProspectID` or a unique field.
    /// `None` is LeadSquared's own order, e-mail then phone. It is compared as **exact text**: `+55-119…` and `55119…`
    /// are two leads.
    pub search_by: Option<String>,
}

/// New values for one lead; other fields stay as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct LeadUpdate {
    /// The lead's `ProspectID`.
    pub lead_id: String,
    /// Schema names and values. One name unknown to the account makes LeadSquared refuse the whole lead.
    pub fields: Vec<(String, String)>,
}

impl fmt::Debug for LeadUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LeadUpdate").field("lead_id", &self.lead_id).field("fields", &names).finish()
    }
}

/// The result of writing a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenLead {
    /// Its `ProspectID`.
    pub id: String,
    /// Whether it is new, if the answer says.
    pub created: Option<bool>,
}

/// What [`Admitted::capture_lead`] does to an existing lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadUpdateBehavior {
    /// Nothing.
    DoNotUpdate,
    /// Only fields without a value are set.
    UpdateOnlyEmptyFields,
    /// All fields but the unique ones are set.
    DoNotUpdateUniqueFields,
}

impl fmt::Debug for LeadWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LeadWrite").field("fields", &names).field("search_by", &self.search_by).finish()
    }
}

impl Admitted<'_, Standard> {
    /// Creates a lead and returns its id: `Lead.Create`. At least one of FirstName, LastName, EmailAddress and Phone
    /// must have a value (else `MXMandatoryAttributeMissingException`). A unique value that is taken is
    /// `MXDuplicateEntryException`. Raises the account's webhooks. **Do not repeat it without a look-up.** Source:
    /// LeadSquared create-a-lead page.
    pub async fn create_lead(self, fields: &[(String, String)]) -> Result<String, CallError> {
        let path = "LeadManagement.svc/Lead.Create";
        let answer = self.client.post(path, &[], &attributes(fields), Repeat::Creates).await?;
        Ok(written(&answer)?.id)
    }

    /// Sets one lead's values: `Lead.Update`. Raises no webhook, rule or automation. Answers success even if no value
    /// changes; an unknown lead is `MXInvalidEntityException`. Repeating it does no harm, except that it may overwrite
    /// newer values. Source: LeadSquared update-a-lead page.
    pub async fn update_lead(self, update: &LeadUpdate) -> Result<(), CallError> {
        self.update(update, "false").await
    }

    /// [`Admitted::update_lead`] that raises the account's webhooks and starts its automations, like a person's edit
    /// (`postUpdatedLead=true`). A receiver of these webhooks must recognise its own edits.
    pub async fn update_lead_aloud(self, update: &LeadUpdate) -> Result<(), CallError> {
        self.update(update, "true").await
    }

    async fn update(self, update: &LeadUpdate, aloud: &str) -> Result<(), CallError> {
        let query = [("leadId", update.lead_id.as_str()), ("postUpdatedLead", aloud)];
        let path = "LeadManagement.svc/Lead.Update";
        self.client.post(path, &query, &attributes(&update.fields), Repeat::Harmless).await.map(|_| ())
    }

    /// Changes the lead that `lead.search_by` finds, or creates it: `Lead.CreateOrUpdate`, without webhooks for an
    /// update. **Do not repeat it without a look-up**: if the account does not hold the field unique, there may be two
    /// leads. Source: LeadSquared create-or-update-a-lead page.
    pub async fn create_or_update_lead(self, lead: &LeadWrite) -> Result<WrittenLead, CallError> {
        let (path, query) = ("LeadManagement.svc/Lead.CreateOrUpdate", [("postUpdatedLead", "false")]);
        written(&self.client.post(path, &query, &write_json(lead), Repeat::Creates).await?)
    }

    /// Creates or changes a lead like a form: `Lead.Capture`, which matches ProspectID, then e-mail, then phone, and
    /// uses `search_by` unless all three have values. `existing`: what to do to a lead that is found; `None` sets all
    /// fields. **Do not repeat it without a look-up.** Source: LeadSquared capture-lead page; its answer from public
    /// clients.
    pub async fn capture_lead(
        self,
        lead: &LeadWrite,
        existing: Option<LeadUpdateBehavior>,
    ) -> Result<WrittenLead, CallError> {
        let query = existing.map(|existing| ("LeadUpdateBehavior", existing.name()));
        let path = "LeadManagement.svc/Lead.Capture";
        written(&self.client.post(path, query.as_slice(), &write_json(lead), Repeat::Creates).await?)
    }
}

impl LeadUpdateBehavior {
    const fn name(self) -> &'static str {
        match self {
            Self::DoNotUpdate => "DoNotUpdate",
            Self::UpdateOnlyEmptyFields => "UpdateOnlyEmptyFields",
            Self::DoNotUpdateUniqueFields => "DoNotUpdateUniqueFields",
        }
    }
}

/// `[{"Attribute", "Value"}, …]`.
pub(crate) fn attributes(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| json!({"Attribute": name, "Value": value})).collect()
}

/// The same, with the search key included.
pub(crate) fn write_json(lead: &LeadWrite) -> Value {
    let mut body = attributes(&lead.fields);
    if let (Some(rows), Some(field)) = (body.as_array_mut(), &lead.search_by) {
        rows.push(json!({"Attribute": "SearchBy", "Value": field}));
    }
    body
}

/// `{"Status":"Success","Message":{"Id":…}}`. After a success without a lead's id it is unknown what was written.
fn written(answer: &Value) -> Result<WrittenLead, CallError> {
    let message = answer.get("Message").and_then(Value::as_object);
    let lead = message.and_then(|message| {
        let id = json::text_of(message, &["Id", "RelatedId", "RelatedID"])?;
        Some(WrittenLead { id, created: created(message) })
    });
    lead.ok_or_else(|| Repeat::Creates.failed("the answer tells no lead's id"))
}
