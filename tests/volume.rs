//! A hundred thousand messages in forty texts, through `serve` and a vendor at which everything goes wrong: every one
//! is accounted for. And what a message costs the table, single and in bulk.

// Always true here; it tells the lints that the helpers are test code too.
#![cfg(test)]

#[path = "support/mod.rs"]
mod support;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use recado_simulators::liguelead::Received;
use recado_table::EmbeddedTable;
use support::{Installation, Lead, Meter, Setup, idle_share, wait_for, wait_until};

const MESSAGES: u32 = 100_000;
const TEXTS: u32 = 40;
/// Leads in one webhook: as many as fit its limit of 1 MiB, and one text each.
const LEADS_PER_WEBHOOK: u32 = MESSAGES / TEXTS;
/// How long the whole may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(15);
/// A rule with as many texts as there are sources.
const RULES: &str = "  - { id: offer, on: lead.created, sms: \"Oferta {{ lead.Source }} para você.\" }\n";

/// What goes wrong at LigueLead: each kind of fault, before the work and after it.
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

fn body(numbers: impl Iterator<Item = u32>, source: u32) -> String {
    let leads = numbers.map(|number| {
        let lead = Lead::new(number);
        format!(r#"{{"ProspectID":"{}","Phone":"{}","Source":"{source}"}}"#, lead.id, lead.phone)
    });
    format!("[{}]", leads.collect::<Vec<_>>().join(","))
}

fn setup(rules: &str) -> Setup {
    let mut setup = Setup::new(rules);
    // The opt-out field is another test's matter, and so is the write-back, which goes at the smallest plan's pace.
    setup.config = setup.config.replace("  opt_out: { sms: mx_SMS_Opt_Out }\n", "");
    setup.config = setup
        .config
        .replace("calls_per_5s: 200", "calls_per_5s: 2")
        .replace("bulk_calls_per_5s: 2\n", "bulk_calls_per_5s: 1\n");
    setup
}

/// LigueLead's words for a message that did not arrive.
const FAILED: [&str; 2] = ["undelivered", "failed"];

/// What LigueLead's own record says of each phone: how often it was accepted, what it called back and was heard with,
/// and what it called back at all (an answer may be lost on its way, too).
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

    /// Whether a message to this phone may stand so, given what LigueLead did and said.
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
async fn a_hundred_thousand_messages_through_every_fault_are_all_accounted_for() {
    let mut setup = setup(RULES).call_timeout("9s").liguelead_faults(&FAULTS);
    setup.schedule_s = 10;
    let manners = &mut setup.liguelead.callbacks;
    manners.lost_callbacks_share = 0.02;
    manners.duplicate_callbacks_share = 0.05;
    manners.undelivered_share = 0.03;
    manners.failed_share = 0.02;
    manners.callbacks_at_once = 256;
    setup.liguelead.minute_aligned_reset = true;
    // Kept on a table that this process runs, so that its end can be read whole.
    let installation = Installation::start(setup.in_memory().await).await;

    let begun = Instant::now();
    for source in 0..TEXTS {
        let first = source * LEADS_PER_WEBHOOK + 1;
        let body = body(first..first + LEADS_PER_WEBHOOK, source);
        // A table that is too slow is answered 503, and the webhook comes again, as LeadSquared's does.
        wait_for("the webhook is taken", PATIENCE, async || {
            let posted = installation.post_bytes("event=lead.created", "application/json", body.clone());
            let (status, said) = posted.await;
            (status == 200 && said["Status"] == "Success").then_some(())
        })
        .await;
    }
    let taken = begun.elapsed();
    // A report reads the whole table: not while the machine has better things to do.
    wait_for("all were sent but for those whose requests were lost", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let received = installation.liguelead.received();
        let sent: usize = received.campaigns.iter().map(|campaign| campaign.phones.len()).sum();
        (sent >= (MESSAGES - 3 * LEADS_PER_WEBHOOK) as usize).then_some(())
    })
    .await;
    let sent = begun.elapsed();
    let usage = wait_for("every message has come to its end", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(15)).await;
        let usage = installation.usage().await;
        let count = |state: &str| usage["states"][state].as_u64().unwrap_or_default();
        let moving = ["pending", "held", "sending"].map(count).into_iter().sum::<u64>();
        let marked = usage["no_callback"].as_u64().unwrap();
        let ended = count("delivered") + count("undelivered");
        // What is accepted is heard of or marked; those that were only `sent` are neither.
        (moving == 0 && ended + marked >= u64::from(MESSAGES) * 97 / 100 && marked > 0).then_some(usage)
    })
    .await;
    let settled = begun.elapsed();
    // The last of the wait for reports: a minute after the last request, and the sweep after that.
    let truth_and_report = wait_for("the table agrees with LigueLead's own record", PATIENCE, async || {
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
        (wrong.is_empty() && report.total == MESSAGES as usize).then_some((truth, report))
    });
    let (truth, report) = truth_and_report.await;
    let agreed = begun.elapsed();

    let received = installation.liguelead.received();
    assert!(truth.accepted.values().all(|times| *times == 1), "a phone got it twice");
    let leads: HashSet<&str> = report.messages.iter().map(|message| message.lead.as_str()).collect();
    assert_eq!(leads.len(), MESSAGES as usize);
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    report.messages.iter().for_each(|message| *states.entry(&message.state).or_default() += 1);
    let never_sent = MESSAGES as usize - truth.accepted.len();
    // What may have been sent stays in the books; what LigueLead charged is in them.
    let books = installation.usage().await;
    let credits = books["limits"].as_array().unwrap().iter().find(|one| one["name"] == "credits a day").unwrap();
    assert_eq!(credits["used"].as_u64().unwrap(), received.credits + never_sent as u64, "{books}");
    let calls = received.calls.iter().filter(|call| call.path.ends_with("/sms")).count();
    println!(
        "{MESSAGES} messages in {TEXTS} texts: taken in {taken:.1?}, sent after {sent:.1?}, settled after {settled:.1?}, all agreed after \
         {agreed:.1?}; {calls} requests, of which {} were accepted, where {TEXTS} would do at best; {states:?}, \
         {never_sent} never sent and known to be unknown, {} without a report; usage {}",
        received.campaigns.len(),
        usage["no_callback"],
        usage["states"],
    );
}

/// What the table is asked from a webhook on until its messages are delivered and everything is applied.
async fn cost_of(messages: u32, webhooks: u32) {
    let table = std::sync::Arc::new(EmbeddedTable::memory().await.unwrap());
    let meter = Meter::start(&table.endpoint_url()).await;
    let mut setup = setup(RULES).on_table(table, "metered").variable("AWS_ENDPOINT_URL_DYNAMODB", meter.endpoint());
    setup.schedule_s = 3_600;
    let installation = Installation::start(setup).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    meter.take();
    let each = messages / webhooks;
    for webhook in 0..webhooks {
        let first = webhook * each + 1;
        let body = body(first..first + each, webhook);
        assert_eq!(installation.post_bytes("event=lead.created", "application/json", body).await.0, 200);
    }
    wait_until("all were reported on", async || {
        let callbacks = installation.liguelead.received().callbacks.len();
        (callbacks == 2 * messages as usize).then_some(())
    })
    .await;
    // The last group of reports is applied after it is answered.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let metered = meter.take();
    let of = f64::from(messages);
    assert!(metered.write_units > of, "the table says what it consumed: {:?}", metered.requests);
    let received = installation.liguelead.received();
    let vendor = received.calls.iter().filter(|call| call.path.ends_with("/sms")).count();
    println!(
        "{messages} messages by {webhooks} webhooks, {vendor} requests to LigueLead: for each message {:.2} requests \
         to the table, {:.1} write units, {:.1} read units; {:.0} % of the time no request to the table was under \
         way; {:?}",
        f64::from(metered.requests_in_all()) / of,
        metered.write_units / of,
        metered.read_units / of,
        100.0 * idle_share(metered.busy.clone()),
        metered.requests,
    );
    let report = installation.messages().await;
    assert_eq!(report.in_state("delivered"), messages as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_costs_the_table_single_and_in_bulk() {
    cost_of(50, 50).await;
    cost_of(5_000, 2).await;
}
