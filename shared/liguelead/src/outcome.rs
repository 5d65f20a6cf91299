//! The outcome of a send.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};
use secrecy::SecretString;
use serde_json::Value;
use vendor_http::Fault;

use crate::{
    blame::Blame,
    json,
    rate::{RateHeaders, retry_after_ms},
    reason::Reason,
};

/// How soon a 503 must come to mean that the request was turned away. Gateways also answer 503 if the server that took
/// the request does not answer in time (AWS HTTP APIs after 29 s). Then the server may have done the work. The vendor
/// answers within 2 s normally. Source: LigueLead API limits page. It is an inference that the vendor sits behind such
/// a gateway.
pub const TURNED_AWAY_WITHIN: Duration = Duration::from_secs(10);

/// The outcome of a send, and the rate headers of its answer, if there was an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The outcome.
    pub outcome: Outcome,
    /// The rate headers, which the vendor also sends with refusals. `None` without an answer or if any is unreadable.
    pub rate: Option<RateHeaders>,
}

/// The four ways a send can end. See the crate's page for what each allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Queued by the vendor: any 2xx, 202 as documented, even if the body could not be read. It is not yet sent, let
    /// alone delivered: the delivery reports say so later. Source: LigueLead getting-started page.
    Accepted {
        /// The id that delivery reports will carry as `campaign.id`: one for the whole request.
        campaign_id: Option<String>,
        /// The vendor's own time of acceptance, ISO 8601, as received.
        accepted_at: Option<String>,
    },
    /// Refused for good: the same request would be refused again. 4xx, except 408 and 429.
    Refused {
        /// The HTTP status, or [`crate::CHECKED_LOCALLY`] for a request that was over a documented maximum and never
        /// left.
        status: u16,
        /// Whether this request or the whole account is at fault.
        scope: Scope,
        /// The part of the request that the refusal blames.
        blame: Blame,
        /// The vendor's words.
        reason: Reason,
    },
    /// Nothing was sent and nothing charged: the same request may go out later.
    NotSent {
        /// Why not.
        cause: NotSent,
        /// How long the vendor asks to wait, in milliseconds, 1,000 to 120,000, if it says.
        retry_after_ms: Option<u64>,
        /// The vendor's words, or this crate's words if it said nothing.
        reason: Reason,
    },
    /// Perhaps sent, perhaps not. Never repeat it automatically: there is no idempotency key.
    Unknown {
        /// What was seen.
        cause: Unknown,
        /// The vendor's words, or this crate's words if it said nothing.
        reason: Reason,
    },
}

/// The scope of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This request: another one may well be accepted.
    Request,
    /// The recording that a voice call names: it is not known, or no longer. After another upload it has another id.
    /// Source: the error handling of LigueLead's published clients (404), and its pages on retention, which contradict
    /// each other.
    Upload,
    /// The account or its credentials (401 bad or blocked token, 402 no credits, 403 product not enabled): every
    /// request would be refused. Source: the error tables of LigueLead's published clients.
    Account,
}

/// Why a request certainly did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// No connection could be made: name, address, TLS, or not in time.
    Connect,
    /// 429. Source: LigueLead API limits page.
    RateLimited,
    /// Status 503 within [`TURNED_AWAY_WITHIN`], read as "turned away before the body was taken". Behind the vendor's
    /// gateway it means that no server took the request. It is the only 5xx with that meaning; the others may come
    /// after the work was done.
    Unavailable,
}

/// Why it is not known whether a request went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Connected, but no answer within the request's timeout.
    Timeout,
    /// Connected, but the connection ended without a readable answer.
    ConnectionLost,
    /// 408, or a 5xx other than 503, or a 503 that came late: the status.
    ServerError(u16),
    /// A status that has no meaning here, such as a redirect, which is never followed.
    UnexpectedStatus(u16),
}

impl Answer {
    /// No answer came.
    pub(crate) fn from_fault(fault: Fault) -> Self {
        let reason = Reason::of_fault(fault);
        let outcome = match fault {
            Fault::Connect => Outcome::NotSent { cause: NotSent::Connect, retry_after_ms: None, reason },
            Fault::Timeout => Outcome::Unknown { cause: Unknown::Timeout, reason },
            Fault::Lost => Outcome::Unknown { cause: Unknown::ConnectionLost, reason },
        };
        Self { outcome, rate: None }
    }

    /// An answer came, `after` the request began, to a request for `phones`. The status decides; the body only
    /// explains.
    pub(crate) fn from_response(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        (now, after): (Timestamp, Duration),
        phones: &[SecretString],
    ) -> Self {
        let outcome = match status.as_u16() {
            200..=299 => accepted(body),
            429 => not_sent(NotSent::RateLimited, headers, body, now),
            503 if after < TURNED_AWAY_WITHIN => not_sent(NotSent::Unavailable, headers, body, now),
            code @ (408 | 500..=599) => unknown(Unknown::ServerError(code), body),
            code @ 400..=499 => {
                let blame = Blame::of(code, body, phones);
                Outcome::Refused { status: code, scope: Scope::of(code), blame, reason: Reason::from_body(body) }
            }
            code => unknown(Unknown::UnexpectedStatus(code), body),
        };
        Self { outcome, rate: RateHeaders::read(headers) }
    }
}

impl Scope {
    fn of(status: u16) -> Self {
        if matches!(status, 401..=403) { Self::Account } else { Self::Request }
    }
}

fn not_sent(cause: NotSent, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
    Outcome::NotSent { cause, retry_after_ms: retry_after_ms(headers, now), reason: Reason::from_body(body) }
}

fn unknown(cause: Unknown, body: &[u8]) -> Outcome {
    Outcome::Unknown { cause, reason: Reason::from_body(body) }
}

fn accepted(body: &[u8]) -> Outcome {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let data = answer.get("data").filter(|data| data.is_object()).unwrap_or(&answer);
    let campaign_id = data.get("campaign_id").and_then(json::campaign_id);
    Outcome::Accepted { campaign_id, accepted_at: data.get("accepted_at").and_then(json::text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, after_s: u64) -> Outcome {
        let (status, when) =
            (StatusCode::from_u16(status).unwrap(), (Timestamp::UNIX_EPOCH, Duration::from_secs(after_s)));
        Answer::from_response(status, &HeaderMap::new(), b"{}", when, &[]).outcome
    }

    #[test]
    fn each_status_has_its_one_meaning() {
        for status in 200..600 {
            let outcome = outcome(status, 1);
            let fits = match status {
                200..=299 => matches!(outcome, Outcome::Accepted { .. }),
                401..=403 => matches!(outcome, Outcome::Refused { scope: Scope::Account, .. }),
                429 => matches!(outcome, Outcome::NotSent { cause: NotSent::RateLimited, .. }),
                503 => matches!(outcome, Outcome::NotSent { cause: NotSent::Unavailable, .. }),
                408 | 500..=599 => matches!(outcome, Outcome::Unknown { cause: Unknown::ServerError(_), .. }),
                300..=399 => matches!(outcome, Outcome::Unknown { cause: Unknown::UnexpectedStatus(_), .. }),
                _ => matches!(outcome, Outcome::Refused { scope: Scope::Request, .. }),
            };
            assert!(fits, "{status}: {outcome:?}");
        }
    }

    #[test]
    fn a_503_that_comes_late_may_have_been_sent() {
        assert!(matches!(outcome(503, 9), Outcome::NotSent { .. }));
        assert!(matches!(outcome(503, 10), Outcome::Unknown { cause: Unknown::ServerError(503), .. }));
    }
}
