//! Campaigns with a few recipients, in different circumstances.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use super::{Fields, comes_to, fields, status};
use crate::support::{Installation, Lead, Setup, head, wait_until};

const RULES: &str = "rules:\n  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\" }\n";

fn campaign(lines: &str) -> String {
    let audience = "audience: { field: ProspectStage, op: \"=\", value: Customer }";
    format!("{RULES}campaigns:\n  - {{ id: news, {audience}, {lines} }}\n")
}

fn setup(more: &str, campaign: &str, leads: impl IntoIterator<Item = u32>) -> Setup {
    let mut setup = Setup::new("");
    setup.config = format!("{}{campaign}", head(more));
    setup.data = Some("memory".to_owned());
    setup.leadsquared.leads = leads.into_iter().map(|number| lead(&Lead::new(number))).collect();
    setup
}

fn lead(lead: &Lead) -> (String, Fields) {
    let found = [("ProspectStage", "Customer"), ("Phone", &lead.phone), ("FirstName", &lead.name)];
    (lead.id.clone(), fields(&found))
}

/// Starts on a table that several processes share: commands beside `serve` need one.
async fn start(setup: Setup) -> Installation {
    Installation::start(setup.in_memory().await).await
}

async fn begin(installation: &Installation, more: &[&str]) {
    let done = installation.command_of(&["campaign", "start"], &[&["news", "--yes"], more].concat()).await;
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadsquared_is_told_of_each_recipient_once() {
    let mut setup = setup("", &campaign("sms: \"Novidades.\", priority: normal"), 1..=60);
    setup.liguelead.callbacks.undelivered_endings = vec!["07".to_owned()];
    let installation = start(setup).await;
    begin(&installation, &[]).await;
    comes_to("all have arrived or not", &installation, |status| {
        status.in_state("delivered") == 59 && status.in_state("undelivered") == 1
    })
    .await;
    let activities = wait_until("LeadSquared was told of all", async || {
        let activities = installation.leadsquared.activities();
        (activities.len() >= 60).then_some(activities)
    })
    .await;
    let told: BTreeMap<&str, &str> = activities
        .iter()
        .map(|activity| (activity.lead_id.as_str(), activity.fields["mx_Custom_4"].as_str()))
        .collect();
    assert_eq!((activities.len(), told.len()), (60, 60), "one activity for each");
    for number in 1..=60 {
        let expected = if number == 7 { "undelivered" } else { "delivered" };
        assert_eq!(told[Lead::new(number).id.as_str()], expected, "{number}");
    }
    assert_eq!(installation.liguelead.received().campaigns.len(), 1);
    // Recipients that left the block for the write-back are still counted once.
    let status = status(&installation).await;
    assert_eq!((status.in_state("delivered"), status.in_state("undelivered"), status.waiting), (59, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_and_caps_hold_those_that_they_are_about() {
    let more = "quotas: { messages_per_day: 40 }\ncaps: [ { max: 1, every: 7d } ]\n";
    let campaign = campaign("sms: \"Novidades.\", quota: { messages_per_day: 30 }, write_back: none");
    let installation = start(setup(more, &campaign, 1..=50)).await;
    // One of the leads already got a message this week.
    installation.take(&Lead::new(3).created()).await;
    installation.comes_to(&Lead::new(3).id, "delivered").await;
    let planned = installation.command_of(&["plan"], &["--campaign", "news", "--json"]).await.json();
    let of = |key: &str| planned[key].as_u64().unwrap();
    assert_eq!((of("recipients"), of("now"), of("requests_now")), (50, 30, 1), "{planned}");
    assert_eq!((of("capped"), of("over_quota")), (1, 19), "{planned}");
    assert_eq!(planned["quota_left"]["messages"].as_u64(), Some(9), "{planned}");
    begin(&installation, &[]).await;
    let held = comes_to("as many as the quota allows are sent", &installation, |status| {
        status.in_state("held") == 20 && status.in_state("delivered") == 30
    })
    .await;
    // They wait for other quotas and days, so the end of the campaign is unknown.
    assert!(held.next_due_ms.is_some() && held.eta_ms.is_none(), "{held:?}");
    let received = installation.liguelead.received();
    let sizes: Vec<usize> = received.campaigns.iter().map(|campaign| campaign.phones.len()).collect();
    assert_eq!(sizes, [1, 30]);
    assert!(!received.campaigns[1].phones.contains(&Lead::new(3).phone), "the cap holds the third lead");
    let usage = installation.usage().await;
    assert_eq!(usage["limits"][0]["used"].as_u64(), Some(31), "{usage}");
    // The waiting messages are cancelled, and no more go out.
    let done = installation.command_of(&["campaign", "cancel"], &["news", "--json"]).await.json();
    assert_eq!(done["cancelled"].as_u64(), Some(20), "{done}");
    let ended = status(&installation).await;
    assert_eq!((ended.phase.as_str(), ended.in_state("skipped"), ended.waiting), ("cancelled", 20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_zone_waits_for_its_own_hours() {
    // Hours that are open in São Paulo now and closed in Acre, two hours behind. Not in an hour that is about to end.
    let zone = TimeZone::get("America/Sao_Paulo").unwrap();
    while Timestamp::now().to_zoned(zone.clone()).minute() >= 57 {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let from = Timestamp::now().to_zoned(zone).hour();
    let hour = |hour: i8| format!("{hour:02}:00");
    let to = from + 1;
    let hours = format!("hours: {{ sms: \"{}-{}\" }}\n", hour(from), hour(to));
    let mut setup = setup(&hours, &campaign("sms: \"Novidades.\", write_back: none"), 1..=20);
    setup.leadsquared.leads.extend((1..=10).map(|number| {
        let (id, mut fields) = lead(&Lead::in_area(68, number));
        fields.insert("FirstName".to_owned(), "Acre".to_owned());
        (id.replace("00000000-", "11111111-"), fields)
    }));
    let installation = start(setup).await;
    begin(&installation, &[]).await;
    let status = comes_to("those in São Paulo have it", &installation, |status| {
        status.in_state("delivered") == 20 && status.in_state("held") == 10
    })
    .await;
    let next_ms = status.next_due_ms.unwrap();
    assert!(next_ms > Timestamp::now().as_millisecond(), "Acre waits for its hour");
    let phones = installation.liguelead.received().campaigns.remove(0).phones;
    assert!(phones.iter().all(|phone| phone.starts_with("11")));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_their_own_and_files_of_phones_go_out_too() {
    let installation = start(setup("", &campaign("sms: \"Olá {{ lead.FirstName }}.\", write_back: none"), 1..=5)).await;
    begin(&installation, &[]).await;
    comes_to("each has its own", &installation, |status| status.in_state("delivered") == 5).await;
    let received = installation.liguelead.received();
    assert_eq!(received.campaigns.len(), 5);
    assert!(received.campaigns.iter().any(|campaign| campaign.message == "Olá Ana3."));
    drop(installation);

    let csv = format!("{RULES}campaigns:\n  - {{ id: news, audience: csv, sms: \"Novidades.\" }}\n");
    let installation = start(setup("", &csv, 1..=3)).await;
    let file = std::env::temp_dir().join(format!("recado-campaign-{}.csv", std::process::id()));
    let rows: Vec<String> = (4..=9).map(|number| format!(",{}\n", Lead::new(number).phone)).collect();
    let rows = rows.concat();
    let lines = format!(
        "lead,phone\n{},\n{},\nnobody,\n,123\n,{}\n{rows}",
        Lead::new(1).id,
        Lead::new(2).id,
        Lead::new(4).phone
    );
    std::fs::write(&file, lines).unwrap();
    let path = file.display().to_string();
    begin(&installation, &["--csv", &path]).await;
    let done = comes_to("all of the file have it", &installation, |status| status.in_state("delivered") == 8).await;
    assert_eq!((done.looked_at, done.recipients), (11, 8), "{done:?}");
    assert_eq!(done.left_out["LeadSquared does not know the lead"], 1);
    assert_eq!(done.left_out["the lead or the phone is in the audience already"], 1);
    // The same file again is the same run.
    begin(&installation, &["--csv", &path]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(installation.liguelead.received().campaigns.len(), 1);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_phone_leaves_its_block_and_the_others_get_their_message() {
    let mut setup = setup("", &campaign("sms: \"Novidades.\", write_back: failed"), 1..=40);
    setup.liguelead.reject_phones = vec![Lead::new(17).phone];
    let installation = start(setup).await;
    begin(&installation, &[]).await;
    comes_to("one is refused and all others have it", &installation, |status| {
        status.in_state("refused") == 1 && status.in_state("delivered") == 39
    })
    .await;
    let received = installation.liguelead.received();
    assert!(received.messages().values().all(|times| *times == 1));
    // Only failures are written back.
    let activities = wait_until("LeadSquared was told", async || {
        let activities = installation.leadsquared.activities();
        (!activities.is_empty()).then_some(activities)
    })
    .await;
    assert_eq!(activities.len(), 1);
    assert_eq!(activities[0].lead_id, Lead::new(17).id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_campaign_waits_and_a_schedule_starts_one() {
    let campaign = campaign("sms: \"Novidades.\", schedule: \"rate(1 minute)\", expires: 1m, write_back: none");
    let installation = start(setup("", &campaign, 1..=4)).await;
    let paused = installation.command_of(&["campaign", "pause"], &["news"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    begin(&installation, &["--run", "by-hand"]).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let waits = status(&installation).await;
    assert_eq!((waits.phase.as_str(), waits.looked_at), ("gathering", 0));
    assert!(installation.liguelead.received().campaigns.is_empty());
    let resumed = installation.command_of(&["campaign", "resume"], &["news"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    wait_until("the paused run goes out", async || {
        (!installation.liguelead.received().campaigns.is_empty()).then_some(())
    })
    .await;
    // The next full minute starts a run by itself.
    wait_until("the schedule starts a run", async || {
        let runs = installation.command_of(&["campaign", "status"], &["--json"]).await.json();
        (runs["runs"].as_array().unwrap().len() >= 2).then_some(())
    })
    .await;
}
