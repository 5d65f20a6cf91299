//! The simulators' records: every request, and a bounded log for such records.

use std::collections::VecDeque;

use serde::Serialize;

use crate::window::most_in_any_window;

/// One request that reached a simulator, refused ones included. Control requests under `/_recado` are not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The number of the request in this simulator, from 0.
    pub id: u64,
    /// When its head was read, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// HTTP method.
    pub method: String,
    /// The path without the query, as the client wrote it.
    pub path: String,
    /// Whether it counts among LeadSquared's bulk requests; always false at LigueLead.
    pub bulk: bool,
    /// The number of phones of a send or rows of a bulk request, else 0. Also 0 if the body could not be read.
    pub items: usize,
    /// The status of the answer, sent or lost. `None` while the work lasts, and if a fault left no answer.
    pub status: Option<u16>,
    /// Whether credentials and limits admitted it.
    pub entry: Entry,
    /// Whether the client cannot have received the answer: a fault took it, or the client had left.
    pub answer_lost: bool,
    /// The fault that it met, in the text form of [`crate::faults`].
    pub fault: Option<String>,
}

/// Whether credentials and limits admitted a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Both admitted it, and it counts in the windows. A fault may still have met it later.
    Admitted,
    /// Its credentials were wrong. It did no work and counts in no window.
    Unauthorized,
    /// A limit or a throttling fault refused it. It did no work and counts in no window.
    Throttled,
}

impl Call {
    /// Whether a limit or a throttling fault refused it.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.entry == Entry::Throttled
    }
}

/// The most admitted requests in any window of `length_ms` milliseconds.
#[must_use]
pub fn most_calls_in(calls: &[Call], length_ms: u64) -> usize {
    most_in_any_window(calls.iter().filter(|call| call.entry == Entry::Admitted).map(|call| call.at_ms), length_ms)
}

/// Numbered entries. Once their weights exceed a bound, the oldest entries are dropped first.
#[derive(Debug)]
pub(crate) struct Log<T> {
    first: u64,
    entries: VecDeque<(usize, T)>,
    weight: usize,
    weight_max: usize,
    forgotten: u64,
}

impl<T: Clone> Log<T> {
    pub(crate) fn new(weight_max: usize) -> Self {
        Self { first: 0, entries: VecDeque::new(), weight: 0, weight_max, forgotten: 0 }
    }

    /// The number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    pub(crate) fn push(&mut self, weight: usize, entry: T) {
        self.entries.push_back((weight, entry));
        self.weight = self.weight.saturating_add(weight);
        while self.weight > self.weight_max {
            let Some((oldest, _)) = self.entries.pop_front() else {
                break;
            };
            self.weight = self.weight.saturating_sub(oldest);
            self.first += 1;
            self.forgotten += 1;
        }
    }

    /// The entry with this number, unless it was dropped.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(place).map(|(_, entry)| entry)
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.entries.iter().map(|(_, entry)| entry.clone()).collect()
    }

    /// How many entries were dropped to stay inside the bound.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Empties the log. Numbers continue.
    pub(crate) fn clear(&mut self) {
        self.first = self.next();
        self.entries.clear();
        self.weight = 0;
        self.forgotten = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    #[test]
    fn forgets_the_oldest_beyond_its_bound() {
        let mut log = Log::new(10);
        for entry in ["a", "b", "c"] {
            log.push(4, entry);
        }
        assert_eq!((log.all(), log.forgotten(), log.next()), (vec!["b", "c"], 1, 3));
        assert_eq!((log.get_mut(0).copied(), log.get_mut(2).copied()), (None, Some("c")));
    }

    #[test]
    fn numbers_go_on_after_a_clearing() {
        let mut log = Log::new(10);
        log.push(1, "a");
        log.clear();
        log.push(1, "b");
        assert_eq!((log.get_mut(0).copied(), log.get_mut(1).copied()), (None, Some("b")));
    }
}
