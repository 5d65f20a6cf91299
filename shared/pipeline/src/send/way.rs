//! A request in progress, from its first part to its last.

use recado_core::{bisect::Parts, message::Message, reason::Reason};

/// A request in progress.
pub(super) struct Way {
    pub(super) parts: Parts<Message>,
    /// Whether the next request counts among the fewest possible requests.
    pub(super) among_fewest: bool,
    /// Whether a request was made.
    pub(super) called: bool,
    /// The reason of LigueLead's last refusal.
    pub(super) why: Reason,
}

impl Way {
    /// A request that was not made yet.
    pub(super) fn of(members: Vec<Message>) -> Self {
        Self { parts: Parts::of(members, None), among_fewest: true, called: false, why: Reason::Died }
    }
}
