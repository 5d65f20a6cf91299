//! The results of events: rules, identity, recipients, texts. Everything here is pure.

use recado_core::{
    config::{Config, DEFAULT_EXPIRES_MS},
    decide::{Decision, Verdict, WAKE_UP_WITHIN_MS, WhyNot, decide, decide_completed},
    event::{Activity, Event, Item},
    fields::Fields,
    identity::{event_id, message_id},
    kind::EventKind,
    message::{Channel, Message, State},
    reason::Reason,
    text::TextError,
};

/// 2026-11-23 (a Monday) 15:00 UTC: noon in São Paulo.
const NOW_MS: i64 = 1_795_446_000_000;

fn config(rules: &str) -> Config {
    let text = format!(
        "version: 1\nleadsquared: {{ plan: pro, opt_out: {{ sms: mx_Out, voice: DoNotCall }} }}\n\
         hours: {{ sms: \"08:00-20:00 mon-sat\", voice: always }}\nrules:\n{rules}"
    );
    Config::parse(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).config
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

fn created(pairs: &[(&str, &str)]) -> Event {
    let at = Some("2026-11-23 14:59:00".to_owned());
    Event { at, ..Event::new(EventKind::LeadCreated, "lead-1".to_owned(), fields(pairs)) }
}

fn changed(before: &[(&str, &str)], after: &[(&str, &str)]) -> Event {
    Event { kind: EventKind::LeadChanged, before: Some(fields(before)), ..created(after) }
}

fn only(config: &Config, event: &Event) -> Decision {
    let mut decisions = decide(config, event, NOW_MS);
    assert_eq!(decisions.len(), 1);
    decisions.remove(0)
}

fn message(config: &Config, event: &Event) -> Message {
    match only(config, event).verdict {
        Verdict::Message(message) => *message,
        Verdict::No(why_not) => panic!("{why_not}"),
    }
}

fn why_not(config: &Config, event: &Event) -> WhyNot {
    match only(config, event).verdict {
        Verdict::No(why_not) => why_not,
        Verdict::Message(message) => panic!("{message:?}"),
    }
}

const WELCOME: &str = "  - { id: welcome, on: lead.created, sms: \"Olá {{ lead.FirstName }}\", expires: 6h }\n";
const ANA: [(&str, &str); 2] = [("FirstName", "Ana"), ("Phone", "+55-11987654321")];

#[test]
fn a_rule_makes_a_whole_message() {
    let message = message(&config(WELCOME), &created(&ANA));
    assert_eq!(message.state, State::Pending);
    assert_eq!((message.rule.as_str(), message.lead_id()), ("welcome", "lead-1"));
    assert_eq!((message.content.channel(), message.credits), (Channel::Sms, 1));
    assert_eq!(message.content.text().unwrap().expose(), "Olá Ana");
    assert_eq!(message.phone().unwrap().national(), "11987654321");
    assert_eq!(message.expires_ms, NOW_MS + 6 * 3_600_000);
    assert_eq!(message.due_ms, Some(NOW_MS + WAKE_UP_WITHIN_MS));
    assert_eq!(message.crm.due_ms, None, "LeadSquared is told once there is an outcome");
}

#[test]
fn a_rule_without_expiry_has_three_days() {
    let config = config("  - { id: a, on: lead.created, sms: oi }\n");
    assert_eq!(message(&config, &created(&ANA)).expires_ms, NOW_MS + DEFAULT_EXPIRES_MS);
}

#[test]
fn rules_are_asked_for_kind_field_values_and_condition_in_turn() {
    let stage = "  - { id: a, on: lead.stage, from: New, to: Won, when: lead.Score == \"9\", sms: oi }\n";
    let config = config(stage);
    let ask = |before: &[(&str, &str)], after: &[(&str, &str)]| why_not(&config, &changed(before, after));
    assert_eq!(why_not(&config, &created(&ANA)), WhyNot::OtherKind);
    let field = "ProspectStage".to_owned();
    assert_eq!(ask(&[("ProspectStage", "Won")], &[("ProspectStage", "Won")]), WhyNot::Unchanged(field.clone()));
    assert_eq!(ask(&[("ProspectStage", "Old")], &[("ProspectStage", "Won")]), WhyNot::OtherValue(field.clone()));
    assert_eq!(ask(&[("ProspectStage", "New")], &[("ProspectStage", "Lost")]), WhyNot::OtherValue(field));
    let won = [("ProspectStage", "Won"), ("Score", "1")];
    assert_eq!(ask(&[("ProspectStage", "New")], &won), WhyNot::ConditionFalse);
    let missing = WhyNot::ConditionFailed(TextError::Undefined { name: "lead.Score".to_owned() });
    assert_eq!(ask(&[("ProspectStage", "New")], &[("ProspectStage", "Won")]), missing);
}

#[test]
fn a_field_changed_only_if_its_earlier_value_is_known() {
    let config = config("  - { id: a, on: lead.stage, to: Won, sms: oi }\n");
    let field = || "ProspectStage".to_owned();
    let after = [("ProspectStage", "Won"), ("Phone", "11987654321")];
    let flat = Event { before: None, ..changed(&[], &after) };
    let partial = changed(&[("Score", "1")], &after);
    for event in [&flat, &partial] {
        assert_eq!(why_not(&config, event), WhyNot::BeforeUnknown(field()));
        let seen = |value: &str| Event { seen: fields(&[("ProspectStage", value)]), ..event.clone() };
        assert_eq!(why_not(&config, &seen("Won")), WhyNot::Unchanged(field()));
        assert_eq!(message(&config, &seen("New")).state, State::Pending);
        let about = Event { about: Some(field()), ..event.clone() };
        assert_eq!(message(&config, &about).state, State::Pending, "the event itself is about it");
        assert_eq!(
            why_not(&config, &Event { about: Some("Score".to_owned()), ..event.clone() }),
            WhyNot::BeforeUnknown(field())
        );
        assert_eq!(why_not(&config, &Event { about: Some(field()), ..seen("Won") }), WhyNot::Unchanged(field()));
    }
    // A field that the body leaves out afterwards may have any value, too.
    let emptied = changed(&[("ProspectStage", "Won")], &[("Phone", "11987654321")]);
    assert_eq!(why_not(&config, &emptied), WhyNot::Unchanged(field()));
    let from = self::config("  - { id: a, on: lead.stage, from: New, sms: \"de {{ before.ProspectStage }}\" }\n");
    let seen = Event { seen: fields(&[("ProspectStage", "New")]), ..flat };
    assert_eq!(message(&from, &seen).content.text().unwrap().expose(), "de New");
}

#[test]
fn what_happened_is_judged_as_it_was_delivered_whatever_was_read_since() {
    let config = config("  - { id: a, on: lead.changed, field: City, sms: oi }\n");
    let delivered = changed(&[("City", "Recife")], &[("Phone", "11987654321")]);
    let mut read = delivered.clone();
    read.lead.insert("City", Some("Olinda".to_owned()));
    let decided = decide_completed(&config, &delivered, &read, NOW_MS);
    assert!(matches!(&decided[..], [Decision { verdict: Verdict::No(WhyNot::Unchanged(_)), .. }]), "{decided:?}");
}

#[test]
fn an_activity_rule_wants_its_code() {
    let config = config("  - { id: a, on: activity.created, activity: 22, sms: oi }\n");
    let activity = |code| Event {
        kind: EventKind::ActivityCreated,
        activity: Some(Activity { id: Some("act".to_owned()), code, name: None, data: Fields::new() }),
        ..created(&ANA)
    };
    assert_eq!(why_not(&config, &activity(Some(21))), WhyNot::OtherActivity);
    assert_eq!(why_not(&config, &activity(None)), WhyNot::OtherActivity);
    assert_eq!(message(&config, &activity(Some(22))).state, State::Pending);
}

fn about(kind: EventKind, id: Option<&str>, data: &[(&str, &str)], at: Option<&str>) -> Event {
    let item = Some(Item { id: id.map(str::to_owned), data: fields(data) });
    Event { kind, item, at: at.map(str::to_owned), ..created(&ANA) }
}

#[test]
fn rules_see_what_a_task_or_an_opportunity_says() {
    let config = config(
        "  - { id: v, on: task.created, when: task.Name == \"Visita\", sms: \"Dia {{ task.DueDate | date }}.\" }\n",
    );
    let task = |name| {
        let data = [("Name", name), ("DueDate", "2026-11-24 15:00:00")];
        about(EventKind::TaskCreated, Some("t"), &data, Some("2026-11-23 14:59:00"))
    };
    assert_eq!(message(&config, &task("Visita")).content.text().unwrap().expose(), "Dia 24/11/2026.");
    assert_eq!(why_not(&config, &task("Ligar")), WhyNot::ConditionFalse);
    let other = Event { kind: EventKind::TaskUpdated, ..task("Visita") };
    assert_eq!(why_not(&config, &other), WhyNot::OtherKind);
}

#[test]
fn a_change_of_a_task_or_an_opportunity_is_one_however_it_comes() {
    use EventKind::{
        LandingPageSubmitted, OpportunityChanged, OpportunityCreated, TaskCompleted, TaskReminder, TaskUpdated,
    };
    let (early, late) = (Some("2026-11-23 14:59:00"), Some("2026-11-23 15:00:00"));
    let id = |event: &Event| (message_id("r", None, event), event_id(event));
    let (won, more) = ([("Status", "Won")], [("Status", "Won"), ("mx_Custom_1", "x")]);
    let change = |data: &[(&str, &str)], at| about(OpportunityChanged, Some("o"), data, at);
    // One change in several webhooks, which carry different fields.
    assert_eq!(id(&change(&won, early)), id(&change(&more, early)));
    assert_ne!(id(&change(&won, early)), id(&change(&won, late)));
    // Without an instant only the fields tell one change from the next.
    assert_eq!(id(&change(&won, None)), id(&change(&won, None)));
    assert_ne!(id(&change(&won, None)), id(&change(&more, None)));
    let of = |kind, item| about(kind, item, &won, early);
    let others = [
        of(OpportunityChanged, Some("p")),
        of(OpportunityCreated, Some("o")),
        of(TaskUpdated, Some("o")),
        of(TaskCompleted, Some("o")),
        of(LandingPageSubmitted, None),
    ];
    let ids: std::collections::BTreeSet<_> = others.iter().chain([&change(&won, early)]).map(|one| id(one).0).collect();
    assert_eq!(ids.len(), 6, "each is a change of its own");
    // A task that is due again has only another date.
    let due = |date| about(TaskReminder, Some("t"), &[("DueDate", date)], early);
    assert_eq!(id(&due("2026-11-24")), id(&due("2026-11-24")));
    assert_ne!(id(&due("2026-11-24")), id(&due("2026-11-25")));
}

#[test]
fn what_this_lead_cannot_get_is_skipped_with_the_reason_and_told_to_the_crm() {
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("FirstName", "Ana")], "the lead has no phone"),
        (&[("FirstName", "Ana"), ("Phone", "+55-1132101234")], "landline"),
        (&[("FirstName", "Ana"), ("Phone", "+91-9845098450")], "not a Brazilian one"),
        (&[("Phone", "11987654321")], "`lead.FirstName`"),
        (&[("FirstName", "Ana"), ("Phone", "11987654321"), ("mx_Out", "1")], "opted out (mx_Out)"),
        (&[("FirstName", "Ana"), ("Phone", "11987654321"), ("mx_Out", "Yes")], "opted out (mx_Out)"),
        (&[("FirstName", "Ana"), ("Phone", "1133334444"), ("Mobile", "12")], "landline"),
    ];
    for (lead, why) in cases {
        let message = message(&config(WELCOME), &created(lead));
        assert_eq!(message.state, State::Skipped, "{why}");
        assert!(
            message.why.as_ref().is_some_and(|said| said.to_string().contains(why)),
            "{:?} against {why}",
            message.why
        );
        assert_eq!((message.due_ms, message.crm.due_ms), (None, Some(NOW_MS)));
    }
}

#[test]
fn an_opt_out_field_that_says_no_does_not_forbid() {
    for no in ["0", "false", "No", "não", "", " "] {
        let lead = [ANA[0], ANA[1], ("mx_Out", no)];
        assert_eq!(message(&config(WELCOME), &created(&lead)).state, State::Pending, "{no:?}");
    }
}

#[test]
fn what_a_delivery_says_of_an_opt_out_is_as_old_as_its_change() {
    let read_ms = |at: Option<&str>| {
        let event = Event { at: at.map(str::to_owned), ..created(&[ANA[0], ANA[1], ("mx_Out", "0")]) };
        message(&config(WELCOME), &event).history.opt_out_read_ms
    };
    let an_hour_ago = jiff::Timestamp::from_millisecond(NOW_MS - 3_600_000).unwrap();
    assert_eq!(read_ms(Some(&an_hour_ago.strftime("%Y-%m-%d %H:%M:%S").to_string())), Some(NOW_MS - 3_600_000));
    // A clock that is ahead, and an invalid instant, say nothing.
    for at in [None, Some("2099-01-01 00:00:00"), Some("yesterday")] {
        assert_eq!(read_ms(at), Some(NOW_MS), "{at:?}");
    }
    assert_eq!(message(&config(WELCOME), &created(&ANA)).history.opt_out_read_ms, None, "it was not carried");
}

#[test]
fn the_mobile_is_taken_where_the_phone_is_a_landline() {
    let lead = [ANA[0], ("Phone", "1133334444"), ("Mobile", "+55 (21) 98888-7777")];
    assert_eq!(message(&config(WELCOME), &created(&lead)).phone().unwrap().national(), "21988887777");
}

#[test]
fn a_flash_with_a_link_from_the_crm_is_skipped() {
    let config = config("  - { id: a, on: lead.created, flash: \"Veja {{ lead.Link }}\" }\n");
    let link = |link| message(&config, &created(&[ANA[1], ("Link", link)]));
    assert_eq!(link("loja.com.br/x").state, State::Skipped);
    assert_eq!((link("a vitrine").state, link("a vitrine").content.channel()), (State::Pending, Channel::Flash));
}

const CALL: &str =
    "  - { id: a, on: lead.created, voice: { audio: a.mp3, title: \"Call {{ lead.FirstName }}\", redials: 2 } }\n";

#[test]
fn a_call_has_a_recording_and_redials_and_no_text() {
    let message = message(&config(CALL), &created(&ANA));
    assert_eq!((message.content.channel(), message.state, message.credits), (Channel::Voice, State::Pending, 2));
    let call = message.content.call().unwrap();
    assert_eq!((call.audio.as_str(), call.redials, call.every_min), ("a.mp3", 2, 15));
    assert_eq!((message.content.text().is_none(), message.label.title.as_deref()), (true, Some("Call Ana")));
}

#[test]
fn a_call_is_held_outside_ligueleads_own_day() {
    let config = config(CALL);
    // 01:00 UTC is 22:00 in São Paulo; it opens at 11:00 UTC.
    let night_ms = NOW_MS + 10 * 3_600_000;
    let Verdict::Message(message) = decide(&config, &created(&ANA), night_ms).remove(0).verdict else { panic!() };
    assert_eq!((message.state, message.due_ms), (State::Held, Some(night_ms + 10 * 3_600_000)));
    assert!(message.why.as_ref().is_some_and(|why| why.to_string().contains("LigueLead's day")), "{message:?}");
}

#[test]
fn a_call_has_an_opt_out_of_its_own_and_needs_a_mobile() {
    let config = config(CALL);
    let skipped = |lead: &[(&str, &str)]| {
        let message = message(&config, &created(lead));
        assert_eq!(message.state, State::Skipped);
        message.why.unwrap().to_string()
    };
    assert_eq!(skipped(&[ANA[0], ANA[1], ("DoNotCall", "1")]), "the lead opted out (DoNotCall)");
    assert!(skipped(&[ANA[0], ("Phone", "1132101234")]).contains("landline"));
    assert_eq!(message(&config, &created(&[ANA[0], ANA[1], ("mx_Out", "1")])).state, State::Pending);
}

#[test]
fn a_title_is_rendered_measured_and_left_out_where_it_is_empty() {
    let text = config("  - { id: a, on: lead.created, sms: oi, title: \"{{ lead.Title }}\" }\n");
    let titled = |title: &str| message(&text, &created(&[ANA[1], ("Title", title)]));
    assert_eq!(titled("Oi").label.title.as_deref(), Some("Oi"));
    assert_eq!((titled("").state, titled(" ").label.title), (State::Pending, None));
    assert_eq!(titled(&"é".repeat(255)).state, State::Pending);
    // The emoji counts twice, as in LigueLead's own client.
    let long = titled(&format!("{}🎉", "é".repeat(254)));
    assert_eq!(long.state, State::Skipped);
    assert_eq!(
        long.why.map(|why| why.to_string()).as_deref(),
        Some("the title has 256 characters; LigueLead takes 255")
    );
    let call = config("  - { id: a, on: lead.created, voice: { audio: a.mp3, title: \"{{ lead.Title }}\" } }\n");
    let untitled = message(&call, &created(&[ANA[1], ("Title", "")]));
    assert_eq!(untitled.why.map(|why| why.to_string()).as_deref(), Some("the title of a call may not be empty"));
}

#[test]
fn a_text_over_1600_characters_is_skipped_and_1600_cost_11_credits() {
    let config = config("  - { id: a, on: lead.created, sms: \"{{ lead.Long | trusted }}\" }\n");
    let long = |chars: usize| message(&config, &created(&[ANA[1], ("Long", "é".repeat(chars).as_str())]));
    assert_eq!((long(1600).state, long(1600).credits), (State::Pending, 11));
    assert_eq!(long(1601).state, State::Skipped);
}

#[test]
fn outside_the_recipients_own_hours_a_message_is_held_until_they_open() {
    let config = config(WELCOME);
    // 23:30 UTC on a Monday: 20:30 in São Paulo, 18:30 in Acre.
    let late_ms = NOW_MS + 8 * 3_600_000 + 1_800_000;
    let at = |phone: &str| {
        let mut decisions = decide(&config, &created(&[ANA[0], ("Phone", phone)]), late_ms);
        match decisions.remove(0).verdict {
            Verdict::Message(message) => *message,
            Verdict::No(why_not) => panic!("{why_not}"),
        }
    };
    assert_eq!(at("68987654321").state, State::Pending);
    let held = at("11987654321");
    assert_eq!(held.state, State::Held);
    // Its six hours end before the next morning, so it is due when they end.
    assert_eq!(held.due_ms, Some(held.expires_ms));
}

#[test]
fn one_edit_by_several_webhooks_is_one_message() {
    let stage = changed(&[("ProspectStage", "New")], &[("ProspectStage", "Won"), ("ModifiedBy", "x")]);
    let mut update = changed(&[("ProspectStage", "New"), ("mx_A", "1")], &[("ProspectStage", "Won"), ("mx_A", "2")]);
    assert_eq!(message_id("r", Some("ProspectStage"), &stage), message_id("r", Some("ProspectStage"), &update));
    assert_eq!(message_id("r", None, &stage), message_id("r", None, &update));
    assert_ne!(message_id("r", None, &stage), message_id("q", None, &stage), "another rule, another message");
    update.at = Some("2026-11-23 14:59:01".to_owned());
    assert_ne!(message_id("r", None, &stage), message_id("r", None, &update), "another second, another edit");
    let milliseconds = Event { at: Some("2026-11-23 14:59:00.123".to_owned()), ..stage.clone() };
    assert_eq!(message_id("r", None, &stage), message_id("r", None, &milliseconds), "one instant, two spellings");
}

#[test]
fn a_lead_is_created_once_whatever_else_the_delivery_says() {
    let again = Event { at: None, ..created(&[("FirstName", "ANA")]) };
    assert_eq!(message_id("r", None, &created(&ANA)), message_id("r", None, &again));
    assert_ne!(event_id(&created(&ANA)), event_id(&again), "but the deliveries are told apart");
}

#[test]
fn null_empty_and_absent_are_one_value() {
    let mut event = changed(&[("City", ""), ("A", "1")], &[("A", "2"), ("Zip", "")]);
    event.lead.insert("City", None);
    assert_eq!(event.changes().collect::<Vec<_>>(), [("A", Some("1"), Some("2"))]);
}

/// A message of a rule with these additional keys, under this `send`.
fn lingering(send: &str, keys: &str) -> Message {
    let rules = format!("  - {{ id: welcome, on: lead.created, sms: \"Oi\"{keys} }}\nsend: {{ {send} }}\n");
    message(&config(&rules), &created(&ANA))
}

#[test]
fn a_message_that_lingers_waits_to_the_end_of_a_window_that_all_functions_see_alike() {
    // 15:00:00 UTC begins a window of each length that divides an hour.
    for (send, keys, until_s) in [
        ("linger: 5s", "", 5),
        ("linger: 5s", ", linger: 10s", 10),
        ("linger: 5s", ", priority: low", 5),
        ("stale_after: 3m", ", linger: 7s", 7 - NOW_MS / 1_000 % 7),
    ] {
        let message = lingering(send, keys);
        assert_eq!(message.state, State::Held, "{send}{keys}");
        assert_eq!(message.why, Some(Reason::Lingers));
        assert_eq!(message.due_ms, Some(NOW_MS + until_s * 1_000), "{send}{keys}");
    }
}

#[test]
fn an_urgent_message_waits_for_nobody_and_none_waits_past_its_expiry() {
    for (send, keys) in
        [("linger: 5s", ", priority: urgent"), ("linger: 5s", ", linger: 0s"), ("linger: 2m", ", expires: 1m")]
    {
        let message = lingering(send, keys);
        assert_eq!((message.state, message.due_ms), (State::Pending, Some(NOW_MS + WAKE_UP_WITHIN_MS)), "{send}{keys}");
    }
}

/// When 400 leads' messages are held until, at 22:30 in São Paulo, with these lines of `hours` and of the rule.
fn held_at_night(hours: &str, rule: &str) -> Vec<Option<i64>> {
    let night_ms = NOW_MS + 10 * 3_600_000 + 1_800_000;
    let text = format!(
        "version: 1\nleadsquared: {{ plan: pro }}\nhours: {{ sms: \"08:00-20:00 mon-sat\"{hours} }}\nrules:\n  \
         - {{ id: welcome, on: lead.created, sms: Olá{rule} }}\n"
    );
    let config = Config::parse(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).config;
    let of_lead = |number: u32| {
        let event = Event { lead_id: format!("lead-{number}"), ..created(&ANA) };
        match decide(&config, &event, night_ms).remove(0).verdict {
            Verdict::Message(message) => (message.state == State::Held).then_some(message.due_ms).flatten(),
            Verdict::No(why_not) => panic!("{why_not}"),
        }
    };
    (0..400).map(of_lead).collect()
}

#[test]
fn an_opening_is_no_burst() {
    let opening_ms = NOW_MS + 20 * 3_600_000;
    let minutes = |held: Vec<Option<i64>>| {
        let minute = |due_ms: Option<i64>| (due_ms.unwrap() - opening_ms) / 60_000;
        held.into_iter().map(minute).fold(std::collections::BTreeMap::new(), |mut counts, minute| {
            *counts.entry(minute).or_insert(0) += 1;
            counts
        })
    };
    let spread = minutes(held_at_night("", ""));
    assert_eq!(spread.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4], "five minutes unless the file says");
    assert!(spread.values().all(|count| (50..120).contains(count)), "{spread:?}");
    assert_eq!(minutes(held_at_night(", spread: 0s", "")).len(), 1);
    assert_eq!(minutes(held_at_night("", ", priority: urgent")).len(), 1);
    // A rule whose hours end after two minutes: nothing moves to the next day.
    let short = minutes(held_at_night(", spread: 1h", ", hours: \"08:00-08:02 tue\""));
    assert_eq!(short.keys().copied().collect::<Vec<_>>(), [0, 1]);
    // Nothing moves past its expiry either.
    let soon = minutes(held_at_night(", spread: 1h", ", expires: 571m"));
    assert_eq!(soon.keys().copied().collect::<Vec<_>>(), [0]);
}

#[test]
fn what_is_urgent_for_a_reason_comes_at_any_hour() {
    let rule = ", urgent: true, reason: \"they asked for it\"";
    assert_eq!(held_at_night(", holidays: closed", rule), vec![None; 400]);
    let of_day = config("  - { id: a, on: lead.created, sms: Olá, hours: \"18:00-22:00 daily\" }\n");
    let message = message(&of_day, &created(&ANA));
    assert_eq!(message.state, State::Held, "the account's hours are open, the rule's are not");
    assert!(message.due_ms >= Some(NOW_MS + 6 * 3_600_000) && message.due_ms < Some(NOW_MS + 6 * 3_600_000 + 300_000));
}

#[test]
fn without_hours_nobody_is_woken_on_his_own_clock() {
    let night = |hours: &str, action: &str, ddd: &str, now_ms: i64| {
        let text = format!(
            "version: 1\nleadsquared: {{ plan: pro }}\n{hours}rules:\n  - {{ id: a, on: lead.created, {action} }}\n"
        );
        let config = Config::parse(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).config;
        let phone = format!("{ddd}987654321");
        match decide(&config, &created(&[("Phone", &phone)]), now_ms).remove(0).verdict {
            Verdict::Message(message) => message.due_ms.filter(|_| message.state == State::Held),
            Verdict::No(why_not) => panic!("{why_not}"),
        }
    };
    let hour = |hours: i64| NOW_MS + hours * 3_600_000;
    let call = "voice: { audio: a.mp3, title: Oi }";
    for (action, ddd, opens_at, closes_at) in [
        // NOW_MS is noon in São Paulo and ten in Acre. LigueLead's own day, for voice calls, ends before the
        // recipient's.
        ("sms: Oi", "11", 20, 10),
        ("flash: Oi", "68", 22, 12),
        (call, "11", 20, 9),
        (call, "68", 22, 9),
    ] {
        let held = |at_ms: i64| night("", action, ddd, at_ms);
        assert_eq!(held(hour(closes_at) - 60_000), None, "{action} {ddd}");
        let until_ms = held(hour(closes_at + 1)).unwrap();
        assert!((hour(opens_at)..hour(opens_at) + 300_000).contains(&until_ms), "{action} {ddd}: {until_ms}");
        assert_eq!(held(hour(opens_at)), None, "{action} {ddd}");
    }
    assert_eq!(night("hours: { sms: always }\n", "sms: Oi", "11", hour(12)), None);
    assert_eq!(night("hours: { voice: always, dialling: always }\n", call, "11", hour(12)), None);
    // Hours that are set for one channel do not change the other.
    assert!(night("hours: { voice: always }\n", "sms: Oi", "11", hour(12)).is_some());
}

#[test]
fn a_rule_under_a_new_name_makes_the_messages_of_its_first_name() {
    let of = |names: &str| config(&format!("  - {{ {names}, on: lead.created, sms: Olá, control_percent: 50 }}\n"));
    let [first, renamed, other] = ["id: welcome", "id: hello, was: [welcome, greeting]", "id: hello"].map(of);
    let told = |config: &Config, number: u32| {
        let event = Event { lead_id: format!("lead-{number}"), ..created(&ANA) };
        let message = message(config, &event);
        (message.id, message.state, message.rule)
    };
    for number in 0..50 {
        let (id, state, rule) = told(&renamed, number);
        assert_eq!((id, state), (told(&first, number).0, told(&first, number).1));
        assert_eq!(rule, "hello", "what is shown is the new name");
        assert_ne!(id, told(&other, number).0);
    }
}

#[test]
fn a_control_group_is_the_same_leads_each_time() {
    let of = |percent: u32, rule: &str| -> Vec<u32> {
        let rules = format!("  - {{ id: {rule}, on: lead.created, sms: Olá, control_percent: {percent} }}\n");
        let config = config(&rules);
        let is_control = |number: &u32| {
            let event = Event { lead_id: format!("Lead-{number}"), ..created(&ANA) };
            let message = message(&config, &event);
            assert!(message.state == State::Pending || message.why == Some(Reason::Control));
            message.state == State::Skipped
        };
        (0..2_000).filter(is_control).collect()
    };
    let ten = of(10, "a");
    assert!((150..250).contains(&ten.len()), "{}", ten.len());
    assert_eq!(ten, of(10, "a"));
    let twenty = of(20, "a");
    assert!(ten.iter().all(|lead| twenty.contains(lead)) && twenty.len() > ten.len() + 100);
    let others = of(10, "b");
    assert!(ten.iter().filter(|lead| others.contains(lead)).count() < 60, "rules choose for themselves");
    assert_eq!(of(0, "a"), Vec::<u32>::new());
}

#[test]
fn what_follows_is_decided_together_with_the_message_and_only_if_that_is_to_be_sent() {
    let rule = |more: &str| {
        let fallback = "else: { voice: { audio: a.mp3, title: \"{{ lead.FirstName }}\" } }";
        config(&format!("  - {{ id: r, on: lead.created, sms: Oi, expires: 2h, {fallback}{more} }}\n"))
    };
    let sms = message(&rule(""), &created(&ANA));
    let next = sms.fallback.as_deref().unwrap();
    assert_eq!((sms.content.channel(), next.content.channel()), (Channel::Sms, Channel::Voice));
    assert_eq!(
        (next.phone(), next.expires_ms, next.label.title.as_deref()),
        (sms.phone(), sms.expires_ms, Some("Ana"))
    );
    assert_ne!(next.id, sms.id);
    assert_eq!(message(&rule(""), &created(&ANA)).fallback.unwrap().id, next.id, "a redelivery makes the same one");
    let later_ms = NOW_MS + 600_000;
    let followed = sms.followed_by(later_ms, WAKE_UP_WITHIN_MS).unwrap();
    assert_eq!((followed.state, followed.created_ms), (State::Pending, later_ms));
    assert_eq!(followed.due_ms, Some(later_ms + WAKE_UP_WITHIN_MS));
    assert!(message(&rule(", shadow: true"), &created(&ANA)).fallback.is_none());
}

#[test]
fn what_follows_and_cannot_be_made_is_skipped_when_its_turn_comes() {
    let fallback = "else: { voice: { audio: a.mp3, title: \"{{ lead.mx_Nothing }}\" } }";
    let config = config(&format!("  - {{ id: r, on: lead.created, sms: Oi, {fallback} }}\n"));
    let sms = message(&config, &created(&ANA));
    assert_eq!(sms.state, State::Pending);
    let followed = sms.followed_by(NOW_MS + 1, WAKE_UP_WITHIN_MS).unwrap();
    assert_eq!((followed.state, followed.due_ms, followed.crm.due_ms), (State::Skipped, None, Some(NOW_MS + 1)));
    assert!(followed.why.unwrap().to_string().contains("mx_Nothing"));
}
