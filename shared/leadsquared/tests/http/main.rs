//! Each call against a real HTTP server on loopback: what is asked, and how answers and failures are read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which the exemption for tests itself does not reach"
)]

mod account;
mod activities;
mod failures;
mod leads;
mod leads_write;
mod reading;
mod samples;
mod server;
mod subscriptions;
