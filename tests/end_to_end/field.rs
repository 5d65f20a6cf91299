//! Input that people in this job really send, from public bug reports and sample payloads. Tests which event it is, and
//! what is read although it breaks a rule. All persons, phones and ids are invented.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Installation, Lead, Setup, wait_until};

const RULES: &str = "  - { id: hello, on: lead.created, sms: \"Olá {{ lead.FirstName }}\" }
  - { id: stage, on: lead.stage, to: Qualified, sms: \"Proposta {{ lead.FirstName }}\" }
  - { id: order, on: activity.created, activity: 212, sms: \"Pedido {{ activity.mx_Custom_1 }}\" }
  - { id: set, on: activity.created, activity: 213, when: activity.Status == \"Active\", sms: \"Pedido recebido.\" }
  - { id: visit, on: task.created, sms: \"Visita: {{ task.mx_Custom_1 }}\" }
";

async fn installation() -> Installation {
    Installation::start(Setup::new(RULES).in_memory().await).await
}

fn fixture(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/field").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn lead(number: u32) -> Value {
    let lead = Lead::new(number);
    json!({ "ProspectID": lead.id, "FirstName": lead.name, "Phone": lead.phone, "Source": "Site", "ProspectStage": "Qualified" })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

/// The phones and texts sent to LigueLead, once there are `wanted` of them and no message waits.
async fn sent(installation: &Installation, wanted: usize) -> Vec<(String, String)> {
    let all = || {
        let received = installation.liguelead.received();
        let of =
            received.campaigns().flat_map(|one| one.phones.iter().map(|phone| (phone.clone(), one.message.clone())));
        let mut all: Vec<(String, String)> = of.collect();
        all.sort();
        all
    };
    wait_until("all is sent", async || (all().len() >= wanted).then_some(())).await;
    let waits = |state: &str| ["pending", "sending"].contains(&state);
    let at_rest = async || !installation.messages().await.messages.iter().any(|message| waits(&message.state));
    wait_until("nothing waits", async || at_rest().await.then_some(())).await;
    all()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_greeted_if_the_address_the_body_or_its_times_say_that_it_is_new_and_never_else() {
    let installation = installation().await;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let timed = |lead, made: &str| with(with(lead, "CreatedOn", made), "ModifiedOn", made);
    for (query, body) in [
        ("event=3", json!({ "Data": lead(1) })),
        ("", with(lead(2), "Event", "Lead Created")),
        (
            "",
            json!({ "eventType": "LeadCreation", "Data": { "LeadPropertyList": [
            { "Attribute": "ProspectID", "Value": Lead::new(3).id }, { "Attribute": "FirstName", "Value": "Ana3" },
            { "Attribute": "Phone", "Value": Lead::new(3).phone } ] } }),
        ),
        ("", timed(lead(4), &now)),
        ("event=lead.created&entityId=00000000-0000-4000-8000-000000000005", {
            let mut anonymous = lead(5);
            anonymous.as_object_mut().unwrap().remove("ProspectID");
            anonymous
        }),
    ] {
        let (status, said) = installation.post_bytes(query, "application/json", body.to_string()).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{body}: {said}");
    }
    let mut told = Vec::new();
    for body in [
        lead(11),
        timed(lead(12), "2026-11-20 12:00:00"),
        with(timed(lead(13), &now), "ModifiedOn", "2026-11-20 12:00:00"),
        with(lead(14), "Event", "Webinar"),
        with(timed(lead(15), &now), "Event", "Lead created or updated"),
        json!({ "Data": lead(16) }),
    ] {
        let (status, said) = installation.post_bytes("", "application/json", body.to_string()).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Error")), "{body}: {said}");
        told.push(said["StatusReason"].as_str().unwrap().to_owned());
    }
    assert!(told.iter().all(|reason| reason.contains("?event=3")), "{told:?}");
    // An activity, a deletion, a change of stage: the body itself says which event it is.
    let related = json!({ "RelatedProspectId": Lead::new(21).id, "CampaignId": "77", "Phone": Lead::new(21).phone });
    for body in [
        related,
        with(lead(22), "ActivityName", "Recado message"),
        with(lead(23), "Event", "Lead Deleted"),
        with(lead(24), "Event", "StageChange"),
    ] {
        let (status, said) = installation.post_bytes("", "application/json", body.to_string()).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{body}: {said}");
    }
    let mut expected: Vec<(String, String)> =
        (1..=5).map(|number| (Lead::new(number).phone, format!("Olá Ana{number}"))).collect();
    expected.push((Lead::new(24).phone, "Proposta Ana24".to_owned()));
    assert_eq!(sent(&installation, expected.len()).await, expected);

    let report = installation.messages().await;
    let not_understood: Vec<_> = report.events.iter().filter(|event| event.outcome == "not_understood").collect();
    assert_eq!(not_understood.len(), 6);
    assert!(not_understood.iter().all(|event| event.lead.is_some() && event.why.contains("?event=")), "{report:?}");
    let ours = report.events.iter().find(|event| event.lead.as_deref() == Some(Lead::new(22).id.as_str())).unwrap();
    assert_eq!((ours.outcome.as_str(), ours.why.as_str()), ("ignored", "the activity that Recado writes itself"));
    let doctor: Value = serde_json::from_str(&installation.command("doctor", &["--json"]).await.stdout).unwrap();
    let finding =
        doctor["findings"].as_array().unwrap().iter().find(|one| one["check"] == "deliveries not understood").unwrap();
    assert_eq!(finding["state"], "warning");
    assert!(finding["what"].as_str().unwrap().starts_with("6 in 7 days"), "{finding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_something_else_under_the_update_event_make_no_message() {
    let installation = installation().await;
    let edit = |number: u32, minute: u32| {
        let at = format!("2026-11-29 12:{minute:02}:00");
        with(with(lead(number), "Score", minute.to_string()), "ModifiedOn", at)
    };
    for minute in 1..=3 {
        for body in [
            edit(1, minute),
            json!({ "Before": null, "After": edit(2, minute) }),
            json!({ "Before": { "ProspectID": Lead::new(3).id, "Score": "0" }, "After": edit(3, minute) }),
        ] {
            let (_, said) = installation.post_bytes("event=6", "application/json", body.to_string()).await;
            assert_eq!(said["Status"], "Success", "{body}: {said}");
        }
    }
    // The earlier values of these leads are known now. Another stage in between is a change, and so is the change back.
    let lost = with(edit(1, 10), "ProspectStage", "Lost");
    for body in [lost, edit(1, 11), edit(1, 11), edit(1, 12)] {
        installation.post_bytes("event=6", "application/json", body.to_string()).await;
    }
    let proposal = (Lead::new(1).phone, "Proposta Ana1".to_owned());
    assert_eq!(sent(&installation, 1).await, [proposal]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_of_json_and_has_one_reading_is_read() {
    let installation = installation().await;
    let list = json!([lead(1), with(lead(2), "FirstName", "BIA@@"), lead(3)]).to_string().replace("@@", "\\ud83d");
    let notes = with(lead(4), "Notes", "a@@b").to_string().replace("@@", "\n");
    let entities = with(lead(5), "FirstName", "D&#039;A\u{301}VILA").to_string();
    for body in [list, notes, entities] {
        let (status, said) = installation.post_bytes("event=3", "application/json", body.clone()).await;
        assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{body}: {said}");
    }
    let sent = sent(&installation, 5).await;
    let texts: Vec<&str> = sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts.len(), 5);
    assert_eq!((texts[0], texts[2], texts[3], texts[4]), ("Olá Ana1", "Olá Ana3", "Olá Ana4", "Olá D'ÁVILA"));
    assert!(texts[1].starts_with("Olá BIA"), "{texts:?}");
    let half = format!("{{\"FirstName\":\"ANA\",\"ProspectID\":\"{}\",\"Pho", Lead::new(9).id);
    installation.post_bytes("event=3", "application/json", half).await;
    let report = installation.messages().await;
    assert_eq!(report.events.len(), 1);
    assert_eq!(report.events[0].lead.as_deref(), Some(Lead::new(9).id.as_str()), "whose it is can be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_activities_are_taken_as_they_come() {
    let installation = installation().await;
    let owner = "00000000-0000-4000-8000-000000000001";
    installation.leadsquared.put_lead(owner, [("FirstName", "Ana"), ("Phone", "+55-11999997777")]);
    for (event, file) in [
        ("7", "task-of-a-lead.json"),
        ("7", "task-of-an-opportunity.json"),
        ("7", "task-of-nobody.json"),
        ("2", "activity-fields-in-current.json"),
        ("2", "custom-field-set.json"),
    ] {
        let (_, said) =
            installation.post_bytes(&format!("event={event}"), "application/json", fixture(file).to_string()).await;
        assert_eq!(said["Status"], "Success", "{file}: {said}");
    }
    let expected =
        [("11999997777", "Visita: Sala 2"), ("11999998888", "Pedido A-77"), ("11999998888", "Pedido recebido.")];
    let expected = expected.map(|(phone, text)| (phone.to_owned(), text.to_owned()));
    assert_eq!(sent(&installation, 3).await, expected);
    let report = installation.messages().await;
    let whys: Vec<&str> = report.events.iter().map(|event| event.why.as_str()).collect();
    assert_eq!(whys.len(), 2, "{report:?}");
    assert!(whys.iter().any(|why| why.contains("belongs to an opportunity")), "{whys:?}");
    assert!(whys.iter().any(|why| why.contains("belongs to nobody")), "{whys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_activities_of_several_megabytes_is_taken_whole() {
    let installation = installation().await;
    let activity = |number: u32| {
        let lead = Lead::new(number);
        json!({
            "ProspectActivityId": format!("a{number}"), "RelatedProspectId": lead.id, "ActivityEvent": "212",
            "ActivityEventName": "Pedido", "CreatedOn": "2026-11-23 14:59:50",
            "Data": { "Status": "Active", "mx_Custom_1": "A-77", "Note": "x".repeat(1_500) },
            "Current": { "ProspectID": lead.id, "FirstName": lead.name, "Phone": lead.phone },
        })
    };
    let count = 3_000;
    let body = Value::Array((0..count).map(activity).collect()).to_string();
    assert!(body.len() > 5_000_000, "{}", body.len());
    let (status, said) = installation.post_bytes("event=2", "application/json", body).await;
    assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{said}");
    let sent = sent(&installation, count as usize).await;
    assert_eq!(sent.len(), count as usize);
    assert!(sent.iter().all(|(_, text)| text == "Pedido A-77"));
}

/// Bodies of `lead.changed` as in case c29: a plain lead with a new `ProspectID` and a score that became 1.
fn scored(lead: u32, phone: &str) -> Value {
    let plain = json!({
        "ProspectID": Lead::new(lead).id, "FirstName": "ANA", "Phone": phone, "ModifiedOn": "2026-11-29 12:00:00",
    });
    json!({ "Before": with(plain.clone(), "Score", "0"), "After": with(plain, "Score", "1") })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leads_of_one_phone_are_one_person_to_the_caps() {
    let rules =
        "  - { id: once, on: lead.changed, field: Score, sms: \"Uma vez, {{ lead.FirstName | first_name }}\" }\n";
    let setup = Setup::new(rules).and("caps: [ { max: 1, every: 24h } ]\n");
    let installation = Installation::start(setup.in_memory().await).await;
    for (number, phone) in [(1, "+55-11970000029"), (2, "(11) 97000-0029")] {
        let (_, said) = installation.post_bytes("event=9", "application/json", scored(number, phone).to_string()).await;
        assert_eq!(said["Status"], "Success", "{said}");
    }
    let held = wait_until("the second is held", async || {
        installation.messages().await.messages.into_iter().find(|message| message.state == "held")
    })
    .await;
    assert_eq!(held.why.as_deref(), Some("the phone has had as many messages as the caps allow"));
    let once = ("11970000029".to_owned(), "Uma vez, Ana".to_owned());
    assert_eq!(sent(&installation, 1).await, [once]);
}
