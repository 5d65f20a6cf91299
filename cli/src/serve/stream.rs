//! The table's stream: reports new messages as they are written.
//!
//! Reading starts at the end of the stream. The sweep at every start finds the messages written before. It also finds
//! the messages that a slow or failed reader misses: the stream only wakes.

use std::collections::BTreeMap;

use anyhow::Context as _;
use aws_sdk_dynamodbstreams::{
    Client,
    types::{OperationType, Record, ShardIteratorType},
};
use recado_core::identity::MessageId;

use crate::data::Store;

/// The number of records in one request: the API's maximum.
const RECORDS_AT_ONCE: i32 = 1_000;

/// Reads a table's stream.
pub(super) struct Reader {
    client: Client,
    stream_arn: String,
    /// The position in each shard; `None` once a shard has ended.
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

    /// The messages written since the last call.
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
            // When a shard ends, other shards follow it. They are read from their beginning.
            self.find_shards(ShardIteratorType::TrimHorizon).await?;
        }
        Ok(found)
    }

    /// Starts again at the end of the stream, after an error made the positions unusable.
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

/// The message that a record reports as written.
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
