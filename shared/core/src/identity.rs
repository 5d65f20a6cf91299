//! Identifiers, and the identity by which a repeated event finds its own row.
//!
//! LeadSquared's webhooks carry no event id and are delivered at least once, in any order. One edit of a lead may
//! arrive as several webhooks (update, stage change, field change). So a message's id is a hash of what the change
//! *is*: the rule, the lead, and the change's own identity. See `docs/adr/0003-identity.md`.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use crate::{event::Event, kind::EventKind};

/// The bytes of an identifier: 128 bits. The chance of a collision among a billion messages is below 1e-20.
const ID_BYTES: usize = 16;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// An identifier from its 16 bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let mut bytes = [0; ID_BYTES];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAnId)?;
                Ok(Self(bytes))
            }
        }
    };
}

id_type! {
    /// Identifies one message: what one rule makes of one change.
    MessageId
}
id_type! {
    /// Identifies one request to LigueLead. It is random, made when the request is prepared.
    BatchId
}
id_type! {
    /// Identifies one event as it was delivered, for events that became no message.
    EventId
}

id_type! {
    /// Identifies a recording by its content, whatever its name.
    AudioId
}

id_type! {
    /// Identifies one run of a campaign.
    RunId
}

id_type! {
    /// Identifies the people of a list, however its file is saved.
    ListId
}

impl ListId {
    /// The identity of a list, from the content of each line. It does not depend on the order of the lines in the file.
    #[must_use]
    pub fn of(parts: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let mut hash = Hasher::new("list");
        for part in parts {
            hash.part(part.as_ref());
        }
        Self::from_bytes(hash.finish())
    }
}

impl RunId {
    /// The identity of a campaign's run, from the campaign and the run's name, which says when or of what it is.
    #[must_use]
    pub fn of(campaign: &str, run: &str) -> Self {
        Self::from_bytes(Hasher::new("run").part(campaign).part(run).finish())
    }
}

/// A rule or a campaign in four bytes, a hash of its id. It is stored with a lead's recent messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleTag(pub u32);

impl RuleTag {
    /// The tag of a rule's or campaign's id.
    #[must_use]
    pub fn of(rule: &str) -> Self {
        let hash = Hasher::new("rule").part(rule).finish();
        Self(hash.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes)))
    }
}

/// The id of the message that a run sends to a lead, or to a phone without a known lead.
#[must_use]
pub fn recipient_id(run: RunId, lead_or_phone: &str) -> MessageId {
    MessageId::from_bytes(Hasher::new("recipient").bytes(run.as_bytes()).part(lead_or_phone).finish())
}

/// The id of the block with a run's recipients of one page, from one place on.
#[must_use]
pub fn block_id(run: RunId, page: u64, from: u16) -> MessageId {
    let mut hash = Hasher::new("block");
    hash.bytes(run.as_bytes()).bytes(&page.to_be_bytes()).bytes(&from.to_be_bytes());
    MessageId::from_bytes(hash.finish())
}

impl AudioId {
    /// The identity of a file's content: the first half of its SHA-256.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        let mut bytes = [0; ID_BYTES];
        bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(bytes)
    }
}

/// A text that is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 32 hexadecimal digits are expected")]
pub struct NotAnId;

/// The id of the message that `rule` makes of `event`. `rule` is the rule's first id.
///
/// `watched` is the field that the rule watches, if any. A rule that watches a field makes one message per new value of
/// the field and instant of the edit, whichever webhook shows the edit. A rule that watches none makes one per lead and
/// instant of the edit.
#[must_use]
pub fn message_id(rule: &str, watched: Option<&str>, event: &Event) -> MessageId {
    let mut hash = Hasher::new("message");
    hash.part(rule).part(&event.lead_id);
    match event.kind {
        EventKind::LeadCreated => hash.part("created"),
        EventKind::LeadChanged => {
            hash.part("changed");
            if let Some(field) = watched {
                hash.part(field).part(event.lead.get(field).unwrap_or_default());
            }
            match watched.and_then(|field| event.listed.get(field)) {
                Some(at) => hash.part(whole_seconds(at)),
                None => instant(&mut hash, event),
            }
        }
        _ => own_identity(&mut hash, event),
    };
    MessageId::from_bytes(hash.finish())
}

/// The id of the fallback of a message that was not delivered.
#[must_use]
pub fn fallback_id(message: MessageId) -> MessageId {
    MessageId::from_bytes(Hasher::new("fallback").bytes(message.as_bytes()).finish())
}

/// The id of `event` itself as it was delivered, whichever rules look at it.
#[must_use]
pub fn event_id(event: &Event) -> EventId {
    let mut hash = Hasher::new("event");
    hash.part(event.kind.name()).part(&event.lead_id);
    for (name, before, after) in event.changes() {
        hash.part(name).part(before.unwrap_or_default()).part(after.unwrap_or_default());
    }
    own_identity(&mut hash, event);
    EventId::from_bytes(hash.finish())
}

/// The id of a delivery that could not be understood, from its bytes.
#[must_use]
pub fn raw_event_id(body: &[u8]) -> EventId {
    EventId::from_bytes(Hasher::new("raw").bytes(body).finish())
}

fn own_identity<'h>(hash: &'h mut Hasher, event: &Event) -> &'h mut Hasher {
    if let Some(activity) = &event.activity {
        hash.part(activity.id.as_deref().unwrap_or_default());
        hash.part(&activity.code.map(|c| c.to_string()).unwrap_or_default());
        // Without an id, or for an update, only its time and content tell one activity's change from the next.
        if activity.id.is_none() || event.kind == EventKind::ActivityUpdated {
            for (name, value) in activity.data.iter() {
                hash.part(name).part(value.unwrap_or_default());
            }
        }
    }
    if let Some(item) = &event.item {
        hash.part(event.kind.name()).part(item.id.as_deref().unwrap_or_default());
        // The instant tells one edit from the next. A reminder has no instant of its own: it comes when the task is
        // due, and shows the task as it is then.
        let is_told = item.id.is_some() && event.at.is_some() && event.kind != EventKind::TaskReminder;
        if !is_told {
            for (name, value) in item.data.iter() {
                hash.part(name).part(value.unwrap_or_default());
            }
        }
    }
    instant(hash, event)
}

/// When the change happened by LeadSquared's clock (one second's resolution). If the body does not say, the lead's
/// values after it.
fn instant<'h>(hash: &'h mut Hasher, event: &Event) -> &'h mut Hasher {
    match &event.at {
        Some(at) => hash.part(whole_seconds(at)),
        None => {
            for (name, value) in event.lead.iter() {
                hash.part(name).part(value.unwrap_or_default());
            }
            hash
        }
    }
}

fn whole_seconds(at: &str) -> &str {
    at.split('.').next().unwrap_or(at)
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts hash alike by concatenation.
struct Hasher(Sha256);

impl Hasher {
    fn new(purpose: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.part(purpose);
        hasher
    }

    fn part(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn finish(&self) -> [u8; ID_BYTES] {
        let digest = self.0.clone().finalize();
        let mut id = [0; ID_BYTES];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        id
    }
}

/// Whether a lead is among the `percent` of a hundred that get nothing of a rule, for comparison. The choice never
/// changes for a rule and differs between rules. A larger number keeps the same leads and adds more.
#[must_use]
pub fn is_control(rule: &str, lead_id: &str, percent: u8) -> bool {
    let hash = Sha256::digest(format!("control\n{rule}\n{}", lead_id.to_ascii_lowercase()));
    let (first, _) = hash.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    u64::from_be_bytes(*first) % 100 < u64::from(percent)
}
