//! The answers of a hostile vendor, or of somebody between the vendor and Recado: endless, slow, nested, nonsense.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use futures::{Stream, StreamExt as _, stream};

/// How many forms there are.
const FORMS: u64 = 9;
/// The size of an endless answer, in chunks of 64 KiB: 100 MiB.
const ENDLESS_CHUNKS: usize = 1_600;
const CHUNK: usize = 64 * 1024;
/// How long a slow answer waits before each byte.
const TRICKLE: Duration = Duration::from_millis(200);
/// The bytes of a slow answer: it takes five minutes.
const TRICKLED: usize = 1_500;
/// Headers of 32 KiB each in one answer.
const LONG_HEADERS: usize = 64;

/// The hostile answer to the request with this number. Each number has one form.
pub(crate) fn answer(number: u64) -> Response {
    match number % FORMS {
        0 => of(StatusCode::OK, Body::from_stream(endless())),
        1 => of(StatusCode::OK, Body::from_stream(trickling())),
        2 => long_headers(),
        3 => redirect(),
        4 => json(
            r#"{"data":{"id":[1,{"id":{}}],"campaign_id":1e308,"status":{"a":null}},"campaign_id":-0.0,"id":false}"#,
        ),
        5 => json("[".repeat(100_000)),
        6 => json(format!(r#"{{"data":{{"id":"{0}","campaign_id":"{0}"}},"campaign_id":"{0}"}}"#, "9".repeat(100_000))),
        7 => nonsense_limits(),
        _ => of(StatusCode::OK, Body::from(vec![0xff; 1_000])),
    }
}

fn of(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn json(body: impl Into<Body>) -> Response {
    of(StatusCode::OK, body.into())
}

fn endless() -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::iter(0..ENDLESS_CHUNKS).map(|_| Ok(Bytes::from(vec![b' '; CHUNK])))
}

fn trickling() -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::iter(0..TRICKLED).then(|_| async {
        tokio::time::sleep(TRICKLE).await;
        Ok(Bytes::from_static(b"["))
    })
}

fn long_headers() -> Response {
    let mut response = json("{}");
    if let Ok(value) = HeaderValue::from_str(&"x".repeat(32 * 1024)) {
        for number in 0..LONG_HEADERS {
            if let Ok(name) = HeaderName::try_from(format!("x-long-{number}")) {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    response
}

/// Leads to the address at which a cloud machine tells its credentials.
fn redirect() -> Response {
    let mut response = of(StatusCode::TEMPORARY_REDIRECT, Body::empty());
    let target = HeaderValue::from_static("http://169.254.169.254/latest/meta-data/iam/security-credentials/");
    response.headers_mut().insert(header::LOCATION, target);
    response
}

/// A success whose limits are no limits, and whose clock is off by centuries.
fn nonsense_limits() -> Response {
    let mut response = json(r#"{"data":{"id":"nonsense-limits"}}"#);
    for (name, value) in [
        ("x-ratelimit-limit", "-1"),
        ("x-ratelimit-remaining", "999999999999999999999999"),
        ("x-ratelimit-reset", "99999999999999"),
        ("retry-after", "1e30"),
        ("date", "Thu, 01 Jan 2970 00:00:00 GMT"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
