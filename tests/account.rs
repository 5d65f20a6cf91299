//! `recado setup leadsquared`, `recado doctor` and `recado support-bundle`, as an operator runs them.

use crate::support::{CALLBACK_SECRET, Installation, Lead, PANEL_SECRET, SECRET, Setup, recado};
use recado_simulators::leadsquared;
use serde_json::Value;

const RULES: &str = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas, {{ lead.FirstName }}.\" }
  - { id: stage, on: lead.stage, to: Customer, sms: \"Parabéns cerúleo.\" }
  - { id: called, on: activity.created, activity: 206, sms: \"Falamos depois.\" }
";

/// An installation whose account lacks everything that it needs.
async fn bare() -> Installation {
    let mut setup = Setup::new(RULES);
    setup.leadsquared.mx_fields = vec!["mx_Other".to_owned()];
    Installation::start(setup).await
}

async fn prepare(installation: &Installation, more: &[&str]) -> crate::support::Finished {
    let mut arguments = vec!["setup", "leadsquared"];
    let which = installation.which();
    arguments.extend(which.iter().map(String::as_str));
    arguments.extend(more);
    recado(&arguments, &installation.environment).await
}

fn standing<'r>(report: &'r Value, name: &str) -> (&'r str, Option<&'r str>) {
    let items = report["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"));
    (item["standing"].as_str().unwrap(), item["done"].as_str())
}

async fn findings(installation: &Installation) -> (Option<i32>, Vec<Value>) {
    let finished = installation.command("doctor", &["--json"]).await;
    let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (finished.code, report["findings"].as_array().unwrap().clone())
}

fn wrong(findings: &[Value]) -> Vec<String> {
    let is_wrong = |finding: &&Value| finding["state"] == "wrong";
    findings.iter().filter(is_wrong).map(|one| format!("{}: {}", one["check"], one["what"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_prepared_once_and_twice_is_no_more() {
    let installation = bare().await;
    // Shown, but not made: nobody answers the question.
    let shown = prepare(&installation, &[]).await;
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.stdout.contains("mx_Message_Status") && shown.stdout.contains("missing"), "{shown:?}");
    assert!(shown.stdout.contains("Lead Stage Change"), "the step for a person: {shown:?}");
    let data = prepare(&installation, &["--json"]).await;
    assert_eq!(data.code, Some(1));

    let made = prepare(&installation, &["--yes", "--json"]).await.json();
    for name in ["Recado message", "mx_Message_Status", "mx_Message_At", "Lead_Post_Create", "Lead_Post_Update"] {
        assert_eq!(standing(&made, name), ("missing", Some("made")), "{made}");
    }
    assert_eq!(standing(&made, "LeadActivity_Post_Create 206"), ("missing", Some("made")));
    let calls = installation.leadsquared.received().calls;
    let creating = |path: &str| calls.iter().filter(|call| call.path.ends_with(path)).count();
    assert_eq!((creating("Webhook.svc/Create"), creating("CreateType"), creating("CreateLeadField")), (3, 1, 3));

    let again = prepare(&installation, &["--yes", "--json"]).await.json();
    for item in again["items"].as_array().unwrap() {
        assert_eq!((item["standing"].as_str(), item["done"].as_str()), (Some("found"), None), "{item}");
    }
    let calls = installation.leadsquared.received().calls;
    assert_eq!(calls.iter().filter(|call| call.path.ends_with("Webhook.svc/Create")).count(), 3, "none was made twice");
    // The flag `--update` writes the secret again.
    let changed = prepare(&installation, &["--yes", "--update", "--json"]).await.json();
    assert_eq!(standing(&changed, "Lead_Post_Create"), ("found", Some("changed")));

    // The webhooks carry the secret: an event in the account becomes a message.
    let lead = Lead::new(7);
    installation.leadsquared.edit_lead(&lead.id, [("FirstName", "Ana"), ("Phone", &format!("+55-{}", lead.phone))]);
    installation.comes_to(&lead.id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_stream_of_a_table_that_others_write_to() {
    let shared = Installation::start(Setup::new(RULES).in_memory().await).await;
    let (_, found) = findings(&shared).await;
    assert!(found.iter().any(|one| one["check"] == "stream" && one["state"] == "good"), "{found:?}");
    let own = Installation::start(Setup::new(RULES)).await;
    let (_, found) = findings(&own).await;
    assert!(found.iter().all(|one| one["check"] != "stream"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_wrong_and_nothing_once_it_is_mended() {
    let mut installation = Installation::start(Setup::new(RULES)).await;
    let (code, found) = findings(&installation).await;
    let missing = wrong(&found);
    assert_eq!(code, Some(1));
    assert!(missing.iter().any(|line| line.contains("Lead_Post_Create")), "{missing:?}");
    assert!(found.iter().all(|one| one["state"] != "wrong" || one["todo"].is_string()), "{found:?}");
    prepare(&installation, &["--yes"]).await;
    let (code, found) = findings(&installation).await;
    assert_eq!((code, wrong(&found)), (Some(0), vec![]), "{found:?}");
    for check in ["clock", "table", "LeadSquared region", "LigueLead credentials", "integration user"] {
        assert!(found.iter().any(|one| one["check"] == check && one["state"] == "good"), "{check}: {found:?}");
    }
    let said = installation.command("doctor", &[]).await;
    assert!(said.stdout.contains("0 wrong"), "{said:?}");

    // Wrong keys of either vendor.
    let right = installation.environment.clone();
    for (name, check) in
        [("LEADSQUARED_SECRET_KEY", "LeadSquared credentials"), ("LIGUELEAD_API_TOKEN", "LigueLead credentials")]
    {
        installation.environment.push((name.to_owned(), "not-the-right-one".to_owned()));
        let (code, found) = findings(&installation).await;
        assert_eq!(code, Some(1));
        assert!(wrong(&found).iter().any(|line| line.contains(check)), "{check}: {found:?}");
        installation.environment = right.clone();
    }
    // Vendors that cannot be reached.
    for (name, version) in [("LEADSQUARED_BASE_URL", "v2"), ("LIGUELEAD_BASE_URL", "v1")] {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        installation.environment.push((name.to_owned(), format!("http://{gone}/{version}")));
    }
    let (code, found) = findings(&installation).await;
    let lines = wrong(&found);
    assert_eq!(code, Some(1));
    assert_eq!(lines.iter().filter(|line| line.contains("cannot be reached")).count(), 2, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_whether_the_panels_address_is_open_and_which_secrets_open_two_doors() {
    let mut installation = Installation::start(Setup::new(RULES)).await;
    let right = installation.environment.clone();
    for (name, value, check, state, said) in [
        ("NOTHING", "", "LigueLead's panel", "good", "its address is closed"),
        ("RECADO_PANEL_SECRET", PANEL_SECRET, "LigueLead's panel", "good", "a secret of its own"),
        ("RECADO_PANEL_SECRET", "short", "LigueLead's panel", "wrong", "too short to be safe"),
        ("RECADO_PANEL_SECRET", CALLBACK_SECRET, "LigueLead's panel", "wrong", "must not be RECADO_CALLBACK_SECRET"),
        ("RECADO_PANEL_SECRET", SECRET, "secrets", "warning", "RECADO_WEBHOOK_SECRET and RECADO_PANEL_SECRET share"),
        ("RECADO_CALLBACK_SECRET", SECRET, "secrets", "warning", "RECADO_CALLBACK_SECRET share"),
        ("RECADO_CALLBACK_SECRET", "short", "callback secret", "wrong", "too short to be safe"),
        ("RECADO_WEBHOOK_SECRET", "short", "webhook secret", "wrong", "too short to be safe"),
    ] {
        installation.environment.push((name.to_owned(), value.to_owned()));
        let (_, found) = findings(&installation).await;
        let is_it = |one: &&Value| {
            one["check"] == check
                && one["state"] == state
                && one["what"].as_str().is_some_and(|text| text.contains(said))
        };
        assert_eq!(found.iter().filter(is_it).count(), 1, "{name}={value}: {found:?}");
        installation.environment = right.clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_leadsquared_does_not_know_is_named_while_the_rest_is_written() {
    let installation = bare().await;
    let lead = Lead::new(9);
    installation.leadsquared.put_lead(&lead.id, [("FirstName", "Ana")]);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    installation.told().await;
    let (code, found) = findings(&installation).await;
    let lines = wrong(&found);
    assert_eq!(code, Some(1));
    let named = lines.iter().find(|line| line.contains("fields left out")).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(named.contains("lead:mx_Message_Status"), "{named}");
    assert_eq!(installation.leadsquared.activities().len(), 1, "the outcome itself is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_compares_the_fields_with_the_accounts_inside_its_limits() {
    let mut installation = bare().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fields.yaml").display().to_string();
    let text = "version: 1
leadsquared: { plan: lite, write_back: { status: mx_Other } }
rules:
  - { id: a, on: lead.created, when: lead.mx_Othre == \"x\", sms: \"Oi {{ lead.FirstName | default('cliente') }}.\", was: welcome }
hours: { sms: always }
caps: []
";
    std::fs::write(&file, text).unwrap();
    let data = installation.data().to_owned();
    let checked = async |environment: &[(String, String)], more: &[&str]| {
        recado(&[&["check", &file][..], more].concat(), environment).await
    };
    let asked = |installation: &Installation| {
        let calls = installation.leadsquared.received().calls;
        calls.iter().filter(|call| call.path.ends_with("LeadsMetaData.Get")).count()
    };
    let before = asked(&installation);
    let of_the_day = async |installation: &Installation| {
        let usage = installation.usage().await;
        let limits = usage["limits"].as_array().unwrap().clone();
        let day = limits.iter().find(|one| one["name"].as_str().unwrap().contains("LeadSquared calls a day"));
        day.unwrap_or_else(|| panic!("{usage}"))["used"].as_u64().unwrap()
    };
    let calls_before = of_the_day(&installation).await;

    // Without an installation's limits, or without credentials, no request is made.
    let alone = checked(&installation.environment, &[]).await;
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(alone.stderr.contains("--data DATA"), "{alone:?}");
    let without = checked(&[], &["--data", &data]).await;
    assert_eq!((without.code, without.stdout.lines().count()), (Some(0), 1), "{without:?}");
    assert_eq!(asked(&installation), before);

    let found = checked(&installation.environment, &["--data", &data]).await;
    let line = format!("{file}:4:38: LeadSquared has no field `mx_Othre` of leads; write mx_Other");
    assert_eq!((found.code, found.stdout.trim()), (Some(1), line.as_str()), "{found:?}");
    assert_eq!(asked(&installation), before + 1);
    assert_eq!(of_the_day(&installation).await, calls_before + 1, "the account's books have the call");

    std::fs::write(&file, text.replace("Othre", "Other")).unwrap();
    let good = checked(&installation.environment, &["--data", &data]).await;
    assert_eq!((good.code, good.stdout.lines().count()), (Some(0), 1), "{good:?}");

    // If LeadSquared cannot be reached, the result is a warning, and the file stays good.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    installation.environment.push(("LEADSQUARED_BASE_URL".to_owned(), format!("http://{gone}/v2")));
    let gone = checked(&installation.environment, &["--data", &data]).await;
    assert_eq!((gone.code, gone.stdout.lines().count()), (Some(0), 2), "{gone:?}");
    assert!(gone.stdout.contains(":1:1: warning: the fields were not compared with LeadSquared's: "), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_opportunities_and_landing_pages_become_messages_by_the_webhooks_that_setup_makes() {
    let rules = "  - { id: visit, on: task.created, when: task.Name == \"Visita\", sms: \"{{ lead.FirstName }}, dia {{ task.DueDate | date }}.\" }
  - { id: done, on: task.completed, sms: \"Feito.\" }
  - { id: won, on: opportunity.changed, when: opportunity.mx_Custom_2 == \"Won\", sms: \"Aprovado.\" }
  - { id: form, on: landing_page.submitted, sms: \"Recebemos.\" }
";
    let installation = Installation::start(Setup::new(rules)).await;
    let made = prepare(&installation, &["--yes", "--json"]).await.json();
    for name in ["Task_Create", "Task_Complete", "Opportunity_Post_Update", "Landing_Page_submission"] {
        assert_eq!(standing(&made, name), ("missing", Some("made")), "{made}");
    }
    // Fields of the leads that the bodies do not carry are read from LeadSquared.
    let crm = &installation.leadsquared;
    let leads: Vec<Lead> = (1..=4).map(Lead::new).collect();
    for lead in &leads {
        crm.put_lead(&lead.id, [("FirstName", "Ana"), ("Phone", format!("+55-{}", lead.phone).as_str())]);
    }
    let task = |lead: &Lead, name: &str| {
        serde_json::json!({
            "UserTaskId": format!("task-{name}"), "Name": name, "RelatedEntityId": lead.id,
            "DueDate": "2026-11-30 15:00:00", "CreatedOn": "2026-11-22 12:00:00", "ModifiedOn": "2026-11-22 12:00:00",
        })
    };
    crm.raise(7, task(&leads[0], "Visita"));
    crm.raise(7, task(&leads[3], "Ligar"));
    crm.raise(16, task(&leads[1], "Visita"));
    let won = serde_json::json!({ "Before": { "mx_Custom_2": "Open" }, "After": {
        "ProspectOpportunityId": "o", "RelatedProspectId": leads[2].id, "mx_Custom_2": "Won",
        "ModifiedOn": "2026-11-22 12:00:00",
    } });
    // Twice, because a delivery may be repeated.
    crm.raise(32, won.clone());
    crm.raise(32, won);
    crm.raise(
        1,
        serde_json::json!({ "ProspectID": leads[3].id, "FirstName": "Ana", "Phone": leads[3].phone, "Page": "x" }),
    );
    for (lead, rule) in leads.iter().zip(["visit", "done", "won", "form"]) {
        let message = installation.comes_to(&lead.id, "delivered").await;
        assert_eq!(message.rule, rule);
    }
    installation.told().await;
    let sent = installation.liguelead.received();
    assert_eq!(sent.messages().len(), 4);
    assert!(sent.messages().values().all(|count| *count == 1));
    assert!(sent.campaigns().any(|campaign| campaign.message == "Ana, dia 30/11/2026."), "{:?}", sent.campaigns);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_regions_host_is_named() {
    let installation = Installation::start(Setup::new(RULES)).await;
    let elsewhere = leadsquared::start_local(leadsquared::Options {
        api_host: Some("api-us11.leadsquared.com".to_owned()),
        ..leadsquared::Options::default()
    })
    .await
    .unwrap();
    let mut environment = installation.environment.clone();
    environment.push(("LEADSQUARED_BASE_URL".to_owned(), elsewhere.base_url()));
    let which = installation.which();
    for verb in [&["doctor"][..], &["setup", "leadsquared", "--yes"]] {
        let arguments: Vec<&str> = verb.iter().copied().chain(which.iter().map(String::as_str)).collect();
        let finished = recado(&arguments, &environment).await;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert_eq!(finished.code, Some(1), "{said}");
        assert!(said.contains("LEADSQUARED_BASE_URL=https://api-us11.leadsquared.com/v2"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_for_support_has_the_facts_and_nothing_private() {
    let mut setup = Setup::new(RULES);
    let refused = Lead { name: "Quitéria".into(), phone: "11986421371".into(), ..Lead::new(2) };
    setup.liguelead.reject_phones = vec![refused.phone.clone()];
    let installation = Installation::start(setup).await;
    let lead = Lead { name: "Zuleica".into(), phone: "11986421375".into(), ..Lead::new(1) };
    installation.take(&lead.created()).await;
    installation.take(&refused.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    installation.comes_to(&refused.id, "refused").await;
    installation.told().await;

    let bundle = installation.command("support-bundle", &["--out", "-"]).await.json();
    let value = |name: &str| installation.environment.iter().find(|(one, _)| one == name).unwrap().1.clone();
    let token = value("LIGUELEAD_API_TOKEN");
    assert_eq!(bundle["liguelead"]["api_token_ends"].as_str(), Some(&token[token.len() - 4..]), "{bundle}");
    assert_eq!(bundle["liguelead"]["app_id"], value("LIGUELEAD_APP_ID"));
    assert!(bundle["days"][0]["liguelead_requests"].as_u64() > Some(0), "{bundle}");
    assert!(bundle["limits"].as_array().is_some_and(|limits| limits.len() > 3), "{bundle}");
    assert!(bundle["errors"].as_object().unwrap().keys().any(|why| why.contains("LigueLead refused it 4")), "{bundle}");
    assert_eq!(bundle["messages_by_state"]["delivered"], 1, "{bundle}");

    let text = bundle.to_string();
    let mut private =
        vec![lead.phone.clone(), refused.phone.clone(), "86421371".into(), "Zuleica".into(), "Quit".into()];
    private.extend(["Boas-vindas", "cerúleo", "DA SILVA", "+55"].map(str::to_owned));
    private.push(token);
    for name in ["LEADSQUARED_ACCESS_KEY", "LEADSQUARED_SECRET_KEY", "RECADO_WEBHOOK_SECRET", "RECADO_CALLBACK_SECRET"]
    {
        private.push(value(name));
    }
    for secret in private {
        assert!(!text.contains(&secret), "{secret} in {text}");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bundle.json").display().to_string();
    let written = installation.command("support-bundle", &["--out", &file]).await;
    assert!(written.code == Some(0) && written.stdout.contains(&file), "{written:?}");
    let read: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(read["liguelead"], bundle["liguelead"]);
}
