//! `recado person`: what is kept of one person.

use std::{
    fs,
    path::{Path, PathBuf},
};

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

/// Starts a campaign for these phones, and waits until all have it.
async fn campaign(installation: &Installation, phones: [&str; 3]) {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("people.csv");
    fs::write(&list, format!("telefone\n{}\n", phones.join("\n"))).unwrap();
    let list = list.display().to_string();
    let start = ["fair", "--csv", list.as_str(), "--run", "november", "--yes"];
    assert_eq!(installation.command_of(&["campaign", "start"], &start).await.code, Some(0));
    wait_until("the campaign has arrived", async || {
        let status = installation.command_of(&["campaign", "status"], &["fair", "--json"]).await.json();
        (status["runs"][0]["states"] == json!({ "delivered": 3 })).then_some(())
    })
    .await;
}

/// A person with a message of their own, one in a campaign's block, reports, caps, sights and a suppression, beside two
/// others.
async fn start() -> (Installation, Lead) {
    let installation = Installation::start(Setup::new(RULES)).await;
    let (one, other) = (Lead::new(1), Lead::new(2));
    installation.take(&[one.created(), other.created()].into_iter().collect()).await;
    installation.comes_to(&one.id, "delivered").await;
    installation.comes_to(&other.id, "delivered").await;
    campaign(&installation, [&one.phone, &other.phone, &Lead::new(3).phone]).await;
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
    // Erased, it waits no longer, and its repetition is known.
    let erased = person(&installation, "erase", &lead.phone, &["--yes", "--json"]).await;
    assert_eq!((&erased["messages"], &erased["rows"]), (&json!(0), &json!(1)), "{erased}");
    installation.take(&lead.created()).await;
    let kept = person(&installation, "export", &lead.phone, &[]).await;
    assert_eq!((count(&kept, "waiting_events"), count(&kept, "messages")), (0, 0), "{kept}");
}

/// All files below a directory, with their content.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            let content = fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found
}

/// Which of these are in which file of the data directory.
fn seen(installation: &Installation, wanted: &[Vec<u8>]) -> Vec<(String, String)> {
    let files = files(Path::new(installation.data()));
    assert!(files.iter().any(|(path, content)| path.ends_with("table.sqlite") && !content.is_empty()));
    let holds = |content: &[u8], one: &[u8]| content.windows(one.len()).any(|window| window == one);
    let mut found = Vec::new();
    for (path, content) in &files {
        for one in wanted.iter().filter(|one| holds(content, one)) {
            found.push((path.display().to_string(), String::from_utf8_lossy(one).into_owned()));
        }
    }
    found
}

/// A phone and a lead in each way in which they can be written.
fn spellings(lead: &Lead) -> Vec<Vec<u8>> {
    let (ddd, rest) = lead.phone.split_at(2);
    let (first, last) = rest.split_at(5);
    let packed = lead.phone.parse::<u64>().unwrap().to_be_bytes()[3..].to_vec();
    let mut all: Vec<Vec<u8>> = [
        lead.phone.clone(),
        format!("55{}", lead.phone),
        format!("+55{}", lead.phone),
        format!("+55-{}", lead.phone),
        format!("({ddd}) {first}-{last}"),
        format!("{ddd} {first} {last}"),
        rest.to_owned(),
        lead.id.clone(),
        lead.name.clone(),
    ]
    .map(String::into_bytes)
    .into();
    all.push(packed);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_file_and_a_repeated_event_sends_nothing() {
    let rules =
        RULES.replace("Olá {{ lead.FirstName | default('cliente') }}.", "Olá {{ lead.FirstName | default('x') }}");
    let installation = Installation::start(Setup::new(&rules)).await;
    let (one, other) = (Lead { name: "Zuleica".to_owned(), ..Lead::new(87_654_321) }, Lead::new(76_543_210));
    installation.take(&[one.created(), other.created()].into_iter().collect()).await;
    installation.comes_to(&one.id, "delivered").await;
    installation.comes_to(&other.id, "delivered").await;
    campaign(&installation, [&other.phone, &one.phone, &Lead::new(3).phone]).await;
    // A message that waits.
    installation.command("pause", &["--all"]).await;
    installation.take(&one.staged("Prospect", "Visit", "2026-11-20 12:10:00")).await;
    wait_until("it waits", async || (installation.messages().await.in_state("held") == 1).then_some(())).await;
    installation.told().await;
    let before = seen(&installation, &spellings(&one));
    assert!(before.len() >= 3, "the search finds what is there: {before:?}");
    let requests = installation.liguelead.received().campaigns.len();
    let usage = installation.usage().await["limits"].clone();

    let unasked = installation.command_of(&["person", "erase"], &[&one.phone]).await;
    assert!(unasked.code == Some(1) && unasked.stderr.contains("pass --yes"), "{unasked:?}");
    assert_eq!(person(&installation, "show", &one.phone, &["--json"]).await["messages"].as_array().unwrap().len(), 3);
    let erased = person(&installation, "erase", &one.phone, &["--yes", "--json"]).await;
    assert_eq!((&erased["messages"], &erased["places"]), (&json!(3), &json!(1)), "{erased}");
    assert_eq!((&erased["cancelled"], &erased["rewritten"]), (&json!(1), &json!(true)), "{erased}");
    assert_eq!(seen(&installation, &spellings(&one)), [], "nothing is left");
    assert!(!seen(&installation, &spellings(&other)).is_empty(), "the other one is still there");

    // The rows stay, with their states and amounts, and so nothing is sent again.
    installation.command("resume", &["--all"]).await;
    let (status, _) = installation.post(&one.created()).await;
    assert_eq!(status, 200);
    installation.take(&one.staged("Prospect", "Visit", "2026-11-20 12:10:00")).await;
    let report = installation.messages().await;
    // The block of the two others is one row.
    assert_eq!((report.in_state("delivered"), report.in_state("skipped")), (3, 1), "{report:?}");
    assert!(report.of(&one.id).is_empty(), "{report:?}");
    assert_eq!(installation.liguelead.received().campaigns.len(), requests);
    assert_eq!(installation.usage().await["limits"][0]["used"], usage[0]["used"]);
    let status = installation.command_of(&["campaign", "status"], &["fair", "--json"]).await.json();
    assert_eq!(status["runs"][0]["states"], json!({ "delivered": 3 }));
    // A cancelled message without a person cannot be sent again.
    let skipped = report.messages.iter().find(|message| message.state == "skipped").unwrap();
    assert_eq!(installation.command("retry", &[&skipped.id]).await.code, Some(1));
    assert_eq!(installation.command_of(&["export", "messages"], &[]).await.code, Some(0));
    let acts = installation.command("audit", &["--json"]).await.json();
    assert!(acts["entries"].as_array().unwrap().iter().any(|entry| entry["act"] == "person erase"), "{acts}");
    assert!(!acts.to_string().contains(&one.phone));
    let again = installation.command_of(&["person", "erase"], &[&one.phone, "--yes"]).await;
    assert!(again.code == Some(1) && again.stderr.contains("there is nothing to erase"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_erased_while_reports_are_expected_and_a_suppression_stays() {
    let mut setup = Setup::new(RULES);
    let lead = Lead::new(87_654_321);
    setup.liguelead.callbacks.silent_endings = vec![lead.phone[7..].to_owned()];
    let installation = Installation::start(setup).await;
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "accepted").await;
    let refused = installation.command_of(&["person", "erase"], &[&lead.phone, "--yes"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("reports on it are expected; possible from 20"), "{refused:?}");
    let trail = installation.command("audit", &["--json"]).await.json();
    assert!(!trail.to_string().contains("person erase"), "nothing was done: {trail}");
    let campaign = installation.liguelead.received().campaigns[0].clone();
    let body = lead.callback(&campaign.id, "delivered", "2026-11-20T12:00:00.000Z");
    let url = campaign.webhook_url.unwrap();
    assert_eq!(installation.http.post(url).json(&body).send().await.unwrap().status().as_u16(), 200);
    installation.comes_to(&lead.id, "delivered").await;
    installation.told().await;
    let erased = person(&installation, "erase", &lead.id, &["--yes", "--json", "--suppress"]).await;
    assert_eq!((&erased["messages"], &erased["suppressions"]), (&json!(1), &json!(2)), "{erased}");
    let phone = spellings(&lead).into_iter().filter(|one| *one != lead.id.as_bytes()).collect::<Vec<_>>();
    assert_eq!(seen(&installation, &phone), [], "the suppression is of the lead");
    let list = installation.command_of(&["suppress", "list"], &["--lead", &lead.id, "--json"]).await.json();
    assert_eq!(list["suppressions"].as_array().unwrap().len(), 2);
}
