//! The path to LigueLead: bad phones, a refused account, priorities, and messages that wait for others with the same
//! text.

use std::time::Duration;

use recado_simulators::liguelead::Received;

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, wait_for, wait_until};

fn sends(received: &Received) -> usize {
    received.calls.iter().filter(|call| call.path.ends_with("/sms")).count()
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_phones_end_refused_with_the_vendors_reason_and_all_others_are_sent_once() {
    let leads: Vec<Lead> = (1..=40).map(Lead::new).collect();
    let (bad, good) = leads.split_at(3);
    let mut setup = Setup::new(WELCOME);
    setup.liguelead.reject_phones = bad.iter().map(|lead| lead.phone.clone()).collect();
    let installation = Installation::start(setup).await;
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    let report = wait_until("all have ended", async || {
        let report = installation.messages().await;
        (report.in_state("delivered") == good.len() && report.in_state("refused") == bad.len()).then_some(report)
    })
    .await;
    for lead in bad {
        let why = report.of(&lead.id)[0].why.clone().unwrap();
        assert!(why.contains("422") && why.contains("is not a valid phone"), "{why}");
    }
    let received = installation.liguelead.received();
    assert!(received.messages().into_values().all(|times| times == 1));
    assert_eq!(received.messages().len(), good.len());
    // The vendor names the bad phones. Each wake-up thus needs one request for all, and one for the good ones.
    assert!(sends(&received) <= 2 * received.campaigns.len(), "{} calls", sends(&received));
    let usage = installation.usage().await;
    assert_eq!(usage["limits"][0]["used"], good.len(), "what was refused is given back: {usage}");
    assert_eq!(usage["liguelead_requests"], received.campaigns.len());
    installation.says("send.split").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_explains_nothing_is_split_and_costs_no_message() {
    let faults = ["before-422@first=1@/sms", "html-before-400@first=1@/sms"];
    let mut installation = Installation::start(Setup::new(WELCOME).liguelead_faults(&faults)).await;
    let leads: Vec<Lead> = (1..=12).map(Lead::new).collect();
    // The sweep at the start may meet messages that are just being written. So all are there before it.
    installation.command("pause", &["--all"]).await;
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    wait_until("all wait", async || (installation.messages().await.in_state("held") == 12).then_some(())).await;
    assert_eq!(installation.stop().await, 0);
    assert_eq!(installation.command("resume", &["--all"]).await.code, Some(0));
    installation.restart().await;
    for lead in &leads {
        installation.comes_to(&lead.id, "delivered").await;
    }
    let received = installation.liguelead.received();
    assert!(received.messages().into_values().all(|times| times == 1));
    assert!((3..=7).contains(&sends(&received)), "{} calls", sends(&received));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_is_closed_for_all_until_somebody_opens_it_and_burns_no_message() {
    for (fault, status) in [("before-401", "401"), ("before-402", "402"), ("html-before-403", "403")] {
        let setup = Setup::new(WELCOME).liguelead_faults(&[&format!("{fault}@first=1@/sms")]);
        let installation = Installation::start(setup).await;
        for number in 1..=3 {
            let lead = Lead::new(number);
            installation.take(&lead.created()).await;
            let message = installation.comes_to(&lead.id, "held").await;
            let why = message.why.unwrap();
            assert!(why.contains("refuses the account") && why.contains(status), "{why}");
            assert!(message.due_ms.unwrap() > now_ms() + 100_000);
        }
        assert_eq!(sends(&installation.liguelead.received()), 1, "the others were not tried");
        let usage = installation.usage().await;
        assert_eq!(usage["limits"][0]["used"], 0, "{usage}");
        let shown =
            usage["limits"].as_array().unwrap().iter().find(|one| one["name"].to_string().contains("LigueLead"));
        let notes = shown.unwrap()["notes"].to_string();
        assert!(notes.contains("closed until") && notes.contains(status), "{notes}");
        let said = installation.log.all().into_iter().filter(|line| line.contains("send.account_refused")).count();
        assert_eq!(said, 1);

        // The operator has repaired the account.
        assert_eq!(installation.command("forget-limit", &["--liguelead"]).await.code, Some(0));
        let mut number = 3;
        wait_until("the process has noticed", async || {
            number += 1;
            installation.take(&Lead::new(number).created()).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            (installation.messages().await.in_state("delivered") > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_message_does_not_wait_for_a_backlog_of_low_ones() {
    const LOW: u32 = 400;
    let rules = "  - { id: news, on: lead.created, sms: \"Novidades, {{ lead.FirstName }}.\", priority: low }
  - { id: alarm, on: lead.stage, sms: \"Responda agora.\", priority: urgent }
liguelead: { in_flight: 2, environments: 4 }
";
    let mut setup = Setup::new(rules).in_memory().await;
    setup.liguelead.faults.latency_ms = 200;
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    let installation = Installation::start(setup).await;
    let bodies = (1..=LOW).map(|number| Lead::new(number).created()).collect();
    installation.take(&bodies).await;
    wait_until("the backlog is on its way", async || (sends(&installation.liguelead.received()) > 4).then_some(()))
        .await;

    let lead = Lead::new(LOW + 1);
    let posted_ms = now_ms();
    installation.take(&lead.staged("Prospect", "Customer", "2026-11-20 12:00:05")).await;
    let received = wait_until("the urgent one is taken", async || {
        let received = installation.liguelead.received();
        received.campaigns.iter().any(|one| one.message == "Responda agora.").then_some(received)
    })
    .await;
    let urgent = received.campaigns.iter().find(|one| one.message == "Responda agora.").unwrap();
    let took_ms = i64::try_from(urgent.at_ms).unwrap() - posted_ms;
    let posted_at_ms = u64::try_from(posted_ms).unwrap();
    let passed = received.campaigns.iter().filter(|one| (posted_at_ms..urgent.at_ms).contains(&one.at_ms)).count();
    println!("urgent: taken {took_ms} ms after its webhook, after {passed} of {LOW} others");
    assert!(passed < LOW as usize / 5, "after {passed} others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_low_priority_does_not_wait_for_the_scheduled_sweep() {
    let rules = "  - { id: news, on: lead.created, sms: \"Novidades.\", priority: low }\n";
    let mut setup = Setup::new(rules).in_memory().await;
    // Longer than a test waits.
    setup.schedule_s = 3_600;
    let installation = Installation::start(setup).await;
    for number in 1..=2 {
        let lead = Lead::new(number);
        installation.take(&lead.created()).await;
        installation.comes_to(&lead.id, "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_linger_go_in_one_request_however_many_processes_took_their_events() {
    const LINGER_MS: i64 = 15_000;
    let rules = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\", linger: 15s }\n";
    let mut setup = Setup::new(rules).in_memory().await;
    // The sweep interval of a real installation: the messages must not wait for a sweep.
    setup.schedule_s = 60;
    let (first, second) = tokio::join!(Installation::start(setup.clone()), Installation::start(setup));
    wait_until("a window begins", async || (now_ms() % LINGER_MS < LINGER_MS / 10).then_some(())).await;
    let until_ms = (now_ms() / LINGER_MS + 1) * LINGER_MS;
    for number in 1..=20 {
        let by = if number % 2 == 0 { &first } else { &second };
        by.take(&Lead::new(number).created()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(now_ms() < until_ms, "the window ended before all were posted: the machine is too slow for this test");
    let report = first.messages().await;
    let waits = report.messages.iter().all(|one| one.state == "held" && one.due_ms == Some(until_ms));
    assert!(waits || now_ms() >= until_ms, "{:?}", report.messages);
    let campaigns = wait_until("all were taken", async || {
        let campaigns: Vec<_> =
            [&first, &second].into_iter().flat_map(|one| one.liguelead.received().campaigns).collect();
        (campaigns.iter().map(|one| one.phones.len()).sum::<usize>() == 20).then_some(campaigns)
    })
    .await;
    assert_eq!(campaigns.len(), 1, "one request");
    let late_ms = i64::try_from(campaigns[0].at_ms).unwrap() - until_ms;
    println!("20 messages of two processes left {late_ms} ms after the end of their window, in one request");
    assert!((0..10_000).contains(&late_ms), "{late_ms} ms");
    let usage = first.usage().await;
    assert_eq!((&usage["liguelead_requests"], &usage["liguelead_requests_fewest"]), (&1.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_request_leaves_before_the_end_of_its_window() {
    // Windows begin at multiples of their length. At least one of these lengths has a window that is not about to end.
    let linger_min = wait_for("a window is not about to end", Duration::from_mins(3), async || {
        (7..=10).rev().find(|minutes| now_ms() % (minutes * 60_000) < (minutes - 2) * 60_000)
    })
    .await;
    let rules = format!(
        "  - {{ id: welcome, on: lead.created, sms: \"Boas-vindas.\", linger: {linger_min}m }}
liguelead: {{ phones_per_request: 10 }}
"
    );
    let mut setup = Setup::new(&rules).in_memory().await;
    setup.schedule_s = 60;
    let installation = Installation::start(setup).await;
    // Two wake-ups with one text: neither is a full request.
    for numbers in [1..=7, 8..=15] {
        installation.take(&numbers.map(|number| Lead::new(number).created()).collect()).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    let received = wait_until("ten are taken", async || {
        let received = installation.liguelead.received();
        (!received.campaigns.is_empty()).then_some(received)
    })
    .await;
    let sizes: Vec<usize> = received.campaigns.iter().map(|one| one.phones.len()).collect();
    assert_eq!(sizes, [10]);
    let report = installation.messages().await;
    assert_eq!(report.in_state("held"), 5, "the others wait for more");
}
