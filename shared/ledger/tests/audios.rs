//! Recordings and uploads in the table: which process may claim, end and forget an upload, also when a write is
//! repeated.
use recado_core::{
    audio::{Audio, AudioFormat},
    identity::AudioId,
};
use recado_ledger::{Forgotten, Ledger, UploadEnd, UploadState, embedded_client};
use recado_table::EmbeddedTable;

const NOW_MS: i64 = 1_790_000_000_000;

async fn ledger() -> (EmbeddedTable, Ledger) {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 90 * 86_400_000);
    ledger.create_if_missing().await.unwrap();
    (table, ledger)
}

fn audio(name: &str, content: &[u8]) -> Audio {
    let (id, bytes) = (AudioId::of(content), content.len() as u64);
    Audio { name: name.to_owned(), id, format: AudioFormat::Wav, bytes, length_ms: 1_500, added_ms: NOW_MS }
}

#[tokio::test]
async fn a_name_stands_for_what_was_named_last() {
    let (_table, ledger) = ledger().await;
    let (old, new) = (audio("a b.wav", b"old"), audio("a b.wav", b"new"));
    assert_eq!(ledger.audio("a b.wav").await.unwrap(), None);
    ledger.name_audio(&old).await.unwrap();
    ledger.name_audio(&new).await.unwrap();
    ledger.name_audio(&audio("other.wav", b"old")).await.unwrap();
    assert_eq!(ledger.audio("a b.wav").await.unwrap(), Some(new));
    assert_eq!(ledger.audios().await.unwrap().audios.len(), 2);
}

#[tokio::test]
async fn one_claim_at_a_time_until_it_is_ended_or_over() {
    let (_table, ledger) = ledger().await;
    let audio = audio("a.wav", b"a");
    let claim = async |claim: &str, now_ms: i64| {
        ledger.claim_upload(&audio, claim, now_ms, now_ms + 1_000, false).await.unwrap()
    };
    let state = async || ledger.upload(audio.id).await.unwrap().map(|row| row.state);
    assert!(claim("one", NOW_MS).await);
    assert!(claim("one", NOW_MS).await, "a repeated write is the same claim");
    assert!(!claim("two", NOW_MS + 999).await);
    assert!(claim("two", NOW_MS + 1_000).await, "the first is over");
    let end = async |claim: &str, end| ledger.end_upload(audio.id, claim, &end, NOW_MS).await.unwrap();
    assert!(!end("one", UploadEnd::There(1)).await, "too late");
    assert_eq!(state().await, Some(UploadState::Claimed(NOW_MS + 2_000)));
    assert!(end("two", UploadEnd::There(2)).await);
    assert!(end("two", UploadEnd::There(2)).await, "a repeated write is the same end");
    assert_eq!(state().await, Some(UploadState::There(2)));
    assert!(!claim("three", NOW_MS + 99_000).await, "it is there");
}

#[tokio::test]
async fn what_was_refused_is_claimed_by_a_person_alone() {
    let (_table, ledger) = ledger().await;
    let audio = audio("a.wav", b"a");
    assert!(ledger.claim_upload(&audio, "one", NOW_MS, NOW_MS + 1, false).await.unwrap());
    let refused = UploadEnd::Refused("(422): no".to_owned());
    assert!(ledger.end_upload(audio.id, "one", &refused, NOW_MS).await.unwrap());
    assert!(!ledger.claim_upload(&audio, "two", NOW_MS + 9, NOW_MS + 10, false).await.unwrap());
    assert!(ledger.claim_upload(&audio, "two", NOW_MS + 9, NOW_MS + 10, true).await.unwrap());
}

#[tokio::test]
async fn an_upload_is_forgotten_once_a_while_and_its_use_is_noted() {
    let (_table, ledger) = ledger().await;
    let audio = audio("a.wav", b"a");
    let upload = async |claim: &str, id| {
        assert!(ledger.claim_upload(&audio, claim, NOW_MS, NOW_MS + 1_000, false).await.unwrap());
        assert!(ledger.end_upload(audio.id, claim, &UploadEnd::There(id), NOW_MS).await.unwrap());
    };
    let forget = async |id, now_ms: i64| ledger.forget_upload(audio.id, id, now_ms, now_ms - 1_000).await.unwrap();
    assert_eq!(forget(1, NOW_MS).await, Forgotten::Known, "nobody ever uploaded it");
    upload("one", 1).await;
    assert_eq!(forget(1, NOW_MS).await, Forgotten::Noted);
    assert_eq!(forget(1, NOW_MS).await, Forgotten::Known);
    upload("two", 2).await;
    assert_eq!(forget(2, NOW_MS + 999).await, Forgotten::Again);
    assert_eq!(forget(2, NOW_MS + 1_001).await, Forgotten::Noted);
    upload("three", 3).await;
    ledger.upload_used(audio.id, NOW_MS + 7).await.unwrap();
    let mut row = ledger.upload(audio.id).await.unwrap().unwrap();
    row.forgotten.sort_unstable();
    assert_eq!((row.state, row.used_ms, row.forgotten), (UploadState::There(3), Some(NOW_MS + 7), vec![1, 2]));
}
