//! How many messages with one text wait together for one instant, over all functions.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::{
    Ledger, LedgerError,
    codec::{Key, Reader, n},
    error::unavailable,
};

/// Retention of a count after its instant, in seconds.
const KEPT_S: i64 = 3_600;

impl Ledger {
    /// Adds `added` to the messages that wait for `due_ms` (ms since the epoch). `key` is the short name of their
    /// content. Returns the new count. A repeated write counts twice: the count is only a hint.
    pub async fn count_gathered(&self, due_ms: i64, key: &str, added: u64) -> Result<u64, LedgerError> {
        let row = Key { pk: format!("G#{due_ms}#{key}"), sk: "G".to_owned() };
        let output = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(row.into_item()))
            .update_expression("ADD #messages :added SET #ttl = :ttl")
            .expression_attribute_names("#messages", "messages")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":added", n(added))
            .expression_attribute_values(":ttl", n(due_ms / 1_000 + KEPT_S))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(unavailable("UpdateItem"))?;
        let counted = output.attributes.as_ref().and_then(|item| Reader::new(item).maybe_number("messages"));
        Ok(counted.unwrap_or(added))
    }
}
