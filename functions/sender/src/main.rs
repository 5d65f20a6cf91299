//! `sender`: woken by the table's stream for messages that were just written.

use recado_function::{Event, Failed, Function, run, wake};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.sender().await.map(drop), handle).await
}

/// Never fails on a record: what was not sent is due within a minute, and the sweep takes it.
async fn handle(function: &Function, event: Event<wake::StreamEvent>) -> Result<wake::Response, Failed> {
    let messages = event.payload.new_messages();
    match function.sender().await {
        Ok(sender) => {
            if let Err(error) = sender.send_new(&messages, event.deadline_ms).await {
                wake::left_to_the_sweep(&error.into());
            }
        }
        Err(error) => wake::left_to_the_sweep(&error),
    }
    Ok(wake::taken())
}
