//! A client for LigueLead, the Brazilian SMS and voice vendor, and a reader of its delivery reports.
//!
//! The crate is of use on its own and holds no policy. What to send, when, and what to do about an outcome are up to
//! the caller. The crate makes the one distinction that the vendor forces on every caller: LigueLead has **no
//! idempotency key**. So a send whose answer was lost may have gone out and been charged. [`Outcome`] therefore has
//! four kinds, and only [`Outcome::NotSent`] says that sending again cannot make a second message:
//!
//! | kind | the campaign exists | may be sent again |
//! | --- | --- | --- |
//! | [`Outcome::Accepted`] | yes | no |
//! | [`Outcome::Refused`] | no | only after something was corrected |
//! | [`Outcome::NotSent`] | no | yes, later |
//! | [`Outcome::Unknown`] | perhaps | no: wait for a delivery report |
//!
//! Nothing repeats a request by itself: neither this crate, nor the HTTP stack below it.
//!
//! Tokens, phones, texts and callback URLs are [`secrecy::SecretString`]s: they cannot be printed by accident. The
//! vendor's prose passes through [`Reason`], which masks whatever may be a phone.

// A fuzzing engine must be linked into every test binary of the crate: `just fuzz`.
#[cfg(test)]
use bolero as _;

mod blame;
mod body;
pub mod callback;
mod client;
mod json;
mod outcome;
mod rate;
mod reason;
mod send;
mod sms;
mod upload;
mod uploads;
mod voice;

pub use blame::Blame;
pub use client::{BuildError, Client, Credentials};
pub use outcome::{Answer, NotSent, Outcome, Scope, TURNED_AWAY_WITHIN, Unknown};
pub use rate::RateHeaders;
pub use reason::{MAX_REASON_CHARS, Reason};
pub use send::{CHECKED_LOCALLY, MAX_PHONES_PER_REQUEST, MAX_TITLE_CHARS, MAX_WEBHOOK_URL_CHARS};
pub use sms::{MAX_MESSAGE_CHARS, SmsRequest};
pub use upload::{AudioFile, AudioFormat, MAX_AUDIO_BYTES, UPLOAD_TIMEOUT, UploadAnswer, UploadOutcome};
pub use uploads::{CallFailed, Upload};
pub use vendor_http::{Answered, Fault, Transport};
pub use voice::{RETRY_ATTEMPTS, RETRY_INTERVAL_MIN, VoiceRequest};

/// The address of the vendor's API. Source: LigueLead getting-started page.
pub const DEFAULT_BASE_URL: &str = "https://api.liguelead.com.br/v1";
