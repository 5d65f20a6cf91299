//! Webhook bodies as LeadSquared, its automations and its forms compose them, and as nobody should.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which the exemption for tests itself does not reach"
)]

mod composed;
mod documented;
mod lenient;
mod samples;
mod unreadable;
mod which;
