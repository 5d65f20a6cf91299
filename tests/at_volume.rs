//! Tests with thousands of messages. In the first, `serve` sends forty texts to a vendor with every kind of fault, and
//! every message is accounted for. In the second, an urgent message passes a backlog of low ones.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{Installation, Lead, Meter, Setup, messages_of, wait_for};
use recado_core::config::Config;
use recado_ledger::{Ledger, embedded_client};
use recado_simulators::liguelead::Received;
use recado_table::EmbeddedTable;
use tokio::sync::Mutex;

const TEXTS: u32 = 40;
/// The number of messages that are written together.
const AT_ONCE: u32 = 2_500;
/// The timeout of each part, on a machine that does other work too.
const PATIENCE: Duration = Duration::from_mins(10);
/// A rule with one text for each source.
const RULES: &str = "  - { id: offer, on: lead.created, sms: \"Oferta {{ lead.Source }} para você.\" }\n";

/// LigueLead's faults: each kind, before the work and after it.
const FAULTS: [&str; 8] = [
    "throttle@nth=3@/sms",
    "hang-after@nth=5@/sms",
    "lose-answer@nth=8@/sms",
    "after-500@nth=11@/sms",
    "html-after-502@nth=14@/sms",
    "before-503@nth=17@/sms",
    "reset@nth=20@/sms",
    "before-500@nth=23@/sms",
];

/// The number of low messages that an urgent one passes. `RECADO_VOLUME_BACKLOG=100000` raises it.
fn backlog() -> u32 {
    std::env::var("RECADO_VOLUME_BACKLOG").ok().map_or(20_000, |messages| messages.parse().unwrap())
}

/// The number of messages in the first test. `RECADO_VOLUME_MESSAGES=100000` raises it.
fn messages() -> u32 {
    std::env::var("RECADO_VOLUME_MESSAGES").ok().map_or(2_000, |messages| messages.parse().unwrap())
}

fn body(numbers: impl Iterator<Item = u32>, source: u32) -> String {
    let leads = numbers.map(|number| {
        let lead = Lead::new(number);
        format!(r#"{{"ProspectID":"{}","Phone":"{}","Source":"{source}"}}"#, lead.id, lead.phone)
    });
    format!("[{}]", leads.collect::<Vec<_>>().join(","))
}

/// Each of these tests needs the machine for itself.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn setup(rules: &str) -> Setup {
    let mut setup = Setup::new(rules);
    // Other tests cover the opt-out field and the write-back. The write-back gets the rate of the smallest plan here.
    setup.config = setup.config.replace("opt_out: { sms: mx_SMS_Opt_Out }", "opt_out: { system: false }");
    setup.config = setup
        .config
        .replace("calls_per_5s: 200", "calls_per_5s: 2")
        .replace("bulk_calls_per_5s: 2\n", "bulk_calls_per_5s: 1\n");
    setup
}

/// LigueLead's words for a message that was not delivered.
const FAILED: [&str; 2] = ["undelivered", "failed"];

/// LigueLead's own record of each phone: how often it was accepted, which callbacks were answered, and which callbacks
/// were made. The answer to a callback may be lost on its way, too.
#[derive(Default)]
struct Truth {
    accepted: HashMap<String, u32>,
    heard: HashMap<String, HashSet<String>>,
    said: HashMap<String, HashSet<String>>,
}

impl Truth {
    fn of(received: &Received) -> Self {
        let mut truth = Self::default();
        for phone in received.campaigns.iter().flat_map(|campaign| &campaign.phones) {
            *truth.accepted.entry(phone.clone()).or_default() += 1;
        }
        for callback in &received.callbacks {
            truth.said.entry(callback.phone.clone()).or_default().insert(callback.status.clone());
            if callback.answer == Some(200) {
                truth.heard.entry(callback.phone.clone()).or_default().insert(callback.status.clone());
            }
        }
        truth
    }

    /// Whether a message to this phone may have this state, given LigueLead's work and callbacks.
    fn allows(&self, phone: &str, state: &str, no_callback: bool) -> bool {
        let any = |of: &HashMap<String, HashSet<String>>, words: &[&str]| {
            of.get(phone).is_some_and(|these| words.iter().any(|word| these.contains(*word)))
        };
        match (self.accepted.get(phone).copied().unwrap_or_default(), state) {
            (0, state) => state == "unknown" && no_callback,
            (1, "delivered") => any(&self.said, &["delivered"]),
            (1, "undelivered") => any(&self.said, &FAILED) && !any(&self.heard, &["delivered"]),
            (1, "accepted") if any(&self.heard, &["delivered"]) || any(&self.heard, &FAILED) => false,
            (1, "accepted") if no_callback => !any(&self.heard, &["sent"]),
            (1, "accepted") => any(&self.said, &["sent"]),
            _ => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_through_every_fault_are_all_accounted_for() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let messages = messages();
    // All leads of one text go in one webhook: 2,500 of them fit its limit of 1 MiB.
    let each_text = messages / TEXTS;
    let mut setup = setup(RULES).call_timeout("9s").liguelead_faults(&FAULTS);
    setup.schedule_s = 10;
    let manners = &mut setup.liguelead.callbacks;
    manners.lost_callbacks_share = 0.5;
    manners.duplicate_callbacks_share = 0.05;
    manners.undelivered_share = 0.03;
    manners.failed_share = 0.02;
    manners.callbacks_at_once = 64;
    setup.liguelead.minute_aligned_reset = true;
    let table = Arc::new(EmbeddedTable::scratch().unwrap());
    let meter = Meter::start(&table).await;
    let setup = setup.on_table(table, "volume").await.variable("AWS_ENDPOINT_URL_DYNAMODB", meter.endpoint());
    let installation = Installation::start(setup).await;

    let begun = Instant::now();
    for source in 0..TEXTS {
        let first = source * each_text + 1;
        let body = body(first..first + each_text, source);
        // If the table is too slow, the answer is 503 and the webhook is repeated, as LeadSquared does.
        wait_for("the webhook is taken", PATIENCE, async || {
            let posted = installation.post_bytes("event=lead.created", "application/json", body.clone());
            let (status, said) = posted.await;
            (status == 200 && said["Status"] == "Success").then_some(())
        })
        .await;
    }
    let taken = begun.elapsed();
    // A look at the table reads all of it, so it waits until the machine has less to do.
    let mut before = 0;
    let reported = || installation.liguelead.received().callbacks.len();
    wait_for("every request and every report has come", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(15)).await;
        let now = reported();
        println!("{:.1?}: {now} reports", begun.elapsed());
        (now == std::mem::replace(&mut before, now) && now > messages as usize / 2).then_some(())
    })
    .await;
    let reported = begun.elapsed();
    wait_for("every message is sent, or known to be unknown", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let usage = installation.command("usage", &["--json"]).await;
        let usage = (usage.code == Some(0)).then(|| usage.json())?;
        let count = |state: &str| usage["states"][state].as_u64().unwrap_or_default();
        println!("{:.1?}: {}, {} without a report", begun.elapsed(), usage["states"], usage["no_callback"]);
        let moving = ["pending", "held", "sending"].map(count).into_iter().sum::<u64>();
        (moving == 0 && usage["no_callback"].as_u64() > Some(0)).then_some(())
    })
    .await;
    // The end of the wait for reports: one minute after the last request, and then a sweep.
    let (truth, report) = wait_for("the table agrees with LigueLead's own record", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let truth = Truth::of(&installation.liguelead.received());
        let report = installation.messages().await;
        let wrong: Vec<_> = report
            .messages
            .iter()
            .filter(|message| {
                let number: u32 = message.lead.rsplit('-').next().unwrap().parse().unwrap();
                !truth.allows(&Lead::new(number).phone, &message.state, message.no_callback_ms.is_some())
            })
            .map(|message| (message.lead.clone(), message.state.clone(), message.no_callback_ms))
            .collect();
        println!("{:.1?}: {} do not agree yet, such as {:?}", begun.elapsed(), wrong.len(), wrong.first());
        (wrong.is_empty() && report.total == messages as usize).then_some((truth, report))
    })
    .await;
    let agreed = begun.elapsed();
    let metered = meter.take();

    let received = installation.liguelead.received();
    assert_eq!(received.forgotten, 0);
    assert!(truth.accepted.values().all(|times| *times == 1), "a phone got it twice");
    let leads: HashSet<&str> = report.messages.iter().map(|message| message.lead.as_str()).collect();
    assert_eq!(leads.len(), messages as usize);
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    report.messages.iter().for_each(|message| *states.entry(&message.state).or_default() += 1);
    // Each of the faults happened, and messages have the states that result from them.
    assert!(states.contains_key("unknown") && states.contains_key("undelivered"), "{states:?}");
    let never_sent = messages as usize - truth.accepted.len();
    // A message that may have been sent stays reserved. The usage includes everything that LigueLead charged.
    let books = installation.usage().await;
    let credits = books["limits"].as_array().unwrap().iter().find(|one| one["name"] == "credits a day").unwrap();
    assert_eq!(credits["used"].as_u64().unwrap(), received.credits + never_sent as u64, "{books}");
    let calls = received.calls.iter().filter(|call| call.path.ends_with("/sms")).count();
    let each = |units: f64| units / f64::from(messages);
    println!(
        "{messages} messages in {TEXTS} texts: taken in {taken:.1?}, the last report after {reported:.1?}, all agreed after {agreed:.1?}; {calls} requests, \
         of which {} were accepted, where {TEXTS} would do at best; {states:?}, {never_sent} never sent and known to be \
         unknown; {} reports; the table: {:.3} requests, {:.2} write units, {:.2} read units a message, looks at it \
         among them: {:?}",
        received.campaigns.len(),
        received.callbacks.len(),
        each(f64::from(metered.requests_in_all())),
        each(metered.write_units),
        each(metered.read_units),
        metered.requests,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_message_passes_a_backlog_of_low_ones() {
    const URGENT: &str = "Responda agora.";
    let _alone = ONE_AT_A_TIME.lock().await;
    // Each low message has a text of its own, so that sending all of them takes long.
    let rules = "  - { id: news, on: lead.created, sms: \"Novidades, {{ lead.FirstName }}.\", priority: low }
  - { id: alarm, on: lead.stage, sms: \"Responda agora.\", priority: urgent }
liguelead: { in_flight: 4, environments: 4 }
";
    let table = Arc::new(EmbeddedTable::scratch().unwrap());
    let mut setup = setup(rules).on_table(Arc::clone(&table), "backlog").await;
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    setup.liguelead.faults.latency_ms = 100;
    setup.schedule_s = 60;
    let config = Config::parse(&setup.config).unwrap().config;
    let ledger = Ledger::new(embedded_client(table.http_client()), "backlog", config.retention_ms);
    ledger.create_if_missing().await.unwrap();
    let begun = Instant::now();
    for first in (1..=backlog()).step_by(AT_ONCE as usize) {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let low = messages_of(&config, first..first + AT_ONCE, now_ms);
        assert_eq!(ledger.insert_messages(&low).await.unwrap().len(), AT_ONCE as usize);
    }
    let written = begun.elapsed();

    let started = Instant::now();
    let installation = Installation::start(setup).await;
    let taken = || installation.liguelead.received().campaigns.len();
    wait_for("the backlog is on its way", PATIENCE, async || (taken() > 10).then_some(())).await;
    let on_its_way = started.elapsed();
    let (before, posted) = (taken(), Instant::now());
    let lead = Lead::new(backlog() + 1);
    installation.take(&lead.staged("Prospect", "Customer", "2026-11-20 12:00:05")).await;
    let received = wait_for("the urgent one is taken", PATIENCE, async || {
        let received = installation.liguelead.received();
        received.campaigns.iter().any(|one| one.message == URGENT).then_some(received)
    })
    .await;
    let took = posted.elapsed();
    let at_ms = received.campaigns.iter().find(|one| one.message == URGENT).unwrap().at_ms;
    let passed = received.campaigns.iter().filter(|one| one.at_ms < at_ms).count() - before;
    println!(
        "{} low messages written in {written:.1?}, the first of them taken {on_its_way:.1?} after the start; an \
         urgent one was taken {took:.1?} after its webhook, after {passed} of them",
        backlog(),
    );
    // The wake-up waits one second to gather messages. Meanwhile three requests at a time of 0.1 s go on.
    assert!(passed < 300, "{passed} went before it");
}
