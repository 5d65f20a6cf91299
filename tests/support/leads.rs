//! Leads, and the webhook bodies in which LeadSquared reports them.

use recado_core::{
    config::Config,
    decide::{Verdict, WhyNot, decide},
    event::Event,
    fields::Fields,
    kind::EventKind,
    message::Message,
};
use serde_json::{Value, json};

/// A lead with a phone of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lead {
    pub(crate) id: String,
    /// 11 national digits.
    pub(crate) phone: String,
    pub(crate) name: String,
}

impl Lead {
    /// The lead with this number, in São Paulo.
    pub(crate) fn new(number: u32) -> Self {
        Self::in_area(11, number)
    }

    /// The lead with this number, with a phone in this area.
    pub(crate) fn in_area(ddd: u8, number: u32) -> Self {
        Self {
            id: format!("00000000-0000-4000-8000-{number:012}"),
            phone: format!("{ddd}9{number:08}"),
            name: format!("Ana{number}"),
        }
    }

    fn fields(&self, stage: &str, modified: &str) -> Value {
        json!({
            "ProspectID": self.id,
            "ProspectAutoId": "1",
            "FirstName": self.name,
            "LastName": "DA SILVA",
            "Phone": format!("+55-{}", self.phone),
            "Mobile": null,
            "Source": "Site",
            "ProspectStage": stage,
            "CreatedBy": "9d1f6c50-0000-4000-8000-00000000000a",
            "CreatedOn": "2026-11-20 12:00:00",
            "ModifiedBy": "9d1f6c50-0000-4000-8000-00000000000a",
            "ModifiedOn": modified,
        })
    }

    /// The webhook of the lead's creation: one flat object.
    pub(crate) fn created(&self) -> Value {
        self.fields("Prospect", "2026-11-20 12:00:00")
    }

    /// The webhook of a change of the lead's stage, made at `at`.
    pub(crate) fn staged(&self, from: &str, to: &str, at: &str) -> Value {
        json!({ "Before": self.fields(from, "2026-11-20 12:00:00"), "After": self.fields(to, at) })
    }

    /// The callback in which LigueLead reports on this lead's message.
    pub(crate) fn callback(&self, campaign: &str, status: &str, occurred_at: &str) -> Value {
        json!({
            "event": "campaign.status",
            "app_id": "5b1d5c1e-3f0a-4f7e-9a51-0c8f6a2d7e11",
            "occurred_at": occurred_at,
            "campaign": {
                "id": campaign, "type": "sms", "source": "api", "phone": format!("+55{}", self.phone), "status": status,
                "message": "x", "credits_required": 1, "is_flash": false, "sent_at": "2026-11-20",
            },
        })
    }
}

/// The messages that the rules make when leads with these numbers are created: rows as the webhook writes them.
pub(crate) fn messages_of(config: &Config, numbers: impl IntoIterator<Item = u32>, now_ms: i64) -> Vec<Message> {
    let of_lead = |number| {
        let lead = Lead::new(number);
        let fields = Fields::from_iter([
            ("ProspectID", Some(lead.id.clone())),
            ("FirstName", Some(lead.name)),
            ("Phone", Some(lead.phone)),
        ]);
        let event = Event::new(EventKind::LeadCreated, lead.id, fields);
        decide(config, &event, now_ms)
    };
    let message = |verdict| match verdict {
        Verdict::Message(message) => Some(*message),
        Verdict::No(WhyNot::OtherKind) => None,
        Verdict::No(why) => panic!("{why}"),
    };
    numbers.into_iter().flat_map(of_lead).filter_map(|decision| message(decision.verdict)).collect()
}
