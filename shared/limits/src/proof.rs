//! The proof by simulation: fleets of functions, a store and a vendor in virtual time, judged by an oracle.
//!
//! Each schedule follows from one seed. A failure prints its seed. To run that schedule alone, or other schedules and
//! more of them:
//!
//! ```text
//! RECADO_PROOF_SEED=123 cargo test -p recado-limits --lib proof
//! RECADO_PROOF_SCHEDULES=10000000 cargo test -p recado-limits --lib proof::
//! ```
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a simulation are small"
)]

mod chance;
mod fleet;
mod fleet_events;
mod fleet_world;
mod mutants;
mod oracle;
mod prices;
mod schedules;
mod utilisation;
mod windows;
