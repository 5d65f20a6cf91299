//! The errors of the table.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

/// Why an operation on the table failed. The text holds no content of an item.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The table did not answer, or refused for a reason that may pass. The write may have happened nevertheless.
    #[error("the table is unavailable ({operation}): {reason}")]
    Unavailable {
        /// The DynamoDB operation.
        operation: &'static str,
        /// The service's code, or the kind of failure.
        reason: String,
    },
    /// The item cannot be read as the kind that its key says.
    #[error("{pk}: the attribute `{attribute}` is missing or not what it should be")]
    Unreadable {
        /// The item's partition key.
        pk: String,
        /// The attribute.
        attribute: &'static str,
    },
}

/// The task that made a shared request gave up. Whether the request was carried out is unknown.
pub(crate) fn given_up<T>(operation: &'static str) -> Result<T, LedgerError> {
    Err(LedgerError::Unavailable { operation, reason: "the request was given up".to_owned() })
}

/// Turns an SDK error into [`LedgerError`]. It keeps the service's code or the kind of failure, never the request.
pub(crate) fn unavailable<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> LedgerError
where
    E: ProvideErrorMetadata + RequestId,
{
    move |error| {
        let reason = match &error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("service error").to_owned(),
            SdkError::TimeoutError(_) => "timed out".to_owned(),
            SdkError::DispatchFailure(_) => "not reachable".to_owned(),
            SdkError::ResponseError(_) => "the answer was cut off or unreadable".to_owned(),
            _ => "the request could not be made".to_owned(),
        };
        LedgerError::Unavailable { operation, reason }
    }
}

/// Whether a conditional write was made; `false`: its condition did not hold.
pub(crate) fn made<T, E, R>(operation: &'static str, answer: Result<T, SdkError<E, R>>) -> Result<bool, LedgerError>
where
    E: ProvideErrorMetadata + RequestId,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(unavailable(operation)(error)),
    }
}
