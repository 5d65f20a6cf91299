//! `reconciler`: each minute, whatever is due: held messages, lost wake-ups, claims of senders that died, events whose
//! leads must be read first. And now and then, leads whose webhooks did not come.

use recado_function::{Event, Failed, Function, run, schedule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.sweeper().await.map(drop), handle).await
}

async fn handle(function: &Function, event: Event<schedule::Tick>) -> Result<(), Failed> {
    if event.payload.reconcile {
        return schedule::reconcile(&function.reconciler().await?, &event).await;
    }
    // One of them that fails does not stop the others.
    let (followed, swept, completed) = tokio::join!(
        function.follow_version(),
        async { schedule::sweep(&function.sweeper().await?, &event).await },
        async { schedule::complete(&function.enricher().await?, &event).await }
    );
    followed?;
    swept.and(completed)
}
