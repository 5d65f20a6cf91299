//! `sender`: the table's stream wakes it for messages that were just written.

use recado_function::{Event, Failed, Function, run, wake};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.sender().await.map(drop), handle).await
}

/// Never fails on a record: unsent messages are due within a minute, and the sweep takes them.
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
