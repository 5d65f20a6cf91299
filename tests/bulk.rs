//! Ten thousand messages at once: how few requests carry them to LigueLead.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{Installation, Lead, SECRET, Setup, messages_of, wait_until};
use recado_core::config::Config;
use recado_ledger::{Inserted, Ledger, embedded_client};
use recado_simulators::liguelead::Received;
use recado_table::EmbeddedTable;

const EVENTS: u32 = 10_000;
const POSTERS: u32 = 32;
const RULES: &str = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\" }\n";
/// LigueLead's answer time. Messages of one text gather during that time.
const ANSWER: Duration = Duration::from_millis(200);
/// The sweep interval of a real installation.
const SCHEDULE_S: u64 = 60;

/// Many messages without reports: only the requests matter here.
fn setup() -> Setup {
    // Enough time for requests with 10,000 phones on a machine that does other work too.
    let mut setup = Setup::new(RULES).call_timeout("9s");
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    setup.liguelead.faults.latency_ms = u64::try_from(ANSWER.as_millis()).unwrap();
    setup.schedule_s = SCHEDULE_S;
    setup
}

fn phones(received: &Received) -> usize {
    received.campaigns.iter().map(|campaign| campaign.phones.len()).sum()
}

/// The most requests that one text may take until `sent`. Each request begins when the one before it is answered. In
/// addition the sweeps, at the start and at each minute, may each take the messages that wait then.
fn most_requests(sent: Duration) -> usize {
    let (answers, sweeps) = (1 + sent.as_millis() / ANSWER.as_millis(), 1 + sent.as_secs() / SCHEDULE_S);
    usize::try_from(answers).unwrap() + usize::try_from(sweeps).unwrap()
}

/// Asserts that all leads got the text, each once.
fn assert_each_once(received: &Received) {
    let expected: BTreeSet<String> = (1..=EVENTS).map(|number| Lead::new(number).phone).collect();
    let messages = received.messages();
    assert!(messages.values().all(|times| *times == 1), "a phone got it twice");
    assert_eq!(messages.keys().map(|(phone, _)| (*phone).to_owned()).collect::<BTreeSet<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_of_one_text_gather_while_a_request_of_it_is_under_way() {
    let mut setup = setup();
    setup.data = Some("memory".to_owned());
    let installation = Arc::new(Installation::start(setup).await);
    let http = vendor_http::client_builder().pool_max_idle_per_host(POSTERS as usize).build().unwrap();
    let begun = Instant::now();
    let posters = (0..POSTERS).map(|poster| {
        let (http, url) = (http.clone(), installation.url("leadsquared", "event=lead.created"));
        tokio::spawn(async move {
            for number in (1..=EVENTS).filter(|number| number % POSTERS == poster) {
                let body = Lead::new(number).created().to_string();
                let request = http.post(&url).header("x-recado-secret", SECRET).body(body);
                assert_eq!(request.send().await.unwrap().status(), 200);
            }
        })
    });
    for poster in posters.collect::<Vec<_>>() {
        poster.await.unwrap();
    }
    let posted = begun.elapsed();
    let received = wait_until("all were sent", async || {
        let received = installation.liguelead.received();
        (phones(&received) >= EVENTS as usize).then_some(received)
    })
    .await;
    let sent = begun.elapsed();
    assert_each_once(&received);
    let requests = received.campaigns.len();
    let sizes: Vec<usize> = received.campaigns.iter().map(|campaign| campaign.phones.len()).collect();
    println!(
        "{EVENTS} events of one text, posted by {POSTERS} connections in {posted:.1?} ({:.0}/s), taken by LigueLead \
         after {sent:.1?} in {requests} requests of {sizes:?} phones",
        f64::from(EVENTS) / posted.as_secs_f64(),
    );
    assert!(requests <= most_requests(sent), "{requests} requests in {sent:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_webhook_with_ten_thousand_leads_goes_in_a_few_requests() {
    let mut setup = setup();
    setup.data = Some("memory".to_owned());
    let installation = Installation::start(setup).await;
    let leads =
        (1..=EVENTS).map(Lead::new).map(|lead| format!(r#"{{"ProspectID":"{}","Phone":"{}"}}"#, lead.id, lead.phone));
    let body = format!("[{}]", leads.collect::<Vec<_>>().join(","));
    let (begun, bytes) = (Instant::now(), body.len());
    let (status, said) = installation.post_bytes("event=lead.created", "application/json", body).await;
    assert_eq!((status, said["Status"].as_str()), (200, Some("Success")), "{said}");
    let answered = begun.elapsed();
    let received = wait_until("all were sent", async || {
        let received = installation.liguelead.received();
        (phones(&received) >= EVENTS as usize).then_some(received)
    })
    .await;
    let sent = begun.elapsed();
    assert_each_once(&received);
    let sizes: Vec<usize> = received.campaigns.iter().map(|campaign| campaign.phones.len()).collect();
    println!(
        "one webhook with {EVENTS} leads ({bytes} bytes) was answered after {answered:.1?} and taken by LigueLead \
         after {sent:.1?} in requests of {sizes:?} phones"
    );
    assert!(sizes.len() <= most_requests(sent), "{sizes:?} in {sent:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_phones_that_wait_go_in_one_request() {
    // Written while `serve` is down: the next start finds them waiting, as after a crash.
    let table = Arc::new(EmbeddedTable::memory().unwrap());
    let setup = setup().on_table(Arc::clone(&table), "waiting").await;
    let config = Config::parse(&setup.config).unwrap().config;
    let ledger = Ledger::new(embedded_client(table.http_client()), "waiting", config.retention_ms);
    ledger.create_if_missing().await.unwrap();
    let waiting = messages_of(&config, 1..=EVENTS, jiff::Timestamp::now().as_millisecond());
    assert!(ledger.insert_messages(&waiting).await.unwrap().iter().all(|one| *one == Inserted::New));

    let begun = Instant::now();
    let installation = Installation::start(setup).await;
    let received = wait_until("all were sent", async || {
        let received = installation.liguelead.received();
        (phones(&received) >= EVENTS as usize).then_some(received)
    })
    .await;
    let sent = begun.elapsed();
    assert_each_once(&received);
    let sizes: Vec<usize> = received.campaigns.iter().map(|campaign| campaign.phones.len()).collect();
    println!("{EVENTS} phones that waited were taken {sent:.1?} after the start in requests of {sizes:?} phones");
    assert_eq!(sizes, [EVENTS as usize]);
    let report = wait_until("the table knows it", async || {
        let report = installation.messages().await;
        (report.in_state("accepted") == EVENTS as usize).then_some(report)
    })
    .await;
    assert_eq!(report.total, EVENTS as usize);
    assert_eq!(installation.usage().await["liguelead_requests"], 1);
}
