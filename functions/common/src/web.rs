//! Function URLs: decodes their requests for the use cases, and encodes the answers.

pub use aws_lambda_events::event::lambda_function_urls::{
    LambdaFunctionUrlRequest as Request, LambdaFunctionUrlResponse as Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use recado_pipeline::http::{Body, HttpAnswer, HttpRequest};

/// The header that carries the secret of LeadSquared's webhooks.
const SECRET_HEADER: &str = "x-recado-secret";

/// Reads a request.
#[must_use]
pub fn decode(request: Request) -> HttpRequest {
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = request.raw_query_string.as_deref().unwrap_or_default();
    HttpRequest {
        method: request.request_context.http.method.clone().unwrap_or_default(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        content_type: header("content-type"),
        secret: header(SECRET_HEADER),
        body: body(request.body.unwrap_or_default(), request.is_base64_encoded),
    }
}

fn body(text: String, is_base64: bool) -> Body {
    let bytes = if is_base64 {
        // A body that is not base64 after all is kept as it is: it will not parse, and is recorded.
        STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())
    } else {
        text.into_bytes()
    };
    Body::of(bytes)
}

/// Writes an answer.
#[must_use]
pub fn encode(answer: HttpAnswer) -> Response {
    let mut response = Response::default();
    response.status_code = i64::from(answer.status);
    response.body = Some(answer.body);
    if let Ok(json) = "application/json".parse() {
        response.headers.insert("content-type", json);
    }
    response
}

/// The answer while the function cannot work: 503, so that the webhook is delivered again. Only the log has the reason,
/// since anybody may send requests to this address.
#[must_use]
pub fn not_ready(error: &anyhow::Error) -> HttpAnswer {
    tracing::error!(error = %format!("{error:#}"), "webhook.not_ready");
    let body = serde_json::json!({ "Status": "Error", "StatusReason": "not ready; send it again later" });
    HttpAnswer { status: 503, body: body.to_string() }
}

#[cfg(test)]
mod tests {
    use recado_pipeline::http::MAX_BODY_BYTES;

    use super::*;

    fn request(body: &str, is_base64: bool) -> HttpRequest {
        let event = serde_json::json!({
            "version": "2.0", "rawPath": "/webhooks/leadsquared", "rawQueryString": "event=3&secret=a%20b&event=4",
            "headers": { "content-type": "application/json", "x-recado-secret": "s" },
            "requestContext": { "http": { "method": "POST" }, "timeEpoch": 0 },
            "body": body, "isBase64Encoded": is_base64,
        });
        decode(serde_json::from_value(event).unwrap())
    }

    #[test]
    fn a_request_is_read_as_it_was_sent() {
        let read = request("{}", false);
        assert_eq!((read.method.as_str(), read.secret.as_deref()), ("POST", Some("s")));
        assert_eq!((read.parameter("event"), read.parameter("secret")), (Some("3"), Some("a b")));
        assert!(matches!(read.body, Body::Whole(body) if body == b"{}"));
        assert!(matches!(request("e30=", true).body, Body::Whole(body) if body == b"{}"));
        assert!(matches!(request("%%", true).body, Body::Whole(body) if body == b"%%"));
        assert!(matches!(request(&"a".repeat(MAX_BODY_BYTES + 1), false).body, Body::TooLarge(_)));
    }

    #[test]
    fn an_answer_is_json() {
        let response = serde_json::to_value(encode(HttpAnswer { status: 200, body: "{}".to_owned() })).unwrap();
        assert_eq!((response["statusCode"].as_i64(), response["body"].as_str()), (Some(200), Some("{}")));
        assert_eq!(response["headers"]["content-type"], "application/json");
    }
}
