//! Nothing private in logs: checks everything that a run with faults of all kinds writes, at the finest log level.

use std::collections::BTreeSet;

use crate::support::{Installation, Lead, NEW, SECRET, Setup, answer, fault, wait_until};
use recado_simulators::{faults::Faults, record::Call};
use serde_json::{Value, json};

/// The most leads that the test may need.
const MOST_LEADS: u32 = 400;
/// The states that a hard day must show.
const STATES: [&str; 5] = ["delivered", "undelivered", "skipped", "held", "refused"];
/// Names and places that appear only in leads.
const NAMES: [&str; 4] = ["Zuleica", "Quitéria", "Wenceslau", "Xavantina"];
const RULES: &str =
    "  - { id: welcome, on: lead.created, sms: \"Olá {{ lead.FirstName | default('cliente') }}, recebemos o seu pedido cerúleo.\" }
  - { id: flash, on: lead.created, flash: \"Aviso magenta.\" }
  - { id: wrong, on: lead.created, sms: \"{{ lead.mx_Missing }} {{ lead.FirstName | default('cliente') }}\" }
  - { id: failing, on: lead.created, when: lead.mx_Nothing > lead.FirstName, sms: \"Nunca.\" }
  - { id: stage, on: lead.stage, to: Qualified, sms: \"{{ lead.FirstName | default('cliente') }}, a sua proposta turquesa está pronta.\" }
";
/// Words of the texts above.
const WORDS: [&str; 6] = ["cerúleo", "magenta", "turquesa", "recebemos o seu", "a sua proposta", "Nunca."];

fn lead(number: u32) -> Lead {
    // Each lead has a text of its own, so that there are enough requests for all faults.
    let name = format!("{} {number}", NAMES[number as usize % NAMES.len()]);
    // Phones without long runs of one digit, so that no timestamp or id looks like the end of a phone.
    Lead { name, phone: format!("119{}", 86_420_000 + number * 137), ..Lead::new(number) }
}

fn setup(level: &str) -> Setup {
    let mut setup = Setup::new(RULES).call_timeout("2s").variable("RECADO_LOG", level).liguelead_faults(&[
        "lose-answer@first=1@/sms",
        "reset@first=1@/sms",
        "before-503@first=1@/sms",
        "before-500@first=1@/sms",
        "html-after-502@first=1@/sms",
        "throttle@first=1@/sms",
        "hang@first=1@/sms",
        "before-422@first=1@/sms",
        // Each closes the account; the last one leaves its messages held.
        "before-401@first=1@/sms",
        "before-402@first=1@/sms",
    ]);
    setup.liguelead.minute_aligned_reset = true;
    // Refusals name the phone's index; another version of the vendor might name the phone.
    setup.liguelead.reject_phones = vec![lead(12).phone, lead(13).phone];
    setup.liguelead.callbacks.undelivered_share = 0.3;
    setup.liguelead.callbacks.duplicate_callbacks_share = 0.5;
    setup.leadsquared.accept_unknown_leads = false;
    setup.leadsquared.faults = Faults::of(
        ["before-500", "throttle", "html-before-502", "reset", "lose-answer", "before-200"]
            .map(|kind| fault(&format!("{kind}@first=1@Bulk"))),
    );
    setup
}

/// Every success and every failure, until all is settled.
async fn a_hard_day(installation: &mut Installation) {
    for number in 1..=40 {
        if number % 3 == 0 {
            installation.leadsquared.put_lead(&lead(number).id, [("FirstName", "x")]);
        }
        installation.take(&lead(number).created()).await;
        installation.take(&lead(number).staged("Prospect", "Qualified", "2026-11-20 12:05:30")).await;
    }
    let one = lead(99);
    let body = one.created().to_string();
    // Bodies that are cut off, of a wrong type, not UTF-8, too large, a form, a list with a bad element; and a wrong
    // secret.
    for length in (10..body.len()).step_by(40) {
        installation.post_bytes(NEW, "application/json", body[..length].to_owned()).await;
    }
    installation.post(&json!({ "ProspectID": { "x": one.phone }, "Phone": one.phone, "FirstName": one.name })).await;
    installation.post(&json!([one.created(), { "Phone": one.phone, "FirstName": one.name }, one.phone])).await;
    installation.post_bytes(NEW, "text/plain", format!("{body}\u{0}").into_bytes()).await;
    installation.post_bytes(NEW, "text/plain", [body.as_bytes(), b"\xff"].concat()).await;
    installation.post_bytes(NEW, "application/json", format!("{body}{}", " ".repeat(6_400_000))).await;
    // The event has a name of its own, with a lead's name and phone in it.
    let named = json!({ "ProspectID": one.id, "Event": format!("{} {}", one.name, one.phone) });
    installation.post_bytes("", "application/json", named.to_string()).await;
    let form = format!("ProspectID={}&FirstName={}&Phone=%2B55-{}", one.id, one.name, one.phone);
    installation.post_bytes("event=3", "application/x-www-form-urlencoded", form.clone()).await;
    // A phone in the URL, where it does not belong.
    let query = format!("event={}&secret={SECRET}&phone=%2B55{}&name={}", one.phone, one.phone, one.name);
    installation.post_bytes(&query, "application/json", body.clone()).await;
    let address = format!("http://{}/{}/{}?{form}", installation.address, one.phone, one.name);
    answer(installation.http.post(address).body(body.clone())).await;
    for (vendor, query) in [("leadsquared", "secret=a-wrong-secret"), ("liguelead", "secret=a-wrong-secret")] {
        answer(installation.http.post(installation.url(vendor, query)).body(body.clone())).await;
    }
    answer(installation.http.post(installation.url("leadsquared", "")).bearer_auth(SECRET).body(body)).await;

    let campaign =
        wait_until("something was sent", async || installation.liguelead.received().campaigns.first().cloned());
    let campaign = campaign.await;
    let url = campaign.webhook_url.unwrap();
    for bad in [url.replace("&sig=", "&sig=0"), url.replace("&sig=", "&signature=")] {
        answer(installation.http.post(bad).json(&one.callback(&campaign.id, "delivered", "now"))).await;
    }
    // A report on a phone without a message, and a report that cannot be read.
    let report = one.callback(&campaign.id, "delivered", "now");
    answer(installation.http.post(&url).json(&report)).await;
    answer(installation.http.post(&url).body(report.to_string()[..150].to_owned())).await;
}

/// Everything that no line may contain, with its description.
fn secrets(installation: &Installation) -> Vec<(String, String)> {
    let mut secrets = Vec::new();
    for number in 1..=MOST_LEADS {
        let phone = lead(number).phone;
        secrets.push((phone[3..].to_owned(), "a phone".to_owned()));
        secrets.push((format!("{}-{}", &phone[3..7], &phone[7..]), "a phone with a dash".to_owned()));
    }
    secrets.extend(NAMES.map(|name| (name.to_owned(), "a lead's name".to_owned())));
    secrets.extend(WORDS.map(|word| (word.to_owned(), "a message's text".to_owned())));
    secrets.push(("DA SILVA".to_owned(), "a lead's name".to_owned()));
    secrets.push(("+55".to_owned(), "a phone's country code".to_owned()));
    secrets.push(("a-wrong-secret".to_owned(), "what somebody tried".to_owned()));
    for (name, value) in &installation.environment {
        if ["TOKEN", "APP_ID", "KEY", "SECRET"].iter().any(|part| name.contains(part)) {
            secrets.push((value.clone(), name.clone()));
            secrets.push((value.replace('$', "%24"), name.clone()));
        }
    }
    for campaign in installation.liguelead.received().campaigns {
        let url = campaign.webhook_url.unwrap();
        secrets.push((url.split_once("sig=").unwrap().1.to_owned(), "a signature".to_owned()));
    }
    secrets
}

fn assert_silent(lines: &[String], secrets: &[(String, String)]) {
    for line in lines {
        let lower = line.to_lowercase();
        for (secret, what) in secrets {
            assert!(!lower.contains(&secret.to_lowercase()), "{what} ({secret}) in the log: {line}");
        }
        assert!(!line.contains("panicked"), "{line}");
    }
}

/// Asserts that lines are JSON, that the lines of each webhook name their request, and that no two requests share a
/// name.
fn assert_structured(lines: &[String]) {
    let mut requests = BTreeSet::new();
    let mut webhooks = 0;
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for name in ["timestamp", "level", "message", "target"] {
            // Other crates have lines without a message.
            assert!(name == "message" || line[name].is_string(), "{line}");
        }
        let message = line["message"].as_str().unwrap_or_default();
        if message.starts_with("webhook.") || message.starts_with("callback.") {
            let of_sweep = line["span"].is_null() && message.starts_with("callback.");
            let id = line["span"]["request.id"].as_str();
            assert!(of_sweep || id.is_some_and(|id| id.len() == 36), "{line}");
            if message.starts_with("webhook.") {
                webhooks += 1;
                assert!(requests.insert(id.unwrap().to_owned()), "two webhooks are {id:?}");
            }
        }
    }
    assert!(webhooks > 90, "{webhooks}");
}

async fn at_level(level: &str) {
    // With the SDK's own credentials, which sign each request and are sent with it.
    let mut installation = Installation::start(setup(level).in_memory().await).await;
    a_hard_day(&mut installation).await;
    let mut number = 100;
    // A message is held only until the account opens again: what was seen once counts.
    let mut seen = BTreeSet::new();
    let look = async || {
        let met = |calls: &[Call]| calls.iter().filter(|call| call.fault.is_some()).count();
        let arrived = seen.contains("delivered") && seen.contains("undelivered");
        if met(&installation.liguelead.received().calls) < 10 || !arrived {
            // An operator opens the account again, and another message meets the next fault, or arrives.
            assert_eq!(installation.command("forget-limit", &["--liguelead"]).await.code, Some(0));
            number += 1;
            installation.take(&lead(number).created()).await;
        }
        if met(&installation.leadsquared.received().calls) < 6 {
            // A message that ends without being sent is written back to LeadSquared at once.
            number += 1;
            installation.take(&json!({ "ProspectID": lead(number).id, "Phone": "1" })).await;
        }
        assert!(number <= MOST_LEADS);
        let report = installation.messages().await;
        seen.extend(STATES.into_iter().filter(|state| report.in_state(state) > 0));
        let rest = report.in_state("pending") + report.in_state("sending");
        let calls = [installation.liguelead.received().calls, installation.leadsquared.received().calls];
        let faults = calls.map(|calls| met(&calls));
        let written = installation.leadsquared.activities().len() > 5;
        (seen.len() == STATES.len() && rest == 0 && written && faults == [10, 6]).then_some(())
    };
    wait_until("every kind of outcome was seen, and every fault", look).await;
    assert_eq!(installation.stop().await, 0);
    let lines = installation.log.all();
    println!("{} lines at {level}", lines.len());
    assert!(lines.len() > 100);
    let secrets = secrets(&installation);
    assert_silent(&lines, &secrets);
    assert_silent(&installation.said.all(), &secrets);
    assert_structured(&lines);
    // Output for people also shows only the first and the last digits of a phone.
    for (verb, arguments) in [("messages", &["--json"][..]), ("messages", &[]), ("usage", &["--json"]), ("usage", &[])]
    {
        let finished = installation.command(verb, arguments).await;
        let lines: Vec<String> = format!("{}{}", finished.stdout, finished.stderr).lines().map(str::to_owned).collect();
        assert_silent(&lines, &secrets);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_at_their_usual_level_hold_nothing_private_and_name_their_requests() {
    at_level("info").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_at_their_finest_level_hold_nothing_private_either() {
    at_level("trace").await;
}
