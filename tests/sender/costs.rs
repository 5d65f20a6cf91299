//! The cost of a message at the table: requests and units, for one message and for ten thousand of one text.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use recado_pipeline::send::NO_DEADLINE_MS;
use recado_simulators::liguelead::Options;

use super::{
    Bench,
    counter::{Counter, TimedVendor},
};

const RULES: &str = "  - { id: same, on: lead.created, sms: \"Boas-vindas.\" }\n";

type Asked = BTreeMap<&'static str, (u32, f64)>;

/// Reads cost read units; all other operations cost write units.
fn is_read(operation: &str) -> bool {
    matches!(operation, "BatchGetItem" | "GetItem" | "Query")
}

fn total(asked: &Asked) -> (u32, f64, f64) {
    let units = |read: bool| asked.iter().filter(|(name, _)| is_read(name) == read).map(|(_, (_, units))| units).sum();
    (asked.values().map(|(count, _)| count).sum(), units(false), units(true))
}

/// Writes and sends `count` messages under these rules, in `requests` requests to LigueLead. Returns the requests to
/// the table for each step, and the share of the sending time without a wait for the table or LigueLead.
async fn costs(rules: &str, count: u32, requests: u64) -> (Asked, Asked, f64) {
    let counter = Counter::default();
    let client = |client: aws_sdk_dynamodb::Client| {
        let config = client.config().to_builder().interceptor(counter.clone()).build();
        aws_sdk_dynamodb::Client::from_conf(config)
    };
    let mut bench = Bench::with(rules, Options::default(), client).await;
    let timed = TimedVendor::new(&Options::default(), counter.waits.clone());
    bench.sender.liguelead = bench.sender.liguelead.through(Arc::new(timed));
    // The first lease reads its item first; a second one need not.
    let warm = bench.messages([count + 1]);
    bench.write(&warm).await;
    assert_eq!(bench.sender.send_new(&[warm[0].id], NO_DEADLINE_MS).await.unwrap().accepted, 1);

    let messages = bench.messages(1..=count);
    counter.take();
    bench.write(&messages).await;
    let written = counter.take();
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    counter.waits.take();
    let begun = Instant::now();
    let report = bench.sender.send_new(&ids, NO_DEADLINE_MS).await.unwrap();
    let (took, waited) = (begun.elapsed(), counter.waits.take());
    assert_eq!((report.requests, report.requests_fewest, report.accepted), (requests, requests, u64::from(count)));
    (written, counter.take(), 1.0 - waited.as_secs_f64() / took.as_secs_f64())
}

fn show(count: u32, what: &str, asked: &Asked) {
    let (requests, writes, reads) = total(asked);
    let each = |units: f64| units / f64::from(count);
    println!(
        "{count} message(s), {what}: {requests} requests ({:.3} each), {writes} write units ({:.3} each), {reads} read \
         units ({:.3} each): {asked:?}",
        each(f64::from(requests)),
        each(writes),
        each(reads)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_costs_as_many_requests_and_units_as_the_documentation_says() {
    let capped = format!("{RULES}caps: [ {{ max: 3, every: 7d }} ]\n");
    for (rules, count, most_requests) in
        [(RULES, 1, 5), (RULES, 10_000, 1_110), (&capped, 1, 8), (&capped, 10_000, 2_110)]
    {
        let (written, sent, own_share) = costs(rules, count, 1).await;
        show(count, "written", &written);
        show(count, if rules == RULES { "sent" } else { "sent under a cap" }, &sent);
        println!("{count} message(s): {:.1} % of the time outside of the table and LigueLead", 100.0 * own_share);
        let (requests, ..) = total(&sent);
        assert!(requests <= most_requests, "{sent:?}");
        assert_eq!(sent["TransactWriteItems"].0, 1, "only the reservation of the budget is one");
        assert_eq!(written.keys().copied().collect::<Vec<_>>(), ["BatchExecuteStatement"]);
        assert_eq!(written["BatchExecuteStatement"].0, count.div_ceil(25), "25 to a request is the floor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_different_texts_share_their_requests_to_the_table() {
    const TEXTS: u32 = 25;
    let rules = "  - { id: own, on: lead.created, sms: \"Olá, {{ lead.FirstName }}.\" }\n";
    let (_, sent, _) = costs(rules, TEXTS, u64::from(TEXTS)).await;
    show(TEXTS, "each with a text of its own, sent", &sent);
    // Begin and record: each step is one request to the table for all messages that reach it together.
    // LigueLead's answers do not all arrive together.
    let (requests, ..) = total(&sent);
    assert!(requests <= 15, "{sent:?}");
    assert!(sent["TransactWriteItems"].0 <= 2, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_a_rule_rides_in_the_accounts_transaction_and_caps_are_two_writes_a_message() {
    let rule = |more: &str| format!("  - {{ id: same, on: lead.created, sms: \"Boas-vindas.\"{more} }}\n");
    let with_caps = format!("{}caps: [ {{ max: 3, every: 7d }}, {{ max: 9, every: 30d }} ]\n", rule(""));
    let all = [rule(""), rule(", quota: { messages_per_day: 100000, credits_per_day: 100000 }"), with_caps];
    for count in [1, 100] {
        let mut units = Vec::new();
        for rules in &all {
            let (_, mut sent, _) = costs(rules, count, 1).await;
            show(count, rules, &sent);
            // The pauses are read again every few seconds, however many messages go.
            sent.remove("Query");
            assert_eq!(sent["TransactWriteItems"].0, 1);
            let (_, writes, reads) = total(&sent);
            units.push((writes, reads));
        }
        let more = |than: (f64, f64), what: (f64, f64)| (what.0 - than.0, what.1 - than.1);
        assert_eq!(more(units[0], units[1]), (2.0, 0.0), "one more row of the transaction, whatever is in it");
        let rows = f64::from(2 * count);
        assert_eq!(
            more(units[0], units[2]),
            (rows, rows),
            "each lead's row and each phone's is read and written once for all caps"
        );
    }
}
