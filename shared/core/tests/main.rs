//! The tests that use this crate from outside, in one binary.

// Always true here; it shows the lints that the helpers are test code too.
#![cfg(test)]

mod bisecting;
mod caps;
mod config;
mod deciding;
mod field_cases;
mod fuzz;
mod packing;
mod sights;
mod transitions;
mod writeback;
mod writeback_rates;
