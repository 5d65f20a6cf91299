//! One clock per simulator: wall time that never steps back, in milliseconds.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, tz::TimeZone};

/// Wall time at the start, advanced by the monotonic clock. A correction of the system clock thus cannot open a window
/// early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_ms: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_ms: millis(since_epoch) }
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_ms.saturating_add(millis(self.started.elapsed()))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `at_ms` as a UTC timestamp; the epoch if the instant is outside the calendar.
pub(crate) fn timestamp(at_ms: u64) -> Timestamp {
    i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default()
}

/// `at_ms` in UTC by a `strftime` pattern.
pub(crate) fn utc(at_ms: u64, pattern: &str) -> String {
    timestamp(at_ms).to_zoned(TimeZone::UTC).strftime(pattern).to_string()
}
