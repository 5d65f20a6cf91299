//! A cache of facts about batches that no longer change. A batch's row can hold 10,000 members, and as many reports
//! name the batch.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState},
    phone::Phone,
};

/// Most members of all cached batches. Beyond that number the cache is dropped, and batches are read again when needed.
const MOST_MEMBERS: usize = 200_000;

/// The cached facts about batches. Cheap to clone; clones share the cache.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    batches: HashMap<BatchId, Arc<Facts>>,
    members: usize,
}

/// The facts about a batch that do not change after its request has a final outcome.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The day whose budgets it drew on, `YYYY-MM-DD`.
    pub(super) day: String,
    /// The rule whose own budget it drew on.
    pub(super) rule: Option<String>,
    /// Whether its reservation was given back.
    pub(super) given_back: bool,
    /// The messages that it carried.
    pub(super) members: Vec<MessageId>,
    /// The message of each phone, once that was read.
    pub(super) by_phone: Option<HashMap<Phone, MessageId>>,
    /// The block that it carried, if it carried one.
    pub(super) many: Option<Arc<BlockFacts>>,
}

/// The facts about a block that do not change after its request.
#[derive(Debug)]
pub(super) struct BlockFacts {
    pub(super) id: MessageId,
    pub(super) credits: u32,
    /// The place of each phone, and the id of its recipient's own message.
    pub(super) places: HashMap<Phone, (u16, MessageId)>,
}

impl Facts {
    pub(super) fn of(batch: &Batch) -> Self {
        Self {
            day: batch.day.clone(),
            rule: batch.rule.clone(),
            given_back: matches!(batch.state, BatchState::Refused | BatchState::Released),
            members: batch.members.clone(),
            by_phone: None,
            many: None,
        }
    }
}

impl BlockFacts {
    pub(super) fn recipients(&self) -> usize {
        self.places.len()
    }

    /// Whether the block has this phone.
    pub(super) fn has(&self, phone: Phone) -> bool {
        self.places.contains_key(&phone)
    }
}

impl Known {
    pub(super) fn get(&self, batch: BatchId) -> Option<Arc<Facts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).batches.get(&batch).cloned()
    }

    pub(super) fn keep(&self, batch: BatchId, facts: Arc<Facts>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.members > MOST_MEMBERS {
            *kept = Kept::default();
        }
        kept.members += facts.many.as_ref().map_or(facts.members.len(), |many| many.recipients());
        kept.batches.insert(batch, facts);
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}
