//! The clock of this machine, and random identifiers.

use recado_pipeline::World;

/// The system's clock, and random identifiers.
#[must_use]
pub fn world() -> World {
    World::new(|| jiff::Timestamp::now().as_millisecond(), || uuid::Uuid::new_v4().into_bytes())
}
