//! `kill -9` under load, again and again, at random moments. Every event that was answered 200 comes to its end, and no
//! phone gets the same text twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{Installation, Lead, Random, Report, SECRET, Setup, wait_until};
use recado_simulators::{faults::Faults, liguelead};
use serde_json::Value;

/// How often the process is killed.
const KILLS: usize = 16;
/// How long the process lives before it is killed, in ms. At the shortest it has just begun to listen. At the longest
/// it sends, receives callbacks and writes back.
const LIFE_MS: std::ops::Range<u64> = 20..1_800;
/// The rough duration of a start, in ms. After each kill, another kill comes during the start.
const START_MS: u64 = 100;
/// The pause between two events.
const POST_EVERY: Duration = Duration::from_millis(40);
/// The messages of each event: one that shares its request with others, and one with its own request.
const RULES: &str = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }
  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }
";

fn setup() -> Setup {
    let mut setup = Setup::new(RULES).and("quotas: { messages_per_day: 1000000 }\n");
    // Requests last long enough for kills to hit them, and reports come when the next process may be running.
    setup.liguelead.faults = Faults { latency_ms: 100, jitter_ms: 400, ..Faults::default() };
    setup.liguelead.callbacks.sent_after_ms = 300;
    setup.liguelead.callbacks.final_after_ms = 900;
    setup.liguelead.callbacks.callback_jitter_ms = 600;
    setup.liguelead.callbacks.duplicate_callbacks_share = 0.2;
    setup.leadsquared.faults = Faults { latency_ms: 30, jitter_ms: 100, ..Faults::default() };
    setup
}

/// Posts one event for each lead, and repeats each until it is answered 200, as LeadSquared would. Returns the leads.
async fn post_until(url: String, stop: Arc<AtomicBool>, answered: Arc<Mutex<Vec<Lead>>>) {
    let http = vendor_http::client_builder().timeout(Duration::from_secs(5)).build().unwrap();
    for number in 1.. {
        let lead = Lead::new(number);
        loop {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let request = http.post(&url).header("x-recado-secret", SECRET).body(lead.created().to_string());
            match request.send().await {
                Ok(response) => {
                    assert_eq!(response.status(), 200);
                    answered.lock().unwrap().push(lead);
                    break;
                }
                // No process listens, or it died while answering: the event is delivered again.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        tokio::time::sleep(POST_EVERY).await;
    }
}

/// The phones of each campaign with a report that was answered 200.
fn heard(received: &liguelead::Received) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut heard: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for callback in received.callbacks.iter().filter(|callback| callback.answer == Some(200)) {
        let key = (callback.campaign.as_str(), callback.phone.as_str());
        heard.entry(key).or_default().insert(callback.status.as_str());
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_loses_no_event_and_sends_no_message_twice() {
    let mut random = Random::for_test("crash");
    let mut installation = Installation::start(setup()).await;
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let url = installation.url("leadsquared", "event=lead.created");
    let poster = tokio::spawn(post_until(url, Arc::clone(&stop), Arc::clone(&answered)));
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.between(LIFE_MS.start, LIFE_MS.end))).await;
        installation.kill();
        installation.kill_while_starting(Duration::from_millis(random.between(0, START_MS))).await;
        installation.restart().await;
    }
    // The last life takes as many events as all lives before it together, however slow the machine is.
    let taken = || answered.lock().unwrap().len();
    let enough = 2 * taken() + 20;
    wait_until("as many events again are taken", async || (taken() >= enough).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    poster.await.unwrap();
    let leads = answered.lock().unwrap().clone();

    let report = wait_until("everything comes to rest", async || {
        let report = installation.messages().await;
        let received = installation.liguelead.received();
        let rests = |state: &str| !["pending", "held", "sending"].contains(&state);
        let all = report.messages.iter().all(|message| rests(&message.state) && !message.crm_waits);
        (all && is_settled(&report, &received)).then_some(report)
    })
    .await;
    let received = installation.liguelead.received();
    assert_eq!(received.forgotten, 0, "the simulator forgot calls, so it proves nothing");

    // No message was sent twice.
    let times = received.messages();
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    // No message was lost.
    for lead in &leads {
        let rules: Vec<_> = report.of(&lead.id).iter().map(|message| message.rule.clone()).collect();
        assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), 2, "{} has {rules:?}", lead.id);
    }
    assert_agreement(&report, &received);
    assert_written_back(&report, &installation);

    let in_state = |state| report.in_state(state);
    let cut_off = received.calls.iter().filter(|call| call.path.ends_with("/sms") && call.answer_lost).count();
    let usage = installation.usage().await;
    let charged = usage["limits"][0]["used"].as_u64().unwrap();
    let sent = times.len() as u64;
    assert!(charged >= sent, "{charged} of the quota are spent on {sent} messages");
    println!(
        "{KILLS} kills and as many while starting, {cut_off} calls cut off by them; {} events answered 200; \
         {} messages: {} delivered, {} accepted (their last report met nobody), {} unknown; {sent} taken by LigueLead; \
         {charged} charged to the quota",
        leads.len(),
        report.total,
        in_state("delivered"),
        in_state("accepted"),
        in_state("unknown"),
    );
    assert!(in_state("delivered") > report.total / 2, "the run was hardly one");
}

/// Whether every answered report has been applied.
fn is_settled(report: &Report, received: &liguelead::Received) -> bool {
    let states = by_phone_and_text(report);
    let heard = heard(received);
    received.campaigns.iter().all(|campaign| {
        campaign.phones.iter().all(|phone| {
            let statuses = heard.get(&(campaign.id.as_str(), phone.as_str()));
            let is_heard = |status| statuses.is_some_and(|statuses| statuses.contains(status));
            let state = states.get(&(phone.clone(), campaign.message.clone())).map(String::as_str);
            !is_heard("delivered") || state == Some("delivered")
        })
    })
}

/// The state of each message, by its phone and its text. The lead and the rule determine both.
fn by_phone_and_text(report: &Report) -> BTreeMap<(String, String), String> {
    let of = |message: &crate::support::MessageLine| {
        let number = message.lead.rsplit('-').next().unwrap().parse().unwrap();
        let lead = Lead::new(number);
        let text = if message.rule == "same" { "Boas-vindas.".to_owned() } else { format!("Olá {}.", lead.name) };
        ((lead.phone, text), message.state.clone())
    };
    report.messages.iter().map(of).collect()
}

/// Asserts that the state of each message agrees with the vendor's work, as far as reports told it.
fn assert_agreement(report: &Report, received: &liguelead::Received) {
    let mut campaigns = BTreeMap::new();
    for campaign in &received.campaigns {
        for phone in &campaign.phones {
            campaigns.insert((phone.clone(), campaign.message.clone()), campaign.id.as_str());
        }
    }
    let heard = heard(received);
    let states = by_phone_and_text(report);
    assert_eq!(states.len(), report.total);
    for (key, state) in &states {
        let campaign = campaigns.get(key);
        let statuses =
            campaign.and_then(|campaign| heard.get(&(*campaign, key.0.as_str()))).cloned().unwrap_or_default();
        match state.as_str() {
            "delivered" => assert!(campaign.is_some(), "delivered, but never taken by LigueLead"),
            "accepted" => assert!(campaign.is_some() && !statuses.contains("delivered"), "{key:?} {statuses:?}"),
            "unknown" => assert!(statuses.is_empty(), "unknown, although a report came: {key:?} {statuses:?}"),
            other => panic!("{key:?} ended as {other}"),
        }
    }
    for key in campaigns.keys() {
        assert!(states.contains_key(key), "LigueLead took what the table does not know: {key:?}");
    }
}

/// Asserts that LeadSquared has one activity for each message, with the message's state.
fn assert_written_back(report: &Report, installation: &Installation) {
    let mut shown = BTreeMap::new();
    for activity in installation.leadsquared.activities() {
        let id = activity.fields["mx_Custom_1"].clone();
        assert!(shown.insert(id, activity.fields["mx_Custom_4"].clone()).is_none(), "two activities for one message");
    }
    let expected: BTreeMap<_, _> =
        report.messages.iter().map(|message| (message.id.clone(), message.state.clone())).collect();
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_call_it_neither_repeats_nor_forgets_it() {
    let rules = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }\n";
    let mut setup = Setup::new(rules);
    setup.liguelead.faults.latency_ms = 700;
    setup.liguelead.callbacks.sent_after_ms = 2_500;
    setup.liguelead.callbacks.final_after_ms = 3_000;
    let mut installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    let body: Value = lead.created();
    installation.take(&body).await;
    wait_until("the call is under way", async || {
        let calls = installation.liguelead.received().calls;
        calls.iter().any(|call| call.path.ends_with("/sms")).then_some(())
    })
    .await;
    installation.kill();
    assert!(installation.liguelead.received().campaigns.is_empty(), "it was killed before the work");
    installation.restart().await;
    // LeadSquared repeats the delivery, too.
    installation.take(&body).await;
    // The reports prove that the request succeeded, long before its sender counts as dead.
    installation.comes_to(&lead.id, "delivered").await;
    installation.told().await;
    let calls = installation.liguelead.received().calls;
    assert_eq!(calls.iter().filter(|call| call.path.ends_with("/sms")).count(), 1);
    assert_eq!(installation.leadsquared.activities().len(), 1);
}
