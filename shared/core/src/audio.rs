//! A recording: the facts about an audio file whose content was read.

use std::{fmt, str::FromStr};

use crate::identity::AudioId;

/// The formats that LigueLead takes. AAC, M4A and the rest are refused. Source: LigueLead API limits page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// MPEG audio, layer III.
    Mp3,
    /// RIFF WAVE.
    Wav,
}

/// A recording under the name that rules use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// The file name.
    pub name: String,
    /// The content's identity: the same content under another name needs no second upload.
    pub id: AudioId,
    /// The content's format.
    pub format: AudioFormat,
    /// The content's size, in bytes.
    pub bytes: u64,
    /// How long it plays, in ms.
    pub length_ms: u64,
    /// When it was added, in ms since the epoch.
    pub added_ms: i64,
}

impl AudioFormat {
    /// The word for the format, which is also the file name's extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }
}

impl fmt::Display for AudioFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no known format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither mp3 nor wav")]
pub struct NotAFormat;

impl FromStr for AudioFormat {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        match text {
            "mp3" => Ok(Self::Mp3),
            "wav" => Ok(Self::Wav),
            _ => Err(NotAFormat),
        }
    }
}
