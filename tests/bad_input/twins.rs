//! A harmful variant of every fixture.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{RULES, Webhook, fixtures, installation, places, post_all, still_well};
use crate::support::{Installation, Lead, NEW, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_off_anywhere_is_kept_as_not_understood() {
    let mut installation = installation().await;
    let all = fixtures();
    let of = |number: &str| all.iter().find(|(name, _)| name.starts_with(number)).unwrap().1.as_bytes().to_vec();
    // A flat lead, an activity, a task, and pairs. Some contain a multi-byte character, which is cut, too.
    let bodies = [of("02"), of("07"), of("12"), of("13")];
    let cut: BTreeSet<Vec<u8>> =
        bodies.iter().flat_map(|body| (1..body.len()).map(|length| body[..length].to_vec())).collect();
    let statuses = post_all(&installation, cut.iter().cloned().map(Webhook::json)).await;
    assert!(statuses.iter().all(|status| status == "Error"));
    let report = installation.messages().await;
    assert_eq!(report.total, 0);
    assert_eq!(report.events.len(), cut.len(), "one row for each");
    for event in &report.events {
        assert_eq!((event.outcome.as_str(), event.kind.as_str()), ("not_understood", "unknown"));
        assert!(event.why.contains("the body is not"), "{event:?}");
    }
    // The same deliveries again add nothing.
    post_all(&installation, cut.iter().take(50).cloned().map(Webhook::json)).await;
    assert_eq!(installation.messages().await.events.len(), cut.len());
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_and_a_text_that_are_cut_off_anywhere_do_no_harm() {
    let mut installation = installation().await;
    let kinds = [("14", "application/x-www-form-urlencoded"), ("15", "text/plain")];
    for (number, kind) in kinds {
        let (_, body) = fixtures().into_iter().find(|(name, _)| name.starts_with(number)).unwrap();
        let cut = (1..body.len()).map(|length| Webhook {
            query: "event=lead.created".to_owned(),
            kind: kind.to_owned(),
            body: body.as_bytes()[..length].to_vec(),
        });
        post_all(&installation, cut).await;
    }
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_field_of_any_type_is_answered() {
    let mut installation = installation().await;
    let values =
        [json!(7), json!(-1.5e300), json!([1, "x"]), json!({ "a": { "b": [] } }), json!(null), json!(true), json!("")];
    let mut webhooks = Vec::new();
    let mut shapes = BTreeSet::new();
    for (_, text) in fixtures() {
        let Ok(body) = serde_json::from_str::<Value>(&text) else { continue };
        let mut places = places(&body);
        // Lists repeat their first element's shape.
        places.retain(|place| {
            text.contains("Attribute") || !place.trim_start_matches('/').starts_with(['1', '2', '3', '4'])
        });
        // If an earlier fixture had the same shape, each field gets one value instead of all.
        let is_new = shapes.insert(places.clone());
        for (at, place) in places.iter().enumerate() {
            let some = if is_new { &values[..] } else { &values[at % values.len()..][..1] };
            for value in some {
                let mut twin = body.clone();
                *twin.pointer_mut(place).unwrap() = value.clone();
                webhooks.push(Webhook::json(twin.to_string()));
            }
        }
    }
    println!("{} bodies with one wrong field each", webhooks.len());
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_field_may_be_missing_doubled_or_spelled_otherwise() {
    let mut installation = installation().await;
    let mut webhooks = Vec::new();
    for (_, text) in fixtures() {
        let Ok(Value::Object(body)) = serde_json::from_str(&text) else { continue };
        for (name, value) in &body {
            let mut without = body.clone();
            without.remove(name);
            webhooks.push(Webhook::json(Value::Object(without.clone()).to_string()));
            without.insert(name.to_uppercase(), value.clone());
            without.insert(format!("{name} "), value.clone());
            webhooks.push(Webhook::json(Value::Object(without).to_string()));
            // The same name twice, the second time with another value. Only text can express this.
            let doubled = format!("{},{}:\"other\"}}", &text[..text.len() - 1], json!(name));
            webhooks.push(Webhook::json(doubled));
        }
        let mut more = body.clone();
        more.extend((0..5_000).map(|number| (format!("mx_Unknown_{number}"), json!(number))));
        more.insert(String::new(), json!("no name"));
        webhooks.push(Webhook::json(Value::Object(more).to_string()));
    }
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_and_content_types_keep_no_good_event_from_its_end() {
    let installation = Installation::start(Setup::new(RULES)).await;
    let kinds = [
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data",
        "application/octet-stream; x=\"",
        "é",
        "",
    ];
    for (number, kind) in (1..).zip(kinds) {
        let mut body = Lead::new(number).created();
        body["mx_Unknown"] = json!({ "deep": [1, { "er": null }] });
        body["Unbekannt ☃"] = json!("x");
        let (status, said) = installation.post_bytes(NEW, kind, format!("\u{feff} \n{body}\n\n")).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{kind}: {said}");
    }
    let report = installation.messages().await;
    assert_eq!(report.total, 2 * kinds.len());
    assert_eq!(report.in_state("skipped"), 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_element_of_a_list_does_not_lose_the_others() {
    let installation = Installation::start(Setup::new(RULES)).await;
    let (first, last) = (Lead::new(1), Lead::new(2));
    let bad = [
        json!(7),
        json!("x"),
        json!(null),
        json!([]),
        json!([[]]),
        json!({ "ProspectID": {} , "Phone": 1 }),
        json!(true),
    ];
    let mut body = vec![first.created()];
    body.extend(bad.clone());
    body.push(last.created());
    let (status, said) = installation.post(&json!(body)).await;
    assert_eq!(status, 200);
    let reason = said["StatusReason"].as_str().unwrap();
    assert!(reason.contains(&format!("{} of {} not understood", bad.len(), bad.len() + 2)), "{reason}");
    let report = crate::support::wait_until("both leads' messages are delivered", async || {
        let report = installation.messages().await;
        (report.in_state("delivered") == 4).then_some(report)
    })
    .await;
    assert_eq!(report.total, 4);
    assert_eq!(report.events.len(), bad.len(), "each is kept: {report:?}");
    assert!(report.events.iter().all(|event| event.outcome == "not_understood"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fixture_as_it_is_gets_an_answer_and_the_broken_one_is_kept() {
    let mut installation = installation().await;
    for (name, text) in fixtures() {
        let kind = if name.contains("form") { "application/x-www-form-urlencoded" } else { "application/json" };
        let event = match &name[..2] {
            "11" => "event=31",
            "12" => "event=7",
            _ => NEW,
        };
        let webhook = Webhook { query: event.to_owned(), kind: kind.to_owned(), body: text.into_bytes() };
        let expected = if name.contains("cut-off") { "Error" } else { "Success" };
        assert_eq!(post_all(&installation, [webhook]).await, [expected], "{name}");
    }
    let report = installation.messages().await;
    let kept = report.events.iter().filter(|event| event.outcome == "not_understood").count();
    assert_eq!(kept, 1, "{report:?}");
    still_well(&mut installation).await;
}
