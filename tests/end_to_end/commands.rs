//! The commands beside a running `serve`, and their exit codes: 0 done, 1 refused, 2 wrong use.

use serde_json::json;

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, recado};

async fn code(arguments: &[&str]) -> Option<i32> {
    recado(arguments, &[]).await.code
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_exits_2_and_help_exits_0() {
    for wrong in [
        &[][..],
        &["frobnicate"],
        &["plan"],
        &["phone"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--schedule-s", "0"],
        &["serve", "--data", "dynamodb:"],
        &["messages", "--state", "lost"],
        &["messages", "--limit", "-1"],
        &["usage", "--jason"],
        &["simulate", "nobody"],
        &["simulate", "liguelead", "--fault", "explode"],
    ] {
        let finished = recado(wrong, &[]).await;
        assert_eq!(finished.code, Some(2), "{wrong:?}: {finished:?}");
        assert!(!finished.stderr.is_empty());
    }
    let lost = recado(&["messages", "--state", "lost"], &[]).await;
    assert!(lost.stderr.contains("unknown state \"lost\"; use one of pending, held, "), "{lost:?}");
    for right in [&["--help"][..], &["--version"], &["serve", "--help"], &["simulate", "leadsquared", "--help"]] {
        assert_eq!(code(right).await, Some(0), "{right:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_plan_exit_0_for_what_is_good_and_1_for_what_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good.yaml", &Setup::new(WELCOME).config);
    let bad = file("bad.yaml", "version: 1\nrulez: []\n");
    let event = file("event.json", &Lead::new(1).created().to_string());
    let broken = file("broken.json", "{\"ProspectID\": ");
    let missing = directory.path().join("missing").display().to_string();

    assert_eq!(code(&["check", &good]).await, Some(0));
    assert_eq!(code(&["check", &bad]).await, Some(1));
    let finished = recado(&["check", &missing], &[]).await;
    assert!(finished.code == Some(1) && finished.stderr.contains(&missing), "{finished:?}");

    let planned = recado(&["plan", "--config", &good, "--kind", "3", &event, "--json"], &[]).await.json();
    assert_eq!((&planned["messages"], &planned["requests"], &planned["credits"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(planned["events"][0]["rules"][0]["message"]["text"], "Boas-vindas.");
    assert_eq!(planned["events"][0]["rules"][0]["message"]["state"], "pending");
    // The recipient, and the text as it may arrive: `11900000001`, "Boas-vindas." unchanged.
    let message = &planned["events"][0]["rules"][0]["message"];
    assert_eq!((&message["to"], &message["arrives"]), (&json!("1190…01"), &json!(null)));
    let accents = Setup::new(
        "  - { id: a, on: lead.created, sms: \"Olá {{ lead.FirstName | first_name | d('você') }}, até já!\" }\n",
    );
    let accents = file("accents.yaml", &accents.config);
    let checked = recado(&["check", &accents, "--json"], &[]).await.json();
    let arrives = "Ola {{ lead.FirstName | first_name | d('você') }} ate ja";
    assert_eq!(checked["may_arrive"], json!([{ "id": "a", "text": arrives }]));
    let shown = recado(&["plan", "--config", &accents, "--kind", "3", &event], &[]).await.stdout;
    assert!(shown.contains("    to 1190…01\n") && shown.contains("may arrive as: Ola Ana ate ja"), "{shown}");
    for (config, event) in [(&bad, &event), (&missing, &event), (&good, &broken), (&good, &missing)] {
        let finished = recado(&["plan", "--config", config, event], &[]).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(!finished.stderr.is_empty() && finished.stdout.is_empty(), "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_explains_one_and_exits_1_where_it_takes_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recado.yaml");
    std::fs::write(&path, Setup::new(WELCOME).and("phones: { add_ninth_digit: true }\n").config).unwrap();
    let config = path.display().to_string();
    let taken = recado(&["phone", "--json", "+55 (0xx11) 98765-4321 / 22"], &[]).await.json();
    assert_eq!((&taken["phone"], &taken["line"], &taken["numbers"]), (&json!("1198…21"), &json!("mobile"), &json!(1)));
    let two = recado(&["phone", "11 98765-4321 ou 21 98765-4321"], &[]).await;
    assert!(two.code == Some(1) && two.stdout.contains("2 numbers") && !two.stdout.contains("4321"), "{two:?}");
    assert_eq!(code(&["phone", "11 8765-4321"]).await, Some(1));
    assert_eq!(code(&["phone", "11 8765-4321", "--config", &config]).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_says_what_serve_then_does() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let directory = tempfile::tempdir().unwrap();
    let lead = Lead::new(1);
    let path = directory.path().join("event.json");
    std::fs::write(&path, lead.created().to_string()).unwrap();
    let config = directory.path().join("recado.yaml");
    std::fs::write(&config, Setup::new(WELCOME).config).unwrap();
    let (path, config) = (path.display().to_string(), config.display().to_string());
    let planned = recado(&["plan", "--config", &config, "--kind", "lead.created", "--json", &path], &[]).await.json();
    assert_eq!(installation.messages().await.total, 0, "a dry run writes nothing");
    installation.take(&lead.created()).await;
    let message = installation.comes_to(&lead.id, "delivered").await;
    assert_eq!(planned["events"][0]["rules"][0]["message"]["id"], message.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_usage_report_beside_serve_and_after_it_without_phones_or_texts() {
    let mut installation = Installation::start(Setup::new(WELCOME).and("quotas: { messages_per_day: 10 }\n")).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    installation.post_bytes("event=Lead_Post_Delete", "application/json", "{}").await;
    installation.comes_to(&lead.id, "delivered").await;
    for running in [true, false] {
        if !running {
            assert_eq!(installation.stop().await, 0);
        }
        let report = installation.messages().await;
        assert_eq!((report.total, report.events.len()), (1, 1));
        assert_eq!(report.events[0].outcome, "no_rule");
        for arguments in [&[][..], &["--json"], &["--state", "delivered"], &["--limit", "1"]] {
            let finished = installation.command("messages", arguments).await;
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(finished.stdout.contains("delivered"), "{finished:?}");
            assert!(!finished.stdout.contains(&lead.phone[2..]) && !finished.stdout.contains("Boas-vindas"));
        }
        let none = installation.command("messages", &["--state", "held", "--json"]).await.json();
        assert_eq!((&none["total"], &none["messages"]), (&json!(0), &json!([])));
        let usage = installation.usage().await;
        assert_eq!((&usage["limits"][0]["used"], &usage["limits"][0]["left"]), (&json!(1), &json!(9)));
        assert_eq!(usage["states"], json!({ "delivered": 1 }));
        let shown = installation.command("usage", &[]).await;
        assert!(shown.code == Some(0) && shown.stdout.contains("requests to LigueLead: 1"), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_a_configuration_or_data_that_cannot_be_used_exit_1_and_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("recado.yaml");
    std::fs::write(&config, Setup::new(WELCOME).config).unwrap();
    let config = config.display().to_string();
    let below = format!("{config}/below");
    let finished = recado(&["doctor", "--config", &below, "--data", "memory"], &[]).await;
    assert!(finished.code == Some(1) && finished.stdout.contains(&below), "{finished:?}");
    for verb in ["messages", "usage"] {
        let finished = recado(&[verb, "--config", &config, "--data", &below], &[]).await;
        assert!(finished.code == Some(1) && finished.stderr.contains(&below), "{finished:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_found_by_their_age_and_by_several_states() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    let total = async |words: &[&str]| {
        let found = installation.command("messages", &[words, &["--json"]].concat()).await.json();
        found["total"].as_u64().unwrap()
    };
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60)).to_string();
    for (words, count) in [
        (&["--since", "1h"][..], 1),
        (&["--until", "1h"], 0),
        (&["--since", &later], 0),
        (&["--until", &later, "--since", "7d"], 1),
        (&["--state", "held,delivered"], 1),
        (&["--state", "held", "--state", "delivered"], 1),
        (&["--state", "held,pending"], 0),
    ] {
        assert_eq!(total(words).await, count, "{words:?}");
    }
    for wrong in [&["--since", "yesterday"][..], &["--since", "-1h"], &["--until", "h"], &["--state", "held,lost"]] {
        assert_eq!(installation.command("messages", wrong).await.code, Some(2), "{wrong:?}");
    }
    // Output for people uses the tenant's clock; the offset shows this.
    let shown = installation.command("messages", &[]).await;
    assert!(shown.stdout.contains(" -03:00") && shown.stderr.contains(" -03:00"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_and_manuals_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let finished = recado(&["completions", shell], &[]).await;
        assert!(finished.code == Some(0) && finished.stdout.contains("campaign"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    assert_eq!(recado(&["man", &path], &[]).await.code, Some(0));
    for page in ["recado.1", "recado-serve.1", "recado-campaign-start.1"] {
        assert!(directory.path().join(page).is_file(), "{page}");
    }
    let missing = directory.path().join("missing").display().to_string();
    let refused = recado(&["man", &missing], &[]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains(&missing), "{refused:?}");
}

/// The binary writes to a pipe here. `CLICOLOR_FORCE` makes it treat the pipe as a terminal.
#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_a_terminal_alone_and_change_no_word() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    let arguments = ["messages", "--data", installation.data()];
    let said = async |more: &[(&str, &str)]| {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<(String, String)> = installation.environment.iter().cloned().chain(more).collect();
        recado(&arguments, &environment).await.stdout
    };
    let plain = said(&[]).await;
    assert!(plain.contains("delivered") && !plain.contains('\u{1b}'), "{plain}");
    let coloured = said(&[("CLICOLOR_FORCE", "1")]).await;
    assert!(coloured.contains("\u{1b}[32mdelivered\u{1b}[0m"), "{coloured:?}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    assert_eq!(said(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).await, plain);
    // JSON output has no colours at all.
    let data = recado(&[&arguments[..], &["--json"]].concat(), &[("CLICOLOR_FORCE".to_owned(), "1".to_owned())]).await;
    assert!(!data.stdout.contains('\u{1b}') && data.json()["total"] == 1, "{data:?}");
    let wrong = recado(&["messages", "--data", "nowhere"], &[("CLICOLOR_FORCE".to_owned(), "1".to_owned())]).await;
    assert!(wrong.stderr.starts_with("\u{1b}[31mrecado:\u{1b}[0m there is no installation"), "{wrong:?}");
}
