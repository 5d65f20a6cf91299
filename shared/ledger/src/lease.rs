//! Leases, for work that one function does alone. A lease expires when its holder dies.

use crate::{
    Ledger, LedgerError,
    codec::{Key, Reader, n, s},
    error::made,
};

impl Ledger {
    /// Takes or renews the lease `name` for `holder` until `until_ms` (ms since the epoch), if nobody else holds it at
    /// `now_ms`. Returns `None` if `holder` has it; else the instant until which another holder has it.
    ///
    /// A lease only saves two functions from the same work. A write that must not happen twice needs conditions of its
    /// own: a stalled holder may wake up after another holder took the lease.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let taken = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(lease_key(name).into_item()))
            .item("holder", s(holder))
            .item("until_ms", n(until_ms))
            .condition_expression("attribute_not_exists(pk) OR holder = :holder OR until_ms <= :now")
            .expression_attribute_values(":holder", s(holder))
            .expression_attribute_values(":now", n(now_ms))
            .send()
            .await;
        if made("PutItem", taken)? {
            return Ok(None);
        }
        let found = self.get_items(vec![lease_key(name)]).await?;
        // Given back in between: the lease is free at once.
        Ok(Some(found.first().and_then(|item| Reader::new(item).maybe_number("until_ms")).unwrap_or(now_ms)))
    }

    /// Gives the lease `name` back, if `holder` has it.
    pub async fn end_lease(&self, name: &str, holder: &str) -> Result<(), LedgerError> {
        let ended = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(lease_key(name).into_item()))
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", s(holder))
            .send()
            .await;
        made("DeleteItem", ended).map(drop)
    }
}

fn lease_key(name: &str) -> Key {
    Key { pk: format!("K#{name}"), sk: "K".to_owned() }
}
