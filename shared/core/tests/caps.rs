//! Caps against an oracle that counts every window.

use proptest::prelude::*;
use recado_core::{
    caps::{Answer, Caps, Recent, Sent, Verdict},
    config::{Cap, Config},
    identity::{MessageId, RuleTag},
    message::{Channel, Message},
    phone::Phone,
    reason::Reason,
    subject::Subject,
};

const HOUR_MS: i64 = 3_600_000;

fn config(yaml: &str) -> Config {
    Config::parse(&format!("version: 1\nleadsquared: {{ plan: pro }}\n{yaml}\n")).expect("good").config
}

fn caps(yaml: &str) -> Caps {
    Caps::of(&config(&format!("caps: {yaml}")))
}

/// A message with this number, of a rule that no cap mentions.
fn id(number: i64) -> (MessageId, RuleTag) {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    (MessageId::from_bytes(id), RuleTag::default())
}

fn sent(at_ms: i64, number: i64) -> Sent {
    Sent { at_ms, id: id(number).0, rule: RuleTag::default() }
}

#[test]
fn the_strictest_cap_says_when() {
    let caps = caps("[ { max: 1, every: 24h }, { max: 3, every: 7d } ]");
    let day_ms = 24 * HOUR_MS;
    let recent: Vec<Sent> = (0..3).map(|day| sent(day * day_ms, day)).collect();
    assert_eq!(caps.ask(&[], id(9), 5), Verdict::Pass { shadow: false });
    assert_eq!(caps.ask(&recent[..1], id(9), day_ms - 1), Verdict::Hold(day_ms));
    assert_eq!(caps.ask(&recent[..1], id(9), day_ms), Verdict::Pass { shadow: false });
    assert_eq!(caps.ask(&recent, id(9), 3 * day_ms), Verdict::Hold(7 * day_ms));
}

#[test]
fn a_message_that_passes_again_counts_once_and_from_then() {
    let caps = caps("[ { max: 1, every: 24h } ]");
    let first = caps.with(&[], sent(0, 0));
    // Its request did not go out, and it comes again hours later.
    assert_eq!(caps.ask(&first, id(0), 20 * HOUR_MS), Verdict::Pass { shadow: false });
    let again = caps.with(&first, sent(20 * HOUR_MS, 0));
    assert_eq!(again, [sent(20 * HOUR_MS, 0)]);
    assert_eq!(caps.ask(&again, id(1), 24 * HOUR_MS), Verdict::Hold(44 * HOUR_MS));
}

#[test]
fn a_cap_in_shadow_holds_nothing_and_says_so() {
    let caps = caps("[ { max: 1, every: 24h, shadow: true } ]");
    let recent = [sent(0, 0)];
    assert_eq!(caps.ask(&recent, id(1), 1), Verdict::Pass { shadow: true });
    assert_eq!(caps.ask(&recent, id(1), 24 * HOUR_MS), Verdict::Pass { shadow: false });
}

#[test]
fn nobody_asks_about_messages_that_no_cap_is_for() {
    let config = config("rules: [ { id: a, on: lead.created, sms: a, caps: [ { max: 1, every: 1h } ] } ]");
    let caps = Caps::of(&config);
    assert!(caps.ask_about("a"));
    assert!(!caps.ask_about("b"));
}

#[test]
fn a_rules_cap_counts_its_messages_under_all_its_names() {
    let rule =
        |names: &str| format!("rules: [ {{ {names}, on: lead.created, sms: a, caps: [ {{ max: 2, every: 24h }} ] }} ]");
    let caps = Caps::of(&config(&rule("id: third, was: [first, second]")));
    let recent =
        ["first", "second"].map(|name| Sent { rule: RuleTag::of(name), ..sent(0, i64::from(name == "first")) });
    assert!(["first", "second", "third"].iter().all(|name| caps.ask_about(name)));
    assert_eq!(caps.tag("third"), RuleTag::of("first"));
    assert_eq!(caps.ask(&recent, (id(9).0, caps.tag("third")), 1), Verdict::Hold(24 * HOUR_MS));
    assert_eq!(caps.ask(&recent[1..], (id(9).0, caps.tag("third")), 1), Verdict::Pass { shadow: false });
    // A rule of its own is a different rule.
    let other = Caps::of(&config(&rule("id: third")));
    assert_eq!(other.ask(&recent, (id(9).0, other.tag("third")), 1), Verdict::Pass { shadow: false });
}

/// A message with this number to a lead and a phone; `None` is an unknown lead.
fn to(number: i64, lead: Option<usize>, phone: usize) -> Message {
    let lead = lead.map(|lead| format!("Lead-{lead}")).unwrap_or_default();
    let phone = Phone::parse(&format!("119999900{phone:02}")).unwrap();
    Message::new(id(number).0, "a", &lead, Channel::Sms, number, i64::MAX).at(phone)
}

fn ask(recent: &mut Recent, caps: &Caps, message: &Message, now_ms: i64) -> Answer {
    recent.ask(caps, &Subject::of_message(message).collect::<Vec<_>>(), message, now_ms)
}

#[test]
fn a_message_counts_on_its_lead_and_on_its_phone_or_on_neither() {
    let caps = caps("[ { max: 1, every: 24h } ]");
    let mut recent = Recent::default();
    let held = |who: &str, until_ms| Answer::Hold { until_ms, why: Reason::Capped { who: who.to_owned() } };
    let day_ms = 24 * HOUR_MS;
    assert!(ask(&mut recent, &caps, &to(1, Some(1), 1), 0).passes());
    assert_eq!(ask(&mut recent, &caps, &to(2, Some(2), 1), HOUR_MS), held("phone", day_ms));
    assert_eq!(ask(&mut recent, &caps, &to(3, Some(1), 2), HOUR_MS), held("lead", day_ms));
    // Neither of these messages counts for the subject that did not hold it.
    assert!(ask(&mut recent, &caps, &to(4, Some(2), 2), 2 * HOUR_MS).passes());
    // Lead 1 is free a day after the first message, and phone 2 two hours later. The later one is the instant and the
    // reason.
    assert_eq!(ask(&mut recent, &caps, &to(5, Some(1), 2), 3 * HOUR_MS), held("phone", day_ms + 2 * HOUR_MS));
    assert_eq!(ask(&mut recent, &caps, &to(6, None, 1), 3 * HOUR_MS), held("phone", day_ms));
    assert!(ask(&mut recent, &caps, &to(1, Some(1), 1), 3 * HOUR_MS).passes(), "the same message is no other one");
    assert_eq!(ask(&mut recent, &caps, &to(7, Some(1), 1), 4 * HOUR_MS), held("lead", day_ms + 3 * HOUR_MS));
}

proptest! {
    #[test]
    fn neither_a_lead_nor_a_phone_gets_more_than_a_cap_and_nobody_waits_for_nothing(
        asked in prop::collection::vec((0_i64..400, prop::option::of(0_usize..4), 0_usize..4), 1..120),
        max in 1_u32..4,
    ) {
        let caps = caps(&format!("[ {{ max: {max}, every: 24h }} ]"));
        let (mut now_ms, mut recent, mut sent) = (0, Recent::default(), Vec::new());
        let count = |sent: &[(i64, Option<usize>, usize)], is_of: &dyn Fn(Option<usize>, usize) -> bool, now_ms: i64| {
            let since = now_ms - 24 * HOUR_MS;
            sent.iter().filter(|(at_ms, lead, phone)| *at_ms > since && is_of(*lead, *phone)).count()
        };
        for (number, (minutes, lead, phone)) in (0_i64..).zip(asked) {
            now_ms += minutes * 60_000;
            let of_lead = count(&sent, &|one, _| lead.is_some() && one == lead, now_ms);
            let of_phone = count(&sent, &|_, one| one == phone, now_ms);
            let passes = ask(&mut recent, &caps, &to(number, lead, phone), now_ms).passes();
            prop_assert_eq!(passes, of_lead.max(of_phone) < max as usize);
            if passes {
                sent.push((now_ms, lead, phone));
            }
        }
    }

    #[test]
    fn no_window_holds_more_than_any_cap_allows_and_none_is_wasted(
        max in (1_u32..5, 1_u32..8),
        hours in (1_u32..30, 30_u32..200),
        pauses_min in prop::collection::vec(0_i64..600, 1..150),
        rules in prop::collection::vec(0_usize..3, 150),
        own in (1_u32..4, 1_u32..400),
    ) {
        let config = config(&format!(
            "caps: [ {{ max: {}, every: {}h }}, {{ max: {}, every: {}h }} ]\nrules:\n  \
             - {{ id: a, on: lead.created, sms: a, caps: [ {{ max: {}, every: {}h }} ] }}\n  \
             - {{ id: b, on: lead.created, sms: b, caps: [ {{ max: 2, every: 50h }}, {{ max: 5, every: 300h }} ] }}\n  \
             - {{ id: c, on: lead.created, sms: c }}",
            max.0, hours.0, max.1, hours.1, own.0, own.1
        ));
        let caps = Caps::of(&config);
        let (mut now_ms, mut recent, mut all) = (0, Vec::new(), Vec::new());
        for ((number, pause), rule) in (0_i64..).zip(pauses_min).zip(rules) {
            now_ms += pause * 60_000;
            let (id, rule) = (id(number).0, config.rules.get(rule).expect("one of three"));
            let asked = (id, RuleTag::of(rule.id.as_str()));
            match caps.ask(&recent, asked, now_ms) {
                Verdict::Hold(until_ms) => {
                    prop_assert!(until_ms > now_ms);
                    // The stated instant is the first at which the message may go.
                    prop_assert_eq!(caps.ask(&recent, asked, until_ms), Verdict::Pass { shadow: false });
                    prop_assert!(matches!(caps.ask(&recent, asked, until_ms - 1), Verdict::Hold(_)));
                }
                Verdict::Pass { .. } => {
                    recent = caps.with(&recent, Sent { at_ms: now_ms, id, rule: asked.1 });
                    all.push((now_ms, rule.id.as_str()));
                }
            }
        }
        let fullest = |cap: &Cap, of: Option<&str>| {
            let every_ms = i64::try_from(cap.every_ms).expect("at most a year");
            let instants: Vec<i64> =
                all.iter().filter(|(_, rule)| of.is_none_or(|of| *rule == of)).map(|(at_ms, _)| *at_ms).collect();
            let inside = |from: &i64| instants.iter().filter(|at| (*from..from + every_ms).contains(*at)).count();
            instants.iter().map(inside).max().unwrap_or_default()
        };
        for cap in &config.caps {
            prop_assert!(fullest(cap, None) <= cap.max as usize);
        }
        for rule in &config.rules {
            for cap in &rule.caps {
                prop_assert!(fullest(cap, Some(rule.id.as_str())) <= cap.max as usize);
            }
        }
    }
}
