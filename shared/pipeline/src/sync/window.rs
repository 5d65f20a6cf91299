//! What the calls of one window have in common, and what each of them leaves behind.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use recado_core::{identity::MessageId, message::Message, writeback::Shown};

use super::{SyncReport, unknown::UnknownFields};

/// How long before its slot a call's rows are read again and marked, in ms, at the least and at the most. Whoever is not
/// ready at its slot loses it, and the next ones begin earlier.
const PREPARE_MS: std::ops::RangeInclusive<i64> = 400..=8_000;

/// A call that has come to its end.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// The messages that it was about.
    pub(super) ids: Vec<MessageId>,
    /// What was done.
    pub(super) report: SyncReport,
    /// What leads show by now.
    pub(super) shown: BTreeMap<String, Shown>,
    /// Messages that must be looked up each by itself.
    pub(super) alone: Vec<MessageId>,
    /// Whether a field was found that LeadSquared does not know.
    pub(super) learnt: bool,
    /// Whether its rows were not ready at its slot.
    pub(super) missed: bool,
}

impl Ended {
    /// A call that was not made: its slot was missed.
    pub(super) fn missed() -> Self {
        tracing::warn!("sync.slot_missed");
        Self { missed: true, ..Self::default() }
    }
}

/// How long before its slot a call is prepared: longer where the table is slow. Clones share it.
#[derive(Debug, Clone)]
pub struct Preparation(Arc<AtomicI64>);

impl Default for Preparation {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(*PREPARE_MS.start())))
    }
}

impl Preparation {
    pub(super) fn ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Twice as long after a slot that was missed, a tenth shorter after one that was not.
    pub(super) fn learn(&self, missed: bool) {
        let next_ms = if missed { self.ms() * 2 } else { self.ms() * 9 / 10 };
        self.0.store(next_ms.clamp(*PREPARE_MS.start(), *PREPARE_MS.end()), Ordering::Relaxed);
    }
}

/// What all calls of a window know.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The messages of the calls, as they were planned for.
    pub(super) messages: Arc<HashMap<MessageId, Message>>,
    /// What their leads are known to show.
    pub(super) shown: Arc<BTreeMap<String, Shown>>,
    /// Fields that LeadSquared does not know.
    pub(super) unknown: Arc<UnknownFields>,
    /// The code of the activity type; 0 where no call of the window needs it.
    pub(super) code: u32,
    /// How long before its slot a call is prepared, in ms.
    pub(super) prepare_ms: i64,
    /// No call starts after this instant, in ms since the epoch.
    pub(super) until_ms: i64,
}
