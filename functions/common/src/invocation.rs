//! The loop over a function's events: logs, one metrics document for each event, and clear errors.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lambda_runtime::{LambdaEvent, service_fn};
use metrics_cloudwatch_embedded::{Builder, Collector};
use recado_runtime::{environment::optional, logging};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Function, meters};

/// The time reserved at the end of an invocation for its records, its answer and its metrics, in ms.
const MARGIN_MS: i64 = 3_000;

/// An event, and the deadline of its invocation.
#[derive(Debug)]
pub struct Event<T> {
    /// The content of the event.
    pub payload: T,
    /// When work must have ended, in ms since the epoch. Open work must be recorded before Lambda stops the function.
    pub deadline_ms: i64,
}

/// Why an invocation failed, as Lambda shows it.
#[derive(Debug)]
pub struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<Failed> for lambda_runtime::Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: "Recado".to_owned(), error_message: format!("{:#}", failed.0) }
    }
}

/// Runs a function. `warm` runs once before the first event, so that connections and secrets are ready. Then `handle`
/// runs for each event. If `warm` fails, the first event reports the same error again.
pub async fn run<T, R>(
    warm: impl AsyncFnOnce(&Function) -> anyhow::Result<()>,
    handle: impl AsyncFn(&Function, Event<T>) -> Result<R, Failed>,
) -> Result<(), lambda_runtime::Error>
where
    T: DeserializeOwned,
    R: Serialize,
{
    logging::start_with("info", Some(meters::layer()))?;
    let collector = collector()?;
    let function = Function::from_environment()?;
    if let Err(error) = warm(&function).await {
        tracing::error!(error = %format!("{error:#}"), "function.not_ready");
    }
    let (function, handle, cold) = (&function, &handle, &AtomicBool::new(true));
    lambda_runtime::run(service_fn(|event: LambdaEvent<T>| async move {
        let started = Instant::now();
        collector.set_property("request_id", event.context.request_id.clone());
        if cold.swap(false, Ordering::Relaxed) {
            metrics::counter!("function.cold_starts").increment(1);
        }
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX).saturating_sub(MARGIN_MS);
        // On the heap, since a use case's future takes tens of kilobytes.
        let done = Box::pin(handle(function, Event { payload: event.payload, deadline_ms })).await;
        if let Err(Failed(error)) = &done {
            tracing::error!(error = %format!("{error:#}"), "function.failed");
        }
        metrics::counter!("function.invocations").increment(1);
        metrics::histogram!("function.duration_ms").record(started.elapsed().as_secs_f64() * 1_000.0);
        // If standard output is closed, there is nowhere to report this.
        let _ = collector.flush(std::io::stdout());
        done
    }))
    .await
}

/// Metrics of one stack share a dimension. The function's name is a property of the document, which costs nothing.
fn collector() -> Result<&'static Collector, lambda_runtime::Error> {
    let stack = optional("RECADO_STACK").unwrap_or_else(|| "local".to_owned());
    let collector = Builder::new().cloudwatch_namespace("Recado").with_dimension("Stack", stack).init()?;
    collector.set_property("function", optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default());
    Ok(collector)
}
