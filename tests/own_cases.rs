//! `recado test`: a user's own test cases.

use crate::support::{Finished, recado};
use tempfile::TempDir;

const RULES: &str = "version: 1
leadsquared: { plan: lite }
hours: { sms: \"08:00-20:00 mon-sat\", spread: 0s }
rules:
  - { id: welcome, on: lead.created, when: lead.Source == \"Site\", sms: \"Olá {{ lead.FirstName }}.\" }
  - { id: other, on: lead.created, when: lead.Source == \"Feira\", sms: \"Obrigado pela visita.\" }
";

const LEAD: &str = "{ ProspectID: p-1, FirstName: Ana, Phone: \"11987654321\", Source: Site }";

/// The first block of a page with this mark.
fn block(page: &str, mark: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/../{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, from) = text.split_once(&format!("```{mark}\n")).unwrap();
    from.split_once("```").unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_cases_hold_for_the_readmes_rule() {
    let said = with_rules(&block("README.md", "yaml recado"), &block("docs/configuration.md", "yaml cases")).await;
    assert_eq!((said.code, said.stdout.lines().last()), (Some(0), Some("3 case(s), 0 failed")), "{said:?}");
}

async fn run(cases: &str) -> Finished {
    with_rules(RULES, cases).await
}

async fn with_rules(rules: &str, cases: &str) -> Finished {
    let desk = TempDir::new().unwrap();
    let path = |name: &str| desk.path().join(name).display().to_string();
    std::fs::write(path("recado.yaml"), rules).unwrap();
    let feira = LEAD.replace("Site", "Feira").replace("ProspectID: p-1", "ProspectID: p-2");
    let json = feira.replace(": ", "\": \"").replace("{ ", "{\"").replace(", ", "\",\"").replace(" }", "\"}");
    std::fs::write(path("feira.json"), json.replace("\"\"", "\"")).unwrap();
    std::fs::write(path("cases.yaml"), cases).unwrap();
    recado(&["test", &path("cases.yaml"), "--config", &path("recado.yaml")], &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_that_hold_and_cases_that_do_not() {
    let good = format!(
        "- name: a welcome by day
  event: {LEAD}
  kind: lead.created
  at: 2026-11-23T12:00:00-03:00
  expect: {{ welcome: \"Olá Ana.\" }}
- name: a welcome by night waits for the morning
  event: {LEAD}
  kind: lead.created
  at: 2026-11-23T22:00:00-03:00
  expect:
    welcome: {{ state: held, why: outside the hours, channel: sms, credits: 1, not_before: 2026-11-24T11:00:00Z }}
- name: nobody is greeted when a lead changes
  event: {{ Before: {LEAD}, After: {LEAD} }}
  kind: lead.changed
  expect: nothing
- name: visitors of the fair
  file: feira.json
  kind: lead.created
  at: 2026-11-23T12:00:00-03:00
  expect: {{ other: Obrigado pela visita. }}
"
    );
    let said = run(&good).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.stdout.contains("ok     visitors of the fair") && said.stdout.contains("4 case(s), 0 failed"),
        "{said:?}"
    );

    let bad = good
        .replace("Olá Ana.", "Oi Ana.")
        .replace("credits: 1", "credits: 2")
        .replace("{ other: Obrigado pela visita. }", "nothing")
        .replace("why: outside the hours", "why: a quota");
    let said = run(&bad).await;
    assert_eq!(said.code, Some(1));
    for line in [
        "failed a welcome by day",
        "welcome: text is \"Olá Ana.\" instead of \"Oi Ana.\"",
        "welcome: credits is \"1\" instead of \"2\"",
        "without \"a quota\"",
        "other: sms pending \"Obrigado pela visita.\" instead of silence",
        "4 case(s), 3 failed",
    ] {
        assert!(said.stdout.contains(line), "{line}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_cannot_be_run_is_refused() {
    let case = |more: &str| format!("- name: one\n  event: {LEAD}\n  kind: lead.created\n{more}");
    for (cases, says) in [
        (case("  expect: { nobody: Oi }\n"), "there is no rule nobody"),
        (case("  expect: silence\n"), "use nothing, or rules and their messages"),
        (case("  expect: nothing\n  file: x.json\n"), "either `event` or `file`"),
        (case("  expect: nothing\n  on: x\n"), "on"),
        ("[]\n".to_owned(), "has no cases"),
    ] {
        let said = run(&cases).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains(says), "{says}: {said:?}");
    }
    let silent = run(&case("  expect: { other: Oi }\n")).await;
    assert!(silent.stdout.contains("other: silence (its condition does not hold) instead of a message"), "{silent:?}");
}
