//! The shapes of a throttled answer. All contain the same sentence; nothing else about them is certain.

use axum::http::StatusCode;
use serde_json::json;

use super::options::Throttle;
use crate::answer::Answer;

/// The answer to a request over `limit` requests in `length_ms`. `turn` is its number, for [`Throttle::Rotate`] only.
pub(super) fn throttled(shape: Throttle, turn: usize, limit: u64, length_ms: u64) -> Answer {
    let message = format!("API calls exceeded the limit of {limit} in {} second(s)", length_ms / 1_000);
    let shape = match (shape, turn % 3) {
        (Throttle::Rotate, 0) => Throttle::Text429,
        (Throttle::Rotate, 1) => Throttle::Json403,
        (Throttle::Rotate, _) => Throttle::Json200,
        (shape, _) => shape,
    };
    match shape {
        Throttle::Json403 => {
            Answer::json(StatusCode::FORBIDDEN, json!({ "Status": "Error", "ExceptionMessage": message }))
        }
        Throttle::Json200 => Answer::ok(json!({
            "Status": "Error",
            "ExceptionType": "MXAPIRateLimitExceededException",
            "ExceptionMessage": message,
        })),
        Throttle::Text429 | Throttle::Rotate => Answer::text(StatusCode::TOO_MANY_REQUESTS, message),
    }
}

#[cfg(test)]
mod tests {
    use super::{Throttle, throttled};

    #[test]
    fn rotation_goes_through_all_three() {
        let statuses: Vec<u16> =
            (0..4).map(|turn| throttled(Throttle::Rotate, turn, 15, 5_000).status.as_u16()).collect();
        assert_eq!(statuses, [429, 403, 200, 429]);
    }
}
