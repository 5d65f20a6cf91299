//! What Recado's Lambda functions share. A function's own `main.rs` decodes, calls one use case, and encodes.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`aws`] | the AWS SDK's configuration, as Lambda gives it |
//! | [`function`] | what a function has at hand: the table, and each use case, made anew when what it is made of changes |
//! | [`bucket`] | the bucket of recordings |
//! | [`configuration`] | the version in force, looked for once a minute |
//! | [`secrets`] | Secrets Manager, asked every five minutes; the value before a change holds on for a time |
//! | [`invocation`] | the loop over events: one metrics document for each |
//! | [`meters`] | log lines as metrics |
//! | [`gauges`] | how much of each limit is used, and how much LeadSquared is still to be told: metrics, each minute |
//! | [`schedule`] | what comes each minute |
//! | [`web`] | Function URLs |
//! | [`wake`] | the table's stream |

pub mod aws;
pub mod bucket;
pub mod configuration;
pub mod function;
pub mod gauges;
pub mod invocation;
pub mod meters;
pub mod schedule;
pub mod secrets;
pub mod wake;
pub mod web;

pub use function::Function;
pub use invocation::{Event, Failed, run};
