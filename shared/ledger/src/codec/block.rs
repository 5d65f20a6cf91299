//! A block's attributes.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use recado_core::{
    block::{Block, Leaving, Places},
    config::Tell,
};

use super::{Item, Reader, n, s};
use crate::LedgerError;

/// The recipients that are leaving, as JSON; `None` if there are none.
pub(crate) fn leaving_text(leaving: &[Leaving]) -> Option<String> {
    (!leaving.is_empty()).then(|| serde_json::to_string(leaving).unwrap_or_default())
}

/// A block's own attributes.
pub(super) fn put_block(item: &mut Item, block: &Block) {
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("run", s(block.run.to_string()));
    put("page", s(format!("{:016x}", block.page)));
    put("place_from", n(block.from));
    put("place_to", n(block.to));
    put("tell", s(block.tell.as_str()));
    put("version", n(block.version));
    if !block.gone.is_empty() {
        put("gone", AttributeValue::B(Blob::new(block.gone.bytes())));
    }
    if let Some(text) = leaving_text(&block.leaving) {
        put("leaving", s(text));
    }
}

/// The block in a row; `None` for a message to one recipient.
pub(super) fn block_from(item: &Item) -> Result<Option<Block>, LedgerError> {
    let read = Reader::new(item);
    let Some(run) = read.maybe_word("run")? else { return Ok(None) };
    let gone = item.get("gone").and_then(|gone| gone.as_b().ok());
    let leaving = match read.maybe_text("leaving") {
        Some(text) => serde_json::from_str(&text).map_err(|_| read.unreadable("leaving"))?,
        None => Vec::new(),
    };
    let (from, to): (u16, u16) = (read.number("place_from")?, read.number("place_to")?);
    if from > to {
        return Err(read.unreadable("place_to"));
    }
    Ok(Some(Block {
        run,
        page: u64::from_str_radix(&read.text("page")?, 16).map_err(|_| read.unreadable("page"))?,
        from,
        to,
        gone: gone.map(|gone| Places::from_bytes(gone.as_ref())).unwrap_or_default(),
        leaving,
        tell: Tell::parse(&read.text("tell")?).ok_or_else(|| read.unreadable("tell"))?,
        version: read.number("version")?,
    }))
}
