//! The requests that the next window should make.

use std::collections::BTreeSet;

use proptest::prelude::*;
use recado_core::{
    identity::MessageId,
    message::{Crm, Message, State},
    writeback::{
        Allowance, Backlog, Call, Forecast, LINGER_MS, LeadFieldNames, LeadRow, ROWS_PER_CALL, STARVED_MS, forecast,
    },
};

use super::{NOW_MS, STALE_MS, allowance, message, names, needs_of, shown, status};

fn creates(count: u32) -> Vec<Message> {
    (0..count).map(|number| message(number, Crm::default())).collect()
}

fn updates(count: u32) -> Vec<Message> {
    (1_000..1_000 + count).map(|number| message(number, shown(Some(State::Accepted), None))).collect()
}

fn backlog(waiting: &[Message]) -> Backlog {
    Backlog::new(needs_of(waiting, &LeadFieldNames::default()))
}

#[test]
fn full_calls_go_first_and_others_wait_for_more() {
    let later_ms = NOW_MS + 3_000 + LINGER_MS;
    let mut mixed = backlog(&[updates(3), creates(30)].concat());
    let calls = mixed.next_calls(later_ms, &allowance());
    assert!(matches!(calls.as_slice(), [Call::Create(rows)] if rows.len() == ROWS_PER_CALL), "{calls:?}");
    let calls = mixed.next_calls(later_ms, &allowance());
    assert!(matches!(calls.as_slice(), [Call::Create(rows)] if rows.len() == 5), "the oldest of the rest: {calls:?}");
    let calls = mixed.next_calls(later_ms, &allowance());
    assert!(matches!(calls.as_slice(), [Call::Update(rows)] if rows.len() == 3), "{calls:?}");
    assert!(mixed.is_empty());
    let mut few = backlog(&creates(3));
    assert_eq!((few.next_calls(NOW_MS + 5, &allowance()), few.ready_ms()), (vec![], Some(NOW_MS + LINGER_MS)));
}

#[test]
fn one_row_is_a_single_call() {
    let calls = backlog(&creates(1)).next_calls(NOW_MS + LINGER_MS, &allowance());
    assert!(matches!(calls.as_slice(), [Call::CreateOne(_)]), "{calls:?}");
    let calls = backlog(&updates(1)).next_calls(NOW_MS + 60_000, &allowance());
    assert!(matches!(calls.as_slice(), [Call::UpdateOne(_)]), "{calls:?}");
}

#[test]
fn a_long_backlog_uses_the_calls_that_bulk_leaves() {
    let singles = |waiting: u32, allowance: Allowance| {
        let calls = backlog(&creates(waiting)).next_calls(NOW_MS + 60_000, &allowance);
        assert_eq!(calls.iter().filter(|call| call.is_bulk()).count(), 1);
        calls.len() - 1
    };
    assert_eq!(singles(75, allowance()), 0, "two more windows of bulk calls alone");
    assert_eq!(singles(76, allowance()), 14);
    assert_eq!(singles(76, Allowance { bulk_counts_in_window: false, ..allowance() }), 15);
    assert_eq!(singles(76, Allowance { calls: 1, ..allowance() }), 0);
    let day = |calls_per_day| Allowance { calls_per_day: Some(calls_per_day), day_calls: 100, ..allowance() };
    // From 15:00 to midnight UTC 6,160 bulk requests are still to come, and one more window may begin.
    assert_eq!(singles(76, day(100 + 6_161 + 3)), 3, "the day's calls are for bulk first");
    assert_eq!(singles(76, day(5_000)), 0);
}

#[test]
fn single_calls_take_what_fills_no_bulk_call() {
    let lead = |number| message(number, shown(Some(State::Delivered), None));
    let waiting: Vec<Message> =
        (0..200).map(|number| message(number, Crm { lead_state: Some(State::Delivered), ..Crm::default() })).collect();
    let needed = needs_of(&[waiting, vec![lead(1_000), lead(1_001), lead(1_002)]].concat(), &names());
    let calls = Backlog::new(needed).next_calls(NOW_MS + 60_000, &allowance());
    let single = |call: &&Call| matches!(call, Call::LeadOne(_));
    assert_eq!((calls.len(), calls.iter().filter(single).count()), (15, 3));
}

#[test]
fn single_calls_carry_updates_as_well() {
    let calls = backlog(&updates(100)).next_calls(NOW_MS + 60_000, &allowance());
    let single = |call: &&Call| matches!(call, Call::UpdateOne(_));
    assert!(matches!(calls.first(), Some(Call::Update(rows)) if rows.len() == ROWS_PER_CALL), "{calls:?}");
    assert_eq!((calls.len(), calls.iter().filter(single).count()), (15, 14));
}

#[test]
fn what_fills_no_call_is_not_starved() {
    let tight = Allowance { calls: 1, ..allowance() };
    let of = |now_ms| {
        let mut young = creates(200);
        for message in &mut young {
            message.crm.due_ms = Some(now_ms);
        }
        backlog(&[young, updates(3)].concat()).next_calls(now_ms, &tight)
    };
    assert!(matches!(of(NOW_MS + 1_000 + STARVED_MS - 1).as_slice(), [Call::Create(_)]));
    assert!(matches!(of(NOW_MS + 1_000 + STARVED_MS).as_slice(), [Call::Update(rows)] if rows.len() == 3));
}

#[test]
fn open_questions_use_single_calls_and_take_turns_where_there_is_one_call_alone() {
    let open = |number| message(number, Crm { posted_ms: Some(NOW_MS - STALE_MS), ..Crm::default() });
    let waiting = [vec![open(2_000), open(2_001)], creates(25)].concat();
    let calls = backlog(&waiting).next_calls(NOW_MS + 60_000, &allowance());
    assert!(matches!(calls.as_slice(), [Call::Create(_), Call::Find(rows)] if rows.len() == 2), "{calls:?}");
    let tight = Allowance { calls: 1, ..allowance() };
    let mut needed = needs_of(&[vec![open(0)], creates(26)[1..].to_vec(), vec![open(3_000)]].concat(), &status());
    needed.leads.clear();
    // A row that a listing did not settle is looked up alone.
    needed.find_alone = vec![needed.find.pop().unwrap()];
    let mut turns = Backlog::new(needed);
    let first = turns.next_calls(NOW_MS + 60_000, &tight);
    assert!(matches!(first.as_slice(), [Call::FindOne(_)]), "{first:?}");
    assert!(matches!(turns.next_calls(NOW_MS + 60_000, &tight).as_slice(), [Call::Create(_)]));
    assert!(matches!(turns.next_calls(NOW_MS + 60_000, &tight).as_slice(), [Call::FindOne(_)]));
    assert!(turns.is_empty());
}

#[test]
fn leads_that_get_one_value_share_a_call_for_fifty() {
    let waiting: Vec<Message> = (0..120).map(|number| message(number, shown(Some(State::Delivered), None))).collect();
    let mut backlog = Backlog::new(needs_of(&waiting, &status()));
    assert_eq!(backlog.bulk_calls(), 3, "50, 50, 20");
    let mut sizes = Vec::new();
    while !backlog.is_empty() {
        for call in backlog.next_calls(NOW_MS + 60_000, &allowance()) {
            sizes.push((matches!(call, Call::SameValue(_)), call.rows()));
        }
    }
    assert_eq!(sizes, [(true, 50), (true, 50), (false, 20)]);
    assert_eq!(Backlog::new(needs_of(&waiting, &names())).bulk_calls(), 5, "two values each: 25 to a call");
}

#[test]
fn the_forecast_says_how_many_calls_and_when_the_last_row_is_in() {
    let told = forecast(backlog(&creates(60)), allowance(), NOW_MS + 60_000);
    assert_eq!(told, Forecast { rows: 60, bulk_calls: 3, single_calls: 0, lasts_ms: 2 * 5_250 });
    let told = forecast(backlog(&creates(3_900)), allowance(), NOW_MS + 60_000);
    // 39 rows a window, until two windows of bulk requests are left.
    assert_eq!((told.rows, told.bulk_calls + told.single_calls), (3_900, 101 + 99 * 14));
    assert_eq!(told.lasts_ms, 100 * 5_250);
    // A day with two requests left: the rest goes after midnight, 8 h 59 min away.
    let day = Allowance { calls_per_day: Some(10), day_calls: 8, ..allowance() };
    let told = forecast(backlog(&creates(75)), day, NOW_MS + 60_000);
    assert_eq!((told.bulk_calls, told.lasts_ms), (3, 8 * 3_600_000 + 59 * 60_000));
    assert_eq!(forecast(Backlog::default(), allowance(), NOW_MS), Forecast::default());
}

/// Simulates a backlog to its end and returns the requests of each window.
fn play(mut backlog: Backlog, allowance: &Allowance) -> Vec<Vec<Call>> {
    let (mut at_ms, mut windows) = (NOW_MS + 60_000, Vec::new());
    while !backlog.is_empty() {
        let calls = backlog.next_calls(at_ms, allowance);
        assert!(!calls.is_empty(), "all have lingered");
        windows.push(calls);
        at_ms += allowance.window_ms;
    }
    windows
}

proptest! {
    #[test]
    fn each_row_goes_once_and_no_window_holds_too_much(
        kinds in prop::collection::vec((0_u8..5, 0_u8..3), 0..400),
        calls in 1_u32..12,
        bulk_calls in 1_u32..4,
        bulk_counts_in_window: bool,
        two_fields: bool,
    ) {
        let waiting: Vec<Message> = (0_u32..).zip(&kinds).map(|(number, (kind, state))| {
            let state = [State::Accepted, State::Delivered, State::Undelivered][usize::from(*state)];
            let crm = match kind {
                0 => Crm::default(),
                1 => shown(Some(State::Pending), Some(state)),
                2 => shown(Some(state), None),
                3 => shown(Some(State::Pending), None),
                _ => Crm { posted_ms: Some(NOW_MS - STALE_MS), lead_state: Some(state), ..Crm::default() },
            };
            Message { state, ..message(number, crm) }
        }).collect();
        let needed = needs_of(&waiting, &if two_fields { names() } else { status() });
        let expected: Vec<(u8, MessageId)> = [(0, &needed.find), (1, &needed.create), (2, &needed.update)]
            .into_iter()
            .flat_map(|(kind, rows)| rows.iter().map(move |row| (kind, row.id)))
            .chain(needed.leads.iter().map(|lead| (3, lead.row.id)))
            .collect();
        let allowance = Allowance { calls, bulk_calls, bulk_counts_in_window, ..allowance() };
        let mut written = Vec::new();
        for window in play(Backlog::new(needed), &allowance) {
            let bulk = window.iter().filter(|call| call.is_bulk()).count();
            prop_assert!(bulk <= bulk_calls as usize);
            let counted = if bulk_counts_in_window { window.len() } else { window.len() - bulk };
            prop_assert!(counted <= calls as usize, "{} of {}", counted, calls);
            for call in window {
                let lead = |lead: &LeadRow| (3, lead.row.id);
                match &call {
                    Call::Find(rows) => written.extend(rows.iter().map(|row| (0, row.id))),
                    Call::FindOne(row) => written.push((0, row.id)),
                    Call::Create(rows) => written.extend(rows.iter().map(|row| (1, row.id))),
                    Call::Update(rows) => written.extend(rows.iter().map(|row| (2, row.id))),
                    Call::CreateOne(row) => written.push((1, row.id)),
                    Call::UpdateOne(row) => written.push((2, row.id)),
                    Call::LeadOne(row) => written.push(lead(row)),
                    Call::Leads(rows) => written.extend(rows.iter().map(lead)),
                    Call::SameValue(rows) => {
                        prop_assert!(rows.iter().all(|row| row.set == rows[0].set && row.set.len() == 1));
                        written.extend(rows.iter().map(lead));
                    }
                }
            }
        }
        prop_assert_eq!(written.len(), expected.len());
        prop_assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect::<BTreeSet<_>>());
    }
}
