//! The real thing for tests: the `recado` binary as a process, both vendors simulated over HTTP, and the command line
//! beside it. Nothing here replaces a part of Recado.

// Each test binary compiles this module for itself and uses its own part of it.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]

mod installation;
mod leads;
mod meter;
mod process;
mod random;
mod setup;
mod slow;

use std::time::{Duration, Instant};

pub(crate) use installation::{EventLine, Installation, MessageLine, Report, answer};
pub(crate) use leads::{Lead, messages_of};
pub(crate) use meter::Meter;
pub(crate) use process::{Finished, Lines, recado};
pub(crate) use random::Random;
pub(crate) use setup::{AUTHOR, SECRET, Setup, credentials, fault, head};
pub(crate) use slow::SlowTable;

/// How long anything may take before a test gives up. Far longer than needed, since machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The pause between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks again and again until there is something to see, and fails naming `what` if it takes too long.
pub(crate) async fn wait_until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    wait_for(what, PATIENCE, look).await
}

/// [`wait_until`] with a patience of its own.
pub(crate) async fn wait_for<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < patience, "in {patience:?} it did not happen: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
