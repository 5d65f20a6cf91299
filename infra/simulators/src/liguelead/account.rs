//! The account's records: its charges, sends and callbacks.

use super::{
    received::{Callback, Campaign},
    uploads::Uploads,
};
use crate::record::Log;

/// Everything that the simulator remembers besides its requests.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) credits: u64,
    pub(super) campaigns: Log<Campaign>,
    pub(super) callbacks: Log<Callback>,
    pub(super) uploads: Uploads,
}

impl Books {
    pub(super) fn new(phones_max: usize) -> Self {
        // Each recipient has two callbacks.
        let callbacks_max = phones_max.saturating_mul(2);
        Self {
            credits: 0,
            campaigns: Log::new(phones_max),
            callbacks: Log::new(callbacks_max),
            uploads: Uploads::default(),
        }
    }

    /// Charges `credits`. If the balance is too low, nothing is charged and the result is `false`.
    pub(super) fn charge(&mut self, credits: u64, balance: Option<u64>) -> bool {
        let after = self.credits.saturating_add(credits);
        if balance.is_some_and(|balance| after > balance) {
            return false;
        }
        self.credits = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Books;

    #[test]
    fn the_last_credit_can_be_spent_and_not_one_more() {
        let mut books = Books::new(10);
        assert!(books.charge(9, Some(10)));
        assert!(!books.charge(2, Some(10)));
        assert!(books.charge(1, Some(10)));
        assert_eq!(books.credits, 10);
    }
}
