use super::*;

/// A WAV file of silence: 8 kHz, mono, 16 bits.
fn wav(ms: u32) -> Vec<u8> {
    let data = ms * 16;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(data.to_le_bytes());
    file.resize(44 + data as usize, 0);
    file
}

/// MPEG-1 at 44.1 kHz, in frames of 1,152 samples. At this rate a frame has 417 bytes in layer III (0xFB), and 522 in
/// layer II (0xFD).
fn mpeg(second_byte: u8, frames: usize) -> Vec<u8> {
    let mut frame = vec![0xFF, second_byte, 0x90, 0xC4];
    frame.resize(if second_byte == 0xFB { 417 } else { 522 }, 0);
    frame.repeat(frames)
}

#[test]
fn wav_and_mp3_are_known_by_content_and_measured() {
    assert_eq!(inspect(&wav(12_500)), Ok(Content { format: AudioFormat::Wav, length_ms: 12_500 }));
    let mp3 = inspect(&mpeg(0xFB, 1_200)).unwrap();
    // 1,200 frames of 26.12 ms are 31.35 s. Without a header with the number of frames, the length comes from the rate.
    assert_eq!(mp3.format, AudioFormat::Mp3);
    assert!((31_200..31_450).contains(&mp3.length_ms), "{}", mp3.length_ms);
    let tagged: Vec<u8> = [b"ID3\x04\0\0\0\0\0\x0a".as_slice(), &[0; 10], &mpeg(0xFB, 400)].concat();
    assert!(matches!(inspect(&tagged), Ok(Content { format: AudioFormat::Mp3, .. })));
}

#[test]
fn other_kinds_are_named() {
    let of = |start: &[u8]| inspect(&[start, &[0; 2_000]].concat()).unwrap_err();
    let kind = |kind| NotARecording::OtherKind(kind);
    assert_eq!(of(b"\0\0\0\x20ftypM4A \0\0\0\0"), kind("M4A (MPEG-4)"));
    assert_eq!(of(&[0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC]), kind("AAC"));
    assert_eq!(of(b"fLaC\0\0\0\x22"), kind("FLAC"));
    assert_eq!(of(b"<!DOCTYPE html><html>"), kind("no audio that is known"));
    assert_eq!(of(b"RIFF\x10\0\0\0AVI LIST"), kind("no audio that is known"));
    assert_eq!(inspect(&mpeg(0xFD, 400)), Err(kind("MPEG audio of layer I or II")));
}

#[test]
fn empty_damaged_silent_and_too_large_files_are_refused() {
    assert_eq!(inspect(b""), Err(NotARecording::Empty));
    assert_eq!(inspect(&wav(500)[..30]), Err(NotARecording::Damaged(AudioFormat::Wav)));
    assert!(inspect(&wav(0)).is_err());
    let bytes = MAX_AUDIO_BYTES + 2;
    let large = wav(u32::try_from((bytes - 44) / 16).unwrap());
    assert!(large.len() <= MAX_AUDIO_BYTES && inspect(&large).is_ok());
    let larger = wav(u32::try_from(bytes / 16 + 1).unwrap());
    assert_eq!(inspect(&larger), Err(NotARecording::TooLarge(larger.len())));
}

#[test]
fn names_are_those_that_rules_can_give() {
    for good in ["a.mp3", "Olá você.WAV", "a.b.wav"] {
        assert!(is_name(good), "{good}");
    }
    let long = format!("{}.mp3", "a".repeat(197));
    for bad in ["a.m4a", ".mp3", "mp3", "x/a.mp3", "x\\a.mp3", "", long.as_str()] {
        assert!(!is_name(bad), "{bad}");
    }
}

#[test]
fn the_line_for_ffmpeg_can_be_pasted() {
    let options = "-ar 16000 -ac 1 -b:a 128k -f mp3";
    assert_eq!(ffmpeg_line("x/a.m4a"), format!("ffmpeg -i x/a.m4a {options} x/a.mp3"));
    assert_eq!(ffmpeg_line("boas vindas.aac"), format!("ffmpeg -i 'boas vindas.aac' {options} 'boas vindas.mp3'"));
    assert_eq!(ffmpeg_line("d'oro.ogg"), format!(r"ffmpeg -i 'd'\''oro.ogg' {options} 'd'\''oro.mp3'"));
    assert_eq!(ffmpeg_line("-i.aac"), format!("ffmpeg -i ./-i.aac {options} ./-i.mp3"));
    assert_eq!(ffmpeg_line("a.mp3"), format!("ffmpeg -i a.mp3 {options} a.new.mp3 && mv a.new.mp3 a.mp3"));
}
