//! Measures the start of a function step by step, in µs, for `tests/cold_start/run` to print. Each step is measured at
//! its first use in the process; the second time is beside it.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::time::{Duration, Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    for time in ["first", "second"] {
        let begun = Instant::now();
        let aws = recado_function::aws::config()?;
        said(time, "the SDK's configuration", begun);
        let begun = Instant::now();
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        said(time, "DynamoDB's client", begun);
        let begun = Instant::now();
        // Nobody listens there. So this measures everything before the connection, including the root certificates.
        let nobody = dynamodb
            .config()
            .to_builder()
            .endpoint_url("https://127.0.0.1:1")
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled());
        let _ = aws_sdk_dynamodb::Client::from_conf(nobody.build()).list_tables().send().await;
        said(time, "DynamoDB's first request by TLS, refused", begun);
        let begun = Instant::now();
        let credentials = liguelead::Credentials { api_token: "token".into(), app_id: "app".into() };
        liguelead::Client::new("https://127.0.0.1:1/v1", &credentials, Duration::from_secs(1))?;
        said(time, "LigueLead's client, with the system's roots", begun);
    }
    Ok(())
}

fn said(time: &str, what: &str, begun: Instant) {
    println!("{time}\t{what}\t{}", begun.elapsed().as_micros());
}
