//! Tests across crates, against real parts: the `recado` binary, both vendors over HTTP, the embedded table.
//!
//! One binary holds all of them, since each further binary links every dependency once more.
//! `cargo test -p recado --test all NAME` runs one module.

// Always true here. It tells the lints that the helpers are test code too.
#![cfg(test)]

// A fuzzing engine must be linked into every test binary of the crate: `just fuzz`.
use bolero as _;

mod account;
mod at_volume;
mod bad_input;
mod bulk;
mod campaign;
mod crash;
mod docs;
mod end_to_end;
mod fleet;
mod own_cases;
mod privacy;
mod sender;
mod support;
mod versions;
mod voice;
