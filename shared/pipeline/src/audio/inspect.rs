//! Checks whether LigueLead accepts a file, by its content. File names can be wrong, and a refusal by LigueLead comes
//! late.

use std::io::Cursor;

use liguelead::MAX_AUDIO_BYTES;
use lofty::{
    config::ParseOptions,
    file::{AudioFile as _, FileType},
    iff::wav::WavFile,
    mpeg::{Layer, MpegFile},
    probe::Probe,
};
use recado_core::{audio::AudioFormat, config::MAX_AUDIO_NAME_CHARS};

/// Why a file is not a recording for voice calls. A conversion with [`ffmpeg_line`] solves each reason but the last
/// two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARecording {
    /// It is another kind of audio, or no audio at all.
    #[error("its content is {0}, but LigueLead takes only MP3 and WAV")]
    OtherKind(&'static str),
    /// It begins like an MP3 or WAV file, but the rest cannot be read.
    #[error("it looks like {0}, but it cannot be read: it may be damaged or incomplete")]
    Damaged(AudioFormat),
    /// It plays nothing.
    #[error("it has no sound")]
    Silent,
    /// It is larger than LigueLead accepts.
    #[error("it has {0} bytes, but LigueLead takes at most {MAX_AUDIO_BYTES}")]
    TooLarge(usize),
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// No rule can use its name.
    #[error(
        "rename the file: its name must end in .mp3 or .wav, without a path, and have at most {MAX_AUDIO_NAME_CHARS} characters"
    )]
    Name,
}

/// The content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its format, independent of the file's name.
    pub format: AudioFormat,
    /// Its length, in ms. An estimate for an MP3 with a variable rate and no header that states the length.
    pub length_ms: u64,
}

/// Checks a file's content.
pub fn inspect(bytes: &[u8]) -> Result<Content, NotARecording> {
    if bytes.is_empty() {
        return Err(NotARecording::Empty);
    }
    let kind = Probe::new(Cursor::new(bytes)).guess_file_type().ok().and_then(|probe| probe.file_type());
    let content = match kind {
        Some(FileType::Wav) => wav(bytes)?,
        Some(FileType::Mpeg) => mp3(bytes)?,
        other => return Err(NotARecording::OtherKind(kind_name(other))),
    };
    match content.length_ms {
        0 => Err(NotARecording::Silent),
        _ if bytes.len() > MAX_AUDIO_BYTES => Err(NotARecording::TooLarge(bytes.len())),
        _ => Ok(content),
    }
}

/// Whether a rule can use this name for a file.
pub(super) fn is_name(name: &str) -> bool {
    let known = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && ["mp3", "wav"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    known && !name.contains(['/', '\\']) && name.chars().count() <= MAX_AUDIO_NAME_CHARS
}

fn wav(bytes: &[u8]) -> Result<Content, NotARecording> {
    let file = WavFile::read_from(&mut Cursor::new(bytes), options()).map_err(|_| damaged(AudioFormat::Wav))?;
    Ok(Content { format: AudioFormat::Wav, length_ms: millis(file.properties().duration()) })
}

fn mp3(bytes: &[u8]) -> Result<Content, NotARecording> {
    let file = MpegFile::read_from(&mut Cursor::new(bytes), options()).map_err(|_| damaged(AudioFormat::Mp3))?;
    match file.properties().layer() {
        Layer::Layer3 => Ok(Content { format: AudioFormat::Mp3, length_ms: millis(file.properties().duration()) }),
        Layer::Layer1 | Layer::Layer2 => Err(NotARecording::OtherKind("MPEG audio of layer I or II")),
    }
}

fn damaged(format: AudioFormat) -> NotARecording {
    NotARecording::Damaged(format)
}

/// Tags are not needed, and may hold pictures of any size.
fn options() -> ParseOptions {
    let mut options = ParseOptions::new();
    options.read_tags(false).read_cover_art(false);
    options
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn kind_name(kind: Option<FileType>) -> &'static str {
    match kind {
        Some(FileType::Aac) => "AAC",
        Some(FileType::Mp4) => "M4A (MPEG-4)",
        Some(FileType::Aiff) => "AIFF",
        Some(FileType::Flac) => "FLAC",
        Some(FileType::Opus | FileType::Vorbis | FileType::Speex) => "Ogg",
        Some(FileType::Ape | FileType::Mpc | FileType::WavPack) => "another audio format",
        _ => "no audio that is known",
    }
}

/// The command that converts the file at `path` to a recording for voice calls. It follows LigueLead's advice on size
/// (16 kHz, mono, 128 kbit/s). If the name already ends as an MP3's, the command replaces the file.
#[must_use]
pub fn ffmpeg_line(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let beside = |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    let to = beside(format!("{stem}.mp3"));
    let convert =
        |to: &str| format!("ffmpeg -i {} -ar 16000 -ac 1 -b:a 128k -f mp3 {}", shell_word(path), shell_word(to));
    if to == path {
        let new = beside(format!("{stem}.new.mp3"));
        format!("{} && mv {} {}", convert(&new), shell_word(&new), shell_word(&to))
    } else {
        convert(&to)
    }
}

/// Quotes a text as one word of a POSIX shell, so that neither the shell nor ffmpeg takes it for an option.
fn shell_word(text: &str) -> String {
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+=@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
