//! Messages whose write-back was given up, for a person to read.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::{
    Ledger, LedgerError,
    codec::{Reader, s},
    error::unavailable,
};

impl Ledger {
    /// The reasons why write-backs were given up, and how many messages for each. Reads the whole table.
    pub async fn parked_reasons(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        let scan = self
            .client
            .scan()
            .filter_expression("sk = :message AND attribute_exists(crm_why) AND attribute_not_exists(crm_due_ms)")
            .expression_attribute_values(":message", s("M"));
        self.count_by(scan, "crm_why").await
    }

    /// Counts the rows of a scan for each value of an attribute.
    pub(crate) async fn count_by(
        &self,
        scan: ScanFluentBuilder,
        attribute: &'static str,
    ) -> Result<BTreeMap<String, u64>, LedgerError> {
        let mut pages = scan.table_name(&self.table).projection_expression(attribute).into_paginator().items().send();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(unavailable("Scan"))?;
            *counts.entry(Reader::new(&item).text(attribute)?).or_default() += 1;
        }
        Ok(counts)
    }
}
