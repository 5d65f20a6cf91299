//! A client for LigueLead, the Brazilian SMS and voice vendor, and a reader of its callbacks.
//!
//! The crate is of use on its own and holds no policy: what to send, when, and what to do about an outcome are
//! the caller's. What it does hold is the one distinction the vendor forces on everybody: LigueLead has **no
//! idempotency key**, so a send whose answer was lost may have gone out and been charged. [`Outcome`] therefore
//! has four kinds, and only [`Outcome::NotSent`] says that sending again cannot make a second message:
//!
//! | kind | the campaign exists | may be sent again |
//! | --- | --- | --- |
//! | [`Outcome::Accepted`] | yes | no |
//! | [`Outcome::Refused`] | no | only after something was mended |
//! | [`Outcome::NotSent`] | no | yes, later |
//! | [`Outcome::Unknown`] | perhaps | no: wait for a callback |
//!
//! Nothing here repeats a call by itself: not this crate, and not the HTTP stack below it.
//!
//! Tokens, phones, texts and callback addresses are [`secrecy::SecretString`]s: they cannot be printed by accident.
//! What the vendor says in prose passes through [`Reason`], which masks whatever may be a phone.

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
pub use sms::{
    CHECKED_LOCALLY, MAX_MESSAGE_CHARS, MAX_PHONES_PER_REQUEST, MAX_TITLE_CHARS, MAX_WEBHOOK_URL_CHARS, SmsRequest,
};
pub use upload::{AudioFile, AudioFormat, MAX_AUDIO_BYTES, UPLOAD_TIMEOUT, UploadAnswer, UploadOutcome};
pub use uploads::{CallFailed, Upload};
pub use vendor_http::{Answered, Fault, Transport};
pub use voice::{RETRY_ATTEMPTS, RETRY_INTERVAL_MIN, VoiceRequest};

/// Where the vendor's API lives. Source: LigueLead getting-started page.
pub const DEFAULT_BASE_URL: &str = "https://api.liguelead.com.br/v1";
