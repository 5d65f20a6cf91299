//! Every transition against a real DynamoDB API: the table and the memory come to the same row.

use recado_core::{
    block::{Block, Places},
    config::Tell,
    credits::SmsText,
    identity::{BatchId, MessageId, RunId},
    message::{Channel, Content, Crm, History, Message, Priority, Recipients, State},
    phone::Phone,
    reason::Reason,
    transition::{Move, Transition},
};
use recado_ledger::{Ledger, embedded_client};
use recado_table::EmbeddedTable;

const NOW_MS: i64 = 1_790_000_000_000;
fn batch(number: u8) -> BatchId {
    BatchId::from_bytes([number; 16])
}

/// A message in `state`, in a batch or in none, with as much of everything as it can have.
fn message(number: u8, state: State, of: Option<BatchId>) -> Message {
    let id = MessageId::from_bytes([number; 16]);
    Message {
        event: "lead.created".to_owned(),
        content: Content::Sms(Some(SmsText::parse("Olá").unwrap())),
        credits: 1,
        state,
        why: Some(Reason::RateUsedUp),
        priority: if number.is_multiple_of(2) { Priority::Urgent } else { Priority::Normal },
        due_ms: Some(NOW_MS + 60_000),
        batch: of,
        campaign_id: of.map(|_| "campaign".to_owned()),
        history: History { charged: of.map(|_| 2), ..History::default() },
        crm: Crm { due_ms: Some(NOW_MS + 7), ..Crm::default() },
        ..Message::new(id, "welcome", "lead", Channel::Sms, NOW_MS, NOW_MS + 90_000)
    }
    .at(Phone::parse(&format!("119{number:08}")).unwrap())
}

/// All transitions of a message, with the move that each makes.
fn transitions(read: &Message) -> Vec<(Option<Move>, Transition)> {
    let (id, own, now_ms) = (read.id, batch(1), NOW_MS + 9);
    let (why, wait_ms) = (Reason::NoPermit, NOW_MS + 50_000);
    vec![
        (Some(Move::Claim), Transition::claim(read, own, Some(3), now_ms)),
        (Some(Move::Hold), Transition::hold(read, NOW_MS + 80_000, why.clone(), now_ms)),
        (Some(Move::Hold), Transition::hold(read, NOW_MS + 200_000, why.clone(), now_ms).over()),
        (Some(Move::Expire), Transition::expire(read, now_ms)),
        (Some(Move::Skip), Transition::skip(read, Reason::Cancelled, now_ms)),
        (Some(Move::RefuseAlike), Transition::refuse_alike(read, why.clone(), now_ms)),
        (Some(Move::GiveBack), Transition::give_back(read, own, wait_ms, None, now_ms)),
        (
            Some(Move::GiveBack),
            Transition::give_back(read, own, wait_ms, Some(why.clone()), now_ms)
                .in_part("b0".to_owned())
                .after_attempts(4),
        ),
        (Some(Move::Accept), Transition::accept(id, own, None, wait_ms, now_ms)),
        (Some(Move::Accept), Transition::accept(id, own, Some("other".to_owned()), wait_ms, now_ms)),
        (Some(Move::Refuse), Transition::refuse(id, own, why.clone(), now_ms)),
        (Some(Move::Lose), Transition::lose(id, own, why.clone(), wait_ms, now_ms)),
        (Some(Move::Report), Transition::report(read, own, State::Delivered, Some("c"), now_ms).over().tell(now_ms)),
        (Some(Move::Report), Transition::report(read, own, State::Undelivered, None, now_ms).wait(read, wait_ms)),
        (Some(Move::Resend), Transition::resend(read, now_ms)),
        (Some(Move::Retry), Transition::retry(read, now_ms)),
        (None, Transition::release(read, now_ms)),
        (None, Transition::look_again(read, wait_ms)),
        (None, Transition::nothing_due(read)),
        (None, Transition::forget(read)),
        (None, Transition::reported(read)),
        (None, Transition::not_reported(read, now_ms).because(Some(why)).tell_again(now_ms)),
        (None, Transition::posting(id, now_ms)),
        (
            None,
            Transition::of_crm(id).activity("activity", read.state).lead(read.state).told(now_ms).done_in(read.state),
        ),
        (None, Transition::of_crm(id).found("activity").later(2, wait_ms)),
        (None, Transition::of_crm(id).parked("no such lead")),
        (None, Transition::of_crm(id).lead(read.state).without_part("no such field").while_in(State::Accepted)),
    ]
}

async fn ledger() -> (EmbeddedTable, Ledger) {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 90 * 86_400_000);
    ledger.create_if_missing().await.unwrap();
    (table, ledger)
}

async fn read(ledger: &Ledger, id: MessageId) -> Message {
    ledger.messages(&[id]).await.unwrap().remove(0)
}

#[tokio::test]
async fn the_table_and_the_memory_come_to_the_same_row() {
    let (_table, ledger) = ledger().await;
    let kinds = transitions(&message(0, State::Pending, None)).len();
    let (mut number, mut made) = (0_u128, vec![0; kinds]);
    for state in State::ALL {
        for of in [None, Some(batch(1)), Some(batch(2))] {
            for (kind, made) in made.iter_mut().enumerate() {
                number += 1;
                let mut in_memory = message(u8::try_from(number % 250).unwrap(), state, of);
                in_memory.id = MessageId::from_bytes(number.to_be_bytes());
                ledger.insert_messages(std::slice::from_ref(&in_memory)).await.unwrap();
                // As the table has it: an insertion stores no history.
                in_memory = read(&ledger, in_memory.id).await;
                let (what, transition) = transitions(&in_memory).remove(kind);
                let context = format!("{state} {of:?} {what:?} {transition:?}");
                let expected = transition.apply(&mut in_memory);
                assert_eq!(ledger.apply(vec![transition.clone()]).await.unwrap(), [expected], "{context}");
                let in_table = read(&ledger, in_memory.id).await;
                assert_eq!(format!("{in_table:?}"), format!("{in_memory:?}"), "{context}");
                if expected {
                    *made += 1;
                }
                if let (Some(what), true) = (what, expected) {
                    assert!(what.from().contains(&state) || what == Move::Claim, "{context}");
                    assert!(what.to().contains(&in_table.state), "{context}");
                }
            }
        }
    }
    assert!(made.iter().all(|made| *made > 0), "each can be made from some state: {made:?}");
}

#[tokio::test]
async fn a_repeated_claim_is_the_same_claim_and_a_block_that_changed_is_not_claimed() {
    let (_table, ledger) = ledger().await;
    let one = message(1, State::Pending, None);
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    let claim = Transition::claim(&one, batch(1), None, NOW_MS);
    let mut in_memory = one.clone();
    for _ in 0..2 {
        assert!(claim.apply(&mut in_memory));
        assert_eq!(ledger.apply(vec![claim.clone()]).await.unwrap(), [true]);
    }
    assert!(!Transition::claim(&one, batch(2), None, NOW_MS).apply(&mut in_memory));

    let block = Block {
        run: RunId::from_bytes([3; 16]),
        page: 0,
        from: 0,
        to: 2,
        gone: Places::default(),
        leaving: Vec::new(),
        tell: Tell::All,
        version: 1,
    };
    let mut block = Message { to: Recipients::Many(block), ..message(2, State::Pending, None) };
    ledger.insert_messages(std::slice::from_ref(&block)).await.unwrap();
    let mut older = block.clone();
    let Recipients::Many(read) = &mut older.to else { panic!() };
    read.version = 0;
    for (read, expected) in [(older, false), (block.clone(), true)] {
        let claim = Transition::claim(&read, batch(1), None, NOW_MS);
        assert_eq!(claim.apply(&mut block), expected);
        assert_eq!(ledger.apply(vec![claim]).await.unwrap(), [expected]);
    }
}
