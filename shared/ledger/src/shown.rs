//! The values that leads' own fields are known to show. They save writes of values that LeadSquared shows already.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use recado_core::writeback::Shown;

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::unavailable,
    schema::misbuilt,
};

/// How long a known value is believed, in ms. People edit fields by hand, and then a value is worth writing again.
const BELIEVED_MS: i64 = 24 * 3_600_000;
/// Rows in one `BatchWriteItem`: DynamoDB's maximum.
const ROWS_PER_WRITE: usize = 25;
/// Attempts at rows that the table left unprocessed.
const ATTEMPTS: u32 = 6;

impl Ledger {
    /// What leads are known to show at `now_ms`, by lead. Leads without a row are left out.
    pub async fn shown(&self, lead_ids: &[&str], now_ms: i64) -> Result<BTreeMap<String, Shown>, LedgerError> {
        let items = self.get_items(lead_ids.iter().map(|lead| shown_key(lead)).collect()).await?;
        let mut shown = BTreeMap::new();
        for item in &items {
            let read = Reader::new(item);
            let values = item.get("values").and_then(|values| values.as_m().ok());
            let is_believed = now_ms < read.number::<i64>("written_ms")?.saturating_add(BELIEVED_MS);
            let values = values.into_iter().flatten().filter(|_| is_believed);
            let entry = Shown {
                by: read.word("by")?,
                changed_ms: read.number("changed_ms")?,
                values: values.filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone()))).collect(),
            };
            shown.insert(read.text("pk")?.trim_start_matches("W#").to_owned(), entry);
        }
        Ok(shown)
    }

    /// Stores what leads show. Empty values mean that a write is under way, so nothing about the lead is believed.
    pub async fn keep_shown(&self, shown: &BTreeMap<String, Shown>, now_ms: i64) -> Result<(), LedgerError> {
        let rows: Vec<Item> = shown.iter().map(|(lead, shown)| self.shown_item(lead, shown, now_ms)).collect();
        for chunk in rows.chunks(ROWS_PER_WRITE) {
            self.put_all(chunk).await?;
        }
        Ok(())
    }

    async fn put_all(&self, rows: &[Item]) -> Result<(), LedgerError> {
        let requests = rows.iter().cloned().map(put_request).collect::<Result<Vec<_>, _>>()?;
        let mut open = HashMap::from([(self.table.clone(), requests)]);
        for _ in 0..ATTEMPTS {
            let written = self.client.batch_write_item().set_request_items(Some(open)).send().await;
            open = written.map_err(unavailable("BatchWriteItem"))?.unprocessed_items.unwrap_or_default();
            if open.is_empty() {
                return Ok(());
            }
        }
        let reason = "rows were left over in all attempts".to_owned();
        Err(LedgerError::Unavailable { operation: "BatchWriteItem", reason })
    }

    fn shown_item(&self, lead: &str, shown: &Shown, now_ms: i64) -> Item {
        let values = shown.values.iter().map(|(name, value)| (name.clone(), s(value))).collect();
        let mut item = shown_key(lead).into_item();
        item.insert("by".to_owned(), s(shown.by.to_string()));
        item.insert("changed_ms".to_owned(), n(shown.changed_ms));
        item.insert("written_ms".to_owned(), n(now_ms));
        item.insert("values".to_owned(), AttributeValue::M(values));
        item.insert("ttl".to_owned(), n(self.ttl_s(now_ms)));
        item
    }
}

fn put_request(item: Item) -> Result<WriteRequest, LedgerError> {
    let put = PutRequest::builder().set_item(Some(item)).build().map_err(misbuilt)?;
    Ok(WriteRequest::builder().put_request(put).build())
}

pub(crate) fn shown_key(lead: &str) -> Key {
    Key { pk: format!("W#{lead}"), sk: "W".to_owned() }
}
