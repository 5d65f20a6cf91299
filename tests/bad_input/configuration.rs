//! Configurations with mistakes: `check` and `serve` name the place, and `serve` does not start.

use crate::support::{ANY_HOUR, Setup, credentials, head, recado};

/// Whether a line begins with `FILE:LINE:COLUMN: `.
fn places_it(line: &str, file: &str) -> bool {
    let Some(rest) = line.strip_prefix(file).and_then(|rest| rest.strip_prefix(':')) else { return false };
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok_and(|number| number > 0));
    number() && number() && parts.next().is_some_and(|message| message.starts_with(' ') && message.len() > 10)
}

fn mistakes() -> Vec<String> {
    let good = head("rules:\n  - { id: a, on: lead.created, sms: \"Oi.\" }\n");
    let rule = |text: &str| format!("{good}  - {text}\n");
    vec![
        String::new(),
        "just a text".to_owned(),
        "- a\n- list\n".to_owned(),
        "version: 1\nrules: [\n".to_owned(),
        "version: 1\nrules:\n\t- x\n".to_owned(),
        "[".repeat(10_000),
        "a: &a [x, x]\nb: [*a, *a]\n".to_owned(),
        good.replace("version: 1", "version: 2"),
        good.replace("America/Sao_Paulo", "America/Sao_Paolo"),
        good.replace("plan: enterprise", "plan: enterprize"),
        good.replace("reserve: 0%", "reserve: 120%"),
        good.replace("stale_after: 10s", "stale_after: 1s"),
        good.replace("call_timeout: 5s", "call_timeout: 20s"),
        good.replace("rules:", "rulez:"),
        format!("{good}quotas: {{ messages_per_day: 0 }}\n"),
        good.replace(ANY_HOUR, "hours: { sms: \"25:00-26:00 mon\" }\n"),
        rule("{ id: a, on: lead.created, sms: \"twice\" }"),
        rule("{ id: b, on: lead.born, sms: \"x\" }"),
        rule("{ id: b, on: lead.created }"),
        rule("{ id: b, on: lead.created, sms: \"x\", flash: \"y\" }"),
        rule("{ id: b, on: lead.created, flash: \"https://x.example\" }"),
        rule("{ id: b, on: lead.created, sms: \"{{ lead.FirstName \" }"),
        rule("{ id: b, on: lead.created, sms: \"{{ lead.FirstName | shout }}\" }"),
        rule("{ id: b, on: lead.created, sms: \"{% for i in range(9999) %}x{% endfor %}\" }"),
        rule("{ id: b, on: lead.created, when: lead.Source = \"Site\", sms: \"x\" }"),
        rule("{ id: b, on: lead.created, sms: \"x\", expires: soon }"),
        rule("{ id: \"no id at all!\", on: lead.created, sms: \"x\" }"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_a_mistake_is_refused_with_its_place_and_serve_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recado.yaml");
    let file = path.display().to_string();
    let environment = credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &Setup::new(""));
    let data = directory.path().join("data");
    let data_name = data.display().to_string();
    for text in mistakes() {
        std::fs::write(&path, &text).unwrap();
        let check = recado(&["check", &file], &[]).await;
        assert_eq!(check.code, Some(1), "{text:.300}\n{check:?}");
        let placed: Vec<&str> = check.stdout.lines().filter(|line| !line.contains(": warning: ")).collect();
        assert!(!placed.is_empty() && placed.iter().all(|line| places_it(line, &file)), "{text:.300}\n{check:?}");

        let serve = ["serve", "--config", &file, "--data", &data_name, "--listen", "127.0.0.1:0"];
        let serve = recado(&serve, &environment).await;
        assert_eq!((serve.code, serve.stdout.as_str()), (Some(1), ""), "{text:.300}\n{serve:?}");
        for line in &placed {
            assert!(serve.stderr.lines().any(|said| said == *line), "{line}\n{serve:?}");
        }
        let last = serve.stderr.lines().last().unwrap();
        let count =
            if placed.len() == 1 { "has 1 mistake".to_owned() } else { format!("has {} mistakes", placed.len()) };
        assert!(last.contains(&file) && last.ends_with(&count), "{serve:?}");
        assert!(!format!("{check:?}{serve:?}").contains("panicked"));
    }
    assert!(!data.exists(), "a refused configuration leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_text_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recado.yaml");
    let file = path.display().to_string();
    for bytes in [&b"version: 1\nrules: \xff\xfe"[..], &[0xc3]] {
        std::fs::write(&path, bytes).unwrap();
        let check = recado(&["check", &file], &[]).await;
        assert!(check.code == Some(1) && check.stderr.contains(&file), "{check:?}");
        assert_eq!(check.stderr.lines().count(), 1, "{check:?}");
    }
    std::fs::write(&path, [0; 4_096]).unwrap();
    assert_eq!(recado(&["check", &file], &[]).await.code, Some(1));
}
