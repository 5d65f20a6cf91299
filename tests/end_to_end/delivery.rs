//! From an event to a message, and its outcome back in LeadSquared.

use serde_json::json;

use super::WELCOME;
use crate::support::{AUTHOR, Installation, Lead, Setup, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_a_message_and_its_outcome_comes_back_to_the_crm() {
    let rules = "  - id: welcome
    on: lead.created
    when: lead.Source == \"Site\"
    sms: \"Olá {{ lead.FirstName | first_name }}, recebemos o seu contato.\"
";
    let installation = Installation::start(Setup::new(rules)).await;
    let lead = Lead::new(1);
    installation.leadsquared.put_lead(&lead.id, [("FirstName", "ANA"), ("Phone", "x")]);
    let mut body = lead.created();
    body["FirstName"] = json!("ANA CLARA");

    installation.take(&body).await;
    installation.comes_to(&lead.id, "delivered").await;
    let report = installation.told().await;

    let received = installation.liguelead.received();
    let [campaign] = received.campaigns.as_slice() else { panic!("{:?}", received.campaigns) };
    assert_eq!(campaign.message, "Olá Ana, recebemos o seu contato.");
    assert_eq!(campaign.phones, [lead.phone]);
    assert!(!campaign.is_flash);
    let statuses: Vec<_> = received.callbacks.iter().map(|one| (one.status.as_str(), one.answer)).collect();
    assert_eq!(statuses, [("sent", Some(200)), ("delivered", Some(200))]);

    let [message] = report.messages.as_slice() else { panic!("{report:?}") };
    assert_eq!(message.crm_activity_state.as_deref(), Some("delivered"));
    let activities = installation.leadsquared.activities();
    let [activity] = activities.as_slice() else { panic!("{activities:?}") };
    assert_eq!(Some(&activity.id), message.crm_activity.as_ref());
    assert_eq!(activity.lead_id, lead.id);
    assert_eq!(activity.note.as_deref(), Some("Olá Ana, recebemos o seu contato."));
    let field = |name: &str| activity.fields.get(name).map(String::as_str);
    assert_eq!(field("mx_Custom_1"), Some(message.id.as_str()));
    assert_eq!((field("mx_Custom_2"), field("mx_Custom_3")), (Some("welcome"), Some("sms")));
    assert_eq!(field("mx_Custom_4"), Some("delivered"));
    let lead = installation.leadsquared.lead(&lead.id).unwrap();
    assert_eq!(lead.field("mx_Message_Status"), Some("delivered"));
    assert!(lead.field("mx_Message_At").is_some_and(|at| at.len() == "2026-11-20 12:00:00".len()), "{lead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_crm_goes_full_circle_and_the_write_back_starts_nothing() {
    let rules = "  - { id: new, on: lead.created, sms: \"Boas-vindas.\" }
  - { id: any, on: lead.changed, sms: \"O seu cadastro mudou.\" }
";
    let mut setup = Setup::new(rules);
    setup.crm_announces = true;
    // The harder case: the bulk writes of the write-back also raise webhooks.
    setup.leadsquared.bulk_raises_webhooks = true;
    AUTHOR.clone_into(&mut setup.leadsquared.user_id);
    let installation = Installation::start(setup).await;
    // More than one lead: a single row is written by a request that raises no webhook.
    let leads = [2, 3, 4, 5].map(Lead::new);

    for lead in &leads {
        installation.leadsquared.edit_lead(&lead.id, [("FirstName", "Ana"), ("Phone", &*lead.phone)]);
    }
    for lead in &leads {
        assert_eq!(installation.comes_to(&lead.id, "delivered").await.rule, "new");
    }
    installation.told().await;
    wait_until("LeadSquared announces what was written to the lead, and hears 200", async || {
        let deliveries = installation.leadsquared.received().deliveries;
        assert!(deliveries.iter().all(|one| one.answer == Some(200)), "{deliveries:?}");
        deliveries.iter().any(|one| one.event == 6).then_some(())
    })
    .await;
    let report = wait_until("the write-back's echo is kept as our own", async || {
        let report = installation.messages().await;
        report.events.iter().any(|event| event.outcome == "ignored").then_some(report)
    })
    .await;
    assert_eq!(report.total, leads.len(), "{report:?}");
    assert!(report.events[0].why.contains("integration user"), "{report:?}");
    let sent = installation.liguelead.received().campaigns.iter().map(|one| one.phones.len()).sum::<usize>();
    assert_eq!(sent, leads.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_text_go_in_one_request_and_those_of_another_in_theirs() {
    let rules = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }
  - { id: flash, on: lead.created, flash: \"Boas-vindas.\" }
  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }
";
    // Only the resume releases them, all together, so the speed of the writes does not matter.
    let mut setup = Setup::new(rules).in_memory().await;
    setup.schedule_s = 600;
    let installation = Installation::start(setup).await;
    let paused = installation.command("pause", &["--all"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let leads: Vec<Lead> = (1..=30).map(Lead::new).collect();
    let body = leads.iter().map(Lead::created).collect();
    installation.take(&body).await;
    wait_until("all wait", async || (installation.messages().await.in_state("held") == 90).then_some(())).await;
    let resumed = installation.command("resume", &["--all"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    wait_until("all are delivered", async || (installation.messages().await.in_state("delivered") == 90).then_some(()))
        .await;

    let received = installation.liguelead.received();
    let of = |text: &str, flash: bool| -> Vec<usize> {
        let same = received.campaigns().filter(|one| one.message == text && one.is_flash == flash);
        same.map(|campaign| campaign.phones.len()).collect()
    };
    assert_eq!((of("Boas-vindas.", false), of("Boas-vindas.", true)), (vec![30], vec![30]));
    assert_eq!(received.campaigns.len(), 2 + 30, "each name is a text of its own");
    assert_eq!(installation.usage().await["liguelead_requests"], 2 + 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_cannot_be_reached_is_undelivered_in_the_crm_too() {
    let mut setup = Setup::new(WELCOME);
    setup.liguelead.callbacks.undelivered_endings = vec!["0001".to_owned()];
    setup.liguelead.callbacks.failed_endings = vec!["0002".to_owned()];
    let installation = Installation::start(setup).await;
    let (first, second) = (Lead::new(10_001), Lead::new(10_002));
    installation.take(&json!([first.created(), second.created()])).await;
    installation.comes_to(&first.id, "undelivered").await;
    installation.comes_to(&second.id, "undelivered").await;
    installation.told().await;
    let shown: Vec<_> =
        installation.leadsquared.activities().iter().map(|one| one.fields["mx_Custom_4"].clone()).collect();
    assert_eq!(shown, ["undelivered", "undelivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_gets_no_message_is_told_of_with_the_reason() {
    let rules = "  - id: welcome
    on: lead.created
    sms: \"Olá {{ lead.FirstName }}, o seu código é {{ lead.mx_Code }}.\"
";
    let installation = Installation::start(Setup::new(rules)).await;
    let bodies = [
        ("no phone", 1, json!({ "Phone": null, "mx_Code": "7" })),
        ("landline", 2, json!({ "Phone": "+55-1132101234", "mx_Code": "7" })),
        ("Brazilian", 3, json!({ "Phone": "+91-9845098450", "mx_Code": "7" })),
        ("opted out", 4, json!({ "mx_SMS_Opt_Out": "1", "mx_Code": "7" })),
        ("mx_Code", 5, json!({})),
    ];
    for (_, number, fields) in &bodies {
        let mut body = Lead::new(*number).created();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        installation.take(&body).await;
    }
    let report = installation.told().await;
    for (reason, number, _) in &bodies {
        let messages = report.of(&Lead::new(*number).id);
        let [message] = messages.as_slice() else { panic!("{report:?}") };
        assert_eq!(message.state, "skipped");
        assert!(message.why.as_ref().is_some_and(|why| why.contains(reason)), "{reason}: {message:?}");
        assert_eq!(message.crm_activity_state.as_deref(), Some("skipped"));
    }
    assert!(installation.liguelead.received().campaigns.is_empty());
    assert_eq!(installation.leadsquared.activities().len(), bodies.len());
}
