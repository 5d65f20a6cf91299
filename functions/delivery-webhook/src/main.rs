//! `delivery-webhook`: LigueLead's delivery reports, through a Function URL.

use recado_function::{Event, Failed, Function, run, web};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(async |function: &Function| function.settler().await.map(drop), handle).await
}

async fn handle(function: &Function, event: Event<web::Request>) -> Result<web::Response, Failed> {
    let request = web::decode(event.payload);
    if let Some(proof) = function.proof(&request).await {
        return Ok(web::encode(proof));
    }
    let answer = match function.settler().await {
        Ok(settler) => settler.callback(&request).await,
        Err(error) => web::not_ready(&error),
    };
    Ok(web::encode(answer))
}
