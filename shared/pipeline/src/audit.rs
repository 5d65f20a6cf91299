//! The audit trail: writes what an operator does, and marks people in it.
//!
//! An entry names a person by a mark alone: an HMAC of the phone or lead under the installation's own key. The same
//! person has the same mark, so the entries about one person can be found. The key stands in the table: whoever reads
//! the whole table can try all phones.

use hmac::{Hmac, KeyInit as _, Mac as _};
use recado_core::{
    audit::{About, Act, Entry, PersonMark, Words},
    subject::Subject,
};
use recado_ledger::{Ledger, LedgerError};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::{proof::installation_key, world::World};

/// Bytes of a mark.
const MARK_BYTES: usize = 16;

/// Writes the entries of one operator.
#[derive(Debug, Clone)]
pub struct Auditor {
    ledger: Ledger,
    world: World,
    by: Words,
}

impl Auditor {
    /// Writes what `by` does.
    #[must_use]
    pub fn new(ledger: Ledger, world: World, by: &str) -> Self {
        Self { ledger, world, by: Words::new(by) }
    }

    /// Writes one entry.
    pub async fn record(&self, act: Act, about: About) -> Result<(), LedgerError> {
        let entry = Entry { at_ms: self.world.now_ms(), by: self.by.clone(), act, about };
        self.ledger.record(&entry, self.world.fresh_batch()).await
    }
}

/// The marks of phones and leads, in their order.
pub async fn marks(ledger: &Ledger, world: &World, people: &[Subject]) -> Result<Vec<PersonMark>, LedgerError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let key = installation_key(ledger, world).await?;
    Ok(people.iter().filter_map(|person| mark(person, &key)).collect())
}

fn mark(person: &Subject, key: &SecretString) -> Option<PersonMark> {
    // HMAC takes a key of any length; the error type only exists for other constructions.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
    mac.update(b"recado person ");
    mac.update(person.as_str().as_bytes());
    mac.update(b" ");
    match person {
        Subject::Phone(phone) => mac.update(phone.national().as_bytes()),
        // LeadSquared takes the ids of leads in any case.
        Subject::Lead(lead) => mac.update(lead.to_ascii_lowercase().as_bytes()),
    }
    mac.finalize().into_bytes().get(..MARK_BYTES).map(PersonMark::of)
}

#[cfg(test)]
mod tests {
    use recado_core::phone::Phone;

    use super::*;

    #[test]
    fn a_mark_depends_on_the_person_and_the_key_and_not_on_the_case_of_a_lead() {
        let phone = |text: &str| Subject::Phone(Phone::parse(text).unwrap());
        let lead = |text: &str| Subject::Lead(text.to_owned());
        let of = |person: &Subject, key: &str| mark(person, &key.to_owned().into()).unwrap();
        let first = of(&phone("11987654321"), "key");
        assert_eq!((first.as_str().len(), &first), (32, &of(&phone("+55 11 98765-4321"), "key")));
        assert_eq!(of(&lead("AB"), "key"), of(&lead("ab"), "key"));
        for other in
            [of(&phone("11987654322"), "key"), of(&phone("11987654321"), "other"), of(&lead("11987654321"), "key")]
        {
            assert_ne!(other, first);
        }
    }
}
