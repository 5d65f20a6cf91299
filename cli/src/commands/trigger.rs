//! `recado trigger`: sends an event to `recado dev`, as LeadSquared would.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use recado_core::{
    kind::{EventKind, KIND_NAMES},
    spelling::closest,
};
use serde_json::{Map, Value, json};

use super::dev;
use crate::{data::Location, output};

/// Post an event to a running `recado dev`, as LeadSquared would.
#[derive(Debug, clap::Args)]
pub(crate) struct Trigger {
    /// The kind of event: lead.created, lead.changed, lead.stage, lead.owner, lead.score, activity.created, activity.updated,
    /// task.created, task.updated, task.completed, task.reminder, opportunity.created, opportunity.changed or
    /// landing_page.submitted.
    #[arg(value_name = "KIND")]
    kind: String,
    /// The lead, by its ProspectID; by default a new one.
    #[arg(long, value_name = "LEAD")]
    lead: Option<String>,
    /// The lead's phone.
    #[arg(long, value_name = "PHONE", default_value = "+55-11987654321")]
    phone: String,
    /// A field of the lead after the event: `Source=Site`. Repeat it for more.
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// A field of the lead before a change.
    #[arg(long = "before", value_name = "NAME=VALUE", value_parser = pair)]
    before: Vec<(String, String)>,
    /// A field of the activity, task, opportunity or submission itself: `ActivityEvent=212`, `mx_Custom_1=Plano`.
    #[arg(long = "item", value_name = "NAME=VALUE", value_parser = pair)]
    item: Vec<(String, String)>,
    /// The installation's directory. By default the nearest `.recado`, from this directory upwards.
    #[arg(long, value_name = "DATA", env = "RECADO_DATA")]
    data: Option<Location>,
    /// Print the body, and post nothing.
    #[arg(long)]
    print: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "print")]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

impl Trigger {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Some((kind, watched)) = EventKind::parse(&self.kind) else {
            let near =
                closest(&self.kind, &KIND_NAMES).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            bail!("unknown event {}{near}; use one of {}", self.kind, KIND_NAMES.join(", "))
        };
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let lead = self.lead.clone().unwrap_or_else(fresh);
        let after = self.lead(&lead, &now);
        let body = self.body((kind, watched), after.clone(), &now);
        if self.print {
            // The body is LeadSquared's format, not an output of this command.
            output::say(&serde_json::to_string_pretty(&body)?);
            return Ok(ExitCode::SUCCESS);
        }
        let Location::Directory(directory) = Location::find(self.data.as_ref())? else {
            bail!("recado dev runs on a directory; pass --data DIRECTORY")
        };
        let running = dev::running(&directory)?;
        let url = url::Url::parse_with_params(&running.webhooks, [("event", &self.kind)])?;
        let client = vendor_http::client_builder().build()?;
        // Recado reads the fields that the body does not carry from the simulated LeadSquared, so store the lead there
        // first.
        let known = client.put(format!("{}{lead}", running.leads)).json(&after).send().await;
        known.and_then(reqwest::Response::error_for_status).context("the simulated LeadSquared does not answer")?;
        let answer = client
            .post(url)
            .header("x-recado-secret", running.secret)
            .json(&body)
            .send()
            .await
            .context("recado dev does not answer")?;
        let (status, said) = (answer.status(), answer.text().await.unwrap_or_default());
        if self.json {
            let answer = json!({
                "kind": self.kind,
                "lead": lead,
                "status": status.as_u16(),
                "answer": serde_json::from_str::<Value>(&said).unwrap_or(Value::String(said)),
            });
            output::json("trigger", &answer)?;
        } else {
            output::say(&format!("{} of lead {lead}: {status} {said}", self.kind));
        }
        Ok(ExitCode::from(u8::from(!status.is_success())))
    }

    /// The lead after the event. `now` is UTC in LeadSquared's own format.
    fn lead(&self, lead: &str, now: &str) -> Value {
        let usual = json!({
            "ProspectID": lead, "FirstName": "MARIA", "LastName": "DA SILVA", "Phone": self.phone, "Source": "Site",
            "ProspectStage": "Prospect", "Score": "0", "CreatedOn": now, "ModifiedOn": now,
        });
        fields(usual, &self.fields)
    }

    /// The body of the event, in LeadSquared's format for its kind.
    fn body(&self, (kind, watched): (EventKind, Option<&str>), after: Value, now: &str) -> Value {
        let lead = after.get("ProspectID").cloned().unwrap_or_default();
        let related = |id: &str| json!({ id: fresh(), "RelatedProspectId": lead, "CreatedOn": now, "ModifiedOn": now });
        match kind {
            EventKind::LeadCreated => after,
            EventKind::LeadChanged => self.change(after, watched),
            EventKind::ActivityCreated | EventKind::ActivityUpdated => {
                // Fields of every activity stand outside `Data`, fields of its type inside.
                let is_outer = |(name, _): &&(String, String)| name.starts_with("Activity");
                let (outer, inner): (Vec<_>, Vec<_>) = self.item.iter().cloned().partition(|one| is_outer(&one));
                let usual = json!({ "ActivityEvent": "212", "Data": fields(json!({}), &inner), "Current": after });
                fields(with(related("ProspectActivityId"), &usual), &outer)
            }
            EventKind::OpportunityCreated | EventKind::OpportunityChanged => {
                let usual = json!({ "OpportunityEvent": "12000", "Status": "Open" });
                let opportunity = fields(with(related("ProspectOpportunityId"), &usual), &self.item);
                match kind {
                    EventKind::OpportunityChanged => json!({ "Before": usual, "After": opportunity }),
                    _ => opportunity,
                }
            }
            EventKind::TaskCreated | EventKind::TaskUpdated | EventKind::TaskCompleted | EventKind::TaskReminder => {
                let usual = json!({
                    "UserTaskId": fresh(), "Name": "Ligar", "RelatedEntityId": lead, "RelatedEntity": "1", "DueDate": now,
                    "CreatedOn": now, "ModifiedOn": now,
                });
                fields(usual, &self.item)
            }
            EventKind::LandingPageSubmitted => fields(with(after, &json!({ "LandingPageId": fresh() })), &self.item),
        }
    }

    /// The lead before and after. Unless a changed field is given, the field that the kind watches changes.
    fn change(&self, after: Value, watched: Option<&str>) -> Value {
        let watched = watched.unwrap_or("ProspectStage");
        let is_given = self.fields.iter().any(|(name, _)| name == watched) || !self.before.is_empty();
        let usual = if watched == "Score" { "50" } else { "Qualified" };
        let changed = [(watched.to_owned(), usual.to_owned())];
        let before = fields(after.clone(), &self.before);
        json!({ "Before": before, "After": fields(after, if is_given { &[] } else { &changed }) })
    }
}

/// The object with these fields added or replaced.
fn fields(object: Value, over: &[(String, String)]) -> Value {
    with(object, &over.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>().into())
}

fn with(mut object: Value, over: &Value) -> Value {
    if let (Some(object), Some(over)) = (object.as_object_mut(), over.as_object()) {
        object.extend(over.clone());
    }
    object
}

fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}
