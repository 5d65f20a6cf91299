//! The common parts of Recado's Lambda functions. A function's own `main.rs` decodes, calls one use case, and encodes.
//!
//! | file | content |
//! | --- | --- |
//! | [`aws`] | the AWS SDK's configuration in a function |
//! | [`function`] | the table, and each use case, made again when its configuration or secrets change |
//! | [`bucket`] | the bucket of recordings |
//! | [`configuration`] | the version in force, checked once a minute |
//! | [`secrets`] | Secrets Manager, read every five minutes; the value before a change stays valid for a time |
//! | [`invocation`] | the loop over events: one metrics document for each |
//! | [`meters`] | log lines as metrics |
//! | [`gauges`] | the use of each limit, and the backlog of the write-back: metrics, each minute |
//! | [`schedule`] | the work of each minute |
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
