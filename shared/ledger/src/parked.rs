//! Rows of the write-back that were given up, for a person to read.

use std::collections::BTreeMap;

use crate::{Ledger, LedgerError, error::unavailable};

impl Ledger {
    /// Why rows of the write-back were given up, and how many for each reason. Reads the whole table.
    pub async fn parked_reasons(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("sk = :message AND attribute_exists(crm_why) AND attribute_not_exists(crm_due_ms)")
            .expression_attribute_values(":message", aws_sdk_dynamodb::types::AttributeValue::S("M".to_owned()))
            .projection_expression("crm_why")
            .into_paginator()
            .items()
            .send();
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(unavailable("Scan"))?;
            let why = item.get("crm_why").and_then(|why| why.as_s().ok()).cloned().unwrap_or_default();
            *reasons.entry(why).or_default() += 1;
        }
        Ok(reasons)
    }
}
