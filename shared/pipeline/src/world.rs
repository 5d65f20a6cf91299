//! What the use cases need from outside besides the table and the vendors: the clock, and new identifiers.

use std::{fmt, sync::Arc};

use recado_core::identity::BatchId;

/// The clock and new identifiers, as arguments. Cheap to clone.
#[derive(Clone)]
pub struct World {
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    fresh: Arc<dyn Fn() -> [u8; 16] + Send + Sync>,
}

impl World {
    /// A world with these functions for the time, in ms since the epoch, and for identifiers.
    pub fn new(
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
        fresh: impl Fn() -> [u8; 16] + Send + Sync + 'static,
    ) -> Self {
        Self { now_ms: Arc::new(now_ms), fresh: Arc::new(fresh) }
    }

    /// The time, in ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    /// A random number.
    #[must_use]
    pub fn chance(&self) -> u64 {
        (self.fresh)().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// An identifier that no other batch has.
    #[must_use]
    pub fn fresh_batch(&self) -> BatchId {
        BatchId::from_bytes((self.fresh)())
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}
