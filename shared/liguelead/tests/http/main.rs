//! The calls against real HTTP servers on loopback, well-behaved and rude ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which the exemption for tests itself does not reach"
)]

mod server;
mod sms;
mod uploads;
mod voice;
