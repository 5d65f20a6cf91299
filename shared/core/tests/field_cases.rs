//! Real input of people who do this job, from public bug reports and sample payloads. All persons, phones and ids are
//! invented. These are the cases about phones and texts; each lists the outcomes that are right. Variants of the cases
//! are tested beside the code that reads phones, names, dates and amounts.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's helpers fail by panicking, as the test does")]

use recado_core::{
    config::Config,
    decide::{Verdict, decide},
    event::{Activity, Event},
    fields::Fields,
    kind::EventKind,
    message::State,
};

/// 2026-11-23 (a Monday) 15:00 UTC: noon in São Paulo.
const NOW_MS: i64 = 1_795_446_000_000;
const PHONE: &str = "11970000000";
const GREETING: &str = "Olá {{ lead.FirstName | first_name }}, ok";

/// The result for LigueLead: a phone and a text, or nothing with a reason.
type Outcome = Option<(String, String)>;

fn outcome(text: &str, kind: &str, lead: &[(&str, &str)], activity: &[(&str, &str)]) -> Outcome {
    let rule = format!("  - {{ id: a, on: {kind}, sms: \"{text}\" }}\n");
    let file = format!("version: 1\nleadsquared: {{ plan: pro }}\nrules:\n{rule}");
    let config = Config::parse(&file).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}")).config;
    let plain = [("FirstName", "ANA"), ("Phone", PHONE)];
    let mut fields: Fields = plain.into_iter().map(|(name, value)| (name, Some(value))).collect();
    fields.extend(lead.iter().map(|(name, value)| (*name, Some(*value))));
    let data = activity.iter().map(|(name, value)| (*name, Some(*value))).collect();
    let activity = Activity { id: Some("a".to_owned()), code: Some(213), name: None, data };
    let event = match kind {
        "lead.created" => Event::new(EventKind::LeadCreated, "lead-1".to_owned(), fields),
        _ => Event { activity: Some(activity), ..Event::new(EventKind::ActivityCreated, "lead-1".to_owned(), fields) },
    };
    let Verdict::Message(message) = decide(&config, &event, NOW_MS).remove(0).verdict else { panic!("{text}") };
    if message.state == State::Skipped {
        assert!(message.why.as_ref().is_some_and(|why| !why.to_string().is_empty()), "silence has a reason");
        return None;
    }
    Some((message.phone().unwrap().national(), message.content.text().unwrap().expose().to_owned()))
}

#[track_caller]
fn assert_right(case: &str, outcome: &Outcome, right: &[Option<(&str, &str)>]) {
    let outcome = outcome.as_ref().map(|(phone, text)| (phone.as_str(), text.as_str()));
    assert!(right.contains(&outcome), "{case}: {outcome:?} is none of {right:?}");
}

#[test]
fn phones() {
    let to = |phone| Some((phone, "Olá Ana, ok"));
    let taken = to("11999998888");
    for (case, phone, right) in [
        ("p01a", "1199998888.0", vec![None]),
        ("p01c", "11999998888.0", vec![taken]),
        ("p02a", "(55) 99999-1111/12", vec![to("55999991111")]),
        ("p02b", "(11) 9999-1111/2", vec![None]),
        ("p02d", "11 99999-8888 / 11 3333-4444", vec![taken, None]),
        ("p160", "\u{202a}+5511999998888\u{202c}", vec![taken]),
        ("p161", "11\u{200b}999998888", vec![taken]),
        ("p163", "11 99999\u{2212}8888", vec![taken]),
        ("p166", "\u{ff11}\u{ff11} 99999-8888", vec![taken]),
        ("p17a", "(+55) 11 99999-8888", vec![taken]),
        ("p18a", "+55-5511999998888", vec![taken]),
        ("p19a", "015 11 99999-8888", vec![taken]),
        ("p19b", "(0xx11) 99999-8888", vec![taken]),
        ("p20a", "55 (011) 99999-8888", vec![taken]),
        ("p21", "553196883193", vec![None]),
        ("p22a", "tel:+5511999998888", vec![taken, None]),
    ] {
        assert_right(case, &outcome(GREETING, "lead.created", &[("Phone", phone)], &[]), &right);
    }
    // A number that LeadSquared's automation wrote as a number: its text is that of a float.
    let float = serde_json::json!(1_199_998_888.0).to_string();
    assert_right("p01b", &outcome(GREETING, "lead.created", &[("Phone", &float)], &[]), &[None]);
}

#[test]
fn the_other_phone_is_taken_where_the_first_has_no_one_reading() {
    let lead = [("Phone", "11 99999-8888 / 11 98888-7777"), ("Mobile", "21 98888-7777")];
    assert_right("two fields", &outcome(GREETING, "lead.created", &lead, &[]), &[Some(("21988887777", "Olá Ana, ok"))]);
}

#[test]
fn names() {
    let says = |text| Some((PHONE, text));
    for (case, name, right) in [
        ("n23a", "D&#039;ÁVILA", vec![says("Olá D'Ávila, ok")]),
        ("n26a", "🌸ANA🌸", vec![says("Olá Ana, ok")]),
        ("n26b", "Dra. ANA", vec![says("Olá Ana, ok"), says("Olá Dra. Ana, ok")]),
        ("n26e", "D\u{2019}ÁVILA", vec![says("Olá D\u{2019}Ávila, ok"), says("Olá D'Ávila, ok")]),
        ("n24a", "http://premio.example/gratis", vec![None, says("Olá cliente, ok")]),
        ("s08", "BIA\u{fffd}", vec![says("Olá Bia, ok"), says("Olá Bia\u{fffd}, ok")]),
        ("empty", "", vec![None]),
    ] {
        let lead = [("FirstName", name)];
        assert_right(case, &outcome(GREETING, "lead.created", &lead, &[]), &right);
        let with_default = "Olá {{ lead.FirstName | first_name | default('cliente') }}, ok";
        let said = outcome(with_default, "lead.created", &lead, &[]).unwrap().1;
        assert!(!said.contains("Olá ,") && !said.contains("premio"), "{case}: {said}");
    }
}

#[test]
fn days_instants_and_amounts() {
    let says = |text| Some((PHONE, text));
    let of = |text: &str, field, value| outcome(text, "lead.created", &[(field, value)], &[]);
    let due = "Vence {{ lead.mx_Due | date }}";
    for value in ["2026-11-30 00:00:00", "2026-11-30", "2026-11-30 00:00:00.000"] {
        assert_right("d04a", &of(due, "mx_Due", value), &[says("Vence 30/11/2026")]);
    }
    let at = "Entrega {{ lead.mx_At | date }} {{ lead.mx_At | time }}";
    for value in ["2026-07-15T09:30:00-03:00", "2026-07-15 12:30:00", "2026-07-15T12:30:00.000Z"] {
        assert_right("d05a", &of(at, "mx_At", value), &[says("Entrega 15/07/2026 09:30")]);
    }
    let price = "Valor {{ lead.mx_Price | brl }}";
    for (value, right) in [
        ("R$ 1.500", vec![says("Valor R$ 1.500,00"), None]),
        ("1.500,00", vec![says("Valor R$ 1.500,00")]),
        ("1500.00", vec![says("Valor R$ 1.500,00")]),
        ("1500,5", vec![says("Valor R$ 1.500,50")]),
        ("1.500", vec![None]),
        ("R$ 1,500", vec![None]),
    ] {
        assert_right("m25a", &of(price, "mx_Price", value), &right);
    }
}

#[test]
fn a_custom_field_set() {
    let set = r#"{"mx_CustomObject_1": "104", "mx_CustomObject_2": "Rua das Flores", "mx_CustomObject_3": ""}"#;
    let of = |text: &str| outcome(text, "activity.created", &[], &[("mx_Custom_4", set)]);
    assert_right("27 whole", &of("Pedido {{ activity.mx_Custom_4 }}"), &[None]);
    let member = of("Pedido {{ activity.mx_Custom_4.mx_CustomObject_1 }}");
    assert_right("27 member", &member, &[Some((PHONE, "Pedido 104"))]);
}
