//! The playing time of an MP3 or WAV file, read from the headers in the file.

/// Kilobits a second of layer III in MPEG-1 and in MPEG-2, by the index in the header.
const RATES_1: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// Samples a second of MPEG-1; MPEG-2 has half, MPEG-2.5 a quarter.
const SAMPLES: [u64; 3] = [44_100, 48_000, 32_000];

/// The playing time of a WAV file in ms: the size of its data divided by its bytes a second. `None` for other files.
pub(super) fn wav_length_ms(file: &[u8]) -> Option<u64> {
    if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut bytes_per_second) = (12, 0);
    while let Some(head) = file.get(at..at + 8) {
        let (name, size) = head.split_at(4);
        let size = usize::try_from(u32::from_le_bytes(size.try_into().ok()?)).ok()?;
        match name {
            b"fmt " => bytes_per_second = u64::from(u32::from_le_bytes(file.get(at + 16..at + 20)?.try_into().ok()?)),
            b"data" if bytes_per_second > 0 => return Some(size as u64 * 1_000 / bytes_per_second),
            _ => {}
        }
        // Chunks begin at even offsets.
        at += 8 + size + size % 2;
    }
    None
}

/// The playing time of an MP3 file in ms, summed over its frames. `None` for other files.
pub(super) fn mp3_length_ms(file: &[u8]) -> Option<u64> {
    let (mut at, mut frames, mut micros) = (tag_bytes(file), 0_u32, 0);
    while let Some((bytes, length_us)) = file.get(at..at + 4).and_then(frame) {
        at += bytes;
        micros += length_us;
        frames += 1;
    }
    // Two frames in a row are no coincidence.
    (frames >= 2).then_some(micros / 1_000)
}

/// The number of bytes of an ID3v2 tag at the start.
fn tag_bytes(file: &[u8]) -> usize {
    match file.get(..10) {
        Some([b'I', b'D', b'3', _, _, _, size @ ..]) => {
            10 + size.iter().fold(0, |sum, seven_bits| (sum << 7) | usize::from(seven_bits & 0x7F))
        }
        _ => 0,
    }
}

/// The bytes and the length in µs of the layer III frame with this head.
fn frame(head: &[u8]) -> Option<(usize, u64)> {
    let &[sync, version, rates, _] = head else { return None };
    if sync != 0xFF || version & 0xE6 != 0xE2 {
        return None;
    }
    let (table, samples, divide) = match version & 0x18 {
        0x18 => (RATES_1, 1_152, 1),
        0x10 => (RATES_2, 576, 2),
        0x00 => (RATES_2, 576, 4),
        _ => return None,
    };
    let rate = table.get(usize::from(rates >> 4)).filter(|rate| **rate > 0)? * 1_000;
    let per_second = SAMPLES.get(usize::from((rates >> 2) & 3))? / divide;
    let bytes = samples / 8 * rate / per_second + u64::from((rates >> 1) & 1);
    Some((usize::try_from(bytes).ok()?, samples * 1_000_000 / per_second))
}

#[cfg(test)]
mod tests {
    use super::{mp3_length_ms, wav_length_ms};

    #[test]
    fn a_wav_file_plays_its_data() {
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0LIST\x01\0\0\0x\0data"
                .to_vec();
        file.extend(32_000_u32.to_le_bytes());
        assert_eq!(wav_length_ms(&file), Some(2_000));
        assert_eq!((wav_length_ms(b"RIFF"), wav_length_ms(&file[..40]), mp3_length_ms(&file)), (None, None, None));
    }

    #[test]
    fn an_mp3_file_plays_its_frames() {
        let mut frame = vec![0xFF, 0xFB, 0x90, 0xC4];
        frame.resize(417, 0);
        // 1,152 samples at 44,100 a second.
        assert_eq!(mp3_length_ms(&frame.repeat(100)), Some(2_612));
        let tagged = [b"ID3\x04\0\0\0\0\x01\x02".as_slice(), &[0; 130], &frame.repeat(100)].concat();
        assert_eq!(mp3_length_ms(&tagged), Some(2_612));
        assert_eq!((mp3_length_ms(&frame), mp3_length_ms(b"RIFF"), wav_length_ms(&frame)), (None, None, None));
    }
}
