//! Changes without a webhook, and changes whose webhooks come late, twice or in another order.

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

/// The same, as an automation posts it: only the lead after the edit. If the stage changed, it may come under the
/// stage's event.
fn flat(stage: &str, second: i64, is_about_stage: bool) -> Event {
    let about = is_about_stage.then(|| FIELD.to_owned());
    Event { before: None, about, ..change("", stage, second) }
}

/// An installation's knowledge, and its messages for a lead's stages, by the stage.
#[derive(Default)]
struct Installation {
    sights: Sights,
    made: BTreeMap<String, BTreeSet<MessageId>>,
}

impl Installation {
    fn webhook(&mut self, mut event: Event, second: i64) {
        let delivered = self.sights.deliver(&event, &watched(), instant(second).ms);
        (event.listed, event.seen) = (delivered.listed, delivered.seen);
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
    // Qualified at 10; the city was corrected at 15, and the list shows no other instant.
    assert!(installation.list("Qualified", 15));
    assert!(installation.list("Customer", 40));
    installation.webhook(change("New", "Qualified", 10), 10);
    installation.webhook(change("Qualified", "Customer", 40), 40);
    assert_eq!((installation.made("Qualified"), installation.made("Customer")), (1, 1));
    // The same change again, as a new edit.
    installation.webhook(change("Customer", "Qualified", 50), 50);
    assert_eq!(installation.made("Qualified"), 2);
}

#[test]
fn without_a_known_earlier_value_there_is_no_change() {
    let mut installation = Installation::default();
    for second in [10, 20, 30] {
        installation.webhook(flat("Qualified", second, false), second);
    }
    assert_eq!(installation.made("Qualified"), 0, "edits of something else, for all that is known");
    // Now the earlier value is known.
    installation.webhook(flat("Customer", 40, false), 40);
    installation.webhook(flat("Customer", 40, false), 40);
    installation.webhook(flat("Customer", 50, false), 50);
    assert_eq!(installation.made("Customer"), 1);
    installation.webhook(flat("Qualified", 35, false), 35);
    assert_eq!(installation.made("Qualified"), 0, "it is older than what was seen");
}

#[test]
fn a_partial_before_tells_only_of_what_it_holds() {
    let partial = |stage: &str, second| {
        let before = Fields::from_iter([("City", Some("Recife"))]);
        Event { before: Some(before), ..change("", stage, second) }
    };
    let mut installation = Installation::default();
    installation.webhook(partial("Qualified", 10), 10);
    assert_eq!(installation.made("Qualified"), 0);
    installation.webhook(partial("Customer", 20), 20);
    assert_eq!(installation.made("Customer"), 1);
}

#[test]
fn an_event_about_the_field_tells_that_it_changed_and_is_believed_once() {
    let mut installation = Installation::default();
    for second in [10, 10, 20, 30] {
        installation.webhook(flat("Qualified", second, true), second);
    }
    assert_eq!(installation.made("Qualified"), 1, "the later ones change nothing, whatever their event is called");
}

#[test]
fn the_edits_own_webhook_meets_the_message_of_one_that_came_before_it_without_the_lead_before() {
    let mut installation = Installation::default();
    installation.list("New", 1);
    // Qualified at 10; the city was corrected at 15, and a body without `Before` reports that edit first.
    installation.webhook(flat("Qualified", 15, false), 15);
    installation.webhook(change("New", "Qualified", 10), 10);
    installation.webhook(flat("Qualified", 15, false), 15);
    assert_eq!(installation.made("Qualified"), 1);
    assert!(!installation.list("Qualified", 15));
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

/// An edit of a lead. It holds the stage that it sets (the present stage: it edits something else), and the seconds
/// since the edit before it. It also holds when its webhook comes, in seconds after it, once or more often, and in
/// which form. None: never.
#[derive(Debug, Clone)]
struct Edit {
    stage: usize,
    after: i64,
    webhooks: Vec<(i64, Form)>,
}

/// The form of a webhook about an edit.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// The lead before and after.
    BeforeAfter,
    /// The lead after.
    After,
    /// The lead after, under the stage's event if the stage changed.
    AfterOfStage,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let form = prop::sample::select(vec![Form::BeforeAfter, Form::After, Form::AfterOfStage]);
    let webhooks = prop::collection::vec((prop_oneof![0..5_i64, 0..600_i64], form), 0..4);
    let edit = (0..3_usize, 1..200_i64, webhooks).prop_map(|(stage, after, webhooks)| Edit { stage, after, webhooks });
    prop::collection::vec(edit, 1..14)
}

/// An event in an installation's life, with its second.
enum Happening {
    Webhook(Box<Event>, i64),
    Look,
}

const STAGES: [&str; 3] = ["New", "Qualified", "Customer"];
/// A lead is in the list once its last edit is so many seconds old.
const LAG_S: i64 = 120;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// A stage never has more messages than times it was reached, whatever webhooks come and when, and whenever the
    /// list is read. And the lead's last stage is not missed once the list has shown it.
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
            let webhook = |(after, form): &(i64, Form)| {
                let event = match form {
                    Form::BeforeAfter => change(before, stage, now),
                    Form::After => flat(stage, now, false),
                    Form::AfterOfStage => flat(stage, now, stage != before),
                };
                (now + after, Happening::Webhook(Box::new(event), now))
            };
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
        // A stage that was left and reached again between two reads of the list looks unchanged.
        if stage != STAGES[0] && reached.get(stage) == Some(&1) {
            prop_assert_eq!(installation.made(stage), 1, "{} was reached once", stage);
        }
    }
}
