//! The subject that messages are counted for, or kept from: a phone, and a lead.

use crate::{
    block::guid_bytes,
    message::Message,
    phone::{Phone, PhoneError, PhoneRules},
};

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

    /// The subject that an operator names: an id of a lead, or else a phone. A text with two phones names nobody.
    pub fn read(text: &str, rules: PhoneRules) -> Result<Self, PhoneError> {
        let text = text.trim();
        let lead = text.to_ascii_lowercase();
        if guid_bytes(&lead).is_some() {
            return Ok(Self::Lead(lead));
        }
        let read = Phone::read(text, rules).one().map(Self::Phone);
        // A lead's id may also be a word of letters and digits.
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && text.bytes().any(|byte| byte.is_ascii_alphabetic());
        match read {
            Err(PhoneError::Several(phones)) => Err(PhoneError::Several(phones)),
            Err(_) if is_word => Ok(Self::Lead(lead)),
            read => read,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_one_phone_or_by_a_lead() {
        let read = |text: &str| Subject::read(text, PhoneRules::default());
        let phone = Subject::Phone(Phone::parse("11987654321").unwrap());
        assert_eq!(read("(11) 98765-4321"), Ok(phone.clone()));
        assert_eq!(read("+55 11 98765-4321"), Ok(phone));
        for lead in ["5c0e1f2a-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000001", "lead-7"] {
            assert_eq!(read(&lead.to_ascii_uppercase()), Ok(Subject::Lead(lead.to_owned())));
        }
        assert!(matches!(read("11987654321 / 11987654322"), Err(PhoneError::Several(_))));
        assert!(read("123").is_err() && read("").is_err() && read("Ana da Silva").is_err());
    }
}
