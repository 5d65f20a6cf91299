//! The needs of each message.

use std::collections::BTreeMap;

use recado_core::{
    message::{Crm, Message, State},
    writeback::{LINGER_MS, LeadFieldNames, Needs, Shown, Then, needs},
};

use super::{NOW_MS, STALE_MS, ids, message, names, needs_of, shown, status};

#[test]
fn each_message_needs_what_leadsquared_does_not_show() {
    let known = message(1, shown(Some(State::Delivered), Some(State::Delivered)));
    let new = message(2, Crm::default());
    let older = message(3, shown(Some(State::Accepted), Some(State::Delivered)));
    let lead = message(4, shown(Some(State::Delivered), Some(State::Accepted)));
    let needs = needs_of(&[known.clone(), new.clone(), older.clone(), lead.clone()], &names());
    assert_eq!(needs.told.iter().map(|told| told.id).collect::<Vec<_>>(), [known.id]);
    assert_eq!(ids(&needs.create), [new.id]);
    assert_eq!(ids(&needs.update), [older.id]);
    assert_eq!(needs.leads.iter().map(|lead| lead.row.id).collect::<Vec<_>>(), [new.id, lead.id]);
    assert_eq!(needs.create[0].then, Then::More, "its lead's fields wait, too");
    assert_eq!(needs.update[0].then, Then::Done);
    assert_eq!((needs.leads[0].row.then, needs.leads[1].row.then), (Then::More, Then::Done));
    let values =
        vec![("mx_S".to_owned(), "delivered".to_owned()), ("mx_A".to_owned(), "2026-11-23 15:00:00".to_owned())];
    assert_eq!(needs.leads[0].set, values);
    assert_eq!(needs_of(&[new], &LeadFieldNames::default()).create[0].then, Then::Done, "no field is configured");
}

#[test]
fn an_open_post_is_looked_up_before_anything_is_posted_again() {
    let posted = |ago_ms| message(1, Crm { posted_ms: Some(NOW_MS + LINGER_MS - ago_ms), ..Crm::default() });
    let early = needs_of(&[posted(STALE_MS - 1)], &LeadFieldNames::default());
    assert_eq!(early, Needs::default(), "its process may be at work");
    let late = needs_of(&[posted(STALE_MS)], &LeadFieldNames::default());
    assert_eq!((ids(&late.find), late.create.len()), (vec![posted(0).id], 0));
}

#[test]
fn a_lead_is_written_once_with_its_latest_outcome() {
    let mut two: Vec<Message> = (1..3).map(|number| message(number, shown(Some(State::Delivered), None))).collect();
    two[1].to = two[0].to.clone();
    two[0].changed_ms = NOW_MS + 7;
    let both = needs_of(&two, &names());
    assert_eq!(both.told.iter().map(|told| told.id).collect::<Vec<_>>(), [two[1].id], "the older is not shown at all");
    assert_eq!(both.leads.iter().map(|lead| lead.row.id).collect::<Vec<_>>(), [two[0].id]);
    two[1].crm = Crm::default();
    assert_eq!(needs_of(&two, &names()).create[0].then, Then::DoneWithLead, "its activity is");
}

#[test]
fn nothing_is_written_that_the_lead_shows_already() {
    let new = message(5, shown(Some(State::Delivered), None));
    let shown = |by: u32, changed_ms, values: &[(&str, &str)]| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        BTreeMap::from([(new.lead_id().to_owned(), Shown { by: message(by, Crm::default()).id, changed_ms, values })])
    };
    let of = |names: &LeadFieldNames, shown: &BTreeMap<String, Shown>| {
        needs(std::slice::from_ref(&new), names, shown, NOW_MS + LINGER_MS, STALE_MS)
    };
    let same = shown(1, NOW_MS - 60_000, &[("mx_S", "delivered"), ("mx_A", "2026-11-23 14:59:00")]);
    assert_eq!(of(&status(), &same).told.len(), 1, "the same state of an earlier message");
    let at = of(&names(), &same);
    assert_eq!(at.leads[0].set, [("mx_A".to_owned(), "2026-11-23 15:00:00".to_owned())], "its time alone");
    let open = shown(1, NOW_MS - 60_000, &[]);
    assert_eq!(of(&names(), &open).leads[0].set.len(), 2, "what a lost write left is not known");
    let newer = shown(9, NOW_MS + 1, &[]);
    assert_eq!(of(&names(), &newer).told.len(), 1, "a newer message's outcome is not overwritten");
    let own = shown(5, NOW_MS, &[("mx_S", "accepted")]);
    assert_eq!(of(&status(), &own).leads.len(), 1, "its own older state is");
}
