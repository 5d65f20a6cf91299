//! DynamoDB, with the settings that the AWS SDK finds. If the region, credentials or rights are missing, one line says
//! so.

use std::env;

use anyhow::{Context as _, bail};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::{
    config::ProvideCredentials as _,
    error::{ProvideErrorMetadata as _, SdkError},
};
use recado_ledger::{Ledger, http_client, timeouts};

/// The settings that the SDK finds, with a region and credentials.
pub(super) async fn config() -> anyhow::Result<SdkConfig> {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .http_client(http_client())
        .load()
        .await;
    if config.region().is_none() {
        bail!("no AWS region is set: AWS_REGION=sa-east-1, or AWS_PROFILE with a profile that has one");
    }
    let provider = config.credentials_provider().with_context(without_credentials)?;
    match (provider.provide_credentials().await, env::var("AWS_PROFILE")) {
        (Ok(_), _) => Ok(config),
        (Err(_), Ok(profile)) => {
            bail!("the AWS profile {profile} (AWS_PROFILE) gives no credentials: see ~/.aws/config, or aws sso login")
        }
        (Err(_), Err(_)) => bail!(without_credentials()),
    }
}

fn without_credentials() -> String {
    "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE".to_owned()
}

/// The service that says whose credentials these are. `None`: the table is not at AWS but at an address of its own, and
/// nobody can be asked there.
pub(super) fn sts(config: &SdkConfig) -> Option<aws_sdk_sts::Client> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_elsewhere =
        is_set("AWS_ENDPOINT_URL_DYNAMODB") && !is_set("AWS_ENDPOINT_URL_STS") && !is_set("AWS_ENDPOINT_URL");
    (!is_elsewhere).then(|| aws_sdk_sts::Client::new(config))
}

/// Asks whose credentials these are: an ARN.
pub(super) async fn caller(sts: &aws_sdk_sts::Client) -> anyhow::Result<String> {
    match sts.get_caller_identity().send().await {
        Ok(identity) => identity.arn.context("AWS named nobody"),
        Err(error) => bail!("{}", error.code().unwrap_or("no answer")),
    }
}

/// Whether the table exists.
pub(super) async fn exists(ledger: &Ledger) -> anyhow::Result<bool> {
    let table = ledger.table();
    let Err(error) = ledger.client().describe_table().table_name(table).send().await else { return Ok(true) };
    match error.code() {
        Some("ResourceNotFoundException") => Ok(false),
        Some("ExpiredTokenException" | "ExpiredToken" | "RequestExpired") => {
            bail!(
                "the AWS credentials have expired: run aws sso login, or set AWS_SESSION_TOKEN and its two keys again"
            )
        }
        Some("UnrecognizedClientException" | "InvalidClientTokenId" | "MissingAuthenticationToken") => bail!(
            "AWS does not know the credentials: check AWS_ACCESS_KEY_ID (with AWS_SESSION_TOKEN for a temporary key), or AWS_PROFILE"
        ),
        Some("InvalidSignatureException" | "IncompleteSignatureException") => {
            bail!("AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID")
        }
        Some("AccessDeniedException") => bail!(
            "the AWS credentials may not use the table {table}: they need dynamodb:DescribeTable and the actions of \
             docs/operations.md, or they belong to another account (AWS_PROFILE)"
        ),
        Some(code) => bail!("AWS did not describe the table {table}: {code}"),
        None => bail!("DynamoDB cannot be reached{}: check AWS_REGION and this machine's network", way(&error)),
    }
}

/// The cause of an error that happened on the network.
fn way<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::TimeoutError(_) => " (it did not answer in time)",
        SdkError::ResponseError(_) => " (the answer is not from DynamoDB)",
        _ => "",
    }
}
