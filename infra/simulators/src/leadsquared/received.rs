//! The records that the simulator gives to a test.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::{Call, most_calls_in};

/// Everything received, and the resulting state.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// Every request, refused ones included, oldest first.
    pub calls: Vec<Call>,
    /// The number of requests and deliveries dropped to stay inside [`super::Options::keep_calls`]. A proof over
    /// requests needs 0.
    pub forgotten: u64,
    /// Every lead, in the order of creation.
    pub leads: Vec<Lead>,
    /// Every activity, in the order of creation.
    pub activities: Vec<Activity>,
    /// Every attempt to deliver a webhook, oldest first.
    pub deliveries: Vec<Delivery>,
}

impl Received {
    /// The most requests of any class that started in any 5 s.
    #[must_use]
    pub fn most_calls_in_5s(&self) -> usize {
        most_calls_in(&self.calls, super::WINDOW_MS)
    }

    /// The most bulk requests that started in any 5 s.
    #[must_use]
    pub fn most_bulk_calls_in_5s(&self) -> usize {
        let bulk: Vec<Call> = self.calls.iter().filter(|call| call.bulk).cloned().collect();
        most_calls_in(&bulk, super::WINDOW_MS)
    }
}

/// A lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lead {
    /// `ProspectID`, as it was first written.
    pub id: String,
    /// `ProspectAutoId`, from 1.
    pub number: u64,
    /// Every field that was ever set, by schema name. An absent field reads as null.
    pub fields: BTreeMap<String, Option<String>>,
    /// When it last changed, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    /// How often it was written after its creation, by the API or by hand.
    pub updates: u64,
}

impl Lead {
    /// The value of a field; `None` if it is null or was never set.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_deref()
    }
}

/// An activity on a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// `ProspectActivityId`, a GUID.
    pub id: String,
    /// The id of the lead.
    pub lead_id: String,
    /// The code of its type.
    pub code: u32,
    /// `ActivityNote`.
    pub note: Option<String>,
    /// Its fields by schema name.
    pub fields: BTreeMap<String, String>,
    /// `ActivityDateTime` as it was sent.
    pub at: Option<String>,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it last changed, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    /// How often it was updated.
    pub updates: u64,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// When it was tried, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The number of the event.
    pub event: u16,
    /// 1 to 3.
    pub attempt: u32,
    /// The HTTP status that the receiver answered; `None` if it did not answer. Only 200 is a success.
    pub answer: Option<u16>,
}
