//! Everything that is kept of one person.
//!
//! A person is named by a phone or by a lead. Messages, pages, events and reports of exactly this phone or lead are the
//! person's. Caps, suppressions and seen values also have rows of their own: they are read for the phones and leads
//! that those messages name. Two leads may share a phone, so a search by phone can find two people, and a search by lead
//! never does.
//!
//! `rows_of` reads the whole table, since no index by phone or lead exists. An index would replace that function
//! alone. At most one page of the table and one page of recipients are in memory, beside what is found.

use std::collections::BTreeSet;

use recado_core::{
    audit::{Entry, PersonMark},
    block::Recipient,
    caps::Sent,
    identity::{BatchId, EventId, MessageId, RunId},
    message::Message,
    phone::{Phone, PhoneRules},
    sight::Sights,
    subject::Subject,
    writeback::Shown,
};
use recado_ledger::{EventRow, KeptSights, Ledger, LedgerError, PersonRow, StoredCallback, StoredFor, Suppression};
use serde_json::Value;

use crate::blocks::members;

/// The person whom somebody asks about.
#[derive(Clone)]
pub struct Person {
    /// The phone or the lead that was named.
    pub named: Subject,
    /// How phones are read.
    pub rules: PhoneRules,
    /// The marks of the person in the audit trail.
    pub marks: Vec<PersonMark>,
}

/// A recipient on a page of a run's audience.
#[derive(Clone)]
pub struct Place {
    /// The run.
    pub run: RunId,
    /// The page, by its key.
    pub page: u64,
    /// The place on the page.
    pub place: u16,
    /// The recipient.
    pub recipient: Recipient,
}

/// An event that waits for its lead's fields.
#[derive(Clone)]
pub struct Waiting {
    /// Its id.
    pub id: EventId,
    /// The event as it is stored.
    pub event: Value,
    /// When it came, in ms since the epoch.
    pub received_ms: i64,
}

/// Everything that is kept of a person. It cannot be printed.
#[derive(Clone, Default)]
pub struct Held {
    /// The phones of the messages and pages.
    pub phones: BTreeSet<Phone>,
    /// The leads of the messages, pages and events, in lower case.
    pub leads: BTreeSet<String>,
    /// Messages with a row of their own.
    pub messages: Vec<Message>,
    /// Messages inside a block: the block, and the message that it stands for.
    pub in_blocks: Vec<(MessageId, Message)>,
    /// Places on pages of runs' audiences.
    pub places: Vec<Place>,
    /// Delivery reports.
    pub reports: Vec<StoredCallback>,
    /// Earlier attempts at messages that were sent again.
    pub attempts: Vec<(BatchId, Phone, MessageId)>,
    /// Events that became no message.
    pub events: Vec<EventRow>,
    /// Events that wait for the lead's fields.
    pub waiting: Vec<Waiting>,
    /// The recent messages that the caps count, by whom.
    pub caps: Vec<(Subject, Vec<Sent>)>,
    /// Suppressions.
    pub suppressions: Vec<Suppression>,
    /// What was last seen of the leads' watched fields.
    pub sights: Vec<(String, Sights)>,
    /// What the leads' own fields are known to show.
    pub shown: Vec<(String, Shown)>,
    /// Entries of the audit trail that bear the person's mark.
    pub entries: Vec<Entry>,
}

/// Finds everything that is kept of a person at `now_ms`, in ms since the epoch.
pub async fn search(ledger: &Ledger, person: &Person, now_ms: i64) -> Result<Held, LedgerError> {
    let (mut held, blocks) = rows_of(ledger, person).await?;
    inside(ledger, &mut held, &blocks).await?;
    held.link(person);
    reports_of(ledger, &mut held).await?;
    of_keys(ledger, &mut held, now_ms).await?;
    Ok(held)
}

/// A block, and the page of its recipients.
struct BlockOn {
    id: MessageId,
    run: RunId,
    page: u64,
}

/// The rows that hold the person, and all blocks. Reads the whole table, page by page.
async fn rows_of(ledger: &Ledger, person: &Person) -> Result<(Held, Vec<BlockOn>), LedgerError> {
    let (mut held, mut blocks) = (Held::default(), Vec::new());
    let mut rows = ledger.walk::<PersonRow>();
    while let Some(page) = rows.next().await? {
        for row in page {
            match row {
                PersonRow::Message(message) => match message.block() {
                    Some(block) => blocks.push(BlockOn { id: message.id, run: block.run, page: block.page }),
                    None if person.is_of_message(&message) => held.messages.push(*message),
                    None => {}
                },
                PersonRow::Report(report) if person.is(Some(report.phone), "") => held.reports.push(report),
                PersonRow::Attempt { batch, phone, message } if person.is(Some(phone), "") => {
                    held.attempts.push((batch, phone, message));
                }
                PersonRow::Event(event) if person.is(None, event.lead_id.as_deref().unwrap_or_default()) => {
                    held.events.push(event);
                }
                PersonRow::Incomplete { id, event: Some(event), received_ms } if person.is_in(&event) => {
                    held.waiting.push(Waiting { id, event, received_ms });
                }
                PersonRow::Sights { lead, seen } if person.is(None, &lead) || person.is_in(&seen) => {
                    held.leads.insert(lead);
                }
                PersonRow::Page { run, page, recipients } => {
                    for (place, recipient) in (0..).zip(recipients) {
                        let Some(recipient) = recipient else { continue };
                        if person.is(Some(recipient.phone), recipient.lead.as_deref().unwrap_or_default()) {
                            held.places.push(Place { run, page, place, recipient });
                        }
                    }
                }
                PersonRow::Entry(entry) if entry.about.people.iter().any(|mark| person.marks.contains(mark)) => {
                    held.entries.push(entry);
                }
                _ => {}
            }
        }
    }
    Ok((held, blocks))
}

/// The person's messages inside blocks.
async fn inside(ledger: &Ledger, held: &mut Held, blocks: &[BlockOn]) -> Result<(), LedgerError> {
    let wanted: BTreeSet<MessageId> = held.places.iter().map(|place| place.recipient.message_id(place.run)).collect();
    for block in blocks {
        if !held.places.iter().any(|place| (place.run, place.page) == (block.run, block.page)) {
            continue;
        }
        for message in ledger.messages(&[block.id]).await? {
            let members = members(ledger, message).await?;
            let own = members.into_iter().filter(|member| wanted.contains(&member.id));
            held.in_blocks.extend(own.map(|member| (block.id, member)));
        }
    }
    Ok(())
}

/// Reports and earlier attempts of the messages. A search by lead finds them only here.
async fn reports_of(ledger: &Ledger, held: &mut Held) -> Result<(), LedgerError> {
    let messages: Vec<Message> = held.all_messages().cloned().collect();
    let mut seen: BTreeSet<_> = held.reports.iter().map(StoredCallback::row).collect();
    for message in messages {
        let Some(phone) = message.phone() else { continue };
        let mut batches = message.history.earlier.clone();
        batches.extend(message.batch);
        let campaigns = ledger.batches(&batches).await?.into_iter().filter_map(|batch| batch.campaign_id);
        let campaigns: BTreeSet<String> = campaigns.chain(message.campaign_id.clone()).collect();
        let about = batches.iter().copied().map(StoredFor::Batch).chain(campaigns.into_iter().map(StoredFor::Campaign));
        for about in about {
            for report in ledger.callbacks_of(&about, phone).await? {
                if seen.insert(report.row()) {
                    held.reports.push(report);
                }
            }
        }
        for batch in batches {
            let is_known = held.attempts.iter().any(|attempt| (attempt.0, attempt.1) == (batch, phone));
            if !is_known && let Some(earlier) = ledger.earlier_of(batch, phone).await? {
                held.attempts.push((batch, phone, earlier.id));
            }
        }
    }
    held.reports.sort_by_key(|report| report.received_ms);
    Ok(())
}

/// Rows whose keys are the person's phones and leads.
async fn of_keys(ledger: &Ledger, held: &mut Held, now_ms: i64) -> Result<(), LedgerError> {
    let subjects = held.subjects();
    let caps = ledger.caps(&subjects).await?;
    held.caps = caps.into_iter().map(|(subject, row)| (subject, row.sent)).collect();
    held.caps.sort_by(|a, b| a.0.cmp(&b.0));
    for subject in &subjects {
        held.suppressions.extend(ledger.suppressions(Some(subject)).await?);
    }
    let leads: Vec<&str> = held.leads.iter().map(String::as_str).collect();
    let sights = ledger.sights(&leads).await?;
    // These rows have the lead's id as LeadSquared wrote it.
    let mut written: BTreeSet<String> = held.leads.clone();
    written.extend(held.all_messages().map(|message| message.lead_id().to_owned()));
    written.extend(held.places.iter().filter_map(|place| place.recipient.lead.clone()));
    let written: Vec<&str> = written.iter().map(String::as_str).filter(|lead| !lead.is_empty()).collect();
    let shown = ledger.shown(&written, now_ms).await?;
    held.sights = sights.into_iter().map(|(lead, KeptSights { sights, .. })| (lead, sights)).collect();
    held.shown = shown.into_iter().collect();
    Ok(())
}

impl Person {
    fn is(&self, phone: Option<Phone>, lead: &str) -> bool {
        match &self.named {
            Subject::Phone(named) => phone == Some(*named),
            Subject::Lead(named) => !lead.is_empty() && named.eq_ignore_ascii_case(lead),
        }
    }

    fn is_of_message(&self, message: &Message) -> bool {
        self.is(message.phone(), message.lead_id())
            || message.fallback.as_deref().is_some_and(|next| self.is(next.phone(), next.lead_id()))
    }

    /// Whether a value of a stored event or sight names the person. A phone counts in every spelling.
    fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_written(text),
            Value::Number(number) => self.is_written(&number.to_string()),
            Value::Array(values) => values.iter().any(|value| self.is_in(value)),
            Value::Object(values) => values.values().any(|value| self.is_in(value)),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn is_written(&self, text: &str) -> bool {
        match &self.named {
            Subject::Phone(named) => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                digits.contains(&named.national()) || Phone::read(text, self.rules).one() == Ok(*named)
            }
            Subject::Lead(named) => named.eq_ignore_ascii_case(text),
        }
    }
}

impl Held {
    /// All messages: those with rows of their own, and those inside blocks.
    pub fn all_messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().chain(self.in_blocks.iter().map(|(_, message)| message))
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_erased() && self.suppressions.is_empty() && self.entries.is_empty()
    }

    /// Whether nothing is kept that an erasure removes.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.all_messages().next().is_none()
            && self.places.is_empty()
            && self.reports.is_empty()
            && self.attempts.is_empty()
            && self.events.is_empty()
            && self.waiting.is_empty()
            && self.caps.is_empty()
            && self.sights.is_empty()
            && self.shown.is_empty()
    }

    /// The phones and leads.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let phones = self.phones.iter().copied().map(Subject::Phone);
        phones.chain(self.leads.iter().cloned().map(Subject::Lead)).collect()
    }

    /// Collects the phones and leads that the found rows name, and the named one.
    fn link(&mut self, person: &Person) {
        let (mut phones, mut leads) = (std::mem::take(&mut self.phones), std::mem::take(&mut self.leads));
        match &person.named {
            Subject::Phone(phone) => phones.insert(*phone),
            Subject::Lead(lead) => leads.insert(lead.to_ascii_lowercase()),
        };
        for message in self.all_messages() {
            phones.extend(message.phone());
            leads.insert(message.lead_id().to_ascii_lowercase());
        }
        for place in &self.places {
            phones.insert(place.recipient.phone);
            leads.extend(place.recipient.lead.as_ref().map(|lead| lead.to_ascii_lowercase()));
        }
        for waiting in &self.waiting {
            let lead = waiting.event.get("lead_id").and_then(Value::as_str).unwrap_or_default();
            leads.insert(lead.to_ascii_lowercase());
        }
        leads.remove("");
        (self.phones, self.leads) = (phones, leads);
    }
}
