//! Changes that webhooks did not tell of, against changes that they told of late, twice or in another order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use recado_core::{
    event::Event,
    fields::Fields,
    identity::{MessageId, message_id},
    kind::EventKind,
    sight::{Instant, Sights},
};

const FIELD: &str = "ProspectStage";

fn watched() -> BTreeSet<&'static str> {
    BTreeSet::from([FIELD])
}

fn lead(stage: &str) -> Fields {
    Fields::from_iter([(FIELD, Some(stage)), ("City", Some("Recife"))])
}

fn instant(second: i64) -> Instant {
    Instant {
        text: format!("2026-11-23 {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60),
        ms: second * 1_000,
    }
}

fn change(before: &str, after: &str, second: i64) -> Event {
    Event {
        before: Some(lead(before)),
        at: Some(instant(second).text),
        ..Event::new(EventKind::LeadChanged, "lead-1".to_owned(), lead(after))
    }
}

/// What an installation knows, and the messages that it made of a lead's stages, by the stage.
#[derive(Default)]
struct Installation {
    sights: Sights,
    made: BTreeMap<String, BTreeSet<MessageId>>,
}

impl Installation {
    fn webhook(&mut self, mut event: Event, second: i64) {
        event.listed = self.sights.deliver(&event, &watched(), instant(second).ms);
        if event.field_changed(FIELD) {
            self.make(&event);
        }
    }

    fn list(&mut self, stage: &str, second: i64) -> bool {
        let changed = self.sights.list(&lead(stage), &watched(), &instant(second));
        let Some(was) = changed.iter().next().map(|(_, was)| was.unwrap_or_default().to_owned()) else { return false };
        self.make(&change(&was, stage, second));
        true
    }

    fn make(&mut self, event: &Event) {
        let stage = event.is(FIELD).unwrap().to_owned();
        self.made.entry(stage).or_default().insert(message_id("r", Some(FIELD), event));
    }

    fn made(&self, stage: &str) -> usize {
        self.made.get(stage).map_or(0, BTreeSet::len)
    }
}

#[test]
fn a_lead_that_was_never_seen_teaches_its_values_and_nothing_else() {
    let mut installation = Installation::default();
    assert!(!installation.list("Qualified", 10), "it may have been so for a year");
    assert!(!installation.list("Qualified", 20), "an edit of something else");
    assert!(installation.list("Customer", 30));
    assert!(!installation.list("Customer", 30), "periods overlap");
    assert_eq!(installation.made.keys().collect::<Vec<_>>(), ["Customer"]);
}

#[test]
fn a_webhook_that_comes_after_the_list_meets_its_message_also_where_the_lead_was_edited_again() {
    let mut installation = Installation::default();
    installation.list("New", 1);
    // Qualified at 10; the city was corrected at 15, which is all that the list shows of the instant.
    assert!(installation.list("Qualified", 15));
    assert!(installation.list("Customer", 40));
    installation.webhook(change("New", "Qualified", 10), 10);
    installation.webhook(change("Qualified", "Customer", 40), 40);
    assert_eq!((installation.made("Qualified"), installation.made("Customer")), (1, 1));
    // The same again, for itself.
    installation.webhook(change("Customer", "Qualified", 50), 50);
    assert_eq!(installation.made("Qualified"), 2);
}

#[test]
fn what_is_older_than_what_was_seen_changes_nothing() {
    let mut installation = Installation::default();
    installation.webhook(change("New", "Qualified", 10), 10);
    installation.webhook(change("Qualified", "Customer", 20), 20);
    let seen = installation.sights.clone();
    assert!(!installation.list("Qualified", 10), "a page that was read before");
    installation.webhook(change("New", "Qualified", 10), 10);
    assert_eq!(installation.sights, seen);
    assert!(!installation.list("Customer", 30));
    assert_eq!((installation.made("Qualified"), installation.made("Customer")), (1, 1));
}

#[test]
fn the_webhooks_of_one_edit_are_worth_one_write_and_an_edit_of_another_field_none() {
    let mut sights = Sights::default();
    let mut deliver = |event: &Event, second| {
        let before = sights.clone();
        sights.deliver(event, &watched(), instant(second).ms);
        before != sights
    };
    assert!(deliver(&change("New", "Qualified", 10), 10));
    assert!(!deliver(&change("New", "Qualified", 10), 10));
    assert!(!deliver(&change("Qualified", "Qualified", 20), 20));
    assert!(!deliver(&change("New", "Customer", 5), 5), "it is older");
}

/// An edit of a lead: the stage that it sets (the one that is there: it edits something else), how many seconds after the
/// edit before it, and when its webhook comes, in seconds after it, once or more often. None: never.
#[derive(Debug, Clone)]
struct Edit {
    stage: usize,
    after: i64,
    webhooks: Vec<i64>,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let webhooks = prop::collection::vec(prop_oneof![0..5_i64, 0..600_i64], 0..3);
    let edit = (0..3_usize, 1..200_i64, webhooks).prop_map(|(stage, after, webhooks)| Edit { stage, after, webhooks });
    prop::collection::vec(edit, 1..14)
}

/// What happens to an installation, at which second.
enum Happening {
    Webhook(Box<Event>, i64),
    Look,
}

const STAGES: [&str; 3] = ["New", "Qualified", "Customer"];
/// A lead is in the list once its last edit is so many seconds old.
const LAG_S: i64 = 120;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// Of each stage there are never more messages than times it was reached, whatever webhooks come and when, and whenever
    /// the list is looked at; and the lead's last stage is not missed once the list has shown it.
    #[test]
    fn at_most_one_message_for_each_change_and_the_last_one_is_not_missed(
        edits in edits(),
        looks in prop::collection::vec(1..3_000_i64, 0..8),
    ) {
        let mut happenings: Vec<(i64, Happening)> = looks.into_iter().map(|at| (at, Happening::Look)).collect();
        let mut history = vec![(0, STAGES[0])];
        let mut reached = BTreeMap::<&str, usize>::new();
        for edit in &edits {
            let &(last, before) = history.last().unwrap();
            let (now, stage) = (last + edit.after, STAGES[edit.stage]);
            let webhook = |after: &i64| (now + after, Happening::Webhook(Box::new(change(before, stage, now)), now));
            happenings.extend(edit.webhooks.iter().map(webhook));
            if stage != before {
                *reached.entry(stage).or_default() += 1;
            }
            history.push((now, stage));
        }
        let &(last, stage) = history.last().unwrap();
        happenings.push((last + LAG_S, Happening::Look));
        happenings.sort_by_key(|(at, _)| *at);

        let mut installation = Installation::default();
        installation.list(STAGES[0], 0);
        for (at, happening) in happenings {
            match happening {
                Happening::Webhook(event, second) => installation.webhook(*event, second),
                Happening::Look => {
                    let &(second, stage) = history.iter().rev().find(|(second, _)| *second <= at).unwrap();
                    if second <= at - LAG_S {
                        installation.list(stage, second);
                    }
                }
            }
        }
        for stage in STAGES {
            let times = reached.get(stage).copied().unwrap_or_default();
            prop_assert!(installation.made(stage) <= times, "{stage}: {} of {times}", installation.made(stage));
        }
        // A stage that was left and reached again between two looks looks as if nothing had happened.
        if stage != STAGES[0] && reached.get(stage) == Some(&1) {
            prop_assert_eq!(installation.made(stage), 1, "{} was reached once", stage);
        }
    }
}
