//! Anything that an operator or a lead can write: no reader panics, and what a reader accepts keeps its promises.
//!
//! `cargo test` gives each target its corpus and a second of other inputs; `just fuzz` looks for new ones for longer.

use fuzz_input::{examples, variants};
use recado_core::{
    config::Config,
    fields::Fields,
    list::{List, Named},
    phone::{Phone, PhoneRules},
    text::{Condition, Context, Template},
    zone::Zone,
};

/// 2026-08-08 05:52:30 UTC.
const NOW_MS: i64 = 1_786_168_350_000;
/// The most characters of a rendered text.
const MAX_TEXT_CHARS: usize = 10_000;

macro_rules! corpus {
    ($target:literal) => {
        examples(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/__fuzz__/fuzz__", $target, "/corpus"))
    };
}

/// Gives each text among the variants of `input` to `check`.
fn texts(input: &[u8], examples: &[Vec<u8>], check: impl Fn(&str)) {
    for bytes in variants(input, examples) {
        check(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn configuration() {
    let examples = corpus!("configuration");
    bolero::check!().for_each(|input: &[u8]| {
        texts(input, &examples, |text| match Config::parse(text) {
            Ok(_) => assert!(Config::parse(text).is_ok(), "it is read the same way twice"),
            Err(problems) => {
                assert!(!problems.is_empty(), "a refusal has a reason");
                // A line ends as YAML says: with a carriage return alone, too.
                let lines = text.split(['\n', '\r']).count() + 1;
                for problem in problems {
                    assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{problem:?}");
                    assert!(!problem.render("recado.yaml").is_empty());
                }
            }
        });
    });
}

#[test]
fn schedule() {
    let examples = corpus!("schedule");
    bolero::check!().for_each(|input: &[u8]| {
        texts(input, &examples, |text| {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            let file = format!(
                "version: 1\nleadsquared: {{ plan: standard }}\ncampaigns:\n  - id: c\n    schedule: {quoted}\n    audience: \
                 {{ field: ProspectStage, op: \"=\", value: Customer }}\n    sms: \"Oi.\"\n"
            );
            let Ok(checked) = Config::parse(&file) else { return };
            let zone = Zone::default();
            for campaign in &checked.config.campaigns {
                let Some(schedule) = &campaign.schedule else { continue };
                if let Some(start_ms) = schedule.last_start_ms(NOW_MS, NOW_MS + 86_400_000, &zone) {
                    assert!((NOW_MS..=NOW_MS + 86_400_000).contains(&start_ms) && start_ms % 60_000 == 0, "{text:?}");
                }
            }
        });
    });
}

#[test]
fn template() {
    let examples = corpus!("template");
    let lead = Fields::from_iter([
        ("FirstName", Some("MARIA DA SILVA")),
        ("LastName", None),
        ("City", Some("")),
        ("Score", Some("60")),
        ("mx_Value", Some("1234.50")),
        ("CreatedOn", Some("2026-08-08 01:52:30.000")),
        ("Phone", Some("+55-11999999999")),
    ]);
    bolero::check!().for_each(|input: &[u8]| {
        let context = Context::new(&lead, NOW_MS, &Zone::default());
        texts(input, &examples, |text| {
            if let Ok(template) = Template::compile(text) {
                if let Ok(rendered) = template.render(&context) {
                    assert!(rendered.chars().count() <= MAX_TEXT_CHARS, "{} characters", rendered.chars().count());
                }
                let (_, _, _) = (template.least_chars(), template.names(), template.folded());
            }
            match Condition::compile(text) {
                Ok(condition) => drop(condition.eval(&context)),
                Err(error) => assert!(error.line >= 1 && error.column >= 1),
            }
        });
    });
}

#[test]
fn phone() {
    let examples = corpus!("phone");
    bolero::check!().for_each(|input: &[u8]| {
        texts(input, &examples, |text| {
            drop(Phone::explain(text, PhoneRules::default()));
            if let Ok(phone) = Phone::parse(text) {
                let national = phone.national();
                assert!(matches!(national.len(), 10 | 11) && national.bytes().all(|byte| byte.is_ascii_digit()));
                assert_eq!(Phone::parse(&national), Ok(phone), "its own form reads as the same phone");
                assert_eq!(Phone::parse(&format!("+55{national}")), Ok(phone));
                assert!(!phone.masked().contains(&national));
            }
        });
    });
}

#[test]
fn people() {
    let examples = corpus!("people");
    let none = Named { phone: None, lead: None };
    bolero::check!().for_each(|input: &[u8]| {
        for bytes in variants(input, &examples) {
            match List::parse(&bytes, &none, PhoneRules::default()) {
                Ok(list) => {
                    assert!(list.lines.len() + list.bad.len() <= bytes.len() + 1, "no line is made up");
                    let again = list.rejected(&list.bad);
                    assert!(again.lines().count() > list.bad.len(), "each bad line is in the file of bad lines");
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    });
}
