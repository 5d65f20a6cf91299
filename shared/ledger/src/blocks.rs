//! Blocks: how their recipients change, and what reports say about each recipient.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    primitives::Blob,
    types::{AttributeValue, Put, TransactWriteItem},
};
use recado_core::{
    block::{Block, Notes},
    identity::MessageId,
    message::{Message, State},
};

use crate::{
    Budget, Day, Ledger, LedgerError,
    batches::condition_failed,
    codec::{self, Key, Reader, leaving_text, n, s},
    error::{made, unavailable},
    judged::{Judgement, Statement, undecided},
    schema::misbuilt,
    update::{Update, When},
};

/// What reports say about a block's recipients, and the version of the row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockNotes {
    /// The notes themselves.
    pub notes: Notes,
    version: u64,
}

impl Ledger {
    /// Changes a block's recipients, if the block is still as it was read. `false`: it is not.
    pub async fn change_block(&self, read: &Message, now: &Block) -> Result<bool, LedgerError> {
        let judged = self.judge(vec![block_update(&self.table, read, now)]).await?;
        match judged.first() {
            Some(Judgement::Undecided | Judgement::Refused) | None => Err(undecided(NOT_WRITTEN)),
            // A change whose first response was lost was made nevertheless. The stored block shows that.
            Some(Judgement::ConditionFailed) => {
                let found = self.messages(&[read.id]).await?;
                Ok(found.first().and_then(|found| found.block()) == Some(now))
            }
            Some(Judgement::Written) => Ok(true),
        }
    }

    /// Divides a waiting block, all or nothing. The block keeps `head`, and `rest` becomes a row of its own. `false`:
    /// the block is no longer as it was read.
    pub async fn split_block(&self, read: &Message, head: &Block, rest: &Message) -> Result<bool, LedgerError> {
        let mut item = codec::message_item(rest);
        item.insert("ttl".to_owned(), n(self.ttl_s(rest.created_ms.max(rest.expires_ms))));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(misbuilt)?;
        let was = read.block().map(|block| block.version).unwrap_or_default();
        let update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(&self.table)
            .set_key(Some(Key::message(read.id).into_item()))
            .update_expression("SET #to = :to, #version = :version")
            .condition_expression("#version = :was AND #state IN (:pending, :held)")
            .expression_attribute_names("#to", "place_to")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":to", n(head.to))
            .expression_attribute_values(":version", n(head.version))
            .expression_attribute_values(":was", n(was))
            .expression_attribute_values(":pending", s(State::Pending.as_str()))
            .expression_attribute_values(":held", s(State::Held.as_str()))
            .build()
            .map_err(misbuilt)?;
        let writes =
            vec![TransactWriteItem::builder().put(put).build(), TransactWriteItem::builder().update(update).build()];
        // One token for one division, so that a retry counts once.
        match self.transact(rest.id.to_string(), writes).await {
            Ok(()) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }

    /// What reports say about a block's recipients.
    pub async fn block_notes(&self, block: MessageId) -> Result<BlockNotes, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(notes_key(block).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        let Some(item) = output.item else { return Ok(BlockNotes::default()) };
        let notes =
            item.get("notes").and_then(|notes| notes.as_b().ok()).map(|notes| Notes::from_bytes(notes.as_ref()));
        Ok(BlockNotes { notes: notes.unwrap_or_default(), version: Reader::new(&item).number("version")? })
    }

    /// Writes what reports say, and corrects the counters of the day that paid, all or nothing. `false`: somebody else
    /// wrote since `read`.
    pub async fn note_block(
        &self,
        block: MessageId,
        read: &BlockNotes,
        notes: &Notes,
        (day, rule, credits): (&str, Option<&str>, i64),
        now_ms: i64,
    ) -> Result<bool, LedgerError> {
        let mut item = notes_key(block).into_item();
        item.insert("notes".to_owned(), AttributeValue::B(Blob::new(notes.bytes())));
        item.insert("version".to_owned(), n(read.version + 1));
        item.insert("ttl".to_owned(), n(self.ttl_s(now_ms)));
        let condition = if read.version == 0 { "attribute_not_exists(pk)" } else { "version = :was" };
        if credits == 0 {
            let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            put = put.condition_expression(condition);
            if read.version > 0 {
                put = put.expression_attribute_values(":was", n(read.version));
            }
            return made("PutItem", put.send().await);
        }
        let mut put = Put::builder().table_name(&self.table).set_item(Some(item)).condition_expression(condition);
        if read.version > 0 {
            put = put.expression_attribute_values(":was", n(read.version));
        }
        let mut writes = vec![TransactWriteItem::builder().put(put.build().map_err(misbuilt)?).build()];
        let amount = Day { credits: credits.unsigned_abs(), ..Day::default() };
        for budget in std::iter::once(Budget::Account).chain(rule.map(|rule| Budget::Rule(rule.to_owned()))) {
            let update =
                if credits < 0 { self.give_back(day, &budget, amount)? } else { self.add(day, &budget, amount)? };
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        // The version in the condition prevents a second write. The token is at most 36 characters long.
        let token: String = block.to_string().chars().take(16).chain(format!("-{}", read.version).chars()).collect();
        match self.transact(token, writes).await {
            Ok(()) => Ok(true),
            Err(error) if condition_failed(&error) || is_conflict(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }
}

/// Whether a write lost a race and is worth another try. Many writers change a day's counters at the same time. A token
/// that was used with other content counts too: the caller can read what was written under it.
fn is_conflict(error: Option<&TransactWriteItemsError>) -> bool {
    match error {
        Some(TransactWriteItemsError::IdempotentParameterMismatchException(_)) => true,
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons().iter().any(|reason| reason.code() == Some("TransactionConflict"))
        }
        _ => false,
    }
}

/// Why a block's change may not have been made.
const NOT_WRITTEN: &str = "a block could not be written";

fn notes_key(block: MessageId) -> Key {
    Key { sk: "N".to_owned(), ..Key::message(block) }
}

fn block_update(table: &str, read: &Message, now: &Block) -> Statement {
    let mut update = Update::of(Key::message(read.id));
    update.set("version", n(now.version));
    update.set("gone", AttributeValue::B(Blob::new(now.gone.bytes())));
    match leaving_text(&now.leaving) {
        Some(text) => update.set("leaving", s(text)),
        None => update.remove("leaving"),
    };
    let was = read.block().map(|block| block.version).unwrap_or_default();
    // A recipient that leaves before the send must not be in the request. One that leaves after it must have been in
    // it.
    update.only_if(When::Is("version", n(was))).only_if(When::Is("state", s(read.state.as_str())));
    update.build(table)
}
