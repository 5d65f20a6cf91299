//! Every row that can be about a person, as the search for one person reads it.

use std::fmt;

use recado_core::{
    audit::Entry,
    block::Recipient,
    identity::{BatchId, EventId, MessageId, RunId},
    message::Message,
    phone::Phone,
};
use serde_json::Value;

use crate::{
    EventRow, LedgerError, StoredCallback,
    audit::{AUDIT, entry_from},
    codec::{self, Item, Key, Reader},
    runs::places_of,
    walk::Walked,
};

/// A row that can be about a person.
#[derive(Clone)]
pub enum PersonRow {
    /// A message, or a block.
    Message(Box<Message>),
    /// A delivery report.
    Report(StoredCallback),
    /// An earlier attempt: the message that a batch carried to a phone.
    Attempt {
        /// The batch.
        batch: BatchId,
        /// The phone.
        phone: Phone,
        /// The message.
        message: MessageId,
    },
    /// An event that became no message.
    Event(EventRow),
    /// An event that waits for its lead's fields, or that waited.
    Incomplete {
        /// Its id.
        id: EventId,
        /// The event, if it still waits.
        event: Option<Value>,
        /// When it came, in ms since the epoch.
        received_ms: i64,
    },
    /// What was last seen of a lead's watched fields.
    Sights {
        /// The lead, in lower case.
        lead: String,
        /// The values.
        seen: Value,
    },
    /// A part of a run's audience.
    Page {
        /// The run.
        run: RunId,
        /// The page, by its key.
        page: u64,
        /// Who is on it, by place; `None` for those that were erased.
        recipients: Vec<Option<Recipient>>,
    },
    /// An entry of the audit trail.
    Entry(Entry),
}

/// Names the kind of row, and nothing of the person.
impl fmt::Debug for PersonRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message(_) => "Message",
            Self::Report(_) => "Report",
            Self::Attempt { .. } => "Attempt",
            Self::Event(_) => "Event",
            Self::Incomplete { .. } => "Incomplete",
            Self::Sights { .. } => "Sights",
            Self::Page { .. } => "Page",
            Self::Entry(_) => "Entry",
        })
    }
}

impl Walked for PersonRow {
    const SORT_KEY: Option<&'static str> = None;

    fn of_item(item: Item) -> Result<Option<Self>, LedgerError> {
        let (key, read) = (Key::of(&item)?, Reader::new(&item));
        let Some((kind, name)) = key.pk.split_once('#') else { return Ok(None) };
        let json = |text: String, attribute| serde_json::from_str(&text).map_err(|_| read.unreadable(attribute));
        Ok(Some(match (kind, key.sk.as_str()) {
            ("M", "M") => Self::Message(Box::new(codec::message_from(&item)?)),
            ("B" | "P", sk) if sk.starts_with("C#") => Self::Report(StoredCallback::from_item(&item)?),
            ("B", sk) if sk.starts_with("R#") => {
                let phone = sk.strip_prefix("R#").and_then(|phone| Phone::parse(phone).ok());
                Self::Attempt {
                    batch: name.parse().map_err(|_| read.unreadable("pk"))?,
                    phone: phone.ok_or_else(|| read.unreadable("sk"))?,
                    message: read.word("message")?,
                }
            }
            ("E", "E") => Self::Event(EventRow::from_item(&item)?),
            ("N", "N") => Self::Incomplete {
                id: name.parse().map_err(|_| read.unreadable("pk"))?,
                event: read.maybe_text("event").map(|text| json(text, "event")).transpose()?,
                received_ms: read.number("received_ms")?,
            },
            ("F", "F") => Self::Sights { lead: name.to_owned(), seen: json(read.text("seen")?, "seen")? },
            ("Q", sk) if sk.starts_with("P#") => {
                let page = sk.strip_prefix("P#").and_then(|page| u64::from_str_radix(page, 16).ok());
                Self::Page {
                    run: name.parse().map_err(|_| read.unreadable("pk"))?,
                    page: page.ok_or_else(|| read.unreadable("sk"))?,
                    recipients: places_of(&item)?,
                }
            }
            _ if key.pk.starts_with(AUDIT) => Self::Entry(entry_from(&item)?),
            _ => return Ok(None),
        }))
    }
}
