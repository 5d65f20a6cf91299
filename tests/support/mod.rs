//! Real parts for tests: the `recado` binary as a process, both vendors simulated over HTTP, and the command line.
//! Nothing here replaces a part of Recado.

mod installation;
mod leads;
mod meter;
mod process;
mod random;
mod setup;

use std::time::{Duration, Instant};

pub(crate) use installation::{Installation, MessageLine, NEW, Report, answer};
pub(crate) use leads::{Lead, messages_of};
pub(crate) use meter::Meter;
pub(crate) use process::{Beside, Finished, Lines, recado, recado_in};
pub(crate) use random::Random;
pub(crate) use setup::{ANY_HOUR, AUTHOR, CALLBACK_SECRET, PANEL_SECRET, SECRET, Setup, credentials, fault, head};

/// The timeout of every wait in a test. It is far longer than needed, since machines are shared.
/// `RECADO_TEST_PATIENCE_S` makes it longer still.
pub(crate) fn patience() -> Duration {
    let given = std::env::var("RECADO_TEST_PATIENCE_S").ok().map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(given.unwrap_or(90))
}

/// The delay between two checks of a condition. A check often starts a process of its own.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Checks again and again until `look` finds a value. If that takes too long, it fails and names `what`.
pub(crate) async fn wait_until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    wait_for(what, patience(), look).await
}

/// Works like [`wait_until`], with a timeout of its own.
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
