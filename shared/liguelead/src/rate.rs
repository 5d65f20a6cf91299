//! The vendor's statements about the rate: on every answer, and when it refuses because requests come too fast.

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Shortest and longest wait taken from the vendor, in milliseconds. Its window is 60 s. So a longer wait comes from a
/// clock that is off, or is a value of another meaning. No wait at all would invite a tight loop.
const MIN_WAIT_MS: u64 = 1_000;
const MAX_WAIT_MS: u64 = 120_000;

/// The rate headers of every answer. Source: LigueLead API limits page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateHeaders {
    /// `X-RateLimit-Limit`: requests allowed per window, 600,000 in 60 s as documented.
    pub limit: u64,
    /// `X-RateLimit-Remaining`: requests left in this window, over all users of the token.
    pub remaining: u64,
    /// `X-RateLimit-Reset`: when the window ends, in seconds since 1970.
    pub reset_epoch_s: u64,
}

impl RateHeaders {
    /// The three headers, if all are present and readable.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            limit: number(headers, "x-ratelimit-limit")?,
            remaining: number(headers, "x-ratelimit-remaining")?,
            reset_epoch_s: number(headers, "x-ratelimit-reset")?,
        })
    }
}

/// How long to wait, in milliseconds: from `Retry-After` (seconds or a date), else from `X-RateLimit-Reset`.
///
/// The reset is compared with the answer's own `Date`, so that an inaccurate local clock does no harm; `now` is used
/// only if there is no `Date`.
pub(crate) fn retry_after_ms(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let now = date(headers, DATE.as_str()).unwrap_or(now);
    let asked_ms = number(headers, RETRY_AFTER.as_str())
        .map(|seconds| seconds.saturating_mul(1_000))
        .or_else(|| date(headers, RETRY_AFTER.as_str()).map(|at| until_ms(at, now)));
    let wait_ms = asked_ms.or_else(|| reset(headers).map(|at| until_ms(at, now)))?;
    Some(wait_ms.clamp(MIN_WAIT_MS, MAX_WAIT_MS))
}

fn reset(headers: &HeaderMap) -> Option<Timestamp> {
    let reset_s = i64::try_from(number(headers, "x-ratelimit-reset")?).ok()?;
    Timestamp::from_second(reset_s).ok()
}

fn until_ms(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond() - now.as_millisecond()).unwrap_or(0)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn date(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(headers.get(name)?.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::{RateHeaders, retry_after_ms};
    use jiff::Timestamp;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    const NOW_S: i64 = 1_640_995_200;

    fn wait(headers: &[(&'static str, &str)]) -> Option<u64> {
        retry_after_ms(&map(headers), Timestamp::from_second(NOW_S).unwrap())
    }

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_comes_first() {
        assert_eq!(wait(&[("retry-after", "7"), ("x-ratelimit-reset", "1640995260")]), Some(7_000));
        assert_eq!(wait(&[("retry-after", "Sat, 01 Jan 2022 00:00:30 GMT")]), Some(30_000));
    }

    #[test]
    fn the_reset_is_judged_by_the_answers_own_date() {
        assert_eq!(wait(&[("x-ratelimit-reset", "1640995260")]), Some(60_000));
        let dated = [("x-ratelimit-reset", "1640995260"), ("date", "Sat, 01 Jan 2022 00:00:50 GMT")];
        assert_eq!(wait(&dated), Some(10_000));
    }

    #[test]
    fn waits_are_bounded_and_nonsense_is_nothing() {
        assert_eq!(wait(&[("retry-after", "0")]), Some(1_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "1640990000")]), Some(1_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "1650000000")]), Some(120_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "18446744073709551615")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn rate_headers_need_all_three() {
        let all = [("x-ratelimit-limit", "600000"), ("x-ratelimit-remaining", "599999"), ("x-ratelimit-reset", "9")];
        let expected = RateHeaders { limit: 600_000, remaining: 599_999, reset_epoch_s: 9 };
        assert_eq!(RateHeaders::read(&map(&all)), Some(expected));
        assert_eq!(RateHeaders::read(&map(&all[..2])), None);
    }
}
