//! The AWS SDK inside a function.

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, environment::credentials::EnvironmentVariableCredentialsProvider,
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use recado_ledger::{http_client, timeouts};
use recado_runtime::environment::{optional, required};

/// The SDK's configuration. Lambda gives a function its region and its credentials in variables, so the SDK's search in
/// files, metadata services and sign-on caches is left out: it costs time at each start, and makes the function larger.
///
/// # Errors
///
/// `AWS_REGION` is not set.
pub fn config() -> anyhow::Result<SdkConfig> {
    let region = required("AWS_REGION", "the function's region")?;
    let credentials = EnvironmentVariableCredentialsProvider::new();
    // By this name the template's functions are told apart in AWS's own logs.
    let name = optional("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok());
    let mut config = SdkConfig::builder();
    config.set_app_name(name);
    Ok(config
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .http_client(http_client())
        .build())
}

/// Where a service answers that is not AWS's own, by the SDK's variables. Source: AWS SDKs reference, service-specific
/// endpoints.
pub(crate) fn endpoint_of(service: &str) -> Option<String> {
    optional(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| optional("AWS_ENDPOINT_URL"))
}
