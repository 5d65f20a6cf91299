//! The ledger against a real DynamoDB API: what each conditional write allows, once and when repeated.
use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use recado_core::{
    caps::Sent,
    credits::SmsText,
    identity::{BatchId, EventId, MessageId, RuleTag},
    message::{BatchState, Channel, Content, Label, Message, Priority, State},
    phone::Phone,
    reason::Reason,
    settle::Correction,
    transition::{BatchMove, Transition},
    writeback::Shown,
};
use recado_ledger::{
    BatchChange, Budget, CapsRow, Day, Draw, Earlier, EventOutcome, EventRow, Inserted, Kind, Ledger, NewBatch, Pause,
    Prepared, Price, Pushed, Quotas, Refund, Scope, Stored, StoredCallback, StoredFor, Subject, Suppression,
    embedded_client,
};
use recado_table::EmbeddedTable;

const NOW_MS: i64 = 1_790_000_000_000;

async fn ledger() -> (EmbeddedTable, Ledger) {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 90 * 86_400_000);
    assert!(ledger.create_if_missing().await.unwrap());
    assert!(!ledger.create_if_missing().await.unwrap(), "a second creation finds the first");
    (table, ledger)
}

fn message(number: u8) -> Message {
    Message {
        event: "lead.created".to_owned(),
        content: Content::Sms(Some(SmsText::parse("Olá").unwrap())),
        label: Label { title: None, group_id: Some("g".to_owned()) },
        credits: 1,
        due_ms: Some(NOW_MS + 60_000),
        ..Message::new(
            MessageId::from_bytes([number; 16]),
            "welcome",
            &format!("lead-{number}"),
            Channel::Sms,
            NOW_MS,
            NOW_MS + 1000,
        )
    }
    .at(Phone::parse(&format!("119{number:08}")).unwrap())
}

fn claim(message: &Message, batch: BatchId) -> Transition {
    Transition::claim(message, batch, None, NOW_MS + 1)
}

fn batch_id(number: u8) -> BatchId {
    BatchId::from_bytes([number; 16])
}

fn new_batch(number: u8, messages: u64, credits: u64) -> NewBatch {
    NewBatch {
        id: batch_id(number),
        now_ms: NOW_MS,
        due_ms: NOW_MS + 180_000,
        day: "2026-11-21".to_owned(),
        draws: vec![draw(messages, credits, Quotas::NONE)],
        begins: None,
    }
}

fn draw(messages: u64, credits: u64, quotas: Quotas) -> Draw {
    Draw { budget: Budget::Account, amount: Day { messages, credits, requests: 1, requests_fewest: 1 }, quotas }
}

#[tokio::test]
async fn a_message_is_written_once_and_reads_back_whole() {
    let (_table, ledger) = ledger().await;
    let written: Vec<Message> = (0..60).map(message).collect();
    assert!(ledger.insert_messages(&written).await.unwrap().iter().all(|one| *one == Inserted::New));
    assert!(ledger.insert_messages(&written).await.unwrap().iter().all(|one| *one == Inserted::Known));
    let ids: Vec<MessageId> = written.iter().map(|m| m.id).collect();
    let mut read = ledger.messages(&ids).await.unwrap();
    read.sort_by_key(|m| m.id);
    assert_eq!(read.len(), 60);
    let (first, again) = (&written[7], &read[7]);
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    assert_eq!(first.phone(), again.phone());
    assert_eq!(again.content.text().unwrap().expose(), "Olá");
}

#[tokio::test]
async fn a_claim_is_exclusive_and_repeatable() {
    let (_table, ledger) = ledger().await;
    let one = message(1);
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    assert_eq!(ledger.apply(vec![claim(&one, batch_id(1))]).await.unwrap(), [true]);
    assert_eq!(ledger.apply(vec![claim(&one, batch_id(2))]).await.unwrap(), [false], "another's claim");
    assert_eq!(ledger.apply(vec![claim(&one, batch_id(1))]).await.unwrap(), [true], "a repeated write");
    assert_eq!(ledger.message_of(batch_id(1), one.phone().unwrap()).await.unwrap(), Some(one.id));
    assert_eq!(ledger.message_of(batch_id(2), one.phone().unwrap()).await.unwrap(), None);
    let sent = Transition::accept(one.id, batch_id(1), None, NOW_MS + 9, NOW_MS + 2);
    assert_eq!(ledger.apply(vec![sent]).await.unwrap(), [true]);
    assert_eq!(ledger.apply(vec![claim(&one, batch_id(1))]).await.unwrap(), [false], "a late write");
    let unknown = claim(&message(9), batch_id(1));
    assert_eq!(ledger.apply(vec![unknown]).await.unwrap(), [false], "a message that does not exist");
    assert!(ledger.messages(&[MessageId::from_bytes([9; 16])]).await.unwrap().is_empty(), "and is not made by it");
}

#[tokio::test]
async fn due_rows_are_found_by_time_and_gone_once_nothing_is_due() {
    let (_table, ledger) = ledger().await;
    let written: Vec<Message> = (0..20).map(message).collect();
    ledger.insert_messages(&written).await.unwrap();
    assert!(ledger.due(Priority::Normal, NOW_MS, 100).await.unwrap().messages.is_empty());
    assert_eq!(ledger.due(Priority::Normal, NOW_MS + 60_000, 100).await.unwrap().messages.len(), 20);
    assert!(ledger.due(Priority::Normal, NOW_MS + 60_000, 1).await.unwrap().more);
    let expire = written.iter().map(|one| Transition::expire(one, NOW_MS + 5));
    ledger.apply(expire.collect()).await.unwrap();
    assert!(ledger.due(Priority::Normal, i64::MAX / 2, 100).await.unwrap().messages.is_empty());
    assert!(ledger.crm_due(NOW_MS, 100).await.unwrap().is_empty());
    assert_eq!(ledger.crm_due(NOW_MS + 5, 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_quota_is_reserved_with_the_batch_or_not_at_all() {
    let (_table, ledger) = ledger().await;
    let quotas = Quotas { messages_per_day: Some(10), credits_per_day: Some(15) };
    let batch = |number, messages, credits| NewBatch {
        draws: vec![draw(messages, credits, quotas)],
        ..new_batch(number, messages, credits)
    };
    let prepare =
        async |number, messages, credits| ledger.prepare_batch(&batch(number, messages, credits)).await.unwrap();
    assert_eq!(prepare(1, 8, 8).await, Prepared::Done);
    let over = Prepared::OverQuota(vec![Day { messages: 8, credits: 8, requests: 1, requests_fewest: 1 }]);
    assert_eq!(prepare(2, 3, 3).await, over);
    assert!(ledger.batch(batch_id(2)).await.unwrap().is_none(), "no batch without its quota");
    assert_eq!(prepare(3, 2, 8).await, over);
    assert_eq!(prepare(4, 11, 1).await, over);
    assert_eq!(prepare(5, 2, 7).await, Prepared::Done, "exactly full");
    let spent = Day { messages: 10, credits: 15, requests: 2, requests_fewest: 2 };
    assert_eq!(ledger.day("2026-11-21", &Budget::Account).await.unwrap(), spent);
}

#[tokio::test]
async fn a_rules_own_budget_is_drawn_on_beside_the_accounts_all_or_nothing() {
    let (_table, ledger) = ledger().await;
    let rule = Budget::Rule("welcome".to_owned());
    let own = Quotas { messages_per_day: Some(5), credits_per_day: None };
    let batch = |number, messages| NewBatch {
        draws: vec![
            draw(messages, messages, Quotas::NONE),
            Draw { budget: rule.clone(), ..draw(messages, messages, own) },
        ],
        ..new_batch(number, messages, messages)
    };
    assert_eq!(ledger.prepare_batch(&batch(1, 4)).await.unwrap(), Prepared::Done);
    let spent = Day { messages: 4, credits: 4, requests: 1, requests_fewest: 1 };
    assert_eq!(ledger.prepare_batch(&batch(2, 2)).await.unwrap(), Prepared::OverQuota(vec![spent, spent]));
    assert_eq!(ledger.day("2026-11-21", &Budget::Account).await.unwrap(), spent, "the account was not charged");
    assert_eq!(ledger.batch(batch_id(1)).await.unwrap().unwrap().rule.as_deref(), Some("welcome"));
    let refund = Refund { day: "2026-11-21".to_owned(), rule: Some("welcome".to_owned()), amount: spent };
    let release = BatchChange { refund: Some(refund), ..BatchChange::new(batch_id(1), BatchMove::Drop, NOW_MS) };
    assert!(ledger.move_batch(&release, "t").await.unwrap());
    for budget in [Budget::Account, rule] {
        assert_eq!(ledger.day("2026-11-21", &budget).await.unwrap(), Day::default());
    }
}

#[tokio::test]
async fn a_refund_is_made_once() {
    let (_table, ledger) = ledger().await;
    ledger.prepare_batch(&new_batch(1, 5, 6)).await.unwrap();
    let amount = Day { messages: 5, credits: 6, requests: 1, requests_fewest: 1 };
    let release = BatchChange {
        refund: Some(Refund { day: "2026-11-21".to_owned(), rule: None, amount }),
        ..BatchChange::new(batch_id(1), BatchMove::Drop, NOW_MS)
    };
    assert!(ledger.move_batch(&release, "t1").await.unwrap());
    assert!(ledger.move_batch(&release, "t1").await.unwrap(), "the same attempt again is the same transaction");
    assert_eq!(ledger.day("2026-11-21", &Budget::Account).await.unwrap(), Day::default());
    let call = BatchChange::new(batch_id(1), BatchMove::Call, NOW_MS);
    assert!(!ledger.move_batch(&call, "t2").await.unwrap(), "a released batch is not called");
}

#[tokio::test]
async fn recent_messages_are_written_by_one_writer_at_a_time() {
    for subject in [Subject::Lead("lead-1".to_owned()), Subject::Phone(Phone::parse("11999990001").unwrap())] {
        recent_messages_of(subject).await;
    }
}

async fn recent_messages_of(lead: Subject) {
    let (_table, ledger) = ledger().await;
    assert!(ledger.caps(std::slice::from_ref(&lead)).await.unwrap().is_empty());
    let sent = |number| {
        vec![Sent {
            at_ms: NOW_MS,
            id: MessageId::from_bytes([number; 16]),
            rule: RuleTag(u32::from(number) << 24 | 7),
        }]
    };
    let write = async |seen: CapsRow, number| {
        ledger.write_caps(vec![(lead.clone(), seen, sent(number))], NOW_MS).await.unwrap()
    };
    assert_eq!(write(CapsRow::default(), 1).await, [true]);
    assert_eq!(write(CapsRow::default(), 2).await, [false], "somebody was first");
    let seen = ledger.caps(std::slice::from_ref(&lead)).await.unwrap()[&lead].clone();
    assert_eq!(seen.sent, sent(1));
    assert_eq!(write(seen.clone(), 3).await, [true]);
    assert_eq!(write(seen, 4).await, [false]);
    assert_eq!(ledger.caps(std::slice::from_ref(&lead)).await.unwrap()[&lead].sent, sent(3));
}

#[tokio::test]
async fn a_write_is_made_although_the_one_that_it_shares_a_request_with_is_given_up() {
    let (_table, ledger) = ledger().await;
    let [one, other] = [message(1), message(2)];
    let mut first = Box::pin(ledger.insert_messages(std::slice::from_ref(&one)));
    let mut second = Box::pin(ledger.insert_messages(std::slice::from_ref(&other)));
    assert!(futures::poll!(first.as_mut()).is_pending(), "it hands its part in");
    assert!(futures::poll!(second.as_mut()).is_pending());
    // It makes the request for both. The table may have answered already.
    let _ = futures::poll!(first.as_mut());
    drop(first);
    // It is unknown whether the request was made before its task gave up.
    assert_ne!(second.await.unwrap(), [Inserted::Undecided]);
    assert_eq!(ledger.messages(&[other.id]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn once_is_once() {
    let (_table, ledger) = ledger().await;
    assert!(ledger.once("warned", NOW_MS).await.unwrap());
    assert!(!ledger.once("warned", NOW_MS + 1).await.unwrap());
}

#[tokio::test]
async fn a_called_batch_knows_its_members_and_its_campaign() {
    let (_table, ledger) = ledger().await;
    ledger.prepare_batch(&new_batch(1, 2, 2)).await.unwrap();
    let members = vec![MessageId::from_bytes([1; 16]), MessageId::from_bytes([2; 16])];
    let call = BatchChange {
        call: Some((NOW_MS + 9, members.clone())),
        ..BatchChange::new(batch_id(1), BatchMove::Call, NOW_MS)
    };
    assert_eq!(ledger.due(Priority::Normal, NOW_MS + 180_000, 10).await.unwrap().batches, [batch_id(1)]);
    assert!(ledger.move_batch(&call, "t2").await.unwrap());
    assert!(ledger.due(Priority::Normal, i64::MAX / 2, 10).await.unwrap().batches.is_empty());
    let accepted = BatchChange {
        campaign_id: Some("campaign-1".to_owned()),
        ..BatchChange::new(batch_id(1), BatchMove::Accept, NOW_MS)
    };
    assert!(ledger.move_batch(&accepted, "t3").await.unwrap());
    let batch = ledger.batch(batch_id(1)).await.unwrap().unwrap();
    assert_eq!((batch.state, batch.called_ms), (BatchState::Accepted, Some(NOW_MS + 9)));
    assert_eq!(batch.members, members);
    assert_eq!(ledger.batch_of_campaign("campaign-1").await.unwrap(), Some(batch_id(1)));
    assert_eq!(ledger.batch_of_campaign("campaign-2").await.unwrap(), None);
}

#[tokio::test]
async fn one_report_that_the_table_never_takes_spoils_no_other() {
    let (_table, ledger) = ledger().await;
    let mut reports: Vec<StoredCallback> = (0..60).map(|number| report_to(11_900_000_000 + number)).collect();
    // A sort key has at most 1,024 bytes.
    reports[30].status = "x".repeat(2_000);
    let stored = ledger.store_callbacks(&reports).await.unwrap();
    let refused: Vec<usize> = (0..60).filter(|&at| stored[at] == Stored::Refused).collect();
    assert_eq!((refused, stored.iter().filter(|one| **one == Stored::New).count()), (vec![30], 59));
    assert_eq!(ledger.store_callbacks(&reports[30..31]).await.unwrap(), [Stored::Refused], "alone as well");
}

fn report_to(phone: u64) -> StoredCallback {
    StoredCallback {
        about: StoredFor::Batch(batch_id(1)),
        phone: Phone::parse(&phone.to_string()).unwrap(),
        status: "delivered".to_owned(),
        occurred_at: "2026-02-02T12:00:15.400Z".to_owned(),
        campaign_id: Some("campaign-1".to_owned()),
        credits: Some(1),
        text_digest: None,
        received_ms: NOW_MS,
    }
}

#[tokio::test]
async fn a_callback_is_stored_once_applied_once_and_found_until_then() {
    let (_table, ledger) = ledger().await;
    let callback = report_to(11_987_654_321);
    let same = [callback.clone(), callback.clone()];
    assert_eq!(
        ledger.store_callbacks(&same).await.unwrap(),
        [Stored::New, Stored::Known],
        "twice in one group is once"
    );
    assert_eq!(
        ledger.store_callbacks(&same).await.unwrap(),
        [Stored::New, Stored::Known],
        "not applied yet: a second chance"
    );
    let due = ledger.due(Priority::Normal, NOW_MS + 60_000, 10).await.unwrap();
    assert_eq!((due.messages.len(), due.callbacks.len()), (0, 1));
    let read = ledger.callbacks(&due.callbacks).await.unwrap().remove(0);
    assert_eq!((read.about, read.phone, read.credits), (callback.about.clone(), callback.phone, Some(1)));
    ledger.callbacks_later(&[&callback], NOW_MS + 120_000).await.unwrap();
    assert!(ledger.due(Priority::Normal, NOW_MS + 60_000, 10).await.unwrap().callbacks.is_empty());
    ledger.callbacks_applied(&[&callback]).await.unwrap();
    assert!(ledger.due(Priority::Normal, i64::MAX / 2, 10).await.unwrap().callbacks.is_empty());
    assert_eq!(
        ledger.store_callbacks(&same).await.unwrap(),
        [Stored::Known, Stored::Known],
        "applied: a repetition is nothing new"
    );
    let other = StoredCallback { phone: Phone::parse("11912345678").unwrap(), ..callback.clone() };
    assert_eq!(ledger.store_callbacks(std::slice::from_ref(&other)).await.unwrap(), [Stored::New]);
    let all = ledger.reported(&callback.about, None).await.unwrap();
    assert_eq!(all, HashSet::from([callback.phone, other.phone]));
    let one = ledger.reported(&callback.about, Some(callback.phone)).await.unwrap();
    assert_eq!(one, HashSet::from([callback.phone]));
    let elsewhere = StoredFor::Batch(batch_id(2));
    assert!(ledger.reported(&elsewhere, None).await.unwrap().is_empty());
    assert_eq!(ledger.message_of(batch_id(1), callback.phone).await.unwrap(), None, "no message by its row");
}

#[tokio::test]
async fn what_the_crm_knows_is_recorded_under_its_own_guards() {
    let (_table, ledger) = ledger().await;
    let one = message(1);
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    let posting = Transition::posting(one.id, NOW_MS);
    assert_eq!(ledger.apply(vec![posting.clone()]).await.unwrap(), [true]);
    assert_eq!(ledger.apply(vec![posting]).await.unwrap(), [false], "one post at a time");
    let done = Transition::of_crm(one.id).activity("activity-1", State::Accepted).done_in(State::Accepted);
    assert_eq!(ledger.apply(vec![done]).await.unwrap(), [false], "the state has moved on: not done");
    let shown = Transition::of_crm(one.id).activity("activity-1", State::Accepted).lead(State::Accepted);
    assert_eq!(ledger.apply(vec![shown]).await.unwrap(), [true]);
    let crm = ledger.messages(&[one.id]).await.unwrap()[0].crm.clone();
    assert_eq!(crm.activity_id.as_deref(), Some("activity-1"));
    assert_eq!((crm.activity_state, crm.lead_state), (Some(State::Accepted), Some(State::Accepted)));
    assert_eq!(crm.posted_ms, None);
}

#[tokio::test]
async fn events_are_kept_once_and_settings_overwritten() {
    let (_table, ledger) = ledger().await;
    let row = EventRow {
        id: EventId::from_bytes([3; 16]),
        kind: "lead.created".to_owned(),
        lead_id: None,
        outcome: EventOutcome::NotUnderstood,
        why: "the body ends too soon".to_owned(),
        received_ms: NOW_MS,
    };
    let later = EventRow { why: "it came again".to_owned(), ..row.clone() };
    ledger.keep_events(&[row.clone(), later.clone()]).await.unwrap();
    ledger.keep_events(&[later]).await.unwrap();
    assert_eq!(ledger.events().await.unwrap(), std::slice::from_ref(&row));
    let others = (10..70).map(|number| EventRow {
        id: EventId::from_bytes([number; 16]),
        outcome: if number < 60 { EventOutcome::NotUnderstood } else { EventOutcome::Ignored },
        received_ms: NOW_MS + i64::from(number),
        ..row.clone()
    });
    ledger.keep_events(&others.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(ledger.events().await.unwrap().len(), 61);
    let counted = ledger.not_understood(NOW_MS + 20).await.unwrap();
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), [(row.why, 40)]);
    assert_eq!(ledger.setting("activity_code").await.unwrap(), None);
    ledger.set_setting("activity_code", "206").await.unwrap();
    ledger.set_setting("activity_code", "207").await.unwrap();
    assert_eq!(ledger.setting("activity_code").await.unwrap().as_deref(), Some("207"));
    // Of several writers, the first one sets the value for all.
    let values = ["a", "b", "c"].map(|value| ledger.first_setting("key", value));
    let held = futures::future::try_join_all(values).await.unwrap();
    assert!(held.iter().all(|value| *value == held[0]), "{held:?}");
    assert_eq!(ledger.setting("key").await.unwrap().as_ref(), held.first());
    assert!(!ledger.change_setting("key", Some("other"), "d").await.unwrap());
    assert!(!ledger.change_setting("key", None, "d").await.unwrap());
    assert!(ledger.change_setting("key", Some(&held[0]), "d").await.unwrap());
    assert_eq!(ledger.setting("key").await.unwrap().as_deref(), Some("d"));
}

#[tokio::test]
async fn what_waits_is_found_by_its_priority_alone() {
    let (_table, ledger) = ledger().await;
    let written: Vec<Message> = [Priority::Urgent, Priority::Normal, Priority::Low]
        .into_iter()
        .zip(1..)
        .map(|(priority, number)| Message { priority, ..message(number) })
        .collect();
    ledger.insert_messages(&written).await.unwrap();
    for message in &written {
        let due = ledger.due(message.priority, NOW_MS + 60_000, 100).await.unwrap();
        assert_eq!(due.messages, [message.id], "{:?}", message.priority);
    }
    let [urgent, ..] = written.as_slice() else { panic!() };
    let batch = batch_id(1);
    assert_eq!(ledger.apply(vec![claim(urgent, batch)]).await.unwrap(), [true]);
    let back = Transition::give_back(urgent, batch, NOW_MS + 5, Some(Reason::RateUsedUp), NOW_MS);
    let back = back.in_part("b0".to_owned()).after_attempts(3);
    assert_eq!(ledger.apply(vec![back]).await.unwrap(), [true]);
    assert_eq!(ledger.due(Priority::Urgent, NOW_MS + 5, 100).await.unwrap().messages, [urgent.id]);
    let read = ledger.messages(&[urgent.id]).await.unwrap().remove(0);
    assert_eq!((read.priority, read.attempts, read.part.as_deref()), (Priority::Urgent, 3, Some("b0")));
}

#[tokio::test]
async fn a_batchs_move_whose_answer_was_lost_is_known_when_it_is_repeated() {
    let (_table, ledger) = ledger().await;
    assert_eq!(ledger.prepare_batch(&new_batch(1, 1, 1)).await.unwrap(), Prepared::Done);
    let call = BatchChange::new(batch_id(1), BatchMove::Call, NOW_MS);
    assert!(ledger.move_batch(&call, "mine").await.unwrap());
    assert!(ledger.move_batch(&call, "mine").await.unwrap(), "the same write again");
    assert!(!ledger.move_batch(&call, "another's").await.unwrap());
    let accepted = BatchChange::new(batch_id(1), BatchMove::Accept, NOW_MS);
    assert!(ledger.move_batch(&accepted, "theirs").await.unwrap());
    assert!(!ledger.move_batch(&call, "mine").await.unwrap(), "somebody has moved it since");
}

#[tokio::test]
async fn each_pushed_configuration_is_a_version_and_the_last_is_in_force() {
    let (_table, ledger) = ledger().await;
    assert_eq!(ledger.config_version().await.unwrap(), None);
    assert_eq!(ledger.config(1).await.unwrap(), None);
    assert_eq!(ledger.push_config("version: 1\n", "ana", NOW_MS).await.unwrap(), Pushed::Version(1));
    assert_eq!(ledger.push_config("version: 1\n", "rui", NOW_MS + 1).await.unwrap(), Pushed::Already(1));
    let at_once = tokio::join!(
        ledger.push_config("a", "ana", NOW_MS + 2),
        ledger.push_config("b", "rui", NOW_MS + 2),
        ledger.push_config("c", "eva", NOW_MS + 2)
    );
    let pushed = [at_once.0.unwrap(), at_once.1.unwrap(), at_once.2.unwrap()];
    let taken =
        pushed.iter().filter_map(|pushed| if let Pushed::Version(number) = pushed { Some(*number) } else { None });
    let in_force = ledger.config_version().await.unwrap();
    assert_eq!(taken.max(), in_force, "who was told that it is in force was told the truth: {pushed:?}");
    assert_eq!(ledger.config(1).await.unwrap().unwrap().text, "version: 1\n", "a version is never changed");
    assert!(in_force > Some(1), "one of those that came at once won: {pushed:?}");
    let large = "#".repeat(400_000);
    assert!(matches!(ledger.push_config(&large, "ana", NOW_MS).await.unwrap(), Pushed::TooLarge(_)));
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends_or_is_given_back() {
    let (_table, ledger) = ledger().await;
    let lease = async |holder, now_ms, until_ms| ledger.lease("write-back", holder, now_ms, until_ms).await.unwrap();
    assert_eq!(lease("a", NOW_MS, NOW_MS + 100).await, None);
    assert_eq!(lease("b", NOW_MS + 50, NOW_MS + 150).await, Some(NOW_MS + 100), "it is told when to come back");
    assert_eq!(lease("a", NOW_MS + 60, NOW_MS + 160).await, None, "renewed");
    assert_eq!(lease("b", NOW_MS + 159, NOW_MS + 259).await, Some(NOW_MS + 160));
    assert_eq!(lease("b", NOW_MS + 160, NOW_MS + 260).await, None, "its holder died");
    ledger.end_lease("write-back", "a").await.unwrap();
    assert_eq!(lease("a", NOW_MS + 170, NOW_MS + 270).await, Some(NOW_MS + 260), "only its holder gives it back");
    ledger.end_lease("write-back", "b").await.unwrap();
    assert_eq!(lease("a", NOW_MS + 171, NOW_MS + 271).await, None);
}

#[tokio::test]
async fn what_leads_show_is_kept_for_a_day_and_in_what_order_it_came_for_longer() {
    let (_table, ledger) = ledger().await;
    let shown = |number: u8, state: &str| Shown {
        by: message(number).id,
        changed_ms: NOW_MS - 5,
        values: BTreeMap::from([("mx_S".to_owned(), state.to_owned())]),
    };
    let all: BTreeMap<String, Shown> =
        (0..60_u8).map(|number| (format!("lead-{number}"), shown(number, "delivered"))).collect();
    ledger.keep_shown(&all, NOW_MS).await.unwrap();
    let leads: Vec<&str> = all.keys().map(String::as_str).chain(["nobody"]).collect();
    assert_eq!(ledger.shown(&leads, NOW_MS + 1).await.unwrap(), all);
    let late = ledger.shown(&["lead-7"], NOW_MS + 24 * 3_600_000).await.unwrap();
    assert_eq!((late["lead-7"].values.len(), late["lead-7"].by), (0, message(7).id), "people edit fields by hand");
    let open = BTreeMap::from([("lead-7".to_owned(), Shown { values: BTreeMap::new(), ..shown(8, "") })]);
    ledger.keep_shown(&open, NOW_MS + 2).await.unwrap();
    assert_eq!(ledger.shown(&["lead-7"], NOW_MS + 3).await.unwrap(), open);
}

#[tokio::test]
async fn a_message_is_amended_only_as_it_was_read() {
    let (_table, ledger) = ledger().await;
    let one = message(1);
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    ledger.apply(vec![claim(&one, batch_id(1))]).await.unwrap();
    let read = ledger.messages(&[one.id]).await.unwrap().remove(0);
    let stale = Transition::skip(&one, Reason::Cancelled, NOW_MS + 5);
    assert_eq!(ledger.apply(vec![stale]).await.unwrap(), [false], "it has been claimed since");
    let lost = Transition::lose(one.id, batch_id(1), Reason::Died, NOW_MS + 4, NOW_MS + 4);
    assert_eq!(ledger.apply(vec![lost]).await.unwrap(), [true]);
    let read = ledger.messages(&[read.id]).await.unwrap().remove(0);
    let silent = Transition::not_reported(&read, NOW_MS + 5);
    assert_eq!(ledger.apply(vec![silent.clone()]).await.unwrap(), [true]);
    assert_eq!(ledger.apply(vec![silent]).await.unwrap(), [false], "marked once, and so counted once");
    assert_eq!(ledger.apply(vec![Transition::resend(&read, NOW_MS + 7)]).await.unwrap(), [true]);
    let read = ledger.messages(&[one.id]).await.unwrap().remove(0);
    assert_eq!((read.state, read.batch, read.due_ms), (State::Pending, None, Some(NOW_MS + 7)));
    assert_eq!((read.history.earlier.as_slice(), read.history.no_callback_ms), (&[batch_id(1)][..], None));
}

#[tokio::test]
async fn a_reason_is_stored_as_a_code_beside_its_words_and_an_earlier_versions_words_are_read() {
    let (_table, ledger) = ledger().await;
    let quota = Reason::OverQuota { fit: 3, all: 5 };
    let one = Message { state: State::Held, why: Some(quota.clone()), ..message(1) };
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    assert_eq!(ledger.messages(&[one.id]).await.unwrap()[0].why, Some(quota));
    for (words, is) in [
        ("cancelled by an operator", Reason::Cancelled),
        ("paused: everything", Reason::Paused { what: "everything".to_owned(), by: None, why: None }),
        ("3 of 5 fit", Reason::Earlier { words: "3 of 5 fit".to_owned() }),
    ] {
        let key = AttributeValue::S(format!("M#{}", one.id));
        let text = AttributeValue::S(words.to_owned());
        ledger
            .client()
            .update_item()
            .table_name("recado")
            .key("pk", key)
            .key("sk", AttributeValue::S("M".to_owned()))
            .update_expression("SET why = :words REMOVE reason")
            .expression_attribute_values(":words", text)
            .send()
            .await
            .unwrap();
        assert_eq!(ledger.messages(&[one.id]).await.unwrap()[0].why, Some(is), "{words}");
    }
    let read = ledger.messages(&[one.id]).await.unwrap().remove(0);
    let ended = Transition::skip(&read, Reason::Cancelled, NOW_MS + 1);
    assert_eq!(ledger.apply(vec![ended]).await.unwrap(), [true]);
    let read = ledger.messages(&[one.id]).await.unwrap().remove(0);
    assert_eq!((read.state, &read.why), (State::Skipped, &Some(Reason::Cancelled)));
    let again = Transition::retry(&read, NOW_MS + 2).because(None);
    assert_eq!(ledger.apply(vec![again]).await.unwrap(), [true]);
    assert_eq!(ledger.messages(&[one.id]).await.unwrap()[0].why, None, "code and words go together");
}

#[tokio::test]
async fn a_price_corrects_the_books_once_however_often_it_is_told() {
    let (_table, ledger) = ledger().await;
    let one = message(1);
    ledger.insert_messages(std::slice::from_ref(&one)).await.unwrap();
    ledger.prepare_batch(&new_batch(1, 1, 3)).await.unwrap();
    ledger.apply(vec![claim(&one, batch_id(1))]).await.unwrap();
    let correction = Correction { credits: -1, messages: 0 };
    let price = Price { id: one.id, earlier: None, was: None, is: 2, correction };
    let day = "2026-11-21";
    for (token, done) in [("a", true), ("a", true), ("b", false)] {
        assert_eq!(ledger.correct(batch_id(1), day, None, std::slice::from_ref(&price), token).await.unwrap(), done);
        assert_eq!(ledger.day(day, &Budget::Account).await.unwrap().credits, 2);
    }
    assert_eq!(ledger.messages(&[one.id]).await.unwrap()[0].history.charged, Some(2));
    // The price of an earlier attempt is kept beside its batch.
    let phone = one.phone().unwrap();
    ledger.note_attempts(vec![(batch_id(1), phone, Earlier { id: one.id, charged: Some(2) })], NOW_MS).await.unwrap();
    let late = Price {
        earlier: Some(phone),
        was: Some(2),
        is: 3,
        correction: Correction { credits: 1, messages: 0 },
        ..price
    };
    assert!(ledger.correct(batch_id(1), day, None, &[late], "c").await.unwrap());
    assert_eq!(ledger.day(day, &Budget::Account).await.unwrap().credits, 3);
    let earlier = ledger.earlier_of(batch_id(1), phone).await.unwrap().unwrap();
    assert_eq!((earlier.id, earlier.charged), (one.id, Some(3)));
}

#[tokio::test]
async fn suppressions_are_by_phone_and_by_lead_and_by_kind() {
    let (_table, ledger) = ledger().await;
    let messages: Vec<Message> = (0..4).map(message).collect();
    let row = |subject: Subject, kind| Suppression { subject, kind, since_ms: NOW_MS, source: "test".to_owned() };
    let phone = Subject::Phone(messages[0].phone().unwrap());
    let lead = Subject::Lead("LEAD-1".to_owned());
    let rows = [
        row(phone.clone(), Kind::Sms),
        row(phone.clone(), Kind::Voice),
        row(phone.clone(), Kind::Sms),
        row(lead.clone(), Kind::Sms),
        row(Subject::Lead("lead-2".to_owned()), Kind::Voice),
    ];
    assert_eq!(ledger.suppress(&rows).await.unwrap(), 4);
    assert_eq!(ledger.suppress(&rows).await.unwrap(), 0);
    let mut found: Vec<usize> = ledger.suppressed(&messages).await.unwrap().into_keys().collect();
    found.sort_unstable();
    assert_eq!(found, [0, 1], "calls alone are kept from the third");
    assert_eq!(ledger.suppressions(None).await.unwrap().len(), 4);
    assert_eq!(ledger.unsuppress(&lead, &Kind::ALL).await.unwrap(), 1);
    assert_eq!(ledger.unsuppress(&phone, &[Kind::Sms]).await.unwrap(), 1);
    assert!(ledger.suppressed(&messages).await.unwrap().is_empty());
    assert_eq!(ledger.suppressions(Some(&phone)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pause_stands_until_it_is_ended() {
    let (_table, ledger) = ledger().await;
    let pause = |scope, since_ms| Pause { scope, since_ms, by: Some("ana".to_owned()), why: None };
    let (all, sms) = (pause(Scope::All, 1), pause(Scope::Channel(Channel::Sms), 2));
    assert_eq!(ledger.pause(&all).await.unwrap(), None);
    assert_eq!(ledger.pause(&pause(Scope::All, 9)).await.unwrap(), Some(all.clone()), "the first one stays");
    assert_eq!(ledger.pause(&sms).await.unwrap(), None);
    assert_eq!(ledger.pauses().await.unwrap(), [all, sms]);
    assert!(ledger.resume(&Scope::All).await.unwrap());
    assert!(!ledger.resume(&Scope::All).await.unwrap());
    assert_eq!(ledger.pauses().await.unwrap().len(), 1);
}
