//! Harmful sizes, depths and characters.

use serde_json::{Value, json};

use super::{Webhook, installation, no_panic, post_all, still_well};
use crate::support::{Installation, Lead, NEW, Setup};

const MIB: usize = 1_048_576;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_six_mebibytes_leaves_a_row_and_one_of_six_is_read() {
    let installation = Installation::start(Setup::new("  - { id: a, on: lead.created, sms: \"Oi.\" }\n")).await;
    let good = Lead::new(1).created().to_string();
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    for length in [6 * MIB + 1, 10 * MIB] {
        let (status, said) = installation.post_bytes(NEW, "application/json", padded(length)).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Error")));
        assert!(said["StatusReason"].as_str().unwrap().contains("larger than 6291456 bytes"), "{said}");
    }
    let report = installation.messages().await;
    assert_eq!((report.total, report.events.len()), (0, 1), "the same body, as far as it was read");
    assert_eq!(report.events[0].outcome, "not_understood");
    assert_eq!(report.events[0].lead.as_deref(), Some(Lead::new(1).id.as_str()));
    let (status, said) = installation.post_bytes(NEW, "application/json", padded(6 * MIB)).await;
    assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{said}");
    installation.comes_to(&Lead::new(1).id, "delivered").await;
    no_panic(&installation);
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_of_a_hundred_thousand_levels_is_not_understood_and_breaks_nothing() {
    let mut installation = installation().await;
    let levels = 100_000;
    let deep =
        |open: &str, inside: &str, close: &str| format!("{}{inside}{}", open.repeat(levels), close.repeat(levels));
    let bodies = [
        deep("[", "", "]"),
        deep("{\"a\":", "1", "}"),
        deep("[{\"a\":", "null", "}]"),
        "[".repeat(levels),
        "{\"Lead\":".repeat(levels),
        format!("{{\"ProspectID\":\"x\",\"Phone\":{}}}", deep("[", "", "]")),
    ];
    let statuses = post_all(&installation, bodies.iter().cloned().map(Webhook::json)).await;
    assert!(statuses.iter().all(|status| status == "Error"));
    let report = installation.messages().await;
    assert_eq!(report.events.len(), bodies.len());
    assert!(report.events.iter().all(|event| event.outcome == "not_understood"), "{report:?}");

    // JSON in a string in JSON in a string: each level doubles the quotes' backslashes.
    let mut nested = json!({ "ProspectID": "x" });
    for _ in 0..12 {
        nested = json!({ "Lead": nested.to_string(), "Data": "[]", "After": "{\"After\":\"{}\"}" });
    }
    let forms = [format!("Data={}", deep("[", "", "]")), format!("x={}", deep("%7B%22a%22:", "1", "%7D"))];
    let webhooks = forms
        .into_iter()
        .map(|body| Webhook { kind: "application/x-www-form-urlencoded".to_owned(), ..Webhook::json(body) });
    post_all(&installation, webhooks.chain([Webhook::json(nested.to_string())])).await;
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_as_long_as_a_body_may_be_are_answered_and_cost_nobody_else_a_message() {
    let mut installation = installation().await;
    let mut webhooks = Vec::new();
    for length in [300, 3_000, 410_000, 900_000] {
        let long = "á".repeat(length / 2);
        for body in [Lead::new(1).created(), activity()] {
            for place in super::places(&body) {
                let mut twin = body.clone();
                *twin.pointer_mut(&place).unwrap() = json!(long);
                webhooks.push(Webhook::json(twin.to_string()));
            }
        }
        webhooks.push(Webhook::json(json!({ &long: 1, "ProspectID": "p", "Phone": "11987654321" }).to_string()));
        let query: String = long.chars().take(1_500).map(|_| "%C3%A1").collect();
        webhooks.push(Webhook { query: format!("event={query}"), ..Webhook::json(Lead::new(2).created().to_string()) });
    }
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_mean_something_elsewhere_mean_nothing_here() {
    let mut installation = installation().await;
    let values = [
        "\0",
        "\u{7f}\u{1b}[31m",
        "\u{202e}moc.live",
        "\u{feff}",
        "\u{fffd}\u{ffff}",
        "👩‍👩‍👧‍👦",
        "{{ 7 * 7 }}",
        "{% for i in range(999999999) %}x{% endfor %}",
        "{{ lead }}",
        "'; DROP TABLE recado; --",
        "\"pk\"=?",
        "M#x",
        "${jndi:ldap://x}",
        "../../etc/passwd",
        "%00%0d%0aX: y",
        "\r\nInjected: 1",
        "1e999",
        "NaN",
        "-0",
        "null",
        "９８７６５４３２１",
        "+5511987654321;ext=1",
        "11987654321,11987654322",
    ];
    let mut webhooks = Vec::new();
    for value in values {
        for body in [Lead::new(1).created(), Lead::new(2).staged("Prospect", value, value), activity()] {
            for place in super::places(&body) {
                let mut twin = body.clone();
                *twin.pointer_mut(&place).unwrap() = json!(value);
                webhooks.push(Webhook::json(twin.to_string()));
            }
        }
    }
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
    let received = installation.liguelead.received();
    assert!(received.campaigns().all(|one| !one.message.contains("49")), "a value was taken for a template");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_utf_8_are_not_understood() {
    let mut installation = installation().await;
    let good = Lead::new(1).created().to_string().into_bytes();
    let mut bodies = vec![vec![0xff], vec![0xc3], b"\xef\xbb".to_vec(), b"\xed\xa0\x80".to_vec(), vec![0; 1_000]];
    for at in (0..good.len()).step_by(7) {
        let mut body = good.clone();
        body[at] = 0xe9;
        bodies.push(body);
    }
    let statuses = post_all(&installation, bodies.iter().cloned().map(Webhook::json)).await;
    assert!(statuses.iter().all(|status| status == "Error"), "{statuses:?}");
    let report = installation.messages().await;
    assert_eq!((report.total, report.events.len()), (0, bodies.len()));
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_or_empty_is_skipped_with_its_reason_alone() {
    let rules = "  - { id: echo, on: lead.created, sms: \"{{ lead.mx_Text | trusted }}\" }
  - { id: plain, on: lead.created, sms: \"Oi. {{ lead.mx_Text }}\" }
  - { id: flash, on: lead.created, flash: \"Oi. {{ lead.mx_Text }}\" }
  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\" }
";
    let installation = Installation::start(Setup::new(rules)).await;
    let texts = [("1", "x".repeat(1_601)), ("2", " ".to_owned()), ("3", "veja https://x.example".to_owned())];
    for (number, text) in (1..).zip(texts.iter().map(|(_, text)| text)) {
        let mut body = Lead::new(number).created();
        body["mx_Text"] = json!(text);
        installation.take(&body).await;
    }
    let report = crate::support::wait_until("every welcome is delivered", async || {
        let report = installation.messages().await;
        let delivered =
            |message: &&crate::support::MessageLine| message.rule == "welcome" && message.state == "delivered";
        (report.messages.iter().filter(delivered).count() == texts.len()).then_some(report)
    })
    .await;
    let why = |number: u32, rule: &str| {
        let lead = Lead::new(number).id;
        let found = report.of(&lead).into_iter().find(|message| message.rule == rule).cloned().unwrap();
        (found.state == "skipped").then(|| found.why.unwrap())
    };
    assert!(why(1, "echo").is_some_and(|why| why.contains("1600") || why.contains("1,600")), "{:?}", why(1, "echo"));
    assert!(why(2, "echo").is_some_and(|why| why.contains("empty")), "{:?}", why(2, "echo"));
    assert!(why(3, "flash").is_some_and(|why| why.contains("web address")), "{:?}", why(3, "flash"));
    assert_eq!(why(3, "echo"), None, "an SMS may hold an address if the rule says so");
    assert!(why(3, "plain").is_some_and(|why| why.contains("web address")), "{:?}", why(3, "plain"));
    assert!(why(1, "plain").is_some_and(|why| why.contains("60 characters")), "{:?}", why(1, "plain"));
}

fn activity() -> Value {
    json!({
        "ProspectActivityId": "a1", "RelatedProspectId": "p1", "ActivityEvent": "22", "ActivityEventName": "Call",
        "CreatedBy": "u1", "CreatedOn": "2026-11-20 12:06:00", "Data": { "Status": "NotAnswered" },
        "Current": { "ProspectID": "p1", "Phone": "+55-11987654321", "FirstName": "Ana" },
    })
}
