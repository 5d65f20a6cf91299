//! `reconciler`: each minute, takes all due rows: held messages, lost wake-ups, claims of dead senders, events whose
//! leads must be read first. Now and then it also looks for leads whose webhooks did not arrive.

use recado_function::{Event, Failed, Function, run, schedule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.sweeper().await.map(drop), handle).await
}

async fn handle(function: &Function, event: Event<schedule::Tick>) -> Result<(), Failed> {
    if event.payload.reconcile {
        return schedule::reconcile(&function.reconciler().await?, &event).await;
    }
    // If one of them fails, the others still run.
    let (followed, swept, completed) = tokio::join!(
        function.follow_version(),
        async { schedule::sweep(&function.sweeper().await?, &event).await },
        async { schedule::complete(&function.enricher().await?, &event).await }
    );
    followed?;
    swept.and(completed)
}
