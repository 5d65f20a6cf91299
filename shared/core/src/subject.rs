//! A person, as messages are counted and kept from them: whoever has a phone, and a lead.

use crate::{message::Message, phone::Phone};

/// Who.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Whoever has this phone.
    Phone(Phone),
    /// The lead of this `ProspectID`, whichever phone it has.
    Lead(String),
}

impl Subject {
    /// Whom a message reaches: its phone first, then its lead, where they are known. Ids of leads are in lower case, as
    /// keys have them: LeadSquared takes them in any.
    pub fn of_message(message: &Message) -> impl Iterator<Item = Self> {
        let lead = Some(message.lead_id.to_ascii_lowercase()).filter(|lead| !lead.is_empty());
        message.phone.map(Self::Phone).into_iter().chain(lead.map(Self::Lead))
    }

    /// The word for it, without saying who it is.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Lead(_) => "lead",
        }
    }
}
