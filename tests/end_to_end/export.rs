//! `recado export`: files for a spreadsheet and for scripts.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::support::{Installation, Lead, Setup, fault, wait_until};

const RULES: &str = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName | default('cliente') }}.\" }
campaigns:
  - { id: fair, audience: csv, write_back: none, sms: \"Novidades.\" }
";

/// The cells of a CSV file, by line. No test has a line break in a cell.
fn cells(text: &str) -> Vec<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or_else(|| panic!("no mark: {text}"));
    let lines = text.strip_suffix("\r\n").unwrap().split("\r\n");
    lines.map(|line| line.split(';').map(str::to_owned).collect()).collect()
}

fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let place = rows[0].iter().position(|heading| heading == name).unwrap_or_else(|| panic!("no column {name}"));
    rows[1..].iter().map(|row| row[place].clone()).collect()
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

async fn with_people() -> Installation {
    let mut setup = Setup::new(RULES);
    setup.config = setup.config.replace(
        "leadsquared:\n",
        "leadsquared:\n  lead_link: \"https://x.leadsquared.com/LeadDetails?LeadID={lead}\"\n",
    );
    setup.liguelead.faults.rules = vec![fault("before-422@first=1@/sms")];
    setup.liguelead.callbacks.undelivered_endings = vec!["41".to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&Lead::new(1).created()).await;
    installation.comes_to(&Lead::new(1).id, "refused").await;
    installation.take(&Lead { name: "=cmd()".to_owned(), ..Lead::new(2) }.created()).await;
    installation.comes_to(&Lead::new(2).id, "delivered").await;
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("people.csv");
    let phones: Vec<String> = (40..43).map(|number| Lead::new(number).phone).collect();
    fs::write(&list, format!("telefone\n{}\n", phones.join("\n"))).unwrap();
    let list = list.display().to_string();
    let start = ["fair", "--csv", list.as_str(), "--run", "november", "--yes"];
    assert_eq!(installation.command_of(&["campaign", "start"], &start).await.code, Some(0));
    wait_until("the campaign has arrived or not", async || {
        let status = installation.command_of(&["campaign", "status"], &["fair", "--json"]).await.json();
        let states = &status["runs"][0]["states"];
        (states == &json!({ "delivered": 2, "undelivered": 1 })).then_some(())
    })
    .await;
    installation
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_failures_are_rows_of_recipients_with_phones_only_on_request() {
    let installation = with_people().await;
    let export = async |what: &str, more: &[&str]| {
        let done = installation.command_of(&["export", what], more).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        done.stdout
    };
    let text = export("messages", &[]).await;
    let rows = cells(&text);
    assert_eq!(rows.len(), 1 + 5, "each recipient of the campaign is a row: {text}");
    for number in [1, 2, 40, 41, 42] {
        assert!(!text.contains(&Lead::new(number).phone[2..]), "{text}");
    }
    assert!(!text.contains("Novidades") && !rows[0].contains(&"text".to_owned()), "{text}");
    let states = ["delivered", "delivered", "delivered", "refused", "undelivered"];
    assert_eq!(sorted(column(&rows, "state")), states);
    assert_eq!(sorted(column(&rows, "run")), ["", "", "november", "november", "november"]);
    let link = format!("https://x.leadsquared.com/LeadDetails?LeadID={}", Lead::new(1).id);
    assert!(column(&rows, "lead_link").contains(&link), "{text}");
    assert!(column(&rows, "created_at").iter().all(|at| at.ends_with("-03:00") && at.contains('T')), "{text}");
    let charged: Vec<(String, String)> =
        column(&rows, "state").into_iter().zip(column(&rows, "credits_charged")).collect();
    assert!(charged.iter().all(|(state, credits)| credits == if state == "refused" { "" } else { "1" }), "{charged:?}");

    // The file is as the terminal's answer, with phones, and nobody else can read it.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.csv");
    let path = file.display().to_string();
    let said = export("messages", &["--show-phones", "--texts", "--out", &path]).await;
    assert_eq!(said, "");
    let rows = cells(&fs::read_to_string(&file).unwrap());
    let phones: Vec<String> = [1, 2, 40, 41, 42].map(|number| Lead::new(number).phone).into();
    assert_eq!(sorted(column(&rows, "phone")), phones);
    assert!(column(&rows, "text").contains(&"Novidades.".to_owned()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no part is left");
    let trail = installation.command("audit", &["--limit", "1", "--json"]).await.json();
    assert_eq!(trail["entries"][0]["scope"], "messages with phones and texts");

    let failures = cells(&export("failures", &["--since", "7d"]).await);
    assert_eq!(sorted(column(&failures, "state")), ["refused", "undelivered"]);
    assert_eq!(column(&cells(&export("failures", &["--rule", "fair"]).await), "state"), ["undelivered"]);
    assert_eq!(cells(&export("failures", &["--until", "1d"]).await).len(), 1, "only the headings");
    assert_eq!(cells(&export("messages", &["--phone", &Lead::new(41).phone]).await).len(), 2);
    let unknown = installation.command_of(&["export", "messages"], &["--rule", "other"]).await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("no rule or campaign"), "{unknown:?}");

    let lines = export("messages", &["--format", "jsonl", "--state", "undelivered"]).await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["state"], &lines[0]["credits_charged"]), (1, &json!("undelivered"), &json!(1)));
    assert_eq!((&lines[0]["lead"], &lines[0]["schema"]), (&Value::Null, &json!("recado.export.messages/1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_rows_and_a_formula_in_a_text_is_none() {
    let installation = Installation::start(Setup::new(
        "  - { id: own, on: lead.created, sms: \"{{ lead.FirstName | default('x') | trusted }}\" }\n",
    ))
    .await;
    installation.take(&Lead { name: "=HYPERLINK(1)".to_owned(), ..Lead::new(1) }.created()).await;
    installation.post(&json!({ "Nothing": "of use" })).await;
    let staged = Lead::new(2).staged("Prospect", "Visit", "2026-11-20 12:10:00");
    installation.take(&staged).await;
    installation.comes_to(&Lead::new(1).id, "delivered").await;
    let done = installation.command_of(&["export", "messages"], &["--texts"]).await;
    assert_eq!(column(&cells(&done.stdout), "text"), ["'=HYPERLINK(1)"]);
    let events = cells(&installation.command_of(&["export", "events"], &[]).await.stdout);
    assert_eq!(sorted(column(&events, "outcome")), ["no_rule", "not_understood"]);
    let of_lead = installation.command_of(&["export", "events"], &["--lead", &Lead::new(2).id]).await;
    assert_eq!(column(&cells(&of_lead.stdout), "lead"), [Lead::new(2).id]);
    let lines = installation.command_of(&["export", "events"], &["--format", "jsonl", "--since", "1h"]).await.stdout;
    assert_eq!(lines.lines().count(), 2);
}
