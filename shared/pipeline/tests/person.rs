//! Everything that is kept of one person, where no public command can bring the rows about.

use recado_core::{
    identity::{BatchId, MessageId},
    message::{Channel, Message, State},
    phone::{Phone, PhoneRules},
    subject::Subject,
};
use recado_ledger::{Ledger, Stored, StoredCallback, StoredFor, embedded_client};
use recado_pipeline::person::{Person, search};
use recado_table::EmbeddedTable;

const NOW_MS: i64 = 1_795_435_200_000;

/// A lead had two phones, and one batch carried a message to each. LigueLead reported both in the same second.
#[tokio::test]
async fn a_lead_with_two_phones_in_one_batch_has_the_reports_of_both() {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 90 * 86_400_000);
    ledger.create_if_missing().await.unwrap();
    let (batch, lead) = (BatchId::from_bytes([7; 16]), "6f1c2a3b-0000-0000-0000-000000000001");
    let phones = ["11987654321", "11987654322"].map(|phone| Phone::parse(phone).unwrap());
    let messages = phones.map(|phone| {
        let id = MessageId::from_bytes(if phone == phones[0] { [1; 16] } else { [2; 16] });
        let message = Message::new(id, "r", lead, Channel::Sms, NOW_MS, NOW_MS + 3_600_000).at(phone);
        Message { state: State::Delivered, batch: Some(batch), ..message }
    });
    ledger.insert_messages(&messages).await.unwrap();
    let reports = phones.map(|phone| StoredCallback {
        about: StoredFor::Batch(batch),
        phone,
        status: "delivered".to_owned(),
        occurred_at: "2026-11-23T12:00:00.000Z".to_owned(),
        campaign_id: None,
        credits: None,
        text_digest: None,
        received_ms: NOW_MS,
    });
    assert_eq!(ledger.store_callbacks(&reports).await.unwrap(), [Stored::New, Stored::New]);

    let named = Subject::Lead(lead.to_owned());
    let person = Person { named, rules: PhoneRules::default(), marks: Vec::new() };
    let held = search(&ledger, &person, NOW_MS).await.unwrap();
    assert_eq!(held.messages.len(), 2);
    assert_eq!(held.reports.iter().map(|report| report.phone).collect::<Vec<_>>(), phones);
}
