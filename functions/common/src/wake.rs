//! The table's stream: reports new messages. It only wakes the sender, so an unreadable record is left to the sweep. If
//! the function failed on such a record, the record would block its shard.

use aws_lambda_events::event::dynamodb::EventRecord;
use recado_core::identity::MessageId;

pub use aws_lambda_events::event::streams::DynamoDbEventResponse as Response;
use serde::Deserialize;
use serde_json::Value;

/// A batch of records. Each record is parsed on its own.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records", default)]
    records: Vec<Value>,
}

impl StreamEvent {
    /// The messages that were written.
    #[must_use]
    pub fn new_messages(self) -> Vec<MessageId> {
        let all = self.records.len();
        let read: Vec<EventRecord> =
            self.records.into_iter().filter_map(|record| serde_json::from_value(record).ok()).collect();
        if read.len() < all {
            tracing::warn!(records = all - read.len(), "wake_up.records_unreadable");
        }
        read.iter().filter_map(new_message).collect()
    }
}

/// The answer to a batch. It asks for no record again, since the sweep takes every unsent message.
#[must_use]
pub fn taken() -> Response {
    Response::default()
}

/// Logs that a batch was not sent. Its messages are due within a minute, and the sweep takes them.
pub fn left_to_the_sweep(error: &anyhow::Error) {
    tracing::error!(error = %format!("{error:#}"), "wake_up.failed");
}

fn new_message(record: &EventRecord) -> Option<MessageId> {
    if record.event_name != "INSERT" {
        return None;
    }
    let keys = serde_json::to_value(&record.change.keys).ok()?;
    keys.get("pk")?.get("S")?.as_str()?.strip_prefix("M#")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_messages_are_found_and_the_rest_is_left_to_the_sweep() {
        let record = |name: &str, pk: &str| {
            serde_json::json!({
                "eventID": "1", "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
                "awsRegion": "sa-east-1", "eventSourceARN": "arn:aws:dynamodb:sa-east-1:1:table/recado/stream/x",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_790_000_000, "Keys": { "pk": { "S": pk }, "sk": { "S": "M" } },
                    "SequenceNumber": "1", "SizeBytes": 38, "StreamViewType": "KEYS_ONLY",
                },
            })
        };
        let id = MessageId::from_bytes([7; 16]);
        let message = format!("M#{id}");
        let event = serde_json::json!({ "Records": [
            record("INSERT", &message), record("MODIFY", &message), record("INSERT", "B#1"), { "eventID": 5 },
        ] });
        let event: StreamEvent = serde_json::from_value(event).unwrap();
        assert_eq!(event.new_messages(), [id]);
        assert_eq!(serde_json::to_value(taken()).unwrap(), serde_json::json!({ "batchItemFailures": [] }));
    }
}
