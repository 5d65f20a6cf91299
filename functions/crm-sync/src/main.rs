//! `crm-sync`: each minute, tells LeadSquared the outcomes that it does not know yet.

use recado_function::{Event, Failed, Function, run, schedule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.syncer().await.map(drop), handle).await
}

async fn handle(function: &Function, event: Event<schedule::Tick>) -> Result<(), Failed> {
    let syncer = function.syncer().await?;
    schedule::sync(&syncer, &event).await
}
