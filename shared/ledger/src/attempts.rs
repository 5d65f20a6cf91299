//! Earlier attempts at messages that were sent again. They match a phone with its message after the message left the
//! batch.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use recado_core::{
    identity::{BatchId, MessageId},
    phone::Phone,
    settle::Correction,
};

use crate::{
    Budget, Ledger, LedgerError,
    batches::condition_failed,
    codec::{Key, Reader, n, s},
    error::unavailable,
    judged::insert,
    schema::misbuilt,
};

/// Most prices corrected in one transaction. With the days' counters they stay within DynamoDB's 100 items.
pub const MOST_PRICES: usize = 90;

/// An earlier attempt at a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The message.
    pub id: MessageId,
    /// What LigueLead charged for that attempt, in credits, if it differs from the estimate.
    pub charged: Option<u32>,
}

/// What one attempt at a message cost.
#[derive(Debug, Clone)]
pub struct Price {
    /// The message.
    pub id: MessageId,
    /// The phone, if the attempt is an earlier one: its price is kept in a row beside the batch.
    pub earlier: Option<Phone>,
    /// The price that was known before, in credits, if it was not the estimate.
    pub was: Option<u32>,
    /// The price, in credits.
    pub is: u32,
    /// The correction of the day's counters.
    pub correction: Correction,
}

impl Ledger {
    /// Notes that `batch` carried messages that are sent again. Write the note before a message leaves the batch: only
    /// the note leads a late report on the batch to the message.
    pub async fn note_attempts(
        &self,
        attempts: Vec<(BatchId, Phone, Earlier)>,
        now_ms: i64,
    ) -> Result<(), LedgerError> {
        let statements = attempts
            .into_iter()
            .map(|(batch, phone, earlier)| {
                let mut item = attempt_key(batch, phone).into_item();
                item.insert("message".to_owned(), s(earlier.id.to_string()));
                item.insert("ttl".to_owned(), n(self.ttl_s(now_ms)));
                if let Some(charged) = earlier.charged {
                    item.insert("charged".to_owned(), n(charged));
                }
                insert(&self.table, item)
            })
            .collect();
        self.judge(statements).await?;
        Ok(())
    }

    /// The message that `batch` carried to `phone` in an earlier attempt.
    pub async fn earlier_of(&self, batch: BatchId, phone: Phone) -> Result<Option<Earlier>, LedgerError> {
        let found = self.get_items(vec![attempt_key(batch, phone)]).await?;
        let Some(item) = found.first() else { return Ok(None) };
        let read = Reader::new(item);
        Ok(Some(Earlier { id: read.word("message")?, charged: read.maybe_number("charged") }))
    }

    /// Corrects a day's counters by the real cost of the messages of `batch`, all or nothing. `false`: somebody else
    /// changed a price since it was read.
    ///
    /// Make a new `token`, at most 36 characters, for each correction. A retry with the same token counts once.
    pub async fn correct(
        &self,
        batch: BatchId,
        day: &str,
        rule: Option<&str>,
        prices: &[Price],
        token: &str,
    ) -> Result<bool, LedgerError> {
        let mut writes = Vec::with_capacity(prices.len() + 2);
        for price in prices {
            writes.push(TransactWriteItem::builder().update(self.price_update(batch, price)?).build());
        }
        let credits: i64 = prices.iter().map(|price| price.correction.credits).sum();
        let messages: i64 = prices.iter().map(|price| price.correction.messages).sum();
        let budgets = std::iter::once(Budget::Account).chain(rule.map(|rule| Budget::Rule(rule.to_owned())));
        for budget in budgets {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(Key::day(day, &budget).into_item()))
                .update_expression("ADD credits :credits, messages :messages")
                .expression_attribute_values(":credits", n(credits))
                .expression_attribute_values(":messages", n(messages))
                .build()
                .map_err(misbuilt)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        match self.transact(token.to_owned(), writes).await {
            Ok(()) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }

    fn price_update(&self, batch: BatchId, price: &Price) -> Result<Update, LedgerError> {
        let key = match price.earlier {
            Some(phone) => attempt_key(batch, phone),
            None => Key::message(price.id),
        };
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .update_expression("SET charged = :is")
            .expression_attribute_values(":is", n(price.is));
        let mut conditions = vec!["attribute_exists(pk)"];
        match price.was {
            Some(was) => {
                update = update.expression_attribute_values(":was", n(was));
                conditions.push("charged = :was");
            }
            None => conditions.push("attribute_not_exists(charged)"),
        }
        if price.earlier.is_none() {
            update = update
                .expression_attribute_names("#batch", "batch")
                .expression_attribute_values(":batch", s(batch.to_string()));
            conditions.push("#batch = :batch");
        }
        update.condition_expression(conditions.join(" AND ")).build().map_err(misbuilt)
    }
}

pub(crate) fn attempt_key(batch: BatchId, phone: Phone) -> Key {
    Key { pk: format!("B#{batch}"), sk: format!("R#{}", phone.national()) }
}
