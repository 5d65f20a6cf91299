//! Strict simulators of both vendors, over real HTTP on a listener that the caller chooses.
//!
//! [`liguelead`] sends nothing and [`leadsquared`] keeps its leads in memory. But on the wire they behave as the
//! vendors' pages say, limits and misbehaviour included. They share no code with Recado's clients: if one side misreads
//! a vendor's page, the two must disagree.
//!
//! Both start the same way, from a bound listener inside a tokio runtime:
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use recado_simulators::{faults::{FaultKind, FaultRule, Faults, When}, liguelead};
//!
//! let vendor = liguelead::start_local(liguelead::Options::default()).await?;
//! // The next two sends are accepted and charged, but nobody hears of it.
//! vendor.set_faults(Faults::of([FaultRule::new(FaultKind::LoseAnswer, When::First(2)).on("/sms")]));
//! println!("send to {}/sms", vendor.base_url());
//! assert!(vendor.received().campaigns().next().is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # The steps of each request
//!
//! 1. It is recorded, with its instant.
//! 2. Credentials: 401.
//! 3. Limits, each an exact sliding window: a request may start when the oldest of the last N is a whole window old. A
//!    refused request does no work and takes no place in a window.
//! 4. [`faults`]: at most one, chosen by rules.
//! 5. Latency.
//! 6. The work, in a task of its own: a client that gives up waiting does not undo it, as at the real vendors.
//!
//! # Control from another process
//!
//! Outside the vendor's own paths each simulator answers:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_recado/received` | returns the records as JSON |
//! | `DELETE /_recado/received` | forgets them (leads, activities and the windows of the limits stay) |
//! | `GET`, `PUT /_recado/faults` | reads or replaces the faults: `{"rules":["lose-answer@first=2@/sms"],"latency_ms":5}` |
//!
//! Phones and texts stay in memory for tests to read; nothing here writes a log.

mod answer;
mod chance;
mod clock;
mod control;
pub mod faults;
mod gate;
pub mod leadsquared;
pub mod liguelead;
pub mod record;
mod serve;
pub mod window;
