//! Logs on standard error: JSON lines, or readable lines in a terminal. A line has a message and dotted fields. It
//! never has a phone, a text, a token or a body.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The variable that sets the log filter, in the syntax of `tracing-subscriber`.
const FILTER_VARIABLE: &str = "RECADO_LOG";

/// Starts logging at `default`, unless the variable says otherwise. The AWS SDK and the HTTP stack log only warnings
/// and errors: at finer levels they print whole requests.
pub fn start(default: &str) -> anyhow::Result<()> {
    start_with(default, None)
}

/// The same with a second layer. The filter applies to the log alone; the second layer gets every line.
pub fn start_with(default: &str, other: Option<Box<dyn Layer<Registry> + Send + Sync>>) -> anyhow::Result<()> {
    let chosen = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| default.to_owned());
    if let Some(unknown) = unknown_level(&chosen) {
        anyhow::bail!(
            "{FILTER_VARIABLE}: there is no level \"{unknown}\"; one of off, error, warn, info, debug, trace"
        );
    }
    let filter: Targets = chosen.parse().with_context(|| format!("{FILTER_VARIABLE}={chosen} is not a filter"))?;
    let quiet = [
        "aws_config",
        "aws_credential_types",
        "aws_runtime",
        "aws_sdk_dynamodb",
        "aws_sdk_dynamodbstreams",
        "aws_sdk_secretsmanager",
        "aws_sigv4",
        "aws_smithy_http_client",
        "aws_smithy_runtime",
        "h2",
        "hyper",
        "hyper_util",
        "lambda_runtime",
        "lambda_runtime_api_client",
        "reqwest",
        "rustls",
    ];
    let filter = filter
        .with_targets(quiet.map(|target| (target, LevelFilter::WARN)))
        // The embedded table warns of every conditional write that does not apply. Claims are decided by such writes.
        .with_target("dynoxide", LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if std::io::stderr().is_terminal() {
        lines.compact().with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    };
    let lines = lines.with_filter(filter);
    tracing_subscriber::registry()
        .with(other)
        .with(lines)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}

/// Finds a word in the filter that should be a level but is not. `tracing-subscriber` would take it for a module's
/// name, and the log would stay silent.
fn unknown_level(filter: &str) -> Option<&str> {
    let directives = filter.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let mut unknown = directives.filter(|one| !one.contains('=') && !one.contains("::"));
    unknown.find(|one| one.parse::<LevelFilter>().is_err() && !one.starts_with("recado"))
}

#[cfg(test)]
mod tests {
    use super::unknown_level;

    #[test]
    fn a_level_that_does_not_exist_is_found() {
        for (filter, unknown) in [
            ("info", None),
            ("warn,recado_pipeline=debug", None),
            ("recado_pipeline::settle", None),
            ("off", None),
            ("infos", Some("infos")),
            ("info, verbose", Some("verbose")),
            ("", None),
        ] {
            assert_eq!(unknown_level(filter), unknown, "{filter}");
        }
    }
}
