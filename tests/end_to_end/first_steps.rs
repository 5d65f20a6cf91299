//! A newcomer's steps: a first configuration, tried on simulated vendors, without an account.

use std::path::Path;

use serde_json::Value;

use crate::support::{Beside, Finished, recado_in, wait_until};

async fn done(directory: &Path, words: &[&str]) -> Finished {
    let finished = recado_in(directory, words, &[]).await;
    assert_eq!(finished.code, Some(0), "{words:?}: {finished:?}");
    finished
}

/// The messages of the installation nearest to a directory.
async fn messages(directory: &Path) -> Vec<Value> {
    let shown = done(directory, &["messages", "--json"]).await.json();
    shown["messages"].as_array().unwrap().clone()
}

/// Starts `recado dev` in a directory, and waits until it listens.
async fn dev(directory: &Path) -> Beside {
    let dev = Beside::start(directory, &["dev", "--listen", "127.0.0.1:0"]);
    wait_until("dev listens", async || {
        dev.said.all().iter().any(|line| line.starts_with("listening on")).then_some(())
    })
    .await;
    dev
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_folder_to_a_message_at_the_simulator_in_five_commands() {
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let made = done(here, &["init", "--source", "Feira"]).await;
    for file in ["recado.yaml", ".env.example", "recado.tests.yaml"] {
        assert!(made.stdout.contains(file) && here.join(file).is_file(), "{made:?}");
    }
    let checked = done(here, &["check"]).await;
    assert!(!checked.stdout.contains("warning"), "{checked:?}");
    // The hours in the file must not decide the result of this test.
    let text = std::fs::read_to_string(here.join("recado.yaml")).unwrap();
    let text = text.replace("sms: \"08:00-20:00 mon-sat\"", "sms: always");
    std::fs::write(here.join("recado.yaml"), text).unwrap();
    assert!(done(here, &["test"]).await.stdout.contains("2 case(s), 0 failed"));

    let dev = dev(here).await;
    let taken = done(here, &["trigger", "lead.created", "--phone", "(11) 98888-7777", "--field", "Source=Feira"]).await;
    assert!(taken.stdout.contains("200"), "{taken:?}");
    let delivered = wait_until("it is delivered", async || {
        messages(here).await.into_iter().find(|message| message["state"] == "delivered")
    })
    .await;
    assert_eq!((delivered["rule"].as_str(), delivered["phone"].as_str()), (Some("welcome"), Some("1198…77")));
    done(here, &["trigger", "lead.created", "--field", "Source=Site"]).await;
    assert_eq!(messages(here).await.len(), 1);

    // A saved file is in force, and the data stays from one start to the next.
    let text = std::fs::read_to_string(here.join("recado.yaml")).unwrap();
    std::fs::write(here.join("recado.yaml"), text.replace("Feira", "Site")).unwrap();
    wait_until("the file is in force", async || {
        dev.said.all().iter().any(|line| line.starts_with("version 2")).then_some(())
    })
    .await;
    wait_until("the new rule answers", async || {
        done(here, &["trigger", "lead.created", "--phone", "11977776666"]).await;
        (messages(here).await.len() >= 2).then_some(())
    })
    .await;
    let complained = dev.complained.all();
    assert!(complained.iter().all(|line| !line.contains("ERROR")), "{complained:?}");
    assert_eq!(dev.stop().await, 0);
    assert!(messages(here).await.len() >= 2);
    let gone = recado_in(here, &["trigger", "lead.created"], &[]).await;
    assert!(gone.code == Some(1) && gone.stderr.contains("recado dev does not run"), "{gone:?}");
    let again = recado_in(here, &["init", "--yes"], &[]).await;
    assert!(again.code == Some(1) && again.stderr.contains("exists already"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_event_can_be_triggered_and_starts_its_rule() {
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let kinds = [
        ("lead.created", ""),
        ("lead.stage", ", to: Qualified"),
        ("lead.score", ", when: lead.Score == \"50\""),
        ("lead.changed", ", field: mx_City, to: Recife"),
        ("activity.created", ", activity: 212"),
        ("activity.updated", ", activity: 212"),
        ("task.created", ""),
        ("task.completed", ""),
        ("opportunity.created", ""),
        ("opportunity.changed", ""),
        ("landing_page.submitted", ""),
    ];
    let rule = |(number, (kind, more)): (usize, &(&str, &str))| {
        format!("  - {{ id: r{number}, on: {kind}{more}, sms: \"{kind}\" }}\n")
    };
    let rules: String = kinds.iter().enumerate().map(rule).collect();
    let head = "version: 1\nleadsquared: { plan: enterprise }\nhours: { sms: always }\n";
    std::fs::write(here.join("recado.yaml"), format!("{head}rules:\n{rules}")).unwrap();
    let dev = dev(here).await;
    for (number, (kind, _)) in kinds.iter().enumerate() {
        let phone = format!("1197777{number:04}");
        let mut words = vec!["trigger", kind, "--phone", &phone];
        if *kind == "lead.changed" {
            words.extend(["--before", "mx_City=Olinda", "--field", "mx_City=Recife"]);
        }
        done(here, &words).await;
        wait_until(kind, async || {
            let rule = format!("r{number}");
            messages(here).await.iter().any(|message| message["rule"] == *rule).then_some(())
        })
        .await;
    }
    let near = recado_in(here, &["trigger", "lead.create"], &[]).await;
    assert!(near.code == Some(1) && near.stderr.contains("did you mean lead.created?"), "{near:?}");
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_that_stays_can_be_looked_around_in() {
    let here = std::env::temp_dir();
    let demo = Beside::start(&here, &["demo", "--stay"]);
    let line = wait_until("it stays", async || demo.said.all().into_iter().find(|line| line.contains("--data "))).await;
    let data = line.rsplit(' ').next().unwrap();
    let shown = done(&here, &["messages", "--json", "--data", data]).await.json();
    assert!(shown["total"].as_u64() > Some(10), "{shown}");
    assert_eq!(demo.stop().await, 0);
    assert!(!Path::new(data).exists());
}
