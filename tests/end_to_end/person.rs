//! `recado person`: what is kept of one person.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Installation, Lead, Setup, wait_until};

const RULES: &str = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName | default('cliente') }}.\" }
  - { id: stage, on: lead.changed, field: ProspectStage, when: lead.ProspectStage == \"Visit\", sms: \"Até já.\" }
caps: [ { max: 5, every: 24h } ]
campaigns:
  - { id: fair, audience: csv, write_back: none, sms: \"Novidades.\" }
";

async fn person(installation: &Installation, verb: &str, who: &str, more: &[&str]) -> Value {
    let more = [&[who], more].concat();
    installation.command_of(&["person", verb], &more).await.json()
}

fn count(kept: &Value, what: &str) -> usize {
    kept[what].as_array().unwrap_or_else(|| panic!("no {what}: {kept}")).len()
}

/// A person with a message of their own, one in a campaign's block, reports, caps, sights and a suppression, beside two
/// others.
async fn start() -> (Installation, Lead) {
    let installation = Installation::start(Setup::new(RULES)).await;
    let (one, other) = (Lead::new(1), Lead::new(2));
    installation.take(&[one.created(), other.created()].into_iter().collect()).await;
    installation.comes_to(&one.id, "delivered").await;
    installation.comes_to(&other.id, "delivered").await;
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("people.csv");
    let lines: Vec<String> = [1, 2, 3].map(|number| Lead::new(number).phone).into();
    fs::write(&list, format!("telefone\n{}\n", lines.join("\n"))).unwrap();
    let list = list.display().to_string();
    let start = ["fair", "--csv", list.as_str(), "--run", "november", "--yes"];
    assert_eq!(installation.command_of(&["campaign", "start"], &start).await.code, Some(0));
    wait_until("the campaign has arrived", async || {
        let status = installation.command_of(&["campaign", "status"], &["fair", "--json"]).await.json();
        (status["runs"][0]["states"] == json!({ "delivered": 3 })).then_some(())
    })
    .await;
    installation.told().await;
    let suppress = ["--phone", one.phone.as_str(), "--channel", "voice"];
    assert_eq!(installation.command_of(&["suppress", "add"], &suppress).await.code, Some(0));
    (installation, one)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_one_person_is_found_by_phone_and_by_lead_and_nothing_of_others() {
    let (installation, one) = start().await;
    let by_phone =
        person(&installation, "export", &format!("+55 ({}) {}", &one.phone[..2], &one.phone[2..]), &[]).await;
    assert_eq!((&by_phone["phones"], &by_phone["leads"]), (&json!([one.phone]), &json!([one.id])));
    assert_eq!((count(&by_phone, "messages"), count(&by_phone, "places")), (2, 1), "{by_phone}");
    let of = |rule: &str| {
        let messages = by_phone["messages"].as_array().unwrap();
        messages.iter().find(|message| message["rule"] == rule).unwrap()
    };
    assert_eq!((&of("own")["text"], &of("own")["block"]), (&json!("Olá Ana1."), &Value::Null));
    assert_eq!((&of("fair")["text"], &of("fair")["state"]), (&json!("Novidades."), &json!("delivered")));
    assert!(of("fair")["block"].is_string() && of("own")["phone"] == one.phone.as_str(), "{by_phone}");
    // Two reports of the own message, two of the campaign's.
    assert_eq!(count(&by_phone, "reports"), 4, "{by_phone}");
    assert_eq!((count(&by_phone, "caps"), count(&by_phone, "suppressions")), (2, 1), "{by_phone}");
    assert_eq!(count(&by_phone, "seen_values"), 1, "{by_phone}");
    let acts: Vec<&str> =
        by_phone["audit"].as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["suppress add", "person export"]);
    assert!(!by_phone.to_string().contains(&Lead::new(2).phone) && !by_phone.to_string().contains(&Lead::new(2).id));

    // The lead has one message: the campaign's file named the phone alone.
    let by_lead = person(&installation, "export", &one.id.to_uppercase(), &[]).await;
    assert_eq!((count(&by_lead, "messages"), count(&by_lead, "reports"), count(&by_lead, "places")), (1, 2, 0));
    assert_eq!((count(&by_lead, "caps"), count(&by_lead, "suppressions")), (2, 1));

    let shown = person(&installation, "show", &one.phone, &["--json"]).await;
    for private in [one.phone.as_str(), "Olá Ana1", "Novidades"] {
        assert!(!shown.to_string().contains(private), "{private} is in {shown}");
    }
    assert_eq!(count(&shown, "messages"), 2);
    let said = installation.command_of(&["person", "show"], &[&one.phone]).await;
    assert!(said.code == Some(0) && !said.stdout.contains(&one.phone), "{said:?}");
    assert!(said.stdout.contains("4  delivery report"), "{said:?}");
    let newest = installation.command("audit", &["--limit", "1", "--json"]).await.json();
    assert_eq!((&newest["entries"][0]["act"], count(&newest["entries"][0], "people")), (&json!("person show"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_must_be_one_person_and_an_unknown_one_is_said_to_be_unknown() {
    let installation = Installation::start(Setup::new(RULES)).await;
    for nobody in ["11987654321 / 11987654322", "123", "Ana da Silva"] {
        let refused = installation.command_of(&["person", "show"], &[nobody]).await;
        assert!(refused.code == Some(2) && refused.stderr.contains("names no person"), "{refused:?}");
        assert!(!refused.stderr.contains("87654321"), "{refused:?}");
    }
    // An export is itself a mention of the person, so a second one finds it.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("person.json");
    let path = file.display().to_string();
    let unknown = installation.command_of(&["person", "export"], &["11987654321", "--out", &path]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(0), ""), "{unknown:?}");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((count(&kept, "messages"), count(&kept, "audit")), (0, 1), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_for_its_lead_is_found_by_the_phone_in_it() {
    let mut setup = Setup::new("  - { id: own, on: lead.created, sms: \"Olá {{ lead.mx_Nick }}.\" }\n");
    setup.leadsquared.faults.rules = vec![crate::support::fault("before-500@first=1000")];
    let installation = Installation::start(setup).await;
    let lead = Lead::new(7);
    installation.take(&lead.created()).await;
    let kept = person(&installation, "export", &lead.phone, &[]).await;
    assert_eq!((count(&kept, "waiting_events"), &kept["leads"]), (1, &json!([lead.id])), "{kept}");
    assert!(kept["waiting_events"][0]["event"].to_string().contains(&lead.name), "{kept}");
}
