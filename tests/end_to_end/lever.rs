//! Operators act on a running installation. Commands find the running installation and no other. A change of the file
//! is in force when it is applied, not when it is saved.

use std::path::Path;

use super::WELCOME;
use crate::support::{Beside, Finished, Installation, Lead, Setup, recado, recado_in, wait_until};

fn text(installation: &Installation) -> String {
    std::fs::read_to_string(installation.file()).unwrap()
}

fn save(installation: &Installation, text: &str) {
    std::fs::write(installation.file(), text).unwrap();
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn on(installation: &Installation, words: &[&str]) -> Finished {
    recado(&[words, &["--data", installation.data()]].concat(), &[]).await
}

/// The text that the lead with this number gets, once it is delivered.
async fn told(installation: &Installation, number: u32) -> String {
    let lead = Lead::new(number);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    let received = installation.liguelead.received();
    let mut of_lead = received.campaigns().filter(|request| request.phones.contains(&lead.phone));
    of_lead.next().unwrap().message.clone()
}

/// Waits until `serve` logs that a version is in force.
async fn in_force(installation: &Installation, version: u64) {
    let line = format!("\"configuration.version\":{version}");
    wait_until("serve follows", async || {
        let log = installation.log.all();
        log.iter().any(|said| said.contains("configuration.changed") && said.contains(&line)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_finds_no_installation_where_none_is_and_makes_none() {
    let empty = tempfile::tempdir().unwrap();
    let file = empty.path().join("recado.yaml");
    std::fs::write(&file, Setup::new(WELCOME).config).unwrap();
    for verb in
        [&["pause", "--all"][..], &["messages"], &["usage"], &["suppress", "list"], &["push"], &["apply"], &["history"]]
    {
        let finished = recado_in(empty.path(), verb, &[]).await;
        assert_eq!(finished.code, Some(1), "{verb:?}: {finished:?}");
        assert!(finished.stderr.contains(".recado") && finished.stderr.contains("recado serve"), "{finished:?}");
        let named = recado_in(empty.path(), &[verb, &["--data", "elsewhere"]].concat(), &[]).await;
        assert!(named.code == Some(1) && named.stderr.contains("no installation in elsewhere"), "{named:?}");
        let nowhere = recado_in(empty.path(), &[verb, &["--data", "memory"]].concat(), &[]).await;
        assert!(nowhere.code == Some(1) && nowhere.stderr.contains("no other process can see it"), "{nowhere:?}");
    }
    let left: Vec<_> = std::fs::read_dir(empty.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [file], "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_finds_the_nearest_installation_and_says_which_it_is() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".recado");
    let mut setup = Setup::new(WELCOME);
    setup.data = Some(data.display().to_string());
    let installation = Installation::start(setup).await;
    let below = home.path().join("reports/today");
    std::fs::create_dir_all(&below).unwrap();
    let said = format!("recado at {}, version 1 since ", data.canonicalize().unwrap().display());
    let by_variable = [("RECADO_DATA".to_owned(), data.display().to_string())];
    for (number, directory, environment) in [(1, below.as_path(), &[][..]), (2, Path::new("/"), &by_variable)] {
        let paused = recado_in(directory, &["pause", "--all"], environment).await;
        assert!(paused.code == Some(0) && paused.stderr.contains(&said), "{paused:?}");
        let lead = Lead::new(number);
        installation.take(&lead.created()).await;
        installation.comes_to(&lead.id, "held").await;
        let sent = |received: &recado_simulators::liguelead::Received| {
            received.campaigns.iter().any(|request| request.phones.contains(&lead.phone))
        };
        assert!(!sent(&installation.liguelead.received()));
        let resumed = recado_in(directory, &["resume", "--all"], environment).await;
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        installation.comes_to(&lead.id, "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_stops_no_verb_but_those_that_read_it() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    save(&installation, "rules: [ { id: half");
    let file = installation.file().display().to_string();
    for verb in
        [&["pause", "--all"][..], &["resume", "--all"], &["messages"], &["usage"], &["pause", "--rule", "welcome"]]
    {
        let finished = on(&installation, verb).await;
        assert_eq!(finished.code, Some(0), "{verb:?}: {finished:?}");
        let with_file = recado(&[verb, &["--data", installation.data(), "--config", &file]].concat(), &[]).await;
        assert_ne!(with_file.code, Some(2), "{with_file:?}");
        assert!(!with_file.stderr.contains("mistake"), "{with_file:?}");
    }
    for verb in [&["check", &file][..], &["apply", &file, "--yes", "--data", installation.data()]] {
        let refused = recado(verb, &[]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
    assert_eq!(on(&installation, &["history", "--json"]).await.json()["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_in_force_and_what_is_only_saved_is_not() {
    let installation = Installation::start(Setup::new("  - { id: welcome, on: lead.created, sms: \"Um.\" }\n")).await;
    assert_eq!(told(&installation, 1).await, "Um.");
    let (first, file) = (text(&installation), installation.file().display().to_string());
    let second = first.replace("id: welcome", "id: greeting").replace("Um.", "Dois.");
    save(&installation, &second);
    assert_eq!(told(&installation, 2).await, "Um.", "a file that is saved changes nothing");

    let asked = on(&installation, &["apply", &file]).await;
    assert_eq!(asked.code, Some(1), "without a terminal nobody says yes: {asked:?}");
    for said in ["+ greeting", "- welcome"] {
        assert!(asked.stdout.contains(said), "{said}: {asked:?}");
    }
    assert!(asked.stderr.contains("was: welcome"), "{asked:?}");
    assert_eq!(told(&installation, 3).await, "Um.");
    let applied = on(&installation, &["apply", &file, "--yes", "--author", "ana"]).await;
    assert!(applied.code == Some(0) && applied.stdout.contains("version 2 is in force"), "{applied:?}");
    in_force(&installation, 2).await;
    assert_eq!(told(&installation, 4).await, "Dois.");
    let same = on(&installation, &["apply", &file, "--yes", "--json"]).await.json();
    assert_eq!((&same["applied"], &same["version"]), (&false.into(), &2.into()), "{same}");

    // A removed rule is known as long as it is in the history; a misspelt rule is not known.
    assert_eq!(on(&installation, &["pause", "--rule", "welcome"]).await.code, Some(0));
    let unknown = on(&installation, &["pause", "--rule", "greting"]).await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("did you mean greeting?"), "{unknown:?}");
    let unknown = on(&installation, &["messages", "--rule", "nobody"]).await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("no rule or campaign \"nobody\""), "{unknown:?}");

    assert_eq!(on(&installation, &["resume", "--rule", "welcome"]).await.code, Some(0));
    assert_eq!(on(&installation, &["rollback", "1", "--yes"]).await.code, Some(0));
    in_force(&installation, 3).await;
    assert_eq!(told(&installation, 5).await, "Um.");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_are_counted_before_their_rule_changes() {
    let installation = Installation::start(Setup::new("  - { id: welcome, on: lead.created, sms: \"Um.\" }\n")).await;
    on(&installation, &["pause", "--all"]).await;
    installation.take(&(1..=3).map(|number| Lead::new(number).created()).collect()).await;
    wait_until("they wait", async || (installation.messages().await.in_state("held") == 3).then_some(())).await;
    save(&installation, &text(&installation).replace("Um.", "Dois."));
    let file = installation.file().display().to_string();
    let shown = on(&installation, &["apply", &file, "--json"]).await.json();
    assert_eq!(shown["difference"]["changed"], serde_json::json!(["welcome"]));
    assert_eq!(shown["difference"]["waiting"], serde_json::json!({ "welcome": 3 }));
    assert_eq!(shown["applied"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_and_a_watched_file_apply_it_and_a_bad_one_leaves_the_good_one_in_force() {
    for watch in [false, true] {
        let mut setup = Setup::new("  - { id: welcome, on: lead.created, sms: \"Um.\" }\n");
        setup.serve_arguments = watch.then(|| "--watch".to_owned()).into_iter().collect();
        let mut installation = Installation::start(setup).await;
        let first = text(&installation);
        save(&installation, "rules: [");
        if !watch {
            installation.hang_up();
        }
        wait_until("the bad file is refused", async || {
            installation.log.all().iter().any(|line| line.contains("the version in force stays")).then_some(())
        })
        .await;
        assert_eq!(told(&installation, 1).await, "Um.");
        save(&installation, &first.replace("Um.", "Dois."));
        if !watch {
            installation.hang_up();
        }
        in_force(&installation, 2).await;
        assert_eq!(told(&installation, 2).await, "Dois.");
        assert!(installation.is_running());
        assert_eq!(installation.stop().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_held_goes_at_once_when_the_quota_is_raised() {
    let setup =
        Setup::new("  - { id: welcome, on: lead.created, sms: \"Um.\" }\n").and("quotas: { messages_per_day: 1 }\n");
    let mut installation = Installation::start(setup).await;
    installation.take(&(1..=4).map(|number| Lead::new(number).created()).collect()).await;
    wait_until("three wait for tomorrow", async || (installation.messages().await.in_state("held") == 3).then_some(()))
        .await;
    let released = on(&installation, &["release", "--rule", "welcome", "--json"]).await.json();
    assert_eq!(released["released"], 3);
    wait_until("the quota holds them again", async || {
        let report = installation.messages().await;
        let tomorrow =
            report.messages.iter().filter(|message| message.due_ms.is_some_and(|due_ms| due_ms > now_ms() + 60_000));
        (tomorrow.count() == 3).then_some(())
    })
    .await;
    assert_eq!(installation.liguelead.received().messages().len(), 1, "a release does not pass a quota");
    save(&installation, &text(&installation).replace("messages_per_day: 1 ", "messages_per_day: 3 "));
    let file = installation.file().display().to_string();
    assert_eq!(on(&installation, &["apply", &file, "--yes"]).await.code, Some(0));
    wait_until("two of them go", async || (installation.messages().await.in_state("delivered") == 3).then_some(()))
        .await;
    assert_eq!(installation.messages().await.in_state("held"), 1);
    // The same for a quota that is raised while `serve` is down.
    assert_eq!(installation.stop().await, 0);
    installation.configure(&text(&installation).replace("messages_per_day: 3 ", "messages_per_day: 4 ")).await;
    wait_until("the last one goes", async || (installation.messages().await.in_state("delivered") == 4).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_and_goes_out_is_shown_as_it_happens() {
    const OF_THE_SITE: &str =
        "  - { id: welcome, on: lead.created, when: lead.Source != \"Feira\", sms: \"Boas-vindas.\" }\n";
    let installation = Installation::start(Setup::new(OF_THE_SITE)).await;
    let earlier = Lead::new(1);
    installation.take(&earlier.created()).await;
    installation.comes_to(&earlier.id, "delivered").await;
    let listen = Beside::start(Path::new("/"), &["listen", "--data", installation.data()]);
    wait_until("it listens", async || {
        listen.complained.all().iter().any(|line| line.starts_with("listening")).then_some(())
    })
    .await;
    let lead = Lead::new(2);
    installation.take(&lead.created()).await;
    wait_until("the way of the message is shown", async || {
        listen.said.all().iter().any(|line| line.contains("welcome") && line.contains("delivered")).then_some(())
    })
    .await;
    let mut nobodys = Lead::new(3).created();
    nobodys["Source"] = "Feira".into();
    installation.take(&nobodys).await;
    wait_until("an event that no rule wants is shown", async || {
        listen.said.all().iter().any(|line| line.contains("no_rule") && line.contains(&Lead::new(3).id)).then_some(())
    })
    .await;
    let said = listen.said.all();
    assert!(said.iter().all(|line| !line.contains(&lead.phone)), "phones are shortened: {said:?}");
    assert_eq!(listen.stop().await, 0);

    // `messages --follow` shows the same, after the last existing messages, oldest first.
    let follow =
        Beside::start(Path::new("/"), &["messages", "--follow", "--limit", "1", "--data", installation.data()]);
    let delivered = async |count: usize| {
        wait_until("each is shown", async || {
            let said = follow.said.all();
            (said.iter().filter(|line| line.contains("delivered")).count() == count).then_some(said)
        })
        .await
    };
    let first = delivered(1).await;
    assert_eq!(first.len(), 2, "one event and one message: {first:?}");
    installation.take(&Lead::new(4).created()).await;
    delivered(2).await;
    assert_eq!(follow.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_leaves_a_rollback_in_force_until_the_file_changes() {
    let mut installation =
        Installation::start(Setup::new("  - { id: welcome, on: lead.created, sms: \"Um.\" }\n")).await;
    let first = text(&installation);
    save(&installation, &first.replace("Um.", "Dois."));
    installation.stop().await;
    installation.restart().await;
    assert_eq!(told(&installation, 1).await, "Dois.", "a file that has changed is put in force at the start");
    assert_eq!(on(&installation, &["rollback", "1", "--yes"]).await.code, Some(0));
    in_force(&installation, 3).await;
    installation.stop().await;
    installation.restart().await;
    assert_eq!(told(&installation, 2).await, "Um.", "the file is as it was: the rollback was meant");
    assert!(installation.log.all().iter().any(|line| line.contains("has not changed since version 2")));
    save(&installation, &first.replace("Um.", "Tr\u{ea}s."));
    installation.stop().await;
    installation.restart().await;
    assert_eq!(told(&installation, 3).await, "Tr\u{ea}s.");
}
