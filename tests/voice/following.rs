//! The fallback when a message is not delivered.

use recado_simulators::liguelead::Channel;

use super::{Files, add, mp3};
use crate::support::{Installation, Lead, Report, Setup, wait_until};

/// An SMS, and a voice call if the SMS is not delivered.
const SMS_ELSE_CALL: &str = "  - id: notice
    on: lead.created
    sms: \"Olá {{ lead.FirstName }}, recebemos o seu contato.\"
    else: { voice: { audio: call.mp3, title: \"Notice {{ lead.FirstName }}\" } }
";
/// A voice call, and an SMS if the voice call is not answered.
const CALL_ELSE_SMS: &str = "  - id: call
    on: lead.created
    voice: { audio: call.mp3, title: Call }
    else: { sms: \"Olá {{ lead.FirstName }}, tentamos ligar.\" }
";

fn setup(rules: &str) -> Setup {
    let mut setup = Setup::new(rules).and("hours: { sms: always, voice: always, dialling: always }\n");
    setup.liguelead.dial_at_any_hour = true;
    setup
}

/// The channels and states of a lead's messages.
fn of(report: &Report, lead: &Lead) -> Vec<(String, String)> {
    let mut of: Vec<_> =
        report.of(&lead.id).iter().map(|message| (message.channel.clone(), message.state.clone())).collect();
    of.sort();
    of
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(channel, state)| ((*channel).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_reached_by_sms_is_called_once_and_nobody_else() {
    let mut setup = setup(SMS_ELSE_CALL);
    setup.liguelead.callbacks.undelivered_endings = vec!["0001".to_owned()];
    setup.liguelead.callbacks.duplicate_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    add(&installation, &Files::new().write("call.mp3", &mp3(10, 1))).await.json();
    let (missed, reached) = (Lead::new(1), Lead::new(2));
    for lead in [&missed, &reached] {
        installation.take(&lead.created()).await;
    }
    let report = wait_until("the one whom the SMS did not reach is called", async || {
        let report = installation.messages().await;
        let expected = pairs(&[("sms", "undelivered"), ("voice", "no_answer")]);
        (of(&report, &missed) == expected).then_some(report)
    })
    .await;
    assert_eq!(of(&report, &reached), pairs(&[("sms", "delivered")]));
    let campaigns = installation.liguelead.received().campaigns;
    let calls: Vec<_> = campaigns.iter().filter(|campaign| campaign.channel == Channel::Voice).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!((&calls[0].phones, calls[0].title.as_deref()), (&vec![missed.phone.clone()], Some("Notice Ana1")));
    // Each message has an activity of its own, and a repeated webhook changes nothing.
    installation.take(&missed.created()).await;
    wait_until("LeadSquared knows of the SMS", async || {
        let told = |channel: &str| {
            let of_channel = |activity: &&recado_simulators::leadsquared::Activity| {
                activity.fields.get("mx_Custom_3").map(String::as_str) == Some(channel)
            };
            installation.leadsquared.activities().iter().filter(of_channel).count()
        };
        (told("sms") == 2).then_some(())
    })
    .await;
    assert_eq!(installation.messages().await.of(&missed.id).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_called_gets_an_sms() {
    let mut setup = setup(CALL_ELSE_SMS);
    setup.liguelead.callbacks.failed_endings = vec!["0001".to_owned()];
    let installation = Installation::start(setup).await;
    add(&installation, &Files::new().write("call.mp3", &mp3(10, 1))).await.json();
    let (missed, reached) = (Lead::new(1), Lead::new(2));
    for lead in [&missed, &reached] {
        installation.take(&lead.created()).await;
    }
    wait_until("the one who could not be called was sent an SMS", async || {
        let report = installation.messages().await;
        let expected = pairs(&[("sms", "undelivered"), ("voice", "undelivered")]);
        (of(&report, &missed) == expected && of(&report, &reached) == pairs(&[("voice", "answered")])).then_some(())
    })
    .await;
    let campaigns = installation.liguelead.received().campaigns;
    let texts: Vec<_> =
        campaigns.iter().filter(|campaign| campaign.channel == Channel::Sms).map(|sms| &sms.message).collect();
    assert_eq!(texts, ["Olá Ana1, tentamos ligar."]);
}
