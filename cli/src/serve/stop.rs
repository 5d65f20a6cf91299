//! The signal to stop, which every task of the process waits for.

use tokio::sync::watch;

/// Waits to be told to stop.
pub(super) async fn told(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender of the signal is gone: then it is time to stop, too.
    let _ = stopped.wait_for(|stop| *stop).await;
}
