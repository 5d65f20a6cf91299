//! The delivery reports that LigueLead posts to a callback URL: one event per recipient and change of status.
//!
//! The vendor signs nothing, never repeats a lost report, may send one twice, and promises no order. Answer 200 within
//! 5 s, whatever the report holds. Source: LigueLead webhook guide.
//!
//! ```
//! use liguelead::callback::{Callback, Status};
//!
//! let body = br#"{"event":"campaign.status","occurred_at":"2026-02-02T12:00:15.400Z",
//!     "campaign":{"id":"c1","type":"sms","phone":"+5513991884678","status":"delivered"}}"#;
//! let callback = Callback::parse(body)?;
//! assert_eq!(callback.status, Status::Delivered);
//! assert_eq!(callback.occurred_at_ms, Some(1_770_033_615_400));
//! # Ok::<(), liguelead::callback::CallbackError>(())
//! ```

mod status;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::json::{campaign_id, member, text, truth, whole};
pub use status::{Channel, Status};

/// One change of status of one recipient.
///
/// The vendor gives no id for the message or the event. So a report is identified by campaign, phone, status and time
/// together. Without the phone, two recipients of one campaign would count as one.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The app that sent the campaign.
    pub app_id: Option<String>,
    /// When it happened, in milliseconds since 1970; `None` if absent or unreadable.
    pub occurred_at_ms: Option<i64>,
    /// When it happened, as received (ISO 8601 with milliseconds and `Z` as documented); empty if absent, or too long to be
    /// an instant.
    pub occurred_at: String,
    /// The campaign id of the accepted request: printable ASCII, at most 128 bytes.
    pub campaign_id: Option<String>,
    /// The channel, from `campaign.type`.
    pub channel: Option<Channel>,
    /// The recipient as the vendor writes it: `+55` and 11 digits, whatever form was sent.
    pub phone: Option<SecretString>,
    /// The new status.
    pub status: Status,
    /// The cost of this message: the vendor's own figure, and so the true one.
    pub credits_required: Option<u32>,
    /// Whether it was a flash message, which has no channel of its own.
    pub is_flash: Option<bool>,
    /// The text that was sent.
    pub message: Option<SecretString>,
}

/// Why a body is not a delivery report. It never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// Not JSON, cut short, or nested too deeply.
    #[error("the callback is not readable JSON (line {line}, column {column})")]
    NotJson {
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where reading stopped in the line, counted from 1.
        column: usize,
    },
    /// JSON, but no object.
    #[error("the callback is not a JSON object")]
    NotAnObject,
    /// Neither `campaign.status` nor `event` holds a status.
    #[error("the callback tells no status")]
    NoStatus,
}

impl Callback {
    /// Parses a report's body. Scalars may be of the wrong type and members may be missing or unknown; only the status
    /// is required.
    pub fn parse(body: &[u8]) -> Result<Self, CallbackError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| CallbackError::NotJson { line: error.line(), column: error.column() })?;
        let root = value.as_object().ok_or(CallbackError::NotAnObject)?;
        // A body without the envelope is read as if its members were inside the envelope.
        let campaign = root.get("campaign").and_then(Value::as_object).unwrap_or(root);
        let said = |name: &str| member(campaign, name).and_then(text);
        let kind = said("type");
        let channel = kind.as_deref().map(Channel::read);
        let occurred_at = member(root, "occurred_at").and_then(text).filter(|text| is_short(text)).unwrap_or_default();
        Ok(Self {
            app_id: member(root, "app_id").and_then(text),
            occurred_at_ms: time_ms(&occurred_at),
            occurred_at,
            campaign_id: ["id", "campaign_id"].iter().find_map(|name| campaign_id(member(campaign, name)?)),
            status: status(root, campaign, channel.as_ref()).ok_or(CallbackError::NoStatus)?,
            channel,
            phone: said("phone").map(SecretString::from),
            credits_required: member(campaign, "credits_required")
                .and_then(whole)
                .and_then(|credits| u32::try_from(credits).ok()),
            is_flash: member(campaign, "is_flash")
                .and_then(truth)
                .or_else(|| kind.as_deref().filter(|kind| status::is_flash(kind)).map(|_| true)),
            message: said("message").map(SecretString::from),
        })
    }
}

/// The longest text that may be an instant, in bytes. ISO 8601 with nanoseconds and a named zone has fewer.
const INSTANT_BYTES_MAX: usize = 64;

fn is_short(instant: &str) -> bool {
    instant.len() <= INSTANT_BYTES_MAX && instant.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// From `campaign.status`; else from `event`, where the RCS page has it, as `delivered` or `campaign.delivered`.
fn status(root: &Map<String, Value>, campaign: &Map<String, Value>, channel: Option<&Channel>) -> Option<Status> {
    if let Some(word) = member(campaign, "status").and_then(text) {
        return Some(Status::read(&word, channel));
    }
    let event = member(root, "event").and_then(text)?;
    let word = event.rsplit('.').next()?;
    // `campaign.status` is the name of the event, and not a status.
    (!word.is_empty() && !word.eq_ignore_ascii_case("status")).then(|| Status::read(word, channel))
}

/// ISO 8601 with a zone, or the same without one taken as UTC. A date alone is too coarse to order events.
fn time_ms(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let local: jiff::civil::DateTime = text.contains(':').then(|| text.parse().ok())??;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().as_millisecond())
}
