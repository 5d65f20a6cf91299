//! The audit trail against a real DynamoDB API.

use recado_core::{
    audit::{About, Act, Entry, PersonMark, Words},
    identity::{BatchId, MessageId},
};
use recado_ledger::{Ledger, embedded_client};
use recado_table::EmbeddedTable;

/// 2026-01-01 00:00:00 UTC.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

fn entry(at_ms: i64, act: Act) -> Entry {
    Entry { at_ms, by: Words::new("ana"), act, about: About::default() }
}

fn unique(number: u8) -> BatchId {
    BatchId::from_bytes([number; 16])
}

#[tokio::test]
async fn entries_are_listed_newest_first_over_months_and_never_overwritten() {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 90 * DAY_MS as u64);
    ledger.create_if_missing().await.unwrap();
    let whole = Entry {
        about: About::scope("rule welcome")
            .of_count(21)
            .of_version(7)
            .of_messages((0..30).map(|number| MessageId::from_bytes([number; 16])))
            .of_people(vec![PersonMark::of(&[1, 2]), PersonMark::of(&[3])]),
        ..entry(NEW_YEAR_MS - 70 * DAY_MS, Act::Retry)
    };
    let all = [
        whole.clone(),
        entry(NEW_YEAR_MS - 1, Act::Pause),
        entry(NEW_YEAR_MS, Act::Resume),
        entry(NEW_YEAR_MS + DAY_MS, Act::Apply),
    ];
    for (number, one) in (0..).zip(&all) {
        ledger.record(one, unique(number)).await.unwrap();
    }
    let list = async |since_ms, until_ms, most| ledger.audit(since_ms, until_ms, most).await.unwrap();
    let newest_first: Vec<Entry> = all.iter().rev().cloned().collect();
    assert_eq!(list(0, NEW_YEAR_MS + 2 * DAY_MS, 10).await, newest_first);
    assert_eq!(whole.about.ids.len(), 20);
    assert_eq!(list(0, NEW_YEAR_MS + 2 * DAY_MS, 2).await, newest_first[..2]);
    // Both ends count.
    assert_eq!(list(NEW_YEAR_MS - 1, NEW_YEAR_MS, 10).await, newest_first[1..3]);
    assert_eq!(list(NEW_YEAR_MS + 1, NEW_YEAR_MS + 2, 10).await, []);
    // A second write under the same number is the first one's repetition, and changes nothing.
    ledger.record(&entry(NEW_YEAR_MS, Act::Cancel), unique(2)).await.unwrap();
    assert_eq!(list(NEW_YEAR_MS, NEW_YEAR_MS, 10).await, [all[2].clone()]);
    // Two acts of one instant are two rows.
    ledger.record(&entry(NEW_YEAR_MS, Act::Cancel), unique(9)).await.unwrap();
    assert_eq!(list(NEW_YEAR_MS, NEW_YEAR_MS, 10).await.len(), 2);
}
