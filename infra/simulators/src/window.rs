//! The exact sliding window of both vendors' limits: at most N requests start in any W milliseconds.

use std::collections::VecDeque;

/// A limit, and the starts that still count against it.
#[derive(Debug, Clone)]
pub struct Window {
    limit: u64,
    length_ms: u64,
    starts_ms: VecDeque<u64>,
}

impl Window {
    /// At most `limit` starts in any `length_ms` milliseconds. A limit of 0 admits nothing.
    #[must_use]
    pub fn new(limit: u64, length_ms: u64) -> Self {
        Self { limit, length_ms, starts_ms: VecDeque::new() }
    }

    /// Starts allowed in one window.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The window's length in milliseconds.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.length_ms
    }

    /// How many more requests may start at `now_ms`, in milliseconds since the epoch. Drops the starts that left the
    /// window.
    pub fn remaining(&mut self, now_ms: u64) -> u64 {
        // A start exactly one window old no longer counts: windows are half open, [t, t + W).
        while self.starts_ms.front().is_some_and(|start| start.saturating_add(self.length_ms) <= now_ms) {
            self.starts_ms.pop_front();
        }
        self.limit.saturating_sub(u64::try_from(self.starts_ms.len()).unwrap_or(u64::MAX))
    }

    /// Counts a request that starts at `now_ms`. Check [`Window::remaining`] first: this function does not refuse.
    pub fn record(&mut self, now_ms: u64) {
        self.starts_ms.push_back(now_ms);
    }

    /// When the oldest counted start leaves the window; `None` if the window is empty.
    #[must_use]
    pub fn next_release_ms(&self) -> Option<u64> {
        self.starts_ms.front().map(|start| start.saturating_add(self.length_ms))
    }
}

/// The most starts in any one window of `length_ms`: the proof that a client never exceeded a limit.
///
/// `starts_ms` need not be sorted.
#[must_use]
pub fn most_in_any_window(starts_ms: impl IntoIterator<Item = u64>, length_ms: u64) -> usize {
    let mut starts: Vec<u64> = starts_ms.into_iter().collect();
    starts.sort_unstable();
    let mut inside = VecDeque::new();
    let mut most = 0;
    for start in starts {
        while inside.front().is_some_and(|first: &u64| first.saturating_add(length_ms) <= start) {
            inside.pop_front();
        }
        inside.push_back(start);
        most = most.max(inside.len());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::{Window, most_in_any_window};

    #[test]
    fn admits_the_limit_and_not_one_more() {
        let mut window = Window::new(3, 5_000);
        for at in [0, 10, 4_999] {
            assert!(window.remaining(at) > 0, "at {at}");
            window.record(at);
        }
        assert_eq!(window.remaining(4_999), 0);
    }

    #[test]
    fn a_place_is_free_when_the_oldest_is_exactly_one_window_old() {
        let mut window = Window::new(1, 5_000);
        window.record(100);
        assert_eq!(window.remaining(5_099), 0);
        assert_eq!(window.next_release_ms(), Some(5_100));
        assert_eq!(window.remaining(5_100), 1);
    }

    #[test]
    fn a_limit_of_nothing_admits_nothing() {
        assert_eq!(Window::new(0, 5_000).remaining(0), 0);
    }

    #[test]
    fn the_fullest_window_need_not_start_on_a_multiple_of_its_length() {
        // Two fixed windows of 2 each would hide the 4 starts around the border.
        let starts = [4_900, 4_950, 5_000, 5_050];
        assert_eq!(most_in_any_window(starts, 5_000), 4);
        assert_eq!(most_in_any_window([0, 5_000, 10_000], 5_000), 1);
        assert_eq!(most_in_any_window([], 5_000), 0);
    }
}
