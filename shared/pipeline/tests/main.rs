//! This crate's integration tests, in one binary.

// Always true here; it tells the lints that the helpers are test code too.
#![cfg(test)]

mod audio;
mod callback_form;
mod crm_side;
mod person;
