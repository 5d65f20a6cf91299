//! What the requests of one window share, and what each of them returns.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use recado_core::{identity::MessageId, message::Message, writeback::Shown};

use super::{SyncReport, unknown::UnknownFields};

/// The shortest and longest time before its slot at which a request's rows are read again and marked, in ms. A request
/// that is not ready at its slot loses it, and the next requests begin earlier.
const PREPARE_MS: std::ops::RangeInclusive<i64> = 400..=8_000;

/// A finished request.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Its messages.
    pub(super) ids: Vec<MessageId>,
    /// What was done.
    pub(super) report: SyncReport,
    /// What leads show now.
    pub(super) shown: BTreeMap<String, Shown>,
    /// Messages that must be looked up one by one.
    pub(super) alone: Vec<MessageId>,
    /// Whether it showed a field that LeadSquared does not know.
    pub(super) learnt: bool,
    /// Whether its rows were not ready at its slot.
    pub(super) missed: bool,
}

impl Ended {
    /// A request that was not made: its slot was missed.
    pub(super) fn missed() -> Self {
        tracing::warn!("sync.slot_missed");
        Self { missed: true, ..Self::default() }
    }
}

/// How long before its slot a request is prepared. A slow table makes the time longer. Clones share it.
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

    /// Doubles the time after a missed slot, and shortens it by a tenth after a slot that was used.
    pub(super) fn learn(&self, missed: bool) {
        let next_ms = if missed { self.ms() * 2 } else { self.ms() * 9 / 10 };
        self.0.store(next_ms.clamp(*PREPARE_MS.start(), *PREPARE_MS.end()), Ordering::Relaxed);
    }
}

/// What all requests of a window share.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The messages of the requests, as read for the plan.
    pub(super) messages: Arc<HashMap<MessageId, Message>>,
    /// What their leads are known to show.
    pub(super) shown: Arc<BTreeMap<String, Shown>>,
    /// Fields that LeadSquared does not know.
    pub(super) unknown: Arc<UnknownFields>,
    /// The code of the activity type; 0 if no request of the window needs it.
    pub(super) code: u32,
    /// How long before its slot a request is prepared, in ms.
    pub(super) prepare_ms: i64,
    /// No request starts after this instant, in ms since the epoch.
    pub(super) until_ms: i64,
}
