//! This crate's integration tests, in one binary.

// Always true here; it tells the lints that the helpers are test code too.
#![cfg(test)]

// A fuzzing engine must be linked into every test binary of the crate: `just fuzz`.
use bolero as _;

mod audios;
mod audit;
mod table;
mod transitions;
