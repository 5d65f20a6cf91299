//! Batches in state unknown, by time. A report that names no batch is matched with them.

use recado_core::identity::BatchId;

use crate::{
    BatchChange, Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::unavailable,
};

/// The partition of all unknown batches.
const UNKNOWN_PARTITION: &str = "U";

impl Ledger {
    /// Notes that a batch becomes unknown. The note is written before the batch's own move. A note without that move
    /// does no harm: a report is matched only with a batch that is unknown when the report comes.
    pub(crate) async fn note_unknown(&self, change: &BatchChange) -> Result<(), LedgerError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(change.now_ms, change.id).into_item()))
            .item("ttl", n(self.ttl_s(change.now_ms)))
            .send()
            .await
            .map_err(unavailable("PutItem"))?;
        Ok(())
    }

    /// The newest `most` batches that were ever unknown, with the time at which each became unknown.
    pub async fn unknown_batches(&self, most: i32) -> Result<Vec<(i64, BatchId)>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(UNKNOWN_PARTITION))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(most)
            .send()
            .await
            .map_err(unavailable("Query"))?;
        let read = |item: &Item| {
            let read = Reader::new(item);
            let sk = read.text("sk")?;
            let parts = sk.split_once('#').and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id.parse().ok()?)));
            parts.ok_or_else(|| read.unreadable("sk"))
        };
        output.items.unwrap_or_default().iter().map(read).collect()
    }

    /// Removes the note on a batch that became unknown at `at_ms`: nothing more is asked about it.
    pub async fn known_batch(&self, at_ms: i64, id: BatchId) -> Result<(), LedgerError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(at_ms, id).into_item()))
            .send()
            .await
            .map_err(unavailable("DeleteItem"))?;
        Ok(())
    }
}

fn key(at_ms: i64, id: BatchId) -> Key {
    Key { pk: UNKNOWN_PARTITION.to_owned(), sk: format!("{at_ms:013}#{id}") }
}
