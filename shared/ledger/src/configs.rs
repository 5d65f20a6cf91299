//! The configuration in the table: each version that was pushed, and which of them is in force.
//!
//! A version's row is written before anything points to it and never changed, so that who reads the pointer always
//! finds a whole text behind it.

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::{made, unavailable},
    settings::setting_key,
};

/// The largest text that is taken, in bytes: an item of DynamoDB's holds 400 KB, names and numbers included.
const MAX_TEXT_BYTES: usize = 380_000;

/// The setting that asks a running installation to look at what is due.
const WAKE: &str = "wake";

/// What a version's sort key begins with.
const VERSION: &str = "V#";

/// One version of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigVersion {
    /// Its number, from 1.
    pub version: u64,
    /// The file's text.
    pub text: String,
    /// Who pushed it.
    pub author: String,
    /// When, in ms since the epoch.
    pub pushed_ms: i64,
}

/// A version without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its number, from 1. Not every number was ever in force: a push that was overtaken leaves one unused.
    pub version: u64,
    /// Who pushed it.
    pub author: String,
    /// When, in ms since the epoch.
    pub pushed_ms: i64,
}

/// What an operator has changed that a running installation must see at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The number of the configuration in force.
    pub version: Option<u64>,
    /// When somebody asked to look at what is due; any other value is a new request.
    pub wake: Option<String>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is in force under this number.
    Version(u64),
    /// It is the text that is in force already, under this number.
    Already(u64),
    /// Another push came first: look at it, then push again.
    Overtaken,
    /// The text is over this many bytes.
    TooLarge(usize),
}

impl Ledger {
    /// The number of the version in force; none before the first push.
    pub async fn config_version(&self) -> Result<Option<u64>, LedgerError> {
        let item = self.config_item(pointer()).await?;
        item.map(|item| Reader::new(&item).number("version")).transpose()
    }

    /// What a running installation looks for: the number of the version in force, and the last [`Ledger::wake`].
    pub async fn signals(&self) -> Result<Signals, LedgerError> {
        let mut signals = Signals::default();
        for item in self.get_items(vec![pointer(), setting_key(WAKE)]).await? {
            let read = Reader::new(&item);
            match read.maybe_text("value") {
                Some(value) => signals.wake = Some(value),
                None => signals.version = Some(read.number("version")?),
            }
        }
        Ok(signals)
    }

    /// Asks a running installation to look now at what is due. `now_ms` in ms since the epoch.
    pub async fn wake(&self, now_ms: i64) -> Result<(), LedgerError> {
        self.set_setting(WAKE, &now_ms.to_string()).await
    }

    /// The text of a version, if there is one of that number.
    pub async fn config(&self, version: u64) -> Result<Option<ConfigVersion>, LedgerError> {
        let Some(item) = self.config_item(row(version)).await? else { return Ok(None) };
        let read = Reader::new(&item);
        Ok(Some(ConfigVersion {
            version,
            text: read.text("value")?,
            author: read.text("author")?,
            pushed_ms: read.number("pushed_ms")?,
        }))
    }

    /// The `newest` versions that were pushed, newest first.
    pub async fn config_history(&self, newest: usize) -> Result<Vec<ConfigEntry>, LedgerError> {
        let mut found = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :version)")
            .expression_attribute_values(":pk", s(pointer().pk))
            .expression_attribute_values(":version", s(VERSION))
            .projection_expression("sk, author, pushed_ms")
            .scan_index_forward(false)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while found.len() < newest
            && let Some(item) = pages.next().await
        {
            let item = item.map_err(unavailable("Query"))?;
            let read = Reader::new(&item);
            let version = read.text("sk")?.strip_prefix(VERSION).and_then(|number| number.parse().ok());
            found.push(ConfigEntry {
                version: version.ok_or_else(|| read.unreadable("sk"))?,
                author: read.text("author")?,
                pushed_ms: read.number("pushed_ms")?,
            });
        }
        Ok(found)
    }

    /// Stores `text` as the next version and puts it in force. The caller has checked it.
    pub async fn push_config(&self, text: &str, author: &str, now_ms: i64) -> Result<Pushed, LedgerError> {
        if text.len() > MAX_TEXT_BYTES {
            return Ok(Pushed::TooLarge(MAX_TEXT_BYTES));
        }
        let in_force = self.config_version().await?;
        if let Some(version) = in_force
            && self.config(version).await?.is_some_and(|config| config.text == text)
        {
            return Ok(Pushed::Already(version));
        }
        // A push that died between its two writes leaves a row that nothing points to: its number stays unused.
        let mut version = in_force.unwrap_or_default() + 1;
        while !self.insert_version(version, text, author, now_ms).await? {
            match self.config(version).await? {
                // Written by this very push: the client tried again after a lost answer.
                Some(row) if row.text == text && row.pushed_ms == now_ms && row.author == author => break,
                _ => version += 1,
            }
        }
        Ok(if self.point_to(version, in_force).await? { Pushed::Version(version) } else { Pushed::Overtaken })
    }

    async fn insert_version(&self, version: u64, text: &str, author: &str, now_ms: i64) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row(version).into_item()))
            .item("value", s(text))
            .item("author", s(author))
            .item("pushed_ms", n(now_ms))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        made("PutItem", put)
    }

    /// Puts `version` in force if `before` still is.
    async fn point_to(&self, version: u64, before: Option<u64>) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(pointer().into_item()))
            .item("version", n(version));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", n(before)),
        };
        // A refused write may be this very one, whose answer was lost.
        Ok(made("PutItem", put.send().await)? || self.config_version().await? == Some(version))
    }

    async fn config_item(&self, key: Key) -> Result<Option<Item>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        Ok(output.item)
    }
}

fn pointer() -> Key {
    Key { pk: "S#config".to_owned(), sk: "S".to_owned() }
}

fn row(version: u64) -> Key {
    // Numbered with zeros in front, so that a query reads them in their order.
    Key { pk: "S#config".to_owned(), sk: format!("{VERSION}{version:010}") }
}
