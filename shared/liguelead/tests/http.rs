//! Requests against real HTTP servers on loopback, well-behaved and rude ones.

mod server;
mod sms;
mod uploads;
mod voice;
