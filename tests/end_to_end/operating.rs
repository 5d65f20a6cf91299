//! An operator's commands, beside a running `serve`: the story of one message, retry, cancel, pause and resume.

use serde_json::{Value, json};

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, answer, wait_until};

async fn verb(installation: &Installation, verb: &str, more: &[&str]) -> Value {
    let mut arguments = more.to_vec();
    arguments.push("--json");
    installation.command(verb, &arguments).await.json()
}

async fn story(installation: &Installation, id: &str, more: &[&str]) -> Value {
    let mut arguments = vec![id];
    arguments.extend(more);
    verb(installation, "messages", &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messages_story_has_its_request_its_reports_and_what_the_crm_was_told_and_hides_the_text() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let (lead, other) = (Lead::new(1), Lead::new(2));
    installation.take(&[lead.created(), other.created()].into_iter().collect()).await;
    let message = installation.comes_to(&lead.id, "delivered").await;
    installation.told().await;

    let told = story(&installation, &message.id[..8], &[]).await;
    assert_eq!(told["message"]["id"], message.id.as_str());
    assert_eq!((&told["text"], &told["text_chars"]), (&Value::Null, &json!(12)));
    let attempts = told["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["state"]), (1, &json!("accepted")));
    assert!(attempts[0]["called_ms"].as_i64() <= attempts[0]["ended_ms"].as_i64(), "{told}");
    let statuses: Vec<&str> =
        attempts[0]["callbacks"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["sent", "delivered"]);
    assert_eq!(told["crm"]["activity_state"], "delivered");
    assert_eq!(story(&installation, &message.id, &["--show-text"]).await["text"], "Boas-vindas.");

    let shown = installation.command("messages", &[&message.id]).await;
    assert!(shown.code == Some(0) && shown.stdout.contains("report delivered"), "{shown:?}");
    assert!(!shown.stdout.contains("Boas-vindas") && !shown.stdout.contains(&lead.phone[2..]), "{shown:?}");
    for filter in [["--lead", &lead.id], ["--phone", &lead.phone]] {
        let found = verb(&installation, "messages", &filter).await;
        assert_eq!((&found["total"], &found["messages"][0]["id"]), (&json!(1), &json!(message.id)), "{filter:?}");
    }
    assert_eq!(verb(&installation, "messages", &["--rule", "welcome"]).await["total"], 2);
    let other = installation.command("messages", &["--rule", "other"]).await;
    assert!(other.code == Some(1) && other.stderr.contains("no rule or campaign \"other\""), "{other:?}");
    for wrong in ["ffffffff", "zz", "0"] {
        let finished = installation.command("messages", &[wrong]).await;
        assert!(finished.code == Some(1) && !finished.stderr.is_empty(), "{finished:?}");
    }
    assert_eq!(installation.command("messages", &[&message.id, "--state", "held"]).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_cancelled_and_what_was_refused_goes_again_once_it_may() {
    let rules = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }\n";
    let (bad, good) = (Lead::new(1), Lead::new(2));
    let mut setup = Setup::new(rules);
    setup.liguelead.faults.rules = vec![crate::support::fault("before-422@first=1@/sms")];
    let installation = Installation::start(setup).await;
    installation.take(&bad.created()).await;
    let refused = installation.comes_to(&bad.id, "refused").await;
    installation.take(&good.created()).await;
    let sent = installation.comes_to(&good.id, "delivered").await;

    // A sent message stays as it is, whatever the command.
    for (asked, arguments) in [
        ("retry", vec![sent.id.as_str()]),
        ("retry", vec![sent.id.as_str(), "--may-send-twice"]),
        ("cancel", vec![sent.id.as_str()]),
        ("cancel", vec![refused.id.as_str()]),
    ] {
        let finished = installation.command(asked, &arguments).await;
        assert_eq!(finished.code, Some(1), "{asked} {arguments:?}: {finished:?}");
    }
    let again = verb(&installation, "retry", &[&refused.id]).await;
    assert_eq!(again, json!({ "schema": "recado.retry/1", "done": 1, "refused": [] }));
    installation.comes_to(&bad.id, "delivered").await;
    let told = story(&installation, &refused.id, &[]).await;
    let states: Vec<&Value> = told["attempts"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["refused", "accepted"]);
    assert_eq!(installation.usage().await["limits"][0]["used"], 2, "each is charged once");
    assert!(installation.liguelead.received().messages().into_values().all(|times| times == 1));

    // Without a terminal, a command with a filter needs `--yes`.
    installation.command("pause", &["--all"]).await;
    let waiting = Lead::new(3);
    installation.take(&waiting.created()).await;
    installation.comes_to(&waiting.id, "held").await;
    let finished = installation.command("cancel", &["--state", "held"]).await;
    assert!(finished.code == Some(1) && finished.stderr.contains("pass --yes to cancel 1 message"), "{finished:?}");
    assert_eq!(verb(&installation, "cancel", &["--state", "held", "--yes"]).await["done"], 1);
    let cancelled = installation.comes_to(&waiting.id, "skipped").await;
    assert_eq!(cancelled.why.as_deref(), Some("cancelled by an operator"));
    installation.command("resume", &["--all"]).await;
    assert_eq!(verb(&installation, "retry", &[&cancelled.id]).await["done"], 1);
    installation.comes_to(&waiting.id, "delivered").await;
    assert_eq!(installation.command("retry", &[]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_waits_with_the_reason_and_goes_when_it_is_resumed() {
    let rules =
        "  - { id: one, on: lead.created, sms: \"Um.\" }\n  - { id: two, on: lead.created, flash: \"Dois.\" }\n";
    let installation = Installation::start(Setup::new(rules)).await;
    let paused = verb(&installation, "pause", &["--rule", "one", "--by", "Ana", "--why", "a wrong text"]).await;
    assert_eq!((&paused["what"], &paused["by"]), (&json!("rule one"), &json!("Ana")));
    // A second pause of the same rule changes nothing.
    let again = verb(&installation, "pause", &["--rule", "one", "--by", "Bia"]).await;
    assert_eq!((&again["by"], &again["since_ms"]), (&json!("Ana"), &paused["since_ms"]));
    verb(&installation, "pause", &["--channel", "flash"]).await;
    for (arguments, code) in
        [(vec!["--rule", "three"], 1), (vec![], 2), (vec!["--all", "--rule", "one"], 2), (vec!["--channel", "fax"], 2)]
    {
        assert_eq!(installation.command("pause", &arguments).await.code, Some(code), "{arguments:?}");
    }
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    let report = wait_until("both wait", async || {
        let report = installation.messages().await;
        (report.in_state("held") == 2).then_some(report)
    })
    .await;
    let why = |rule: &str| report.messages.iter().find(|one| one.rule == rule).unwrap().why.clone().unwrap();
    assert_eq!(why("one"), "paused: rule one by Ana (a wrong text)");
    assert!(why("two").starts_with("paused: channel flash"));
    assert_eq!(installation.usage().await["paused"].as_array().unwrap().len(), 2);
    assert!(installation.liguelead.received().campaigns.is_empty());

    assert_eq!(verb(&installation, "resume", &["--rule", "one"]).await["resumed"], "rule one");
    wait_until("the one goes", async || (installation.messages().await.in_state("delivered") == 1).then_some(())).await;
    assert_eq!(installation.messages().await.in_state("held"), 1, "the other waits still");
    assert_eq!(installation.command("resume", &["--rule", "one"]).await.code, Some(1), "it is not paused any more");
    verb(&installation, "resume", &["--channel", "flash"]).await;
    wait_until("both have gone", async || (installation.messages().await.in_state("delivered") == 2).then_some(()))
        .await;
    assert_eq!(installation.usage().await["paused"], json!([]));
}

/// An installation that loses the first request on the way and never gets callbacks.
async fn lost(rule: &str) -> (Installation, Lead, String, Value) {
    let mut setup = Setup::new(rule).liguelead_faults(&["lose-answer@first=1@/sms"]);
    let lead = Lead::new(1);
    setup.liguelead.callbacks.silent_endings = vec![lead.phone[7..].to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "unknown").await;
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let body = lead.callback(&campaign.id, "delivered", "2026-11-20T12:00:00.000Z");
    (installation, lead, campaign.webhook_url.unwrap(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_message_is_said_to_be_so_after_the_deadline_and_a_late_report_still_settles_it() {
    let (installation, lead, url, body) = lost(WELCOME).await;
    let closed = wait_until("the wait is over", async || {
        let found = verb(&installation, "messages", &["--no-callback"]).await;
        (found["total"] == 1).then(|| found["messages"][0].clone())
    })
    .await;
    assert_eq!(closed["state"], "unknown");
    assert!(closed["why"].as_str().unwrap().ends_with("no delivery report came"), "{closed}");
    installation.says("sweep.unknown").await;
    let usage = installation.usage().await;
    assert_eq!((&usage["no_callback"], &usage["silent"][0]["batch"]), (&json!(1), &closed["batch"]));
    wait_until("LeadSquared is told why", async || {
        let activities = installation.leadsquared.activities();
        activities.iter().any(|one| one.fields["mx_Custom_5"].ends_with("no delivery report came")).then_some(())
    })
    .await;
    let id = closed["id"].as_str().unwrap();
    assert_eq!(installation.command("retry", &[id]).await.code, Some(1), "not without the flag");
    assert_eq!(answer(installation.http.post(url).json(&body)).await.0, 200);
    installation.comes_to(&lead.id, "delivered").await;
    assert_eq!(installation.usage().await["no_callback"], 0);
    assert_eq!(installation.liguelead.received().campaigns.len(), 1, "it was never sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_says_so_sends_an_unknown_message_once_more_and_no_more() {
    let rule = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\", expires: 1h, on_unknown: resend }\n";
    let mut setup = Setup::new(rule).liguelead_faults(&["lose-answer@first=2@/sms"]);
    let lead = Lead::new(1);
    setup.liguelead.callbacks.silent_endings = vec![lead.phone[7..].to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "unknown").await;
    wait_until("it is sent again", async || (installation.liguelead.received().campaigns.len() == 2).then_some(()))
        .await;
    installation.says("sweep.resent").await;
    installation.comes_to(&lead.id, "unknown").await;
    wait_until("the second wait is over", async || (installation.usage().await["no_callback"] == 1).then_some(()))
        .await;
    let message = installation.messages().await.of(&lead.id)[0].clone();
    assert_eq!(message.state, "unknown", "at most one resend");
    assert_eq!(installation.usage().await["limits"][0]["used"], 2, "both may have been charged");

    // The report on the first attempt arrives at last: the message was delivered.
    let first = installation.liguelead.received().campaigns[0].clone();
    let body = lead.callback(&first.id, "delivered", "2026-11-20T12:00:00.000Z");
    assert_eq!(answer(installation.http.post(first.webhook_url.unwrap()).json(&body)).await.0, 200);
    installation.comes_to(&lead.id, "delivered").await;
    let told = story(&installation, &message.id, &[]).await;
    assert_eq!(told["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(told["attempts"][0]["callbacks"][0]["status"], "delivered");
    assert_eq!(installation.liguelead.received().campaigns.len(), 2);
}
