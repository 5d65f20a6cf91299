//! Versions of the configuration: pushed, listed, compared and rolled back, with the binary that operators use.

use crate::support::{Finished, Installation, Setup, recado};
use tempfile::TempDir;

const WELCOME: &str = "  - { id: welcome, on: lead.created, sms: \"Oi.\" }\n";
const GOOD: &str = "version: 1\nleadsquared: { plan: lite }\nrules:\n  - { id: a, on: lead.created, sms: \"Oi.\" }\n";

/// An installation that is not running, and a directory for files.
struct Desk(Installation, TempDir);

impl Desk {
    async fn new() -> Self {
        let mut installation = Installation::start(Setup::new(WELCOME)).await;
        installation.stop().await;
        Self(installation, TempDir::new().unwrap())
    }

    /// Runs a command on the data of this desk.
    async fn run(&self, words: &[&str]) -> Finished {
        recado(&[words, &["--data", self.0.data()]].concat(), &[]).await
    }

    fn path(&self, name: &str) -> String {
        self.1.path().join(name).display().to_string()
    }

    async fn push(&self, text: &str, author: &str) -> Finished {
        let file = self.path("recado.yaml");
        std::fs::write(&file, text).unwrap();
        self.run(&["push", &file, "--author", author]).await
    }

    /// Version, author and whether it is in force, newest first.
    async fn history(&self) -> Vec<(u64, String, bool)> {
        let shown = self.run(&["history", "--json"]).await.json();
        let one = |one: &serde_json::Value| {
            let author = one["author"].as_str().unwrap().to_owned();
            assert!(one["pushed_ms"].as_i64() > Some(1_700_000_000_000), "{one}");
            (one["version"].as_u64().unwrap(), author, one["in_force"].as_bool().unwrap())
        };
        shown["versions"].as_array().unwrap().iter().map(one).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_good_can_be_put_in_force_again() {
    let desk = Desk::new().await;
    assert_eq!(desk.history().await, [(1, "unknown".to_owned(), true)], "serve has put its file in force");

    let first = desk.push(GOOD, "ana").await;
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.starts_with("version 2 is in force"), "{first:?}");
    let again = desk.push(GOOD, "rui").await;
    assert_eq!(again.stdout.trim(), "version 2 is the same, and in force");
    let bad = desk.push(&GOOD.replace("sms", "sns"), "rui").await;
    assert_eq!(bad.code, Some(1));
    assert!(bad.stderr.contains("recado.yaml:4:"), "the line is named: {bad:?}");
    assert_eq!(desk.history().await[0], (2, "ana".to_owned(), true), "a bad version is none");

    let file = desk.path("recado.yaml");
    std::fs::write(&file, GOOD.replace("Oi.", "Olá.")).unwrap();
    let change = desk.run(&["diff", "--file", &file]).await.stdout;
    assert!(change.starts_with("--- version 2, 20") && change.contains(" by ana\n+++ "), "{change}");
    let [old, new] =
        ["-  - { id: a, on: lead.created, sms: \"Oi.\" }", "+  - { id: a, on: lead.created, sms: \"Olá.\" }"];
    assert!(change.contains(&format!("{old}\n{new}")), "{change}");

    desk.push(&GOOD.replace("Oi.", "Olá."), "rui").await;
    assert_eq!(desk.history().await[..2], [(3, "rui".to_owned(), true), (2, "ana".to_owned(), false)]);
    // There is no terminal, so nobody can say yes.
    let asked = desk.run(&["rollback", "2"]).await;
    assert!(
        asked.code == Some(1) && asked.stderr.contains("not a terminal: pass --yes to put it in force"),
        "{asked:?}"
    );
    assert!(asked.stdout.contains("  ~ a\n"), "{asked:?}");
    let shown = desk.run(&["rollback", "2", "--json"]).await.json();
    assert_eq!((&shown["applied"], &shown["difference"]["changed"]), (&false.into(), &vec!["a"].into()), "{shown}");
    assert_eq!(desk.history().await.len(), 3);
    let back = desk.run(&["rollback", "2", "--author", "eva", "--yes"]).await;
    assert!(back.stdout.contains("version 4 is in force"), "{back:?}");
    let history = desk.history().await;
    assert_eq!(history[0], (4, "eva".to_owned(), true));
    assert_eq!(history.len(), 4, "what was in force once stays in the history");
    assert_eq!(desk.run(&["diff", "2"]).await.stdout.trim(), "no difference");
    assert!(desk.run(&["diff", "3", "4"]).await.stdout.contains("+  - { id: a, on: lead.created, sms: \"Oi.\" }"));

    let unknown = desk.run(&["rollback", "9", "--yes"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("there is no version 9"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_renames_a_rule_is_asked_what_it_was_and_who_names_no_caps_and_hours_is_told() {
    let desk = Desk::new().await;
    let first = desk.push(GOOD, "ana").await;
    for key in ["caps", "hours"] {
        assert!(first.stderr.contains(&format!("recado.yaml:1:1: warning: without `{key}`")), "{first:?}");
    }
    let renamed = format!("{}caps: []\nhours: {{ sms: always }}\n", GOOD.replace("id: a", "id: b"));
    let file = desk.path("recado.yaml");
    std::fs::write(&file, &renamed).unwrap();
    let asked = "recado.yaml:4:11: warning: the rule \"a\" is gone, and the new rule \"b\" waits for the same event: it may send again \
                 what \"a\" sent; write was: a, if it is the same rule";
    let check = desk.run(&["check", &file]).await;
    assert!(check.code == Some(0) && check.stdout.contains(asked), "{check:?}");
    let diff = desk.run(&["diff", "--file", &file]).await;
    assert!(diff.code == Some(0) && diff.stderr.contains(asked), "{diff:?}");

    let said = renamed.replace("id: b", "id: b, was: a");
    std::fs::write(&file, &said).unwrap();
    let check = desk.run(&["check", &file]).await;
    assert!(check.code == Some(0) && !check.stdout.contains("warning"), "{check:?}");
    let push = desk.push(&renamed, "rui").await;
    assert!(push.code == Some(0) && push.stderr.contains(asked), "{push:?}");
    let push = desk.push(&said, "rui").await;
    assert!(push.code == Some(0) && push.stderr.is_empty(), "{push:?}");
}
