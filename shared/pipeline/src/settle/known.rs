//! What a process knows of batches that will not change any more: a batch's row can hold 10,000 members, and is
//! named by as many reports.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::blocks::BlockFacts;
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState},
    phone::Phone,
};

/// Members of all batches that are kept. Beyond it everything is forgotten, and read again where it is needed.
const MOST_MEMBERS: usize = 200_000;

/// What is known of batches. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    batches: HashMap<BatchId, Arc<Facts>>,
    members: usize,
}

/// What does not change about a batch once its call has come to an end that stands.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The day whose budgets it drew on, `YYYY-MM-DD`.
    pub(super) day: String,
    /// The rule whose own budget it drew on.
    pub(super) rule: Option<String>,
    /// Whether what it had reserved was given back.
    pub(super) given_back: bool,
    /// The messages that it carried.
    pub(super) members: Vec<MessageId>,
    /// Whose phone is whose, once that was read.
    pub(super) by_phone: Option<HashMap<Phone, MessageId>>,
    /// The message to many that it carried, if it carried one.
    pub(super) many: Option<Arc<BlockFacts>>,
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
