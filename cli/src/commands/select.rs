//! Selects the messages of a command, by id or by filters.

use recado_core::{
    identity::MessageId,
    message::{Channel, Message, State},
    phone::Phone,
    subject::Subject,
};
use recado_ledger::Ledger;
use recado_pipeline::blocks::members;

/// The number of digits of a whole id. `recado messages` shows fewer: fewer digits are the beginning of an id.
const ID_DIGITS: usize = 32;

/// Filters that must all hold.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only messages in this state: pending, held, sending, unknown, refused, accepted, undelivered, delivered, skipped or
    /// expired, and for voice calls also answered, no_answer or busy. Repeat it, or separate several by commas.
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub(crate) state: Vec<State>,
    /// Only messages of this rule.
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only messages to this lead, by its ProspectID.
    #[arg(long, value_name = "LEAD")]
    pub(crate) lead: Option<String>,
    /// Only messages to this phone, in any form.
    #[arg(long, value_name = "PHONE")]
    pub(crate) phone: Option<Phone>,
    /// Only messages of this channel: sms, flash or voice.
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<Channel>,
    /// Only messages without a delivery report in time.
    #[arg(long)]
    pub(crate) no_callback: bool,
    /// Only messages made since this ISO 8601 instant, or since a time ago such as `2h` or `7d`.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only messages made before this instant or time ago.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) until: Option<jiff::Timestamp>,
}

/// An instant, or a time before now.
pub(crate) fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let is_span = text.chars().next_back().is_some_and(|c| "smhdw".contains(c));
    let said = || "expected an ISO 8601 instant with its offset, or a time ago such as 30m, 2h or 7d".to_owned();
    if !is_span {
        return text.parse().map_err(|_| said());
    }
    let (count, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 604_800,
    };
    let count: u32 = count.parse().map_err(|_| said())?;
    let ago = jiff::SignedDuration::from_secs(i64::from(count) * seconds);
    jiff::Timestamp::now().checked_sub(ago).map_err(|_| said())
}

impl Filter {
    /// Whether no filter is set, so that every message passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.is_empty()
            && self.rule.is_none()
            && self.lead.is_none()
            && self.phone.is_none()
            && self.channel.is_none()
            && !self.no_callback
            && self.since.is_none()
            && self.until.is_none()
    }

    /// The filters in words, for the audit trail. A phone and a lead are only named as such.
    pub(crate) fn words(&self) -> String {
        let states: Vec<&str> = self.state.iter().map(|state| state.as_str()).collect();
        let parts = [
            self.rule.as_ref().map(|rule| format!("rule {rule}")),
            self.channel.map(|channel| format!("channel {channel}")),
            (!states.is_empty()).then(|| format!("state {}", states.join(" or "))),
            self.phone.map(|_| "one phone".to_owned()),
            self.lead.as_ref().map(|_| "one lead".to_owned()),
            self.no_callback.then(|| "without a report".to_owned()),
            self.since.map(|since| format!("since {since:.0}")),
            self.until.map(|until| format!("until {until:.0}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The phone and the lead that the filters name.
    pub(crate) fn people(&self) -> Vec<Subject> {
        let lead = self.lead.clone().map(Subject::Lead);
        self.phone.map(Subject::Phone).into_iter().chain(lead).collect()
    }

    /// Whether a message passes all filters.
    pub(crate) fn lets(&self, message: &Message) -> bool {
        (self.state.is_empty() || self.state.contains(&message.state))
            && self.rule.as_ref().is_none_or(|rule| *rule == message.rule)
            && self.lead.as_ref().is_none_or(|lead| lead.eq_ignore_ascii_case(message.lead_id()))
            && self.phone.is_none_or(|phone| message.phone() == Some(phone))
            && self.channel.is_none_or(|channel| channel == message.content.channel())
            && (!self.no_callback || message.history.no_callback_ms.is_some())
            && self.since.is_none_or(|since| message.created_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| message.created_ms < until.as_millisecond())
    }

    /// Whether a recipient of this block may pass, as far as the block's own row says.
    pub(crate) fn opens(&self, block: &Message) -> bool {
        let of_row = Self {
            rule: self.rule.clone(),
            channel: self.channel,
            no_callback: self.no_callback,
            since: self.since,
            until: self.until,
            ..Self::default()
        };
        of_row.lets(block)
    }

    /// Whether a filter is about recipients, which may be in a block.
    fn is_of_people(&self) -> bool {
        !self.state.is_empty() || self.lead.is_some() || self.phone.is_some()
    }

    /// The messages that pass. If a filter is about recipients, each recipient of a block is a message of its own.
    pub(crate) async fn recipients(&self, ledger: &Ledger) -> anyhow::Result<Vec<Message>> {
        if !self.is_of_people() {
            return self.find(ledger).await;
        }
        let (mut found, mut to_many) = (Vec::new(), Vec::new());
        ledger
            .each_message(|message| {
                match message.block() {
                    Some(_) => to_many.push(message),
                    None if self.lets(&message) => found.push(message),
                    None => {}
                }
                true
            })
            .await?;
        for message in to_many {
            found.extend(members(ledger, message).await?.into_iter().filter(|member| self.lets(member)));
        }
        Ok(found)
    }

    /// All messages that pass.
    pub(crate) async fn find(&self, ledger: &Ledger) -> anyhow::Result<Vec<Message>> {
        let mut found = Vec::new();
        ledger
            .each_message(|message| {
                if self.lets(&message) {
                    found.push(message);
                }
                true
            })
            .await?;
        Ok(found)
    }
}

/// The messages with these ids or beginnings of ids. Each must match exactly one message.
pub(crate) async fn by_ids(ledger: &Ledger, ids: &[String]) -> anyhow::Result<Vec<Message>> {
    let whole: Vec<MessageId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let mut found = ledger.messages(&whole).await?;
    let begun: Vec<String> = ids.iter().filter(|id| id.len() < ID_DIGITS).map(|id| id.to_ascii_lowercase()).collect();
    if begun.iter().any(|id| id.len() < 4 || !id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        anyhow::bail!("a message's id has {ID_DIGITS} hexadecimal digits; pass at least its first 4");
    }
    if !begun.is_empty() {
        ledger
            .each_message(|message| {
                let id = message.id.to_string();
                if begun.iter().any(|begun| id.starts_with(begun)) && found.iter().all(|one| one.id != message.id) {
                    found.push(message);
                }
                true
            })
            .await?;
    }
    let is_found = |found: &[Message], id: &str| found.iter().any(|message| message.id.to_string().starts_with(id));
    if ids.iter().any(|id| !is_found(&found, &id.to_ascii_lowercase())) {
        found.extend(in_messages_to_many(ledger, ids).await?);
    }
    for id in ids {
        let id = id.to_ascii_lowercase();
        match found.iter().filter(|message| message.id.to_string().starts_with(&id)).count() {
            1 => {}
            0 => anyhow::bail!("there is no message {id}"),
            many => anyhow::bail!("{many} messages begin with {id}; pass more digits"),
        }
    }
    Ok(found)
}

/// The recipients of blocks whose ids begin like this.
async fn in_messages_to_many(ledger: &Ledger, ids: &[String]) -> anyhow::Result<Vec<Message>> {
    let (mut to_many, mut found) = (Vec::new(), Vec::new());
    ledger
        .each_message(|message| {
            to_many.extend(message.block().is_some().then_some(message));
            true
        })
        .await?;
    for message in to_many {
        let members = members(ledger, message).await?;
        found.extend(members.into_iter().filter(|member| {
            let id = member.id.to_string();
            ids.iter().any(|wanted| id.starts_with(&wanted.to_ascii_lowercase()))
        }));
    }
    Ok(found)
}
