//! Each request against a real HTTP server on loopback: its content, and how answers and failures are read.

mod account;
mod activities;
mod failures;
mod leads;
mod leads_write;
mod reading;
mod samples;
mod server;
mod subscriptions;
