//! Webhook bodies as LeadSquared, its automations and its forms compose them, and as nobody should compose them.

mod composed;
mod documented;
mod lenient;
mod samples;
mod unreadable;
mod which;
