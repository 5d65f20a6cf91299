//! The JSON output of each command has the form in `docs/json.md`.

use std::path::Path;

use serde_json::Value;

use crate::{
    docs::json::Examples,
    support::{Beside, Finished, Installation, Lead, Setup, recado, recado_in, wait_until},
    voice::wav,
};

const RULES: &str = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas, {{ lead.FirstName | default('cliente') }}.\" }
  - { id: visit, on: lead.stage, to: Visit, voice: { audio: visit.mp3, title: Visita }, else: { sms: \"Ligue para nós.\" } }
campaigns:
  - { id: news, audience: csv, write_back: none, sms: \"Novidades.\" }
";

/// The outputs that were compared so far.
struct Desk {
    examples: Examples,
    seen: Vec<String>,
    problems: Vec<String>,
}

impl Desk {
    fn compare(&mut self, answer: &Value) {
        self.problems.extend(self.examples.compare(answer));
        self.seen.push(answer["schema"].as_str().unwrap_or_else(|| panic!("no schema: {answer}")).to_owned());
    }

    /// Compares the output of a command, and returns it.
    fn see(&mut self, finished: &Finished) -> Value {
        let answer = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        self.compare(&answer);
        answer
    }
}

/// Runs commands on an installation.
struct At<'i>(&'i Installation, &'i Path);

impl At<'_> {
    async fn run(&self, verb: &str, more: &[&str]) -> Finished {
        let verb: Vec<&str> = verb.split_whitespace().collect();
        self.0.command_of(&verb, &[more, &["--json"]].concat()).await
    }

    /// Runs a command that takes only `--data`.
    async fn of_versions(&self, verb: &str, more: &[&str]) -> Finished {
        recado(&[&[verb, "--data", self.0.data(), "--json"], more].concat(), &self.0.environment).await
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.1.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verbs_answer_as_data_is_as_the_documentation_shows_it() {
    let mut desk = Desk { examples: Examples::read().unwrap(), seen: Vec::new(), problems: Vec::new() };
    let installation = Installation::start(Setup::new(RULES)).await;
    let directory = tempfile::tempdir().unwrap();
    let at = At(&installation, directory.path());
    messages_and_pauses(&mut desk, &at).await;
    people(&mut desk, &at).await;
    recordings_and_vendors(&mut desk, &at).await;
    campaigns(&mut desk, &at).await;
    prepared(&mut desk, &at).await;
    versions(&mut desk, &at).await;
    first_steps(&mut desk).await;
    desk.see(&recado(&["demo", "--json"], &[]).await);

    desk.examples.keep().unwrap();
    assert!(desk.problems.is_empty(), "\n{}", desk.problems.join("\n"));
    let unseen: Vec<String> = desk.examples.schemas().into_iter().filter(|name| !desk.seen.contains(name)).collect();
    assert!(unseen.is_empty(), "no verb answered with {unseen:?}");
    let left_out = desk.examples.verbs_left_out().unwrap();
    assert!(left_out.is_empty(), "not in docs/json.md: {left_out:?}");
}

async fn messages_and_pauses(desk: &mut Desk, at: &At<'_>) {
    let listener = Beside::start(at.1, &["listen", "--json", "--data", at.0.data()]);
    wait_until("it listens", async || (!listener.complained.all().is_empty()).then_some(())).await;
    at.0.take(&Lead::new(1).created()).await;
    let first = at.0.comes_to(&Lead::new(1).id, "delivered").await;
    at.0.post(&serde_json::json!({ "Nothing": "of use" })).await;
    let lines = wait_until("both are told", async || {
        let lines: Vec<Value> = listener.said.all().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let has = |what: &str| lines.iter().any(|line| line["schema"] == format!("recado.listen.{what}/1"));
        (has("event") && has("message")).then_some(lines)
    })
    .await;
    for line in &lines {
        desk.compare(line);
    }
    listener.stop().await;

    desk.see(&at.run("pause", &["--all", "--why", "wrong text"]).await);
    at.0.take(&Lead::new(2).created()).await;
    let held = at.0.comes_to(&Lead::new(2).id, "held").await;
    desk.see(&at.run("messages", &[]).await);
    desk.see(&at.run("messages", &[&first.id]).await);
    desk.see(&at.run("usage", &[]).await);
    desk.see(&at.run("release", &[]).await);
    desk.see(&at.run("cancel", &[&held.id]).await);
    desk.see(&at.run("cancel", &[&first.id]).await);
    exports(desk, at).await;
    desk.see(&at.run("retry", &[&held.id]).await);
    desk.see(&at.run("resume", &["--all"]).await);
    desk.see(&at.run("audit", &[]).await);
}

async fn exports(desk: &mut Desk, at: &At<'_>) {
    for what in ["messages", "failures", "events"] {
        let texts = if what == "events" { None } else { Some("--texts") };
        let more: Vec<&str> = ["--format", "jsonl"].into_iter().chain(texts).collect();
        let lines = at.0.command_of(&["export", what], &more).await.stdout;
        for line in lines.lines() {
            desk.compare(&serde_json::from_str(line).unwrap());
        }
    }
}

async fn people(desk: &mut Desk, at: &At<'_>) {
    let phone = Lead::new(90).phone;
    desk.see(&recado(&["phone", &phone, "--json"], &[]).await);
    desk.see(&at.run("suppress add", &["--phone", &phone]).await);
    desk.see(&at.run("suppress add", &["--lead", &Lead::new(91).id]).await);
    desk.see(&at.run("suppress list", &[]).await);
    desk.see(&at.run("suppress remove", &["--phone", &phone]).await);
    at.0.take(&Lead::new(93).created()).await;
    at.0.comes_to(&Lead::new(93).id, "delivered").await;
    desk.see(&at.run("person show", &[&Lead::new(93).phone]).await);
    desk.see(&at.0.command_of(&["person", "export"], &[&Lead::new(93).phone]).await);
    at.0.told().await;
    desk.see(&at.run("person erase", &[&Lead::new(93).phone, "--yes"]).await);
    let list = at.file("out.csv", format!("telefone\n{}\n123\n", Lead::new(92).phone));
    desk.see(&at.run("suppress import", &[&list]).await);
}

async fn recordings_and_vendors(desk: &mut Desk, at: &At<'_>) {
    desk.see(&at.run("audio list", &[]).await);
    let file = at.file("visit.mp3", wav(1));
    desk.see(&at.run("audio add", &[&file]).await);
    desk.see(&at.run("audio list", &[]).await);
    desk.see(&at.run("setup leadsquared", &[]).await);
    desk.see(&at.run("setup leadsquared", &["--yes"]).await);
    desk.see(&at.run("doctor", &[]).await);
    desk.see(&at.run("forget-limit", &[]).await);
    desk.see(&at.run("forget-limit", &["--liguelead"]).await);
    desk.see(&at.0.command("support-bundle", &["--out", "-"]).await);
}

async fn campaigns(desk: &mut Desk, at: &At<'_>) {
    let people = |from: u32| {
        let lines: Vec<String> = (from..from + 3).map(|number| Lead::new(number).phone).collect();
        format!("telefone\n{}\n123\n", lines.join("\n"))
    };
    let (first, second) = (at.file("first.csv", people(40)), at.file("second.csv", people(50)));
    desk.see(&at.run("campaign start", &["news", "--csv", &first, "--yes"]).await);
    wait_until("it is sent", async || {
        let status = at.run("campaign status", &["news"]).await.json();
        (status["runs"][0]["sent"].as_u64() == Some(3)).then_some(())
    })
    .await;
    desk.see(&at.run("campaign pause", &["news"]).await);
    desk.see(&at.run("campaign start", &["news", "--csv", &second, "--run", "second", "--yes"]).await);
    desk.see(&at.run("campaign status", &[]).await);
    desk.see(&at.run("campaign status", &["--unreported"]).await);
    desk.see(&at.run("campaign cancel", &["news", "--run", "second"]).await);
    desk.see(&at.run("campaign resume", &["news"]).await);
    let file = at.0.file().display().to_string();
    let planned = ["plan", "--config", &file, "--data", at.0.data(), "--campaign", "news", "--csv", &second, "--json"];
    desk.see(&recado(&planned, &at.0.environment).await);
}

async fn prepared(desk: &mut Desk, at: &At<'_>) {
    let file = at.0.file().display().to_string();
    let event = at.file("event.json", Lead::new(60).created().to_string());
    let plan = async |more: &[&str]| {
        let words = [&["plan", "--config", &file, "--kind", "lead.created", "--json"], more].concat();
        recado(&words, &[]).await
    };
    desk.see(&plan(&[&event]).await);
    desk.see(&plan(&["--events", &event, "--each", "--data", at.0.data()]).await);
    let case =
        format!("- name: a new lead\n  kind: lead.created\n  event: {}\n  expect: nothing\n", Lead::new(60).created());
    let cases = at.file("recado.tests.yaml", case);
    desk.see(&recado(&["test", &cases, "--config", &file, "--json"], &[]).await);
    let text = std::fs::read_to_string(&file).unwrap();
    let bad = at.file("bad.yaml", text.replace("sms:", "smss:"));
    desk.see(&recado(&["check", &file, "--json"], &[]).await);
    desk.see(&recado(&["check", &bad, "--json"], &[]).await);
}

async fn versions(desk: &mut Desk, at: &At<'_>) {
    let text = std::fs::read_to_string(at.0.file()).unwrap();
    let file = at.file("recado.yaml", text.replace("Boas-vindas", "Bom dia"));
    desk.see(&at.of_versions("diff", &["--file", &file]).await);
    desk.see(&at.of_versions("apply", &[&file]).await);
    desk.see(&at.of_versions("apply", &[&file, "--yes", "--author", "ana"]).await);
    desk.see(&at.of_versions("push", &[&file]).await);
    desk.see(&at.of_versions("rollback", &["1", "--yes"]).await);
    desk.see(&at.of_versions("history", &[]).await);
}

async fn first_steps(desk: &mut Desk) {
    let home = tempfile::tempdir().unwrap();
    desk.see(&recado_in(home.path(), &["init", "--json"], &[]).await);
    let dev = Beside::start(home.path(), &["dev", "--listen", "127.0.0.1:0"]);
    wait_until("dev listens", async || {
        dev.said.all().iter().any(|line| line.starts_with("listening on")).then_some(())
    })
    .await;
    desk.see(&recado_in(home.path(), &["trigger", "lead.created", "--json"], &[]).await);
    dev.stop().await;
}
