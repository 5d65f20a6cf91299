//! An operator's pauses: of everything, of a rule or of a channel.

use recado_core::message::{Channel, Message};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::{made, unavailable},
};

/// The partition of all pauses.
const PARTITION: &str = "S#pause";

/// What a pause holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All messages.
    All,
    /// Messages of one rule.
    Rule(String),
    /// Messages of one channel.
    Channel(Channel),
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What it holds.
    pub scope: Scope,
    /// Since when, in ms since the epoch.
    pub since_ms: i64,
    /// By whom, as far as that is known.
    pub by: Option<String>,
    /// Why, for a person to read.
    pub why: Option<String>,
}

impl Scope {
    /// Its name: `all`, `rule welcome`, `channel sms`.
    #[must_use]
    pub fn words(&self) -> String {
        self.sort_key().replacen('#', " ", 1)
    }

    fn sort_key(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Rule(rule) => format!("rule#{rule}"),
            Self::Channel(channel) => format!("channel#{channel}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.split_once('#') {
            None if text == "all" => Some(Self::All),
            Some(("rule", rule)) => Some(Self::Rule(rule.to_owned())),
            Some(("channel", channel)) => channel.parse().ok().map(Self::Channel),
            _ => None,
        }
    }

    /// Whether it holds `message`.
    #[must_use]
    pub fn holds(&self, message: &Message) -> bool {
        match self {
            Self::All => true,
            Self::Rule(rule) => *rule == message.rule,
            Self::Channel(channel) => *channel == message.content.channel(),
        }
    }

    fn key(&self) -> Key {
        Key { pk: PARTITION.to_owned(), sk: self.sort_key() }
    }
}

impl Ledger {
    /// Starts a pause. If one exists already, that one stays and is returned.
    pub async fn pause(&self, pause: &Pause) -> Result<Option<Pause>, LedgerError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(pause.scope.key().into_item()))
            .item("since_ms", n(pause.since_ms))
            .condition_expression("attribute_not_exists(pk)");
        for (name, value) in [("by", &pause.by), ("why", &pause.why)] {
            if let Some(value) = value {
                put = put.item(name, s(value));
            }
        }
        if made("PutItem", put.send().await)? {
            return Ok(None);
        }
        Ok(self.pauses().await?.into_iter().find(|there| there.scope == pause.scope))
    }

    /// Ends a pause. `false`: there was none.
    pub async fn resume(&self, scope: &Scope) -> Result<bool, LedgerError> {
        let gone = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(scope.key().into_item()))
            .condition_expression("attribute_exists(pk)")
            .send()
            .await;
        made("DeleteItem", gone)
    }

    /// All pauses.
    pub async fn pauses(&self) -> Result<Vec<Pause>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(PARTITION))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("Query"))?;
        output.items.unwrap_or_default().iter().map(pause_from).collect()
    }
}

fn pause_from(item: &Item) -> Result<Pause, LedgerError> {
    let read = Reader::new(item);
    Ok(Pause {
        scope: Scope::read(&read.text("sk")?).ok_or_else(|| read.unreadable("sk"))?,
        since_ms: read.number("since_ms")?,
        by: read.maybe_text("by"),
        why: read.maybe_text("why"),
    })
}
