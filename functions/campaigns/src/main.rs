//! `campaigns`: each minute, starts due campaigns, reads their audiences from LeadSquared and brings them to the
//! sender.

use recado_function::{Event, Failed, Function, run, schedule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.campaigns().await.map(drop), handle).await
}

async fn handle(function: &Function, event: Event<schedule::Tick>) -> Result<(), Failed> {
    schedule::campaigns(&function.campaigns().await?, &event).await
}
