//! A request in progress, from its first part to its last.

use recado_core::{bisect::Parts, message::Message, phone::Phone, reason::Reason};

use crate::blocks::Page;

/// A request in progress. It carries messages, or one block.
pub(super) struct Way {
    pub(super) parts: Parts<Message>,
    /// The recipients of the block that it carries, if it carries one.
    pub(super) page: Option<Page>,
    /// Whether the next request counts among the fewest possible requests.
    pub(super) among_fewest: bool,
    /// Whether a request was made.
    pub(super) called: bool,
    /// The reason of LigueLead's last refusal.
    pub(super) why: Reason,
}

impl Way {
    /// A request that was not made yet.
    pub(super) fn of(members: Vec<Message>, page: Option<Page>, among_fewest: bool) -> Self {
        let part = members.first().and_then(|message| message.part.clone());
        Self { parts: Parts::of(members, part), page, among_fewest, called: false, why: Reason::Died }
    }

    /// The phones of these rows, in the order in which the request has them.
    pub(super) fn phones(&self, rows: &[Message]) -> Vec<Phone> {
        let mut phones = Vec::with_capacity(rows.len());
        for row in rows {
            match (row.block(), &self.page) {
                (Some(block), Some(page)) => {
                    phones.extend(block.places().filter_map(|place| Some(page.at(place)?.phone)));
                }
                _ => phones.extend(row.phone()),
            }
        }
        phones
    }
}
