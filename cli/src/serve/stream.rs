//! The table's stream: which messages were written, as they are written.
//!
//! Reading starts at the stream's end. What was written before is found by the sweep that every start begins with,
//! and so is whatever a reader that falls behind or fails does not see: the stream only wakes.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_sdk_dynamodbstreams::{
    Client,
    types::{OperationType, Record, ShardIteratorType},
};
use recado_core::identity::MessageId;

use crate::data::Store;

/// Records asked for at once: the API's maximum.
const RECORDS_AT_ONCE: i32 = 1_000;

/// Reads a table's stream.
pub(super) struct Reader {
    client: Client,
    stream_arn: String,
    /// Where to go on in each shard; none once a shard has ended.
    shards: BTreeMap<String, Option<String>>,
}

impl Reader {
    /// Opens the stream at its end.
    pub(super) async fn open(store: &Store) -> anyhow::Result<Self> {
        let stream_arn =
            store.ledger.stream_arn().await?.with_context(|| {
                format!("the table {} has no stream; enable one with keys only", store.ledger.table())
            })?;
        let mut reader = Self { client: store.streams.clone(), stream_arn, shards: BTreeMap::new() };
        reader.find_shards(ShardIteratorType::Latest).await?;
        Ok(reader)
    }

    /// Messages that were written since the last call.
    pub(super) async fn new_messages(&mut self) -> anyhow::Result<Vec<MessageId>> {
        let mut found = Vec::new();
        let mut ended = false;
        for next in self.shards.values_mut() {
            let Some(iterator) = next.take() else { continue };
            let got = self.client.get_records().shard_iterator(iterator).limit(RECORDS_AT_ONCE).send().await;
            let got = got.map_err(|error| anyhow::anyhow!("GetRecords: {}", kind(&error)))?;
            found.extend(got.records().iter().filter_map(new_message));
            ended |= got.next_shard_iterator.is_none();
            *next = got.next_shard_iterator;
        }
        if ended {
            // A shard that ends is followed by others, which are read from their beginning.
            self.find_shards(ShardIteratorType::TrimHorizon).await?;
        }
        Ok(found)
    }

    /// Starts over at the stream's end, after an error made the places unusable.
    pub(super) async fn reopen(&mut self) -> anyhow::Result<()> {
        self.shards.clear();
        self.find_shards(ShardIteratorType::Latest).await
    }

    async fn find_shards(&mut self, from: ShardIteratorType) -> anyhow::Result<()> {
        let described = self.client.describe_stream().stream_arn(&self.stream_arn).send().await;
        let described = described.map_err(|error| anyhow::anyhow!("DescribeStream: {}", kind(&error)))?;
        let shards = described.stream_description.and_then(|stream| stream.shards).unwrap_or_default();
        for shard in shards {
            let Some(id) = shard.shard_id else { continue };
            if self.shards.contains_key(&id) {
                continue;
            }
            let iterator = self
                .client
                .get_shard_iterator()
                .stream_arn(&self.stream_arn)
                .shard_id(&id)
                .shard_iterator_type(from.clone())
                .send()
                .await
                .map_err(|error| anyhow::anyhow!("GetShardIterator: {}", kind(&error)))?;
            self.shards.insert(id, iterator.shard_iterator);
        }
        Ok(())
    }
}

/// The message that a record says was written.
fn new_message(record: &Record) -> Option<MessageId> {
    if record.event_name != Some(OperationType::Insert) {
        return None;
    }
    let keys = record.dynamodb.as_ref()?.keys.as_ref()?;
    keys.get("pk")?.as_s().ok()?.strip_prefix("M#")?.parse().ok()
}

fn kind<E: aws_sdk_dynamodbstreams::error::ProvideErrorMetadata, R>(
    error: &aws_sdk_dynamodbstreams::error::SdkError<E, R>,
) -> String {
    error.as_service_error().and_then(|service| service.code()).unwrap_or("no answer").to_owned()
}
