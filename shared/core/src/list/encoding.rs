//! The encoding of a file: UTF-8 and UTF-16 by their marks or by their bytes, else the encoding of Windows in Brazil.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use icu_normalizer::ComposingNormalizerBorrowed;

/// How many bytes are read to find out whether a file without a mark is UTF-16.
const SAMPLE_BYTES: usize = 4_096;

/// The text of a file, with composed accents (NFC) and lines ended by `\n` alone. Bytes in no known encoding become
/// U+FFFD.
pub(super) fn decoded(bytes: &[u8]) -> String {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0,
        None => without_mark(bytes),
    };
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(&text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.into_owned() }
}

fn without_mark(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(encoding) = utf_16(bytes) {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if is_mostly_utf_8(bytes) => String::from_utf8_lossy(bytes),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// UTF-16, if every second byte of most characters is zero.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..bytes.len().min(SAMPLE_BYTES))?;
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let most = |zeros: usize| zeros * 4 > sample.len();
    match (zeros(0), zeros(1)) {
        (0, little) if most(little) => Some(UTF_16LE),
        (big, 0) if most(big) => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether most lines with accents are UTF-8. A few broken lines do not make the file another encoding.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_ascii());
    let (good, bad): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| std::str::from_utf8(line).is_ok());
    good.len() > bad.len()
}
