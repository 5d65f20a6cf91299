//! Messages and events as rows for people who do not use Recado: sales, finance, a spreadsheet.
//!
//! The table is read page by page. A block is opened when its row comes, so at most one page of recipients is in memory
//! beside one page of the table.

use std::borrow::Cow;

use jiff::Timestamp;
use recado_core::{
    audit::without_phones,
    config::{Config, LeadLink},
    message::{Message, State},
    zone::Zone,
};
use recado_ledger::{EventRow, Ledger, LedgerError, Run};

use crate::blocks::members;

/// The columns of messages. The text has a column of its own, which is only there if it is asked for.
pub const MESSAGE_COLUMNS: [&str; 14] = [
    "message",
    "phone",
    "lead",
    "lead_link",
    "rule",
    "campaign",
    "run",
    "channel",
    "state",
    "reason",
    "created_at",
    "changed_at",
    "credits_estimated",
    "credits_charged",
];
/// The column of texts.
pub const TEXT_COLUMN: &str = "text";
/// The columns of events that became no message.
pub const EVENT_COLUMNS: [&str; 7] = ["event", "kind", "lead", "lead_link", "outcome", "reason", "received_at"];

/// What a row shows.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Whether phones are whole.
    pub phones: bool,
    /// Whether the texts of messages are there.
    pub texts: bool,
    zone: Zone,
    link: Option<LeadLink>,
}

/// One row: a value for each column. It cannot be printed.
#[derive(Clone)]
pub struct Row(Vec<Cell>);

/// A value in a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    /// There is no value.
    Empty,
    /// Words.
    Text(String),
    /// A whole number.
    Number(u32),
}

impl Cell {
    /// The value in words; empty if there is none.
    #[must_use]
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }
}

impl Row {
    /// The values, in the order of the columns.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.0.iter()
    }
}

impl Shape {
    /// Rows on the clock of a configuration.
    #[must_use]
    pub fn new(config: &Config, phones: bool, texts: bool) -> Self {
        Self { phones, texts, zone: config.timezone.clone(), link: config.leadsquared.lead_link.clone() }
    }

    /// The columns of messages.
    #[must_use]
    pub fn message_columns(&self) -> Vec<&'static str> {
        MESSAGE_COLUMNS.into_iter().chain(self.texts.then_some(TEXT_COLUMN)).collect()
    }

    /// A message to one recipient as a row.
    #[must_use]
    pub fn message(&self, message: &Message) -> Row {
        let lead = Some(message.lead_id().to_owned()).filter(|lead| !lead.is_empty());
        let run = Run::name_of(message).map(str::to_owned);
        let phone = message.phone().map(|phone| if self.phones { phone.national() } else { phone.masked() });
        let words: [Option<String>; 12] = [
            Some(message.id.to_string()),
            phone,
            lead.clone(),
            self.link(lead.as_deref()),
            Some(message.rule.clone()),
            run.as_ref().map(|_| message.rule.clone()),
            run,
            Some(message.content.channel().to_string()),
            Some(message.state.to_string()),
            message.why.as_ref().map(|why| self.reason(&why.to_string())),
            self.instant(message.created_ms),
            self.instant(message.changed_ms),
        ];
        let credits = [Cell::Number(message.credits), charged(message).map_or(Cell::Empty, Cell::Number)];
        let text = self.texts.then(|| message.content.text().map(|text| text.expose().to_owned()).into());
        Row(words.map(Cell::from).into_iter().chain(credits).chain(text).collect())
    }

    /// An event that became no message as a row.
    #[must_use]
    pub fn event(&self, event: &EventRow) -> Row {
        let words: [Option<String>; 7] = [
            Some(event.id.to_string()),
            Some(event.kind.clone()),
            event.lead_id.clone(),
            self.link(event.lead_id.as_deref()),
            Some(event.outcome.as_str().to_owned()),
            Some(self.reason(&event.why)),
            self.instant(event.received_ms),
        ];
        Row(words.map(Cell::from).into())
    }

    /// A reason may quote what an operator typed, such as the source of a suppression.
    fn reason(&self, text: &str) -> String {
        if self.phones { text.to_owned() } else { without_phones(text) }
    }

    fn link(&self, lead: Option<&str>) -> Option<String> {
        self.link.as_ref()?.of(lead?)
    }

    /// An instant on the tenant's clock, as ISO 8601 writes it.
    fn instant(&self, at_ms: i64) -> Option<String> {
        let at = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(self.zone.time_zone().clone());
        Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }
}

/// The credits that a message cost. LigueLead's reports name a price if it differs from the estimate. Without such a
/// report the estimate counts for every message that LigueLead took. Nothing is known of an unknown message.
#[must_use]
pub fn charged(message: &Message) -> Option<u32> {
    let is_taken = match message.state {
        State::Accepted | State::Undelivered | State::Delivered | State::NoAnswer | State::Busy | State::Answered => {
            true
        }
        State::Pending
        | State::Held
        | State::Sending
        | State::Unknown
        | State::Refused
        | State::Skipped
        | State::Expired => false,
    };
    message.history.charged.or(is_taken.then_some(message.credits))
}

/// Whether a message failed: its recipient did not get it and will not get it by itself, or nobody knows after the wait
/// for reports.
#[must_use]
pub fn failed(message: &Message) -> bool {
    match message.state {
        State::Undelivered | State::Refused | State::Expired | State::Skipped => true,
        State::Unknown => message.history.no_callback_ms.is_some(),
        State::Pending
        | State::Held
        | State::Sending
        | State::Accepted
        | State::Delivered
        | State::NoAnswer
        | State::Busy
        | State::Answered => false,
    }
}

/// Reads all messages. `opens` says of a block, from its row alone, whether a recipient in it may be wanted. `visit`
/// gets each recipient's message, and stops the reading by returning `false`.
pub async fn each_recipient(
    ledger: &Ledger,
    opens: impl Fn(&Message) -> bool,
    mut visit: impl FnMut(&Message) -> bool,
) -> Result<(), LedgerError> {
    let mut pages = ledger.walk::<Message>();
    while let Some(page) = pages.next().await? {
        for message in page {
            if message.block().is_some() && !opens(&message) {
                continue;
            }
            if !members(ledger, message).await?.iter().all(&mut visit) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads all events that became no message. `visit` gets each, and stops the reading by returning `false`.
pub async fn each_event(ledger: &Ledger, mut visit: impl FnMut(&EventRow) -> bool) -> Result<(), LedgerError> {
    let mut pages = ledger.walk::<EventRow>();
    while let Some(page) = pages.next().await? {
        if !page.iter().all(&mut visit) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use recado_core::{
        identity::MessageId,
        message::{Channel, State},
        phone::Phone,
    };

    use super::*;

    fn message(state: State) -> Message {
        let mut message = Message::new(
            MessageId::from_bytes([1; 16]),
            "fair",
            "5c0e1f2a-0000-4000-8000-000000000001",
            Channel::Sms,
            1_790_000_000_000,
            1_790_000_100_000,
        )
        .at(Phone::parse("11987654321").unwrap());
        message.state = state;
        message.credits = 2;
        message.event = "campaign november".to_owned();
        message
    }

    #[test]
    fn a_row_has_a_value_for_each_column_and_the_phone_only_if_it_is_asked_for() {
        let text = "version: 1\ntimezone: America/Manaus\nrules: []\nleadsquared: { plan: standard, lead_link: \"https://x.leadsquared.com/?id={lead}\" }\n";
        let config = Config::parse(text).unwrap().config;
        for (phones, texts, phone) in [(false, false, "1198…21"), (true, true, "11987654321")] {
            let shape = Shape::new(&config, phones, texts);
            let row = shape.message(&message(State::Delivered));
            let named: Vec<(&str, Cow<'_, str>)> =
                shape.message_columns().into_iter().zip(row.cells().map(Cell::words)).collect();
            assert_eq!((row.cells().count(), &named[1]), (named.len(), &("phone", phone.into())));
            let of = |column: &str| named.iter().find(|(name, _)| *name == column).unwrap().1.as_ref();
            let link = "https://x.leadsquared.com/?id=5c0e1f2a-0000-4000-8000-000000000001";
            assert_eq!((of("lead_link"), of("campaign"), of("run")), (link, "fair", "november"));
            assert_eq!((of("created_at"), of("credits_charged")), ("2026-09-21T10:13:20-04:00", "2"));
        }
    }

    #[test]
    fn failures_are_what_nobody_got_and_prices_are_of_what_was_taken() {
        let mut unreported = message(State::Unknown);
        unreported.history.no_callback_ms = Some(1);
        assert!(failed(&unreported) && !failed(&message(State::Unknown)));
        assert!(
            failed(&message(State::Skipped)) && !failed(&message(State::NoAnswer)) && !failed(&message(State::Held))
        );
        assert_eq!((charged(&message(State::Undelivered)), charged(&message(State::Refused))), (Some(2), None));
        assert_eq!((charged(&message(State::Unknown)), charged(&message(State::Held))), (None, None));
    }
}
