//! The tests that use this crate from outside, in one binary.

// Always true here; it shows the lints that the helpers are test code too.
#![cfg(test)]

mod callback;
mod fuzz;
mod http;
