//! Reads the whole table page by page, in bounded memory.
//!
//! No index by phone or lead exists yet. Whoever asks for one person or for all messages reads every row: at most 1 MB
//! of rows is in memory at a time.

use std::{collections::HashMap, marker::PhantomData};

use aws_sdk_dynamodb::types::AttributeValue;
use recado_core::message::Message;

use crate::{
    EventRow, Ledger, LedgerError,
    codec::{self, Item, s},
    error::unavailable,
};

/// Rows of one kind, read page by page.
#[derive(Debug)]
pub struct Walk<R> {
    ledger: Ledger,
    /// The key after which the next page begins.
    after: Option<HashMap<String, AttributeValue>>,
    is_over: bool,
    of: PhantomData<R>,
}

/// A kind of row that can be walked through.
pub trait Walked: Sized {
    /// The sort key of these rows; `None` if they have several.
    const SORT_KEY: Option<&'static str>;

    /// The row of an item. `None`: the item is not of this kind.
    #[doc(hidden)]
    fn of_item(item: HashMap<String, AttributeValue>) -> Result<Option<Self>, LedgerError>;
}

impl Walked for Message {
    const SORT_KEY: Option<&'static str> = Some("M");

    fn of_item(item: Item) -> Result<Option<Self>, LedgerError> {
        codec::message_from(&item).map(Some)
    }
}

impl Walked for EventRow {
    const SORT_KEY: Option<&'static str> = Some("E");

    fn of_item(item: Item) -> Result<Option<Self>, LedgerError> {
        Self::from_item(&item).map(Some)
    }
}

impl Ledger {
    /// Begins to read all rows of a kind.
    #[must_use]
    pub fn walk<R: Walked>(&self) -> Walk<R> {
        Walk { ledger: self.clone(), after: None, is_over: false, of: PhantomData }
    }
}

impl<R: Walked> Walk<R> {
    /// The rows of the next page. `None` after the last page. A page may have no row of this kind.
    pub async fn next(&mut self) -> Result<Option<Vec<R>>, LedgerError> {
        if self.is_over {
            return Ok(None);
        }
        let mut scan = self.ledger.client.scan().table_name(&self.ledger.table).consistent_read(true);
        if let Some(sort_key) = R::SORT_KEY {
            scan = scan
                .filter_expression("#sk = :sk")
                .expression_attribute_names("#sk", "sk")
                .expression_attribute_values(":sk", s(sort_key));
        }
        let output = scan.set_exclusive_start_key(self.after.take()).send().await.map_err(unavailable("Scan"))?;
        self.after = output.last_evaluated_key;
        self.is_over = self.after.is_none();
        let rows = output.items.unwrap_or_default().into_iter().map(R::of_item);
        rows.filter_map(Result::transpose).collect::<Result<_, _>>().map(Some)
    }
}
