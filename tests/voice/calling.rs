//! From a lead's change to a voice call, and back to LeadSquared.

use recado_simulators::liguelead::Channel;
use serde_json::Value;

use super::{Files, add, mp3, setup};
use crate::support::{Installation, Lead, wait_until};

/// The upload ids of the campaigns, in order.
fn uploads_of_campaigns(installation: &Installation) -> Vec<u64> {
    installation.liguelead.received().campaigns.iter().filter_map(|campaign| campaign.voice_upload_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_uploaded_once_replaced_by_another_and_uploaded_again_when_forgotten() {
    let installation = Installation::start(setup()).await;
    let files = Files::new();

    // A voice call waits for its recording.
    let first = Lead::new(1);
    installation.take(&first.created()).await;
    let held = installation.comes_to(&first.id, "held").await;
    assert_eq!(held.why.as_deref(), Some("its audio has not been added: recado audio add call.mp3"));

    let added = add(&installation, &files.write("call.mp3", &mp3(20, 1))).await.json();
    assert_eq!((added["made"].as_str(), added["replaced"].as_bool()), (Some("uploaded"), Some(false)));
    installation.comes_to(&first.id, "answered").await;
    let report = installation.told().await;
    assert_eq!(report.messages[0].crm_activity_state.as_deref(), Some("answered"));
    let activities = installation.leadsquared.activities();
    assert_eq!(activities.len(), 1);
    assert_eq!(activities[0].note.as_deref(), Some("call.mp3"));
    let field = |name: &str| activities[0].fields.get(name).map(String::as_str);
    assert_eq!((field("mx_Custom_3"), field("mx_Custom_4")), (Some("voice"), Some("answered")));

    let received = installation.liguelead.received();
    let [upload] = received.uploads.as_slice() else { panic!("{:?}", received.uploads) };
    assert_eq!((upload.media_type.as_str(), upload.bytes), ("audio/mpeg", mp3(20, 1).len() as u64));
    let [campaign] = received.campaigns.as_slice() else { panic!("{:?}", received.campaigns) };
    assert_eq!((campaign.channel, campaign.voice_upload_id), (Channel::Voice, Some(upload.id)));
    assert_eq!((campaign.title.as_deref(), campaign.group_id.as_deref()), (Some("Call Site"), Some("g1")));
    assert_eq!((&campaign.phones, campaign.credits_each), (&vec![first.phone.clone()], 1));
    let redials = campaign.redials.clone().unwrap();
    assert_eq!((redials.attempts, redials.interval_min, redials.end_time), (2, 30, None));

    // The second voice call uses the same upload.
    let second = Lead::new(2);
    installation.take(&second.created()).await;
    installation.comes_to(&second.id, "answered").await;
    assert_eq!(uploads_of_campaigns(&installation), [upload.id, upload.id]);

    // Other content under the same name is another upload. It is longer, and costs more.
    let added = add(&installation, &files.write("call.mp3", &mp3(31, 2))).await.json();
    assert_eq!((added["made"].as_str(), added["replaced"].as_bool()), (Some("uploaded"), Some(true)));
    let third = Lead::new(3);
    installation.take(&third.created()).await;
    installation.comes_to(&third.id, "answered").await;
    let received = installation.liguelead.received();
    assert_eq!((received.uploads.len(), received.campaigns[2].credits_each), (2, 2));
    let replaced = received.uploads[1].id;
    assert_eq!(received.campaigns[2].voice_upload_id, Some(replaced));

    // LigueLead loses the upload: one request is refused, one upload is made, and the message goes out.
    assert!(installation.liguelead.forget_upload(replaced));
    let fourth = Lead::new(4);
    installation.take(&fourth.created()).await;
    installation.comes_to(&fourth.id, "answered").await;
    let received = installation.liguelead.received();
    assert_eq!(received.uploads.len(), 3);
    assert_eq!(uploads_of_campaigns(&installation)[3], received.uploads[2].id);
    let refused = received.calls.iter().filter(|call| call.path == "/v1/voice" && call.status == Some(404)).count();
    assert_eq!(refused, 1);
    // A second loss within a day is not repaired: another upload would not help.
    assert!(installation.liguelead.forget_upload(received.uploads[2].id));
    let fifth = Lead::new(5);
    installation.take(&fifth.created()).await;
    let refused = installation.comes_to(&fifth.id, "refused").await;
    assert!(refused.why.as_ref().is_some_and(|why| why.contains("does not know its audio (404)")), "{refused:?}");
    assert_eq!(installation.liguelead.received().uploads.len(), 3);
    installation.told().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_and_unanswered_calls_are_told_when_their_redials_are_over_and_answered_ones_at_once() {
    let mut setup = setup();
    setup.liguelead.callbacks.undelivered_endings = vec!["0001".to_owned()];
    setup.liguelead.callbacks.busy_endings = vec!["0002".to_owned()];
    setup.liguelead.callbacks.redial_endings = vec!["0003".to_owned()];
    setup.liguelead.callbacks.failed_endings = vec!["0004".to_owned()];
    let installation = Installation::start(setup).await;
    add(&installation, &Files::new().write("call.mp3", &mp3(10, 1))).await.json();
    let leads: Vec<Lead> = (1..=4).map(Lead::new).collect();
    let bodies: Vec<Value> = leads.iter().map(Lead::created).collect();
    installation.take(&Value::from(bodies)).await;

    for (lead, state) in leads.iter().zip(["no_answer", "busy", "answered", "undelivered"]) {
        installation.comes_to(&lead.id, state).await;
    }
    let told = |report: &crate::support::Report, lead: &Lead| {
        report.of(&lead.id).first().and_then(|message| message.crm_activity_state.clone())
    };
    let report = wait_until("LeadSquared knows of the calls that are over", async || {
        let report = installation.messages().await;
        let both = told(&report, &leads[2]).as_deref() == Some("answered")
            && told(&report, &leads[3]).as_deref() == Some("undelivered");
        both.then_some(report)
    })
    .await;
    // Two redials, half an hour apart, and LigueLead has reported no final status: these two leads still wait.
    for lead in &leads[..2] {
        let [message] = report.of(&lead.id)[..] else { panic!("{report:?}") };
        assert!(message.crm_waits, "{message:?}");
        assert_ne!(message.crm_activity_state.as_deref(), Some(message.state.as_str()));
    }
    // All four went in one request.
    let received = installation.liguelead.received();
    assert_eq!((received.campaigns.len(), received.campaigns[0].phones.len()), (1, 4));
}
