//! The audit trail: each verb with an effect leaves one row, without a phone or a text.

use std::sync::Arc;

use recado_table::EmbeddedTable;
use serde_json::{Value, json};

use super::WELCOME;
use crate::{
    support::{Installation, Lead, Meter, Setup, recado},
    voice::wav,
};

const CAMPAIGN: &str = "campaigns:\n  - { id: fair, audience: csv, write_back: none, sms: \"Novidades.\" }\n";

async fn entries(installation: &Installation) -> Vec<Value> {
    let report = installation.command("audit", &["--json", "--limit", "1000"]).await.json();
    assert_eq!(report["more"], false);
    report["entries"].as_array().unwrap().clone()
}

/// The acts so far, oldest first.
async fn acts(installation: &Installation) -> Vec<String> {
    let entries = entries(installation).await;
    entries.iter().rev().map(|entry| entry["act"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_with_an_effect_leaves_one_row_without_a_phone_or_a_text() {
    let installation = Installation::start(Setup::new(WELCOME).and(CAMPAIGN)).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (first, waiting) = (Lead::new(1), Lead::new(2));
    installation.take(&first.created()).await;
    let sent = installation.comes_to(&first.id, "delivered").await;
    let run = async |verb: &str, more: &[&str]| {
        let words: Vec<&str> = verb.split(' ').collect();
        let done = installation.command_of(&words, more).await;
        assert_eq!(done.code, Some(0), "{verb} {more:?}: {done:?}");
    };
    run("pause", &["--all", "--by", "Ana", "--why", "number 11987654321 complained"]).await;
    // A second pause changes nothing, and so leaves no row.
    run("pause", &["--all"]).await;
    installation.take(&waiting.created()).await;
    let held = installation.comes_to(&waiting.id, "held").await;
    run("release", &["--rule", "welcome"]).await;
    run("cancel", &[&held.id]).await;
    run("retry", &["--phone", &waiting.phone, "--yes"]).await;
    run("suppress add", &["--phone", &first.phone, "--why", "called from 11987654321"]).await;
    run("suppress remove", &["--phone", &first.phone]).await;
    let list = file("out.csv", format!("telefone\n{}\n{}\n", Lead::new(8).phone, Lead::new(9).phone).as_bytes());
    run("suppress import", &[&list]).await;
    let people = file("people.csv", format!("telefone\n{}\n", Lead::new(20).phone).as_bytes());
    run("campaign start", &["fair", "--csv", &people, "--run", "november", "--yes"]).await;
    run("campaign cancel", &["fair", "--run", "november"]).await;
    run("forget-limit", &[]).await;
    run("audio add", &[&file("oi.mp3", &wav(1))]).await;
    run("messages", &[&sent.id]).await;
    run("messages", &[&sent.id, "--show-text"]).await;
    run("resume", &["--all"]).await;
    let text = std::fs::read_to_string(installation.file()).unwrap();
    let (next, last) = (text.replace("Boas-vindas", "Bom dia"), text.replace("Boas-vindas", "Boa noite"));
    for words in [
        vec!["apply", &file("a.yaml", next.as_bytes()), "--yes", "--author", "rui"],
        vec!["apply", &file("a.yaml", next.as_bytes()), "--yes"],
        vec!["push", &file("b.yaml", last.as_bytes())],
        vec!["rollback", "1", "--yes"],
    ] {
        let words = [words.as_slice(), &["--data", installation.data()]].concat();
        let done = recado(&words, &installation.environment).await;
        assert_eq!(done.code, Some(0), "{words:?}");
    }
    let expected = [
        "serve",
        "pause",
        "release",
        "cancel",
        "retry",
        "suppress add",
        "suppress remove",
        "suppress import",
        "campaign start",
        "campaign cancel",
        "forget-limit",
        "audio add",
        "show text",
        "resume",
        "apply",
        "push",
        "rollback",
    ];
    assert_eq!(acts(&installation).await, expected);

    let entries = entries(&installation).await;
    let of = |act: &str| entries.iter().find(|entry| entry["act"] == act).unwrap();
    assert_eq!((&of("pause")["by"], &of("pause")["scope"]), (&json!("Ana"), &json!("all")));
    assert_eq!((&of("apply")["by"], &of("apply")["version"]), (&json!("rui"), &json!(2)));
    assert_eq!(of("cancel")["messages"], json!([held.id]));
    assert_eq!((&of("retry")["scope"], &of("retry")["count"]), (&json!("one phone"), &json!(1)));
    assert_eq!(of("suppress add")["people"].as_array().unwrap().len(), 1);
    assert_eq!(of("suppress add")["people"], of("suppress remove")["people"]);
    assert_ne!(of("suppress add")["people"], of("retry")["people"], "another person has another mark");
    assert_eq!(of("suppress import")["count"], 4, "two people, SMS and voice");
    assert_eq!(of("campaign start")["scope"], "campaign fair, run november");
    assert!(entries.windows(2).all(|pair| pair[0]["at_ms"].as_i64() >= pair[1]["at_ms"].as_i64()));

    let shown = installation.command("audit", &["--since", "1h"]).await;
    let all = format!("{}{}", shown.stdout, serde_json::to_string(&entries).unwrap());
    assert!(shown.stdout.contains("rollback") && shown.stdout.contains("17 acts"), "{shown:?}");
    for private in [&first.phone, &waiting.phone, "11987654321", "Boas-vindas", "Bom dia"] {
        assert!(!all.contains(private), "{private} is in {all}");
    }
    let newest = installation.command("audit", &["--limit", "2", "--json"]).await.json();
    assert_eq!((newest["entries"].as_array().unwrap().len(), &newest["more"]), (2, &json!(true)));
    let later = installation.command("audit", &["--since", "2100-01-01T00:00:00Z", "--json"]).await.json();
    assert_eq!(later["entries"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_takes_no_row_stops_what_shows_people_and_not_a_pause() {
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let meter = Meter::start(&table).await;
    let setup =
        Setup::new(WELCOME).on_table(table, "trail").await.variable("AWS_ENDPOINT_URL_DYNAMODB", meter.endpoint());
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    let sent = installation.comes_to(&lead.id, "delivered").await;
    let before = acts(&installation).await;
    meter.refuse(Some("\"T#"));
    let paused = installation.command("pause", &["--all", "--json"]).await;
    assert_eq!(paused.json()["what"], "all");
    assert!(paused.stderr.contains("the audit trail has no entry of it"), "{paused:?}");
    for (verb, more) in [
        (vec!["messages"], vec![sent.id.as_str(), "--show-text"]),
        (vec!["export", "messages"], vec!["--show-phones"]),
        (vec!["export", "failures"], vec!["--texts"]),
    ] {
        let refused = installation.command_of(&verb, &more).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains("nothing was done: the audit trail takes no entry"), "{refused:?}");
    }
    // What shows nobody needs no row.
    assert_eq!(installation.command_of(&["export", "messages"], &[]).await.code, Some(0));
    meter.refuse(None);
    assert_eq!(acts(&installation).await, before);
    installation.command("resume", &["--all"]).await;
    assert_eq!(acts(&installation).await.last().unwrap(), "resume");
}
