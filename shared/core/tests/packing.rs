//! Packing and recovery: what to do with messages that exist.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use recado_core::{
    call::{Call, Ready},
    credits::SmsText,
    group,
    identity::{AudioId, BatchId, MessageId},
    message::{Batch, BatchState, Channel, Content, History, Label, Message, Priority, Report, State},
    phone::Phone,
    reason::Reason,
    recovery::{Recovery, recover},
    settle::{Again, Correction, again, cancel, correction, heard, is_plausible},
};

const NOW_MS: i64 = 1_795_446_000_000;
const STALE_MS: i64 = 180_000;

pub(crate) fn message(number: u32) -> Message {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    Message {
        event: "lead.created".to_owned(),
        content: sms("oi"),
        credits: 1,
        changed_ms: NOW_MS,
        ..Message::new(
            MessageId::from_bytes(id),
            "r",
            &format!("lead-{number}"),
            Channel::Sms,
            NOW_MS + i64::from(number),
            i64::MAX,
        )
    }
    .at(Phone::parse(&format!("119{number:08}")).unwrap())
}

fn sms(text: &str) -> Content {
    Content::Sms(Some(SmsText::parse(text).unwrap()))
}

/// The members of the requests.
fn into_requests(messages: Vec<Message>, most: usize, has_quota: impl Fn(&str) -> bool) -> Vec<Vec<Message>> {
    group::into_requests(messages, most, has_quota).into_iter().map(|request| request.members).collect()
}

fn sizes(requests: &[Vec<Message>]) -> Vec<usize> {
    requests.iter().map(Vec::len).collect()
}

#[test]
fn one_text_goes_in_chunks_oldest_first() {
    let requests = into_requests((0..25).rev().map(message).collect(), 10, |_| false);
    assert_eq!(sizes(&requests), [10, 10, 5]);
    assert!(requests.concat().is_sorted_by_key(|message| message.created_ms));
}

fn title(title: &str) -> Label {
    Label { title: Some(title.to_owned()), group_id: None }
}

/// A voice call that plays `audio`, redialled until the given minute.
fn call(number: u32, audio: &str, redial_until_ms: i64) -> Message {
    let content = AudioId::of(audio.as_bytes());
    let ready = Some(Ready { content, upload_id: 7, redial_until_ms: Some(redial_until_ms) });
    let call = Call { audio: audio.to_owned(), redials: 1, every_min: 15, ready };
    Message { content: Content::Voice(Some(call)), label: title("Call"), ..message(number) }
}

#[test]
fn calls_of_one_recording_redialled_alike_are_one_request() {
    let calls: Vec<Message> = (0..25).map(|number| call(number, "a.mp3", 60_000)).collect();
    assert_eq!(sizes(&into_requests(calls.clone(), 10, |_| false)), [10, 10, 5]);
    let with = |one: Message| sizes(&into_requests(vec![calls[0].clone(), one], 10, |_| false));
    assert_eq!(with(call(30, "a.mp3", 60_000)), [2]);
    assert_eq!(with(call(30, "b.mp3", 60_000)), [1, 1]);
    assert_eq!(with(call(30, "a.mp3", 120_000)), [1, 1]);
    let mut other = call(30, "a.mp3", 60_000);
    other.content.call_mut().unwrap().redials = 2;
    assert_eq!(with(other.clone()), [1, 1]);
    other = Message { label: title("Another"), ..call(30, "a.mp3", 60_000) };
    assert_eq!(with(other.clone()), [1, 1]);
    other = call(30, "a.mp3", 60_000);
    other.label.group_id = Some("g".to_owned());
    assert_eq!(with(other), [1, 1]);
    assert_eq!(sizes(&into_requests(vec![calls[0].clone(), message(40)], 10, |_| false)), [1, 1]);
    assert_eq!(
        sizes(&into_requests(vec![Message { content: Content::Voice(None), ..calls[0].clone() }], 10, |_| false)),
        Vec::<usize>::new()
    );
}

#[test]
fn ten_thousand_phones_of_one_text_are_one_request() {
    assert_eq!(sizes(&into_requests((0..10_000).map(message).collect(), 10_000, |_| false)), [10_000]);
    assert_eq!(sizes(&into_requests((0..10_001).map(message).collect(), 10_000, |_| false)), [10_000, 1]);
}

#[test]
fn what_a_request_has_once_tells_requests_apart() {
    let mut messages: Vec<Message> = (0..5).map(message).collect();
    messages[1].content = sms("olá");
    messages[2].content = Content::Flash(Some(SmsText::parse("oi").unwrap()));
    messages[3].label.title = Some("t".to_owned());
    messages[4].label.group_id = Some("g".to_owned());
    assert_eq!(sizes(&into_requests(messages, 10_000, |_| false)), [1, 1, 1, 1, 1]);
}

#[test]
fn urgent_ones_go_first_and_alone_and_low_ones_last() {
    let mut messages: Vec<Message> = (0..6).map(message).collect();
    messages[0].priority = Priority::Low;
    messages[4].priority = Priority::Urgent;
    messages[5].priority = Priority::Urgent;
    let requests = into_requests(messages, 10_000, |_| false);
    let shown: Vec<Vec<i64>> =
        requests.iter().map(|request| request.iter().map(|message| message.created_ms - NOW_MS).collect()).collect();
    assert_eq!(shown, [vec![4, 5], vec![1, 2, 3], vec![0]]);
}

#[test]
fn a_part_of_a_refused_request_goes_without_others() {
    let mut messages: Vec<Message> = (0..4).map(message).collect();
    messages[1].part = Some("b0".to_owned());
    messages[2].part = Some("b0".to_owned());
    messages[3].part = Some("b1".to_owned());
    assert_eq!(sizes(&into_requests(messages, 10_000, |_| false)), [1, 2, 1]);
}

#[test]
fn the_fewest_requests_are_counted_by_content_whatever_keeps_messages_apart() {
    let mut messages: Vec<Message> = (0..25).map(message).collect();
    messages[3].priority = Priority::Urgent;
    messages[4].rule = "budgeted".to_owned();
    messages[5].part = Some("b0".to_owned());
    messages[6].content = sms("olá");
    let requests = group::into_requests(messages, 10, |rule| rule == "budgeted");
    // 21 together, 3 apart, and another text. The 24 of one text fit 3 requests, and the other text needs 1.
    assert_eq!(requests.len(), 3 + 3 + 1);
    assert_eq!(requests.iter().filter(|request| request.among_fewest).count(), 3 + 1);
}

#[test]
fn a_rule_with_its_own_budget_has_requests_of_its_own() {
    let mut messages: Vec<Message> = (0..4).map(message).collect();
    messages[3].rule = "budgeted".to_owned();
    let requests = into_requests(messages, 10_000, |rule| rule == "budgeted");
    assert_eq!(sizes(&requests), [3, 1]);
    assert_eq!(requests[1][0].rule, "budgeted");
}

#[test]
fn one_phone_stands_once_in_a_request() {
    let mut messages: Vec<Message> = (0..4).map(message).collect();
    let phone = messages[0].phone().unwrap();
    messages = messages.into_iter().enumerate().map(|(at, one)| if at < 2 { one } else { one.at(phone) }).collect();
    let requests = into_requests(messages, 10_000, |_| false);
    assert_eq!(requests.len(), 3, "as many as the phone has messages");
    assert_eq!(sizes(&requests).iter().sum::<usize>(), 4);
}

proptest! {
    #[test]
    fn packing_loses_nothing_and_wastes_nothing(
        texts in prop::collection::vec((0_u8..4, 0_u32..30), 0..120),
        most in 1_usize..12,
    ) {
        let messages: Vec<Message> = texts.iter().enumerate().map(|(at, (text, phone))| {
            let one = Message { content: sms(&format!("texto {text}")), ..message(u32::try_from(at).unwrap()) };
            one.at(message(*phone).phone().unwrap())
        }).collect();
        let before: BTreeSet<MessageId> = messages.iter().map(|message| message.id).collect();
        let requests = into_requests(messages, most, |_| false);
        let after: Vec<MessageId> = requests.iter().flatten().map(|message| message.id).collect();
        prop_assert_eq!(after.len(), before.len());
        prop_assert_eq!(after.into_iter().collect::<BTreeSet<_>>(), before);
        let mut of_text: BTreeMap<String, Vec<&Vec<Message>>> = BTreeMap::new();
        for request in &requests {
            let text = request[0].content.text().unwrap().expose();
            let phones: BTreeSet<_> = request.iter().map(|message| message.phone()).collect();
            prop_assert!(request.len() <= most && phones.len() == request.len());
            prop_assert!(request.iter().all(|message| message.content.text().unwrap().expose() == text));
            of_text.entry(text.to_owned()).or_default().push(request);
        }
        // As few requests as the size and the most frequent phone allow.
        for requests in of_text.values() {
            let total: usize = requests.iter().map(|request| request.len()).sum();
            let mut repeats: BTreeMap<_, usize> = BTreeMap::new();
            requests.iter().flat_map(|request| request.iter()).for_each(|one| *repeats.entry(one.phone()).or_default() += 1);
            let bound = total.div_ceil(most).max(repeats.values().copied().max().unwrap_or(0));
            prop_assert_eq!(requests.len(), bound);
        }
    }
}

fn batch(state: BatchState, members: &[&Message]) -> Batch {
    Batch {
        id: BatchId::from_bytes([9; 16]),
        state,
        prepared_ms: NOW_MS,
        ended_ms: None,
        called_ms: (state != BatchState::Prepared).then_some(NOW_MS + 1000),
        members: members.iter().map(|message| message.id).collect(),
        campaign_id: None,
        why: None,
        day: "2026-11-23".to_owned(),
        rule: None,
        messages: 1,
        credits: 1,
        requests_fewest: 1,
    }
}

#[test]
fn a_claimed_message_is_recovered_by_how_far_its_sender_came() {
    let claimed = Message { state: State::Sending, ..message(1) };
    let other = message(2);
    let late_ms = NOW_MS + 1000 + STALE_MS;
    let carried = |state, now_ms| recover(&claimed, Some(&batch(state, &[&claimed])), now_ms, STALE_MS);
    assert_eq!(carried(BatchState::Prepared, late_ms), Recovery::Release);
    assert_eq!(carried(BatchState::Prepared, NOW_MS + STALE_MS - 1), Recovery::Wait(NOW_MS + STALE_MS));
    assert_eq!(carried(BatchState::Calling, late_ms), Recovery::Unknown);
    assert_eq!(carried(BatchState::Calling, late_ms - 1), Recovery::Wait(late_ms));
    assert_eq!(carried(BatchState::Accepted, NOW_MS), Recovery::Follow(State::Accepted));
    assert_eq!(carried(BatchState::Refused, NOW_MS), Recovery::Follow(State::Refused));
    assert_eq!(carried(BatchState::Unknown, NOW_MS), Recovery::Follow(State::Unknown));
    assert_eq!(carried(BatchState::Released, NOW_MS), Recovery::GiveBack);
    // A claim whose answer was lost: the request went out without the message, so it was not sent.
    for state in [BatchState::Accepted, BatchState::Unknown, BatchState::Refused, BatchState::Released] {
        assert_eq!(recover(&claimed, Some(&batch(state, &[&other])), late_ms, STALE_MS), Recovery::GiveBack);
    }
    assert_eq!(recover(&claimed, None, late_ms, STALE_MS), Recovery::Unknown);
}

#[test]
fn a_report_never_moves_a_state_back() {
    let all = State::ALL;
    let reports =
        [Report::Sent, Report::Undelivered, Report::Delivered, Report::NoAnswer, Report::Busy, Report::Answered];
    for report in reports {
        for state in all.into_iter().filter(|state| report.moves().contains(state)) {
            assert!(state < report.state(), "{state} to {}", report.state());
        }
        let unclaimed = [State::Pending, State::Held, State::Skipped, State::Expired];
        assert!(unclaimed.iter().all(|state| !report.moves().contains(state)), "nothing was sent there");
        assert!(!report.moves().contains(&State::Delivered), "what arrived has arrived");
        assert!(!report.moves().contains(&State::Answered), "who answered has heard it");
    }
}

fn sent_by(batch: u8, state: State, earlier: &[u8]) -> Message {
    let id = |number: &u8| BatchId::from_bytes([*number; 16]);
    let history = History { earlier: earlier.iter().map(id).collect(), ..History::default() };
    Message { state, batch: (batch > 0).then(|| id(&batch)), history, ..message(1) }
}

#[test]
fn a_report_on_an_earlier_attempt_settles_the_message_and_never_spoils_a_later_one() {
    let (first, second, other) =
        (BatchId::from_bytes([1; 16]), BatchId::from_bytes([2; 16]), BatchId::from_bytes([9; 16]));
    // It waits for another attempt. Any report on the first attempt proves that it was sent, so it is not sent again.
    for report in [Report::Sent, Report::Undelivered, Report::Delivered] {
        for state in [State::Pending, State::Held, State::Expired] {
            assert_eq!(heard(&sent_by(0, state, &[1]), first, report), Some(report.state()), "{state} {report:?}");
            assert_eq!(heard(&sent_by(0, state, &[1]), other, report), None);
            assert_eq!(heard(&sent_by(0, state, &[]), first, report), None, "it was never sent");
        }
    }
    // The second attempt is open: only good news of the first one says anything.
    for state in [State::Sending, State::Unknown, State::Accepted, State::Undelivered] {
        let message = sent_by(2, state, &[1]);
        assert_eq!(heard(&message, first, Report::Delivered), Some(State::Delivered), "{state}");
        assert_eq!(heard(&message, first, Report::Undelivered), None, "{state}");
        assert_eq!(heard(&message, second, Report::Delivered), Some(State::Delivered), "{state}");
    }
    assert_eq!(heard(&sent_by(2, State::Unknown, &[1]), first, Report::Sent), Some(State::Accepted));
    assert_eq!(heard(&sent_by(2, State::Sending, &[1]), first, Report::Sent), None);
    assert_eq!(heard(&sent_by(2, State::Delivered, &[1]), first, Report::Undelivered), None, "no way back");
}

#[test]
fn the_books_are_corrected_to_the_first_price_and_after_it_only_upwards() {
    let by = |credits, messages| Some(Correction { credits, messages });
    assert_eq!(correction(3, None, false, 3), None);
    assert_eq!(correction(3, None, false, 2), by(-1, 0));
    assert_eq!(correction(3, Some(2), false, 2), None, "told again");
    assert_eq!(correction(3, Some(2), false, 1), None, "lower");
    assert_eq!(correction(1, Some(1), false, 2), by(1, 0), "a call went on");
    assert_eq!(correction(3, None, true, 2), by(2, 1), "what was given back was sent after all");
    assert_eq!(correction(3, Some(2), true, 2), None);
    assert!(is_plausible(1, 10) && is_plausible(0, 10) && is_plausible(11, 24));
    assert!(!is_plausible(1, 11) && !is_plausible(2, 4_000_000_000));
}

#[test]
fn an_operator_changes_only_what_may_be_changed() {
    let of = |state| sent_by(1, state, &[]);
    let states = [State::Pending, State::Held, State::Sending, State::Accepted, State::Delivered, State::Answered];
    assert!(states.iter().all(|state| matches!(again(&of(*state)), Again::No(_))));
    assert!([State::Refused, State::Expired].iter().all(|state| again(&of(*state)) == Again::Yes));
    let doubtful = [State::Unknown, State::Undelivered, State::NoAnswer, State::Busy];
    assert!(doubtful.iter().all(|state| matches!(again(&of(*state)), Again::MaybeTwice(_))));
    let skipped = |why: Reason| Message { why: Some(why), ..of(State::Skipped) };
    assert_eq!(again(&skipped(Reason::Cancelled)), Again::Yes);
    assert!(matches!(again(&skipped(Reason::OptedOut { why: "the lead opted out (mx_No)".to_owned() })), Again::No(_)));
    assert!(matches!(again(&Message { content: Content::Sms(None), ..of(State::Refused) }), Again::No(_)));
    assert!([State::Pending, State::Held].iter().all(|state| cancel(&of(*state)).is_ok()));
    assert!(states[2..].iter().chain(&doubtful).all(|state| cancel(&of(*state)).is_err()));
}
