//! An audience of thousands, in blocks, with `kill -9` while it is read and while it is sent. Also its cost at the
//! table.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use recado_simulators::liguelead::Received;
use recado_table::EmbeddedTable;
use serde_json::Value;

use super::{Fields, Status, comes_to, fields};
use crate::support::{Installation, Lead, Meter, Setup, wait_until};

/// The number of leads. `RECADO_CAMPAIGN_LEADS` changes it, and `RECADO_TEST_PATIENCE_S` changes the timeout.
fn leads() -> u32 {
    std::env::var("RECADO_CAMPAIGN_LEADS").ok().map_or(20_000, |leads| leads.parse().unwrap())
}

/// The share of reports that are lost.
fn lost_share() -> f64 {
    if leads() > 100_000 { 0.97 } else { 0.7 }
}

/// A rule that never matches here. With a rule on leads, the reconciliation would look up all leads, since they are new
/// to the simulator.
const RULES: &str = "  - { id: thanks, on: activity.created, activity: 201, sms: \"Agradecemos.\" }\n";
const CAMPAIGN: &str = "campaigns:
  - id: news
    audience: { field: ProspectStage, op: \"=\", value: Customer }
    sms: \"Confira as novidades.\"
    write_back: none
";
const SUPPRESSED: [u32; 3] = [10, 5_010, 15_010];

/// The reason why a lead with this number gets no message, if there is one.
fn why_not(number: u32) -> Option<&'static str> {
    match number % 100 {
        _ if SUPPRESSED.contains(&number) => Some("suppressed"),
        20 => Some("no phone"),
        21 => Some("opted out"),
        23 => Some("the phone of the one before"),
        25 => Some("no customer"),
        _ => None,
    }
}

fn lead(number: u32) -> (String, Fields) {
    let lead = Lead::new(number);
    let mut found = fields(&[("ProspectStage", "Customer"), ("Phone", &lead.phone), ("mx_SMS_Opt_Out", "0")]);
    let change = match why_not(number) {
        Some("no phone") => ("Phone", String::new()),
        Some("opted out") => ("mx_SMS_Opt_Out", "1".to_owned()),
        Some("the phone of the one before") => ("Phone", Lead::new(number - 1).phone),
        Some("no customer") => ("ProspectStage", "Prospect".to_owned()),
        _ => return (lead.id, found),
    };
    found.insert(change.0.to_owned(), change.1);
    (lead.id, found)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_goes_out_once_however_often_the_process_is_killed() {
    let mut setup = Setup::new(RULES).and(CAMPAIGN).call_timeout("9s");
    let table = Arc::new(EmbeddedTable::scratch().unwrap());
    setup = setup.on_table(table, "recado").await;
    let meter = Meter::start(setup.table.as_ref().unwrap()).await;
    setup = setup.variable("AWS_ENDPOINT_URL_DYNAMODB", meter.endpoint());
    setup.leadsquared.leads = (1..=leads()).map(lead).collect();
    setup.leadsquared.faults.latency_ms = 150;
    setup.liguelead.keep_phones = leads() as usize * 4;
    setup.liguelead.keep_calls = setup.liguelead.keep_phones;
    // Long enough for a kill to hit it, and reports come when the next process runs.
    setup.liguelead.faults.latency_ms = 1_000;
    setup.liguelead.callbacks.sent_after_ms = 12_000;
    setup.liguelead.callbacks.final_after_ms = 14_000;
    setup.liguelead.callbacks.callback_jitter_ms = 4_000;
    // Other tests measure the cost of reports; with a million leads, fewer reports are enough.
    setup.liguelead.callbacks.lost_callbacks_share = lost_share();
    let mut installation = Installation::start(setup).await;
    for number in SUPPRESSED {
        let phone = Lead::new(number).phone;
        let done = installation.command_of(&["suppress", "add"], &["--phone", &phone]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let planned = installation.command_of(&["plan"], &["--campaign", "news", "--json"]).await.json();
    meter.take();
    let reads = async || {
        let calls = installation.leadsquared.received().calls;
        calls.iter().filter(|call| call.path.ends_with("Leads.Get")).count()
    };
    let before = reads().await;
    let started =
        installation.command_of(&["campaign", "start"], &["news", "--yes", "--run", "one", "--json"]).await.json();
    assert_eq!((started["run"].as_str(), started["is_new"].as_bool()), (Some("one"), Some(true)));

    wait_until("the audience is being read", async || (reads().await >= before + 12).then_some(())).await;
    let mut most_mb = vec![installation.peak_memory_mb()];
    installation.kill();
    installation.restart().await;
    wait_until("a request is under way", async || {
        let calls = installation.liguelead.received().calls;
        calls.iter().any(|call| call.path.ends_with("/sms")).then_some(())
    })
    .await;
    // A request is recorded when its head arrives. If it is cut off before its end, nothing is sent, and nobody ever
    // learns of it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    most_mb.push(installation.peak_memory_mb());
    installation.kill();
    installation.restart().await;
    // Starting it again changes nothing.
    let again =
        installation.command_of(&["campaign", "start"], &["news", "--yes", "--run", "one", "--json"]).await.json();
    assert_eq!(again["is_new"].as_bool(), Some(false));

    let sent = numbers(None).count() as u64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share")]
    let least_delivered = (sent as f64 * (1.0 - lost_share()) / 3.0) as u64;
    let done = comes_to("all is sent and settled", &installation, |status| {
        let open = status.in_state("sending") + status.in_state("unknown");
        status.phase == "done" && open == 0 && status.in_state("delivered") > least_delivered
    })
    .await;
    most_mb.push(installation.peak_memory_mb());
    let metered = meter.take();
    let received = installation.liguelead.received();
    assert_eq!((received.forgotten, installation.leadsquared.received().forgotten), (0, 0));

    assert_as_it_should_be(&done, &received, &planned);
    let usage = installation.usage().await;
    assert_eq!(usage["limits"][0]["used"].as_u64(), Some(sent), "{usage}");
    assert!(installation.leadsquared.activities().is_empty(), "write_back: none");

    let each = |units: f64| units / f64::from(u32::try_from(sent).unwrap());
    let heard = received.callbacks.iter().filter(|callback| callback.answer == Some(200)).count();
    println!(
        "{} leads, {sent} messages in {} requests, 2 kills; at most {most_mb:?} MB of memory; {heard} reports, {} delivered; the table: {} requests, \
         {:.3} write units a message, {:.3} read units a message, reports and looks at the status among them: {:?}",
        leads(),
        received.campaigns.len(),
        done.in_state("delivered"),
        metered.requests_in_all(),
        each(metered.write_units),
        each(metered.read_units),
        metered.requests,
    );
}

/// The numbers of the leads with this reason.
fn numbers(why: Option<&'static str>) -> impl Iterator<Item = u32> {
    (1..=leads()).filter(move |number| why_not(*number) == why)
}

/// Asserts that every lead got it once, that the status has the right reasons, and that the plan was right.
fn assert_as_it_should_be(done: &Status, received: &Received, planned: &Value) {
    let expected: BTreeSet<String> = numbers(None).map(|number| Lead::new(number).phone).collect();
    let (sent, suppressed) = (expected.len() as u64, SUPPRESSED.len() as u64);
    // No lead got it twice, and none was forgotten.
    let messages = received.messages();
    assert!(messages.values().all(|times| *times == 1), "somebody got it twice");
    assert_eq!(messages.keys().map(|(phone, _)| (*phone).to_owned()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(received.campaigns.len(), expected.len().div_ceil(10_000), "the fewest requests");

    // The counts of the status.
    let count = |why: &'static str| numbers(Some(why)).count() as u64;
    assert_eq!((done.run.as_str(), done.waiting, done.recipients), ("one", 0, sent + suppressed));
    assert_eq!(done.looked_at, u64::from(leads()) - count("no customer"));
    assert_eq!(done.left_out["the lead has no phone"], count("no phone"));
    assert_eq!(done.left_out["the lead opted out (mx_SMS_Opt_Out)"], count("opted out"));
    assert_eq!(done.left_out["the lead or the phone is in the audience already"], count("the phone of the one before"));
    assert_eq!(done.in_state("skipped"), suppressed);
    assert_eq!(done.in_state("accepted") + done.in_state("delivered") + done.in_state("undelivered"), sent);

    // The result matches the plan.
    assert_eq!(planned["recipients"].as_u64(), Some(done.recipients), "{planned}");
    assert_eq!(planned["left_out"], serde_json::to_value(&done.left_out).unwrap());
    assert_eq!((planned["suppressed"].as_u64(), planned["now"].as_u64()), (Some(suppressed), Some(sent)));
    assert_eq!(planned["requests_now"].as_u64(), Some(received.campaigns.len() as u64));
    assert_eq!(planned["credits"].as_u64(), Some(received.credits + suppressed), "one credit each");
}
