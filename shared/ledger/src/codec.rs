//! Converts items to values and back. Attributes bear the names of the fields, so that a row is readable in the
//! console.

mod block;

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use recado_core::{
    call::Call,
    credits::SmsText,
    identity::{AudioId, BatchId, MessageId},
    message::{Batch, Channel, Content, Crm, History, Label, Message, Priority, Recipients},
    phone::Phone,
    reason::Reason,
    subject::Subject,
};

pub(crate) use self::block::leaving_text;
use self::block::{block_from, put_block};
use crate::{LedgerError, SHARDS};

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The one partition of all recordings and uploads. LigueLead keeps 1,000 recordings at most.
pub(crate) const AUDIOS: &str = "A";
/// The attributes of a message that are about its recipient alone, except for the lead.
pub(crate) const OF_A_PERSON: [&str; 11] =
    ["phone", "text", "title", "group_id", "part", "else", "audio", "redials", "every_min", "crm_activity", "crm_why"];
/// The length of an identifier inside a batch's `members`.
const ID_BYTES: usize = 16;

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn message(id: MessageId) -> Self {
        Self { pk: format!("M#{id}"), sk: "M".to_owned() }
    }

    pub(crate) fn batch(id: BatchId) -> Self {
        Self { pk: format!("B#{id}"), sk: "B".to_owned() }
    }

    pub(crate) fn campaign(campaign_id: &str) -> Self {
        Self { pk: format!("P#{campaign_id}"), sk: "B".to_owned() }
    }

    pub(crate) fn caps(subject: &Subject) -> Self {
        let pk = match subject {
            Subject::Phone(phone) => format!("C#phone#{}", phone.national()),
            Subject::Lead(lead) => format!("C#{}", lead.to_ascii_lowercase()),
        };
        Self { pk, sk: "C".to_owned() }
    }

    pub(crate) fn audio(name: &str) -> Self {
        Self { pk: AUDIOS.to_owned(), sk: format!("N#{name}") }
    }

    pub(crate) fn upload(content: AudioId) -> Self {
        Self { pk: AUDIOS.to_owned(), sk: format!("U#{content}") }
    }

    /// The message that this key belongs to; `None` if it belongs to none.
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        self.pk.strip_prefix("M#").and_then(|id| id.parse().ok())
    }

    /// The batch whose own row this key names; `None` for any other row.
    pub(crate) fn batch_id(&self) -> Option<BatchId> {
        self.pk.strip_prefix("B#").filter(|_| self.sk == "B").and_then(|id| id.parse().ok())
    }

    pub(crate) fn into_item(self) -> Item {
        HashMap::from([("pk".to_owned(), s(self.pk)), ("sk".to_owned(), s(self.sk))])
    }

    pub(crate) fn of(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new(item);
        Ok(Self { pk: read.text("pk")?, sk: read.text("sk")? })
    }
}

/// The index shard for a row whose id begins with this byte.
pub(crate) fn shard(first_byte: u8) -> AttributeValue {
    s((first_byte % SHARDS).to_string())
}

/// The shard of the `due` index for rows that wait at this priority. Each priority has shards of its own, so that a
/// backlog of one does not hide rows of another. The normal shards also hold all other due rows.
pub(crate) fn lane(priority: Priority, first_byte: u8) -> AttributeValue {
    let shard = first_byte % SHARDS;
    s(match priority {
        Priority::Urgent => format!("u{shard}"),
        Priority::Normal => shard.to_string(),
        Priority::Low => format!("l{shard}"),
    })
}

pub(crate) fn due_shard(priority: Priority, id: MessageId) -> AttributeValue {
    lane(priority, id.as_bytes().first().copied().unwrap_or_default())
}

pub(crate) fn message_shard(id: MessageId) -> AttributeValue {
    shard(id.as_bytes().first().copied().unwrap_or_default())
}

/// A partition key as an error may show it. Caps and suppressions have phones in theirs.
fn without_phone(pk: &str) -> String {
    const PHONE: &str = "#phone#";
    match pk.split_once(PHONE) {
        Some((kind, _)) => format!("{kind}{PHONE}…"),
        None => pk.to_owned(),
    }
}

/// Reads attributes of an item. Its errors name the missing or wrong attribute.
pub(crate) struct Reader<'i> {
    item: &'i Item,
}

impl<'i> Reader<'i> {
    pub(crate) fn new(item: &'i Item) -> Self {
        Self { item }
    }

    pub(crate) fn unreadable(&self, attribute: &'static str) -> LedgerError {
        let pk = self.item.get("pk").and_then(|pk| pk.as_s().ok()).map(|pk| without_phone(pk)).unwrap_or_default();
        LedgerError::Unreadable { pk, attribute }
    }

    pub(crate) fn maybe_text(&self, name: &'static str) -> Option<String> {
        self.item.get(name).and_then(|value| value.as_s().ok()).cloned()
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<String, LedgerError> {
        self.maybe_text(name).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn maybe_number<T: FromStr>(&self, name: &'static str) -> Option<T> {
        self.item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
    }

    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> Result<T, LedgerError> {
        self.maybe_number(name).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn word<T: FromStr>(&self, name: &'static str) -> Result<T, LedgerError> {
        self.text(name)?.parse().map_err(|_| self.unreadable(name))
    }

    pub(crate) fn maybe_word<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, LedgerError> {
        self.maybe_text(name).map(|text| text.parse().map_err(|_| self.unreadable(name))).transpose()
    }
}

/// A message as an item, without its time to live.
pub(crate) fn message_item(message: &Message) -> Item {
    let mut item = Key::message(message.id).into_item();
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("rule", s(&message.rule));
    put("lead", s(message.lead_id()));
    put("event", s(&message.event));
    put("channel", s(message.content.channel().as_str()));
    put("credits", n(message.credits));
    put("state", s(message.state.as_str()));
    put("created_ms", n(message.created_ms));
    put("expires_ms", n(message.expires_ms));
    put("changed_ms", n(message.changed_ms));
    put("priority", s(message.priority.as_str()));
    let phone = message.phone().map(|phone| phone.national());
    let text = message.content.text().map(|text| text.expose().to_owned());
    let texts = [
        ("phone", phone),
        ("text", text),
        ("title", message.label.title.clone()),
        ("group_id", message.label.group_id.clone()),
        ("why", message.why.as_ref().map(ToString::to_string)),
        ("reason", message.why.as_ref().map(Reason::code)),
        ("part", message.part.clone()),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            put(name, s(value));
        }
    }
    if let Some(call) = message.content.call() {
        put("audio", s(&call.audio));
        put("redials", n(call.redials));
        put("every_min", n(call.every_min));
    }
    if let Some(due_ms) = message.due_ms {
        put("due_shard", due_shard(message.priority, message.id));
        put("due_ms", n(due_ms));
    }
    if let Some(read_ms) = message.history.opt_out_read_ms {
        put("opt_out_read_ms", n(read_ms));
    }
    if message.history.own_opt_out_read {
        put("own_opt_out_read", n(1));
    }
    if let Some(due_ms) = message.crm.due_ms {
        put("crm_shard", message_shard(message.id));
        put("crm_due_ms", n(due_ms));
    }
    if let Some(batch) = message.batch {
        put("batch", s(batch.to_string()));
    }
    if let Some(campaign) = &message.campaign_id {
        put("campaign", s(campaign));
    }
    if let Some(charged) = message.history.charged {
        put("charged", n(charged));
    }
    if let Some(block) = message.block() {
        put_block(&mut item, block);
    }
    if let Some(next) = &message.fallback {
        item.insert("else".to_owned(), AttributeValue::M(message_item(next)));
    }
    item
}

/// A message from its item.
pub(crate) fn message_from(item: &Item) -> Result<Message, LedgerError> {
    let read = Reader::new(item);
    let id = Key::of(item)?.message_id().ok_or_else(|| read.unreadable("pk"))?;
    Ok(Message {
        id,
        rule: read.text("rule")?,
        event: read.text("event")?,
        to: recipients_from(item, &read)?,
        content: content_from(&read)?,
        label: Label { title: read.maybe_text("title"), group_id: read.maybe_text("group_id") },
        credits: read.number("credits")?,
        state: read.word("state")?,
        why: Reason::read(read.maybe_text("reason").as_deref(), read.maybe_text("why").as_deref()),
        // Rows from before priorities existed get the default one.
        priority: read.maybe_word("priority")?.unwrap_or_default(),
        attempts: read.maybe_number("attempts").unwrap_or_default(),
        part: read.maybe_text("part"),
        created_ms: read.number("created_ms")?,
        expires_ms: read.number("expires_ms")?,
        changed_ms: read.number("changed_ms")?,
        due_ms: read.maybe_number("due_ms"),
        batch: read.maybe_word("batch")?,
        campaign_id: read.maybe_text("campaign"),
        crm: Crm {
            activity_id: read.maybe_text("crm_activity"),
            activity_state: read.maybe_word("crm_activity_state")?,
            lead_state: read.maybe_word("crm_lead_state")?,
            posted_ms: read.maybe_number("crm_posted_ms"),
            attempts: read.maybe_number("crm_attempts").unwrap_or_default(),
            due_ms: read.maybe_number("crm_due_ms"),
        },
        history: History {
            earlier: match read.maybe_text("earlier") {
                Some(ids) => {
                    ids.split(' ').map(str::parse).collect::<Result<_, _>>().map_err(|_| read.unreadable("earlier"))?
                }
                None => Vec::new(),
            },
            charged: read.maybe_number("charged"),
            no_callback_ms: read.maybe_number("no_callback_ms"),
            opt_out_read_ms: read.maybe_number("opt_out_read_ms"),
            own_opt_out_read: read.maybe_number::<u8>("own_opt_out_read").is_some(),
            crm_why: read.maybe_text("crm_why"),
            crm_told_ms: read.maybe_number("crm_told_ms"),
        },
        fallback: match item.get("else").and_then(|next| next.as_m().ok()) {
            Some(next) => Some(Box::new(message_from(next)?)),
            None => None,
        },
    })
}

fn recipients_from(item: &Item, read: &Reader<'_>) -> Result<Recipients, LedgerError> {
    if let Some(block) = block_from(item)? {
        return Ok(Recipients::Many(block));
    }
    let phone = read.maybe_text("phone").map(|phone| Phone::parse(&phone)).transpose();
    Ok(Recipients::One { phone: phone.map_err(|_| read.unreadable("phone"))?, lead_id: read.text("lead")? })
}

fn content_from(read: &Reader<'_>) -> Result<Content, LedgerError> {
    let channel: Channel = read.word("channel")?;
    if channel == Channel::Voice {
        return Ok(Content::Voice(call_from(read)?));
    }
    let text = read.maybe_text("text").map(|text| SmsText::parse(&text)).transpose();
    Ok(Content::none(channel).with_text(text.map_err(|_| read.unreadable("text"))?))
}

fn call_from(read: &Reader<'_>) -> Result<Option<Call>, LedgerError> {
    let Some(audio) = read.maybe_text("audio") else { return Ok(None) };
    let (redials, every_min) = (read.number("redials")?, read.number("every_min")?);
    Ok(Some(Call { audio, redials, every_min, ready: None }))
}

/// A batch from its item.
pub(crate) fn batch_from(item: &Item) -> Result<Batch, LedgerError> {
    let read = Reader::new(item);
    let id: BatchId =
        Key::of(item)?.pk.strip_prefix("B#").and_then(|id| id.parse().ok()).ok_or_else(|| read.unreadable("pk"))?;
    let members = match item.get("members").and_then(|members| members.as_b().ok()) {
        Some(bytes) => members_from(bytes),
        None => Vec::new(),
    };
    Ok(Batch {
        id,
        state: read.word("state")?,
        prepared_ms: read.number("prepared_ms")?,
        called_ms: read.maybe_number("called_ms"),
        ended_ms: read.maybe_number("ended_ms"),
        members,
        campaign_id: read.maybe_text("campaign"),
        why: Reason::read(read.maybe_text("reason").as_deref(), read.maybe_text("why").as_deref()),
        day: read.text("day")?,
        rule: read.maybe_text("rule"),
        messages: read.number("messages")?,
        credits: read.number("credits")?,
        requests_fewest: read.maybe_number("requests_fewest").unwrap_or_default(),
    })
}

/// The batches that carried a message before, as its row has them.
pub(crate) fn ids(batches: &[BatchId]) -> String {
    batches.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A batch's members as one binary value: 16 bytes each, so that 10,000 of them fit in one item.
pub(crate) fn members_value(members: &[MessageId]) -> AttributeValue {
    AttributeValue::B(Blob::new(members.iter().flat_map(|id| *id.as_bytes()).collect::<Vec<u8>>()))
}

fn members_from(bytes: &Blob) -> Vec<MessageId> {
    let (ids, _) = bytes.as_ref().as_chunks::<ID_BYTES>();
    ids.iter().map(|id| MessageId::from_bytes(*id)).collect()
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_row_is_named_without_its_phone() {
        for (pk, shown) in
            [("C#phone#11987654321", "C#phone#…"), ("X#phone#11987654321", "X#phone#…"), ("M#ab", "M#ab")]
        {
            let item = Item::from([("pk".to_owned(), s(pk))]);
            let error = Reader::new(&item).text("state").unwrap_err().to_string();
            assert!(error.starts_with(&format!("{shown}: ")), "{error}");
        }
    }
}
