//! The subject that messages are counted for, or kept from: a phone, and a lead.

use crate::{message::Message, phone::Phone};

/// A phone or a lead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Whoever has this phone.
    Phone(Phone),
    /// The lead of this `ProspectID`, whichever phone it has.
    Lead(String),
}

impl Subject {
    /// The subjects of a message: its phone first, then its lead, if they are known. Lead ids are in lower case, as in
    /// the table's keys: LeadSquared takes them in any case.
    pub fn of_message(message: &Message) -> impl Iterator<Item = Self> {
        let lead = Some(message.lead_id().to_ascii_lowercase()).filter(|lead| !lead.is_empty());
        message.phone().map(Self::Phone).into_iter().chain(lead.map(Self::Lead))
    }

    /// The word for the subject, without its value.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Lead(_) => "lead",
        }
    }
}
