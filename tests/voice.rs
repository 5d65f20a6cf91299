//! Voice calls, end to end: a recording is added, a lead changes, LigueLead calls, and LeadSquared receives the
//! outcome.

mod adding;
mod calling;
mod following;
mod hours;

use std::path::PathBuf;

use crate::support::{Finished, Installation, Setup};
use tempfile::TempDir;

/// A rule that calls new leads. LigueLead's day is set to 24 hours here, since tests run at any hour.
const CALL: &str = "  - id: call
    on: lead.created
    voice: { audio: call.mp3, title: \"Call {{ lead.Source }}\", redials: 2, every: 30m }
    group_id: g1
";
const ANY_HOUR: &str = "hours: { sms: always, voice: always, dialling: always }\n";

fn setup() -> Setup {
    let mut setup = Setup::new(CALL).and(ANY_HOUR);
    setup.liguelead.dial_at_any_hour = true;
    setup
}

/// An MP3 file: frames of 26.12 ms at 128 kbit/s. Another `mark` makes a file with other content.
fn mp3(seconds: usize, mark: u8) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xFB, 0x90, 0xC4];
    frame.resize(416, 0);
    frame.push(mark);
    frame.repeat(seconds * 1_000_000 / 26_122 + 1)
}

/// A WAV file of silence: 8 kHz, mono, 8 bits.
pub(crate) fn wav(seconds: u32) -> Vec<u8> {
    let data = seconds * 8_000;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    file.extend(data.to_le_bytes());
    file.resize(44 + data as usize, 0x80);
    file
}

/// A folder of files to add.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// `recado audio add FILE --json`.
async fn add(installation: &Installation, file: &std::path::Path) -> Finished {
    installation.command_of(&["audio", "add"], &[&file.display().to_string(), "--json"]).await
}
