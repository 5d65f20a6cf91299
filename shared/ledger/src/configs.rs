//! The configuration in the table: each pushed version, and the version in force.
//!
//! A version's row is written before the pointer names it, and never changes. A reader of the pointer therefore always
//! finds a whole text.

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::{made, unavailable},
    settings::setting_key,
};

/// The largest accepted text, in bytes. DynamoDB allows 400 KB for an item, including names and numbers.
const MAX_TEXT_BYTES: usize = 380_000;

/// The setting that asks a running installation to look at due rows.
const WAKE: &str = "wake";

/// The prefix of a version's sort key.
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
    /// When it was pushed, in ms since the epoch.
    pub pushed_ms: i64,
}

/// A version without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its number, from 1. Some numbers were never in force: a push that lost the race leaves its number unused.
    pub version: u64,
    /// Who pushed it.
    pub author: String,
    /// When it was pushed, in ms since the epoch.
    pub pushed_ms: i64,
}

/// Operators' changes that a running installation must see at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The number of the configuration in force.
    pub version: Option<u64>,
    /// When somebody last asked to look at due rows. Any new value is a new request.
    pub wake: Option<String>,
}

/// The result of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The text is in force under this number.
    Version(u64),
    /// The same text is already in force, under this number.
    Already(u64),
    /// Another push came first. Look at it, then push again.
    Overtaken,
    /// The text is larger than this many bytes.
    TooLarge(usize),
}

impl Ledger {
    /// The number of the version in force; `None` before the first push.
    pub async fn config_version(&self) -> Result<Option<u64>, LedgerError> {
        let item = self.config_item(pointer()).await?;
        item.map(|item| Reader::new(&item).number("version")).transpose()
    }

    /// The values that a running installation polls: the version in force, and the last [`Ledger::wake`].
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

    /// Asks a running installation to look at due rows now. `now_ms` in ms since the epoch.
    pub async fn wake(&self, now_ms: i64) -> Result<(), LedgerError> {
        self.set_setting(WAKE, &now_ms.to_string()).await
    }

    /// The text of a version; `None` if no version has that number.
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

    /// The `newest` most recent versions, newest first.
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

    /// Stores `text` as the next version and puts it in force. The caller must have checked the text.
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
        // A push that died between its two writes leaves a row without a pointer. Its number stays unused.
        let mut version = in_force.unwrap_or_default() + 1;
        while !self.insert_version(version, text, author, now_ms).await? {
            match self.config(version).await? {
                // This push wrote the row: the client retried after a lost response.
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

    /// Puts `version` in force if `before` is still in force.
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
        // A refused write may be this very write: its first response was lost.
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
    // Leading zeros, so that a query returns the versions in order.
    Key { pk: "S#config".to_owned(), sk: format!("{VERSION}{version:010}") }
}
