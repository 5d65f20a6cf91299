//! The table's shape.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
};

use crate::{Ledger, LedgerError, error::unavailable};

/// The index of rows that the sweep must look at, by due time.
pub(crate) const DUE_INDEX: &str = "due";
/// The index of a batch's messages, by phone.
pub(crate) const BATCH_INDEX: &str = "batch";
/// The index of messages whose outcome LeadSquared does not know yet, by the time to write it back.
pub(crate) const CRM_INDEX: &str = "crm";
/// The attribute that DynamoDB's time to live reads.
const TTL_ATTRIBUTE: &str = "ttl";
/// Timeout for a new table to become active.
const ACTIVE_WITHIN: Duration = Duration::from_mins(1);

impl Ledger {
    /// Creates the table with its stream if it does not exist, and waits until the table is active. Returns whether it
    /// was created.
    pub async fn create_if_missing(&self) -> Result<bool, LedgerError> {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            // The stream only wakes the sender. Its records hold keys, and no phone or text.
            .stream_view_type(StreamViewType::KeysOnly)
            .build()
            .map_err(misbuilt)?;
        self.create(Some(stream)).await
    }

    /// The same as [`Ledger::create_if_missing`], but without a stream. For a table with one writer, which hears of its
    /// own writes through [`Ledger::telling`]: each write would cost a record that nobody reads.
    pub async fn create_unstreamed_if_missing(&self) -> Result<bool, LedgerError> {
        self.create(None).await
    }

    async fn create(&self, stream: Option<StreamSpecification>) -> Result<bool, LedgerError> {
        if self.status().await?.is_some() {
            return Ok(false);
        }
        let created = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes()?))
            .set_key_schema(Some(keys("pk", "sk")?))
            .global_secondary_indexes(index(DUE_INDEX, "due_shard", "due_ms")?)
            .global_secondary_indexes(index(BATCH_INDEX, "batch", "phone")?)
            .global_secondary_indexes(index(CRM_INDEX, "crm_shard", "crm_due_ms")?)
            .set_stream_specification(stream)
            .send()
            .await;
        if let Err(error) = created {
            // Another process may have created the table after the check above.
            if self.status().await?.is_none() {
                return Err(unavailable("CreateTable")(error));
            }
        }
        self.wait_until_active().await?;
        self.expire_old_rows().await?;
        Ok(true)
    }

    /// The ARN of the table's stream; `None` if the table has no stream.
    pub async fn stream_arn(&self) -> Result<Option<String>, LedgerError> {
        let described =
            self.client.describe_table().table_name(&self.table).send().await.map_err(unavailable("DescribeTable"))?;
        Ok(described.table.and_then(|table| table.latest_stream_arn))
    }

    async fn status(&self) -> Result<Option<TableStatus>, LedgerError> {
        match self.client.describe_table().table_name(&self.table).send().await {
            Ok(described) => Ok(described.table.and_then(|table| table.table_status)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(unavailable("DescribeTable")(error)),
        }
    }

    async fn wait_until_active(&self) -> Result<(), LedgerError> {
        let until = tokio::time::Instant::now() + ACTIVE_WITHIN;
        while self.status().await? != Some(TableStatus::Active) {
            if tokio::time::Instant::now() > until {
                let reason = "the new table did not become active".to_owned();
                return Err(LedgerError::Unavailable { operation: "DescribeTable", reason });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn expire_old_rows(&self) -> Result<(), LedgerError> {
        let specification =
            TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build().map_err(misbuilt)?;
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(specification)
            .send()
            .await
            .map_err(unavailable("UpdateTimeToLive"))?;
        Ok(())
    }
}

fn attributes() -> Result<Vec<AttributeDefinition>, LedgerError> {
    let text = ["pk", "sk", "due_shard", "batch", "phone", "crm_shard"].map(|name| (name, ScalarAttributeType::S));
    let numbers = ["due_ms", "crm_due_ms"].map(|name| (name, ScalarAttributeType::N));
    text.into_iter()
        .chain(numbers)
        .map(|(name, kind)| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(misbuilt)
        })
        .collect()
}

fn keys(hash: &str, range: &str) -> Result<Vec<KeySchemaElement>, LedgerError> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(misbuilt))
        .collect()
}

/// An index that projects keys alone. DynamoDB rewrites an entry only when its key changes, not at each change of
/// state.
fn index(name: &str, hash: &str, range: &str) -> Result<GlobalSecondaryIndex, LedgerError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)?))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(misbuilt)
}

/// A request without a required part. The constants above never cause it, but it is not worth a panic.
pub(crate) fn misbuilt(error: aws_sdk_dynamodb::error::BuildError) -> LedgerError {
    LedgerError::Unavailable { operation: "building the request", reason: error.to_string() }
}
