//! The audit trail: what operators did. Rows are only added.
//!
//! The entries of a month are one partition, in the order of their instants. So a listing reads what it shows, and one
//! query for each month that it passes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use recado_core::{
    audit::{About, Entry, Month, PersonMark, Words},
    identity::{BatchId, MessageId},
};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::{made, unavailable},
};

/// The first characters of a month's partition.
pub(crate) const AUDIT: &str = "T#";

/// An instant in a sort key, with leading zeros, so that a query returns the entries in order.
fn moment(at_ms: i64) -> String {
    format!("{:015}", at_ms.max(0))
}

fn item(entry: &Entry, unique: BatchId) -> Item {
    let pk = format!("{AUDIT}{}", Month::of(entry.at_ms));
    let mut item = Key { pk, sk: format!("{}#{unique}", moment(entry.at_ms)) }.into_item();
    let about = &entry.about;
    let some = |text: String| (!text.is_empty()).then(|| s(text));
    for (name, value) in [
        ("at_ms", Some(n(entry.at_ms))),
        ("by", Some(s(entry.by.as_str()))),
        ("act", Some(s(entry.act.as_str()))),
        ("scope", about.scope.as_ref().map(|scope| s(scope.as_str()))),
        ("ids", some(joined(about.ids.iter().map(ToString::to_string)))),
        ("count", about.count.map(n)),
        ("config_version", about.version.map(n)),
        ("people", some(joined(about.people.iter().map(|mark| mark.as_str().to_owned())))),
    ] {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    }
    item
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn entry_from(item: &Item) -> Result<Entry, LedgerError> {
    let read = Reader::new(item);
    let ids = read.maybe_text("ids").unwrap_or_default();
    let ids: Result<Vec<MessageId>, _> = ids.split_whitespace().map(str::parse).collect();
    let people = read.maybe_text("people").unwrap_or_default();
    Ok(Entry {
        at_ms: read.number("at_ms")?,
        by: Words::new(&read.text("by")?),
        act: read.word("act")?,
        about: About {
            scope: read.maybe_text("scope").map(|scope| Words::new(&scope)),
            ids: ids.map_err(|_| read.unreadable("ids"))?,
            count: read.maybe_number("count"),
            version: read.maybe_number("config_version"),
            people: people.split_whitespace().filter_map(PersonMark::read).collect(),
        },
    })
}

impl Ledger {
    /// Adds an entry. `unique` is a new number: nothing overwrites an entry.
    pub async fn record(&self, entry: &Entry, unique: BatchId) -> Result<(), LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(entry, unique)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        // A refused write is this very write: its first response was lost, and nobody else has the number.
        made("PutItem", put).map(|_| ())
    }

    /// The entries from `since_ms` to `until_ms` (ms since the epoch), newest first, at most `most`.
    pub async fn audit(&self, since_ms: i64, until_ms: i64, most: usize) -> Result<Vec<Entry>, LedgerError> {
        let (first, mut month) = (Month::of(since_ms), Month::of(until_ms));
        let mut found = Vec::new();
        while month >= first && found.len() < most {
            self.audit_of_month(month, (since_ms, until_ms), most, &mut found).await?;
            month = month.before();
        }
        Ok(found)
    }

    async fn audit_of_month(
        &self,
        month: Month,
        (since_ms, until_ms): (i64, i64),
        most: usize,
        found: &mut Vec<Entry>,
    ) -> Result<(), LedgerError> {
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let left = i32::try_from(most - found.len()).unwrap_or(i32::MAX);
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :since AND :until")
                .expression_attribute_values(":pk", s(format!("{AUDIT}{month}")))
                .expression_attribute_values(":since", s(moment(since_ms)))
                // After every number of that instant.
                .expression_attribute_values(":until", s(format!("{}$", moment(until_ms))))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(left)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(unavailable("Query"))?;
            for item in output.items.unwrap_or_default() {
                found.push(entry_from(&item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() || found.len() >= most {
                return Ok(());
            }
        }
    }
}
