//! Advice on what is allowed but risky: long files, a full account, uploads that LigueLead may soon delete.

use recado_ledger::{AudioRows, UploadState};

/// The longest recording that LigueLead recommends, in ms. Source: LigueLead API limits page.
const LONG_MS: u64 = 120_000;
/// The largest file that LigueLead recommends, in bytes.
const LARGE_BYTES: u64 = 10_000_000;
/// The most files of an account, and the number at which warnings begin.
const FILES: u64 = 1_000;
const MANY_FILES: u64 = 800;
/// The most bytes of an account, and the amount at which LigueLead's support must be contacted.
const STORAGE_BYTES: u64 = 10_000_000_000;
const MUCH_STORAGE_BYTES: u64 = 8_000_000_000;
/// LigueLead deletes a file after 365 days without use. Warnings begin on this day.
const UNUSED_DAYS: i64 = 335;
const DAY_MS: i64 = 86_400_000;

/// Advice on a file.
#[must_use]
pub fn of_file(bytes: u64, length_ms: u64) -> Vec<String> {
    let mut advice = Vec::new();
    if length_ms > LONG_MS {
        let seconds = length_ms / 1_000;
        advice.push(format!("it plays {seconds} s; LigueLead recommends less than 2 minutes, since people hang up"));
    }
    if bytes > LARGE_BYTES {
        advice.push(format!("it has {} MB; LigueLead recommends 10 MB at most", bytes / 1_000_000));
    }
    advice
}

/// Advice on an account with so many files and bytes.
#[must_use]
pub fn of_account(files: u64, bytes: u64) -> Vec<String> {
    let mut advice = Vec::new();
    if files >= MANY_FILES {
        advice.push(format!("LigueLead's account holds {files} of {FILES} audio files, and none can be deleted there"));
    }
    if bytes >= MUCH_STORAGE_BYTES {
        let (used, most) = (bytes / 1_000_000_000, STORAGE_BYTES / 1_000_000_000);
        advice.push(format!("the uploads take {used} of the {most} GB of LigueLead's account: contact its support"));
    }
    advice
}

/// Files and bytes that Recado uploaded, without those that LigueLead lost.
#[must_use]
pub fn uploaded(rows: &AudioRows) -> (u64, u64) {
    let there = rows.uploads.iter().filter(|upload| matches!(upload.state, UploadState::There(_)));
    there.fold((0, 0), |(files, bytes), upload| (files + 1, bytes + upload.bytes))
}

/// Recordings that no voice call has used for so long that LigueLead may soon delete them: their names, and the days.
#[must_use]
pub fn unused(rows: &AudioRows, now_ms: i64) -> Vec<(String, i64)> {
    let days_of = |audio: &recado_core::audio::Audio| {
        let upload = rows.uploads.iter().find(|upload| upload.id == audio.id)?;
        let used_ms = upload.used_ms.filter(|_| matches!(upload.state, UploadState::There(_)))?;
        let days = (now_ms - used_ms) / DAY_MS;
        (days >= UNUSED_DAYS).then(|| (audio.name.clone(), days))
    };
    rows.audios.iter().filter_map(days_of).collect()
}

#[cfg(test)]
mod tests {
    use recado_core::{
        audio::{Audio, AudioFormat},
        identity::AudioId,
    };
    use recado_ledger::UploadRow;

    use super::*;

    fn rows(used_ms: i64, state: UploadState) -> AudioRows {
        let id = AudioId::of(b"a");
        let audio =
            Audio { name: "a.mp3".to_owned(), id, format: AudioFormat::Mp3, bytes: 5, length_ms: 9, added_ms: 0 };
        let upload =
            UploadRow { id, state, bytes: 5, uploaded_ms: Some(0), used_ms: Some(used_ms), forgotten: Vec::new() };
        AudioRows { audios: vec![audio], uploads: vec![upload] }
    }

    #[test]
    fn each_warning_begins_where_the_page_says() {
        assert_eq!(of_file(10_000_000, 120_000), Vec::<String>::new());
        assert_eq!((of_file(10_000_001, 0).len(), of_file(0, 120_001).len()), (1, 1));
        assert_eq!(of_account(799, 7_999_999_999), Vec::<String>::new());
        assert_eq!((of_account(800, 0).len(), of_account(0, 8_000_000_000).len()), (1, 1));
    }

    #[test]
    fn an_upload_without_use_is_named_from_the_335th_day_on() {
        let now_ms = 400 * DAY_MS;
        let at = |days: i64, state| unused(&rows(now_ms - days * DAY_MS, state), now_ms);
        assert_eq!(at(334, UploadState::There(1)), []);
        assert_eq!(at(335, UploadState::There(1)), [("a.mp3".to_owned(), 335)]);
        assert_eq!(at(335, UploadState::Forgotten), []);
    }

    #[test]
    fn what_is_not_there_is_not_counted() {
        assert_eq!(uploaded(&rows(0, UploadState::There(1))), (1, 5));
        assert_eq!(uploaded(&rows(0, UploadState::Forgotten)), (0, 0));
    }
}
