//! The records that the simulator gives to a test.

use std::collections::BTreeMap;

use serde::Serialize;

use super::uploads::Uploaded;
use crate::record::{Call, most_calls_in};

/// Everything received and called back, oldest first.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// Every request, refused ones included.
    pub calls: Vec<Call>,
    /// Every accepted send, even if its answer was lost.
    pub campaigns: Vec<Campaign>,
    /// Every callback that was made or tried.
    pub callbacks: Vec<Callback>,
    /// Every uploaded audio, lost ones included.
    pub uploads: Vec<Uploaded>,
    /// Credits charged since the start.
    pub credits: u64,
    /// The number of entries dropped from the lists above to stay inside [`super::Options::keep_calls`] and
    /// [`super::Options::keep_phones`]. A proof over requests needs 0.
    pub forgotten: u64,
}

impl Received {
    /// The accepted sends.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.campaigns.iter()
    }

    /// How often each text was accepted for each phone, by the 11 national digits of the phone. If every count is 1, no
    /// message was sent twice.
    #[must_use]
    pub fn messages(&self) -> BTreeMap<(&str, &str), usize> {
        let mut messages = BTreeMap::new();
        for campaign in &self.campaigns {
            for phone in &campaign.phones {
                *messages.entry((phone.as_str(), campaign.message.as_str())).or_default() += 1;
            }
        }
        messages
    }

    /// The most requests that started in any 60 s.
    #[must_use]
    pub fn most_calls_in_a_minute(&self) -> usize {
        most_calls_in(&self.calls, super::WINDOW_MS)
    }
}

/// What a campaign sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `POST /sms`.
    Sms,
    /// `POST /voice`.
    Voice,
}

/// How a voice campaign redials: the values of the request, or the vendor's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redials {
    /// `retry_attempts`, 3 unless given.
    pub attempts: u64,
    /// `retry_interval_min`, 15 unless given.
    pub interval_min: u64,
    /// `retry_end_time`.
    pub end_time: Option<String>,
}

/// One accepted send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Campaign {
    /// The `campaign_id` of the 202, a version 4 UUID.
    pub id: String,
    /// The number of the request that made it, see [`Call::id`]. The record of the request also tells whether the
    /// answer was lost.
    pub call: u64,
    /// When that request started, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// SMS or voice.
    pub channel: Channel,
    /// The recipients as 11 national digits, in the order of the request, repeated ones included.
    pub phones: Vec<String>,
    /// The text; empty for voice.
    pub message: String,
    /// The campaign's title.
    pub title: Option<String>,
    /// Whether it is a flash message, which pops up on the screen.
    pub is_flash: bool,
    /// The audio of a voice campaign.
    pub voice_upload_id: Option<u64>,
    /// The redials of a voice campaign.
    pub redials: Option<Redials>,
    /// The vendor's identifier for organising sends.
    pub group_id: Option<String>,
    /// The callback URL in the request.
    pub webhook_url: Option<String>,
    /// Credits for one recipient.
    pub credits_each: u64,
}

/// One callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callback {
    /// When it was sent, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The id of the campaign.
    pub campaign: String,
    /// The recipient as 11 national digits.
    pub phone: String,
    /// The status of the message.
    pub status: String,
    /// The HTTP status that the receiver answered; `None` if it did not answer in time.
    pub answer: Option<u16>,
}
